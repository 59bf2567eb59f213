import { isIPv4, isIPv6 } from 'node:net'
import { _, Ajv, type Options, type SchemaObject, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import type { JsonSchema, SchemaPlan } from '../plan/plan.js'
import type { Tools } from './contract.js'
import { exactInteger, hasUniqueItems, multipleOf } from './json-schema-keywords.js'

/** Where a value does not fit, as a JSON pointer, and the keyword it breaks. Never a value. */
export interface SchemaFault {
  readonly at: string
  readonly rule: string
}

/** Null when the value fits; otherwise the first fault and what belongs to it, at most 20. */
export type Validate = (value: unknown) => readonly SchemaFault[] | null

/**
 * Formats that are checked; others are annotations. Four of the package's are replaced: its `url` takes cubic time, its
 * `byte` is content when one line of many is base64, and its pattern for `ipv6` is too large to be judged.
 */
const formats = {
  ...fullFormats,
  url: (text: string) => /^(?:https?|ftp):\/\/[^\s/?#]+(?:[/?#]\S*)?$/i.test(text) && URL.canParse(text),
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  ipv4: isIPv4,
  ipv6: (text: string) => isIPv6(text) && !text.includes('%'), // a zone is no part of an address here
} as const

/** The names of formats that are checked. */
export const knownFormats: ReadonlySet<string> = new Set(Object.keys(formats))

const dialects = { 'draft-07': Ajv, '2019-09': Ajv2019, '2020-12': Ajv2020 } as const
const maxFaults = 20
const maxExact = Number.MAX_SAFE_INTEGER

/**
 * Lenient with annotations, union types and the words of OpenAPI. It stops at the first fault: with all of them, a body
 * of thousands of wrong items would be a thousand times as dear as an honest one, and `pattern` would run on strings that
 * `maxLength` has refused.
 */
const options: Options = {
  strict: false,
  allErrors: false,
  logger: false,
  messages: false,
  meta: false,
  validateSchema: false,
  unicodeRegExp: true,
  formats,
}

/** Names every object inherits: a schema that speaks of one must ask for own properties, which costs a little. */
const inheritedNames = new RegExp(`"(${Object.getOwnPropertyNames(Object.prototype).join('|')})"`)

/** Takes about a third of a millisecond, so a trial shares one among many schemas. */
function instance(dialect: SchemaPlan['dialect'], ownProperties: boolean, isTrial: boolean): Ajv {
  // A trial is compiled to be thrown away: polishing its code takes a third of the time and finds no fault.
  const ajv = new dialects[dialect]({ ...options, ownProperties, code: { optimize: !isTrial } })
  ajv.removeKeyword('multipleOf').addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    compile: multipleOf,
    errors: false,
  })
  // Ajv compares each pair of items, which is quadratic.
  ajv.removeKeyword('uniqueItems').addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: hasUniqueItems,
    errors: false,
  })
  return ajv.addKeyword({
    keyword: exactInteger,
    type: 'number',
    schemaType: 'boolean',
    // Stands beside `type: integer`, which has refused fractions. Inlined, for integers are everywhere.
    code: (keyword) => keyword.fail(_`${keyword.data} > ${maxExact} || ${keyword.data} < ${-maxExact}`),
  })
}

function compileIn(ajv: Ajv, plan: SchemaPlan): ValidateFunction {
  for (const [id, schema] of Object.entries(plan.refers)) ajv.addSchema(asAjvSchema(schema), id)
  const validate = ajv.compile(asAjvSchema(plan.schema))
  // An asynchronous validator answers with a promise, which is always true.
  if ('$async' in validate && validate.$async) throw new Error('"$async" is no JSON Schema keyword')
  return validate
}

const speaksOfInherited = (plan: SchemaPlan): boolean => inheritedNames.test(JSON.stringify([plan.schema, plan.refers]))

/**
 * Compiles a schema in an instance of its own, so that no `$id` can clash with another's. Throws when it does not
 * compile; `planSchema` has tried that for every schema of a plan. Takes about a millisecond.
 */
export function compileSchema(plan: SchemaPlan): Validate {
  const validate = compileIn(instance(plan.dialect, speaksOfInherited(plan), false), plan)
  return (value) => (validate(value) === true ? null : faultsOf(validate.errors ?? []))
}

/** Why a schema does not compile, or null. */
export type TrySchema = (plan: SchemaPlan) => string | null

/** What an instance names while it compiles stays with it; a few hundred schemas later it is worth a new one. */
const trialsOfInstance = 256

/** Makes the trial of one dialect: each schema is forgotten before the next, so none can clash or be referred to. */
export function schemaTrial(dialect: SchemaPlan['dialect']): TrySchema {
  const plain = { ajv: instance(dialect, false, true), used: 0 }
  return (plan) => {
    try {
      if (speaksOfInherited(plan)) compileIn(instance(dialect, true, true), plan)
      else {
        if (plain.used++ >= trialsOfInstance) Object.assign(plain, { ajv: instance(dialect, false, true), used: 1 })
        plain.ajv.removeSchema()
        compileIn(plain.ajv, plan)
      }
      return null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
}

/**
 * The validator of a schema in the plan. It is compiled when first asked, once for all routes and reloads: starting
 * thousands of routes must not wait for validators that no request may ever need.
 */
export function validatorOf(hash: string, tools: Pick<Tools, 'schemas' | 'keep'>): Validate {
  const plan = tools.schemas[hash]
  if (plan === undefined) throw new Error(`schema ${hash} is not in the plan`)
  return tools.keep(`json-schema.validator.${hash}`, () => {
    let validate: Validate | undefined
    return (value) => {
      validate ??= compileSchema(plan)
      return validate(value)
    }
  })
}

/** What is wrong with a schema by the rules of its own dialect: a pointer into it and words about it. */
export type CheckSchema = (schema: JsonSchema) => readonly { readonly at: string; readonly message: string }[]

/** Makes the checker of one dialect; dear (30 ms), so keep it. */
export function schemaChecker(dialect: SchemaPlan['dialect']): CheckSchema {
  // Patterns are judged by pattern-safety.ts, with better words.
  const ajv = new dialects[dialect]({
    strict: false,
    allErrors: true,
    logger: false,
    code: { optimize: false },
    formats: { ...formats, regex: true },
  })
  return (schema) => {
    if (ajv.validateSchema(asAjvSchema(schema)) === true) return []
    return (ajv.errors ?? []).map((error) => ({
      at: error.instancePath,
      message: error.message ?? `breaks ${error.keyword}`,
    }))
  }
}

function faultsOf(errors: readonly { instancePath: string; keyword: string; params: object }[]): SchemaFault[] {
  const faults = new Map<string, SchemaFault>()
  for (const { instancePath, keyword, params } of errors) {
    if (faults.size === maxFaults) break
    const missing = 'missingProperty' in params ? `/${escapePointer(String(params.missingProperty))}` : ''
    const at = shorten(instancePath + missing)
    const rule = keyword === exactInteger ? 'exact-integer' : keyword
    faults.set(`${rule} ${at}`, { at, rule })
  }
  return [...faults.values()]
}

/** A pointer may hold keys that the caller chose. */
function shorten(pointer: string): string {
  return pointer.length <= 200 ? pointer : `${pointer.slice(0, 199)}…`
}

/** A key as one step of a JSON pointer. RFC 6901 §3 */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Ajv types a schema as a mutable dictionary; it does not change ours. */
function asAjvSchema(schema: JsonSchema): SchemaObject | boolean {
  return typeof schema === 'boolean' ? schema : (schema as SchemaObject)
}

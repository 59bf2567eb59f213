import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { nearest } from '../values/nearest.js'
import type { Place } from '../values/place.js'
import { entryOf, keyPlaceOf, type Node, placeOf } from './node.js'
import type { Report } from './problems.js'
import { isReservedKey, isReservedValue } from './reserved.js'
import type { Keywords, Language } from './schema.js'
import { describe, kindOf, knownPattern } from './words.js'

export type Thing = 'gateway' | 'issuer' | 'upstream' | 'client' | 'rateLimit' | 'route' | 'defaults'

/** A node to be checked, and what stands before its path in messages. */
export interface Checked {
  readonly thing: Thing
  readonly node: Node
  /** Where to point for what is missing at the top: the name of the thing. */
  readonly at: Place
}

/** Compares values with the language's schemas and says in words what does not fit. */
export class Checker {
  readonly #language: Language
  readonly #ajv: Ajv
  readonly #compiled = new Map<Thing, ValidateFunction>()

  constructor(language: Language) {
    this.#language = language
    // Strict about keywords, so that a slip in a stage's schema is found by its first test. `validateSchema` would cost
    // every start 30 ms to find what the tests have found.
    this.#ajv = new Ajv({
      allErrors: true,
      verbose: true,
      strict: true,
      strictTypes: false,
      strictRequired: false,
      strictTuples: false,
      allowMatchingProperties: true,
      validateSchema: false,
      validateFormats: false,
      meta: false,
      ownProperties: true,
    })
  }

  /** Top-level keys that fail; empty when all is well. */
  check({ thing, node, at }: Checked, report: Report): ReadonlySet<string> {
    const validate = this.#validator(thing)
    if (validate === undefined || validate(node.value)) return nothing
    const failed = new Set<string>()
    for (const error of withoutBranches(validate.errors ?? [])) {
      const path = segments(error.instancePath)
      const top = path[0] ?? extraKey(error)
      if (top !== undefined) failed.add(top)
      this.#explain(error, path, { thing, node, at }, report)
    }
    return failed
  }

  #validator(thing: Thing): ValidateFunction | undefined {
    const known = this.#compiled.get(thing)
    if (known !== undefined) return known
    const schema = this.#language[thing]
    if (schema === undefined) return undefined
    const compiled = this.#ajv.compile(schema)
    this.#compiled.set(thing, compiled)
    return compiled
  }

  /** `rate-limit` for what stands under a route's `rateLimit`, else the thing's own name. */
  #prefix(thing: Thing, path: readonly string[]): string {
    if (thing === 'rateLimit') return 'rate-limit'
    if (thing !== 'route' && thing !== 'defaults') return thing
    const stage = path[0] === undefined ? undefined : this.#language.stageOf.get(path[0])
    return stage === undefined ? 'route' : stage.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  }

  #explain(error: ErrorObject, path: readonly string[], checked: Checked, report: Report): void {
    const { thing, node, at } = checked
    const prefix = this.#prefix(thing, path)
    const home = thing === 'defaults' ? 'route' : thing
    const target = walk(node, path)
    const place = target === undefined ? at : path.length === 0 ? at : placeOf(target)
    const where = path.length === 0 ? '' : ` in ${path.join('.')}`
    const key = extraKey(error)
    if (key !== undefined) {
      const entry = entryOf(target, key)
      const keyAt = entry === undefined ? place : keyPlaceOf(entry)
      if (isReservedKey([home, ...path, key])) {
        report({
          code: 'policy.not-available',
          message: `"${[...path, key].join('.')}" is not available in this version.`,
          hint: 'Take it out; docs/ lists what is planned.',
          at: keyAt,
        })
        return
      }
      const known = error.keyword === 'additionalProperties' ? knownKeys(error) : []
      const guess = nearest(key, known)
      report({
        code: `${prefix}.key-unknown`,
        message: `Unknown key "${key}"${where}.`,
        hint: guess !== undefined ? `Did you mean "${guess}"?` : keyHint(error, known),
        at: keyAt,
      })
      return
    }
    if (error.keyword === 'required') {
      const missing = String(error.params['missingProperty'])
      report({
        code: `${prefix}.key-missing`,
        message: `"${missing}" is missing${where}.`,
        hint: requiredHint(error, missing),
        at: target === undefined || path.length === 0 ? at : lastKeyPlace(node, path, at),
      })
      return
    }
    if (isReservedValue([home, ...path], error.data)) {
      report({
        code: 'policy.not-available',
        message: `"${path.join('.')}: ${String(error.data)}" is not available in this version.`,
        hint: `Expected ${describe(error.parentSchema)}.`,
        at: place,
      })
      return
    }
    report({ at: place, ...valueProblem(error, path, prefix) })
  }
}

const nothing: ReadonlySet<string> = new Set()

function valueProblem(error: ErrorObject, path: readonly string[], prefix: string) {
  const name = path.length === 0 ? 'This' : `"${path.join('.')}"`
  const schema = error.parentSchema ?? {}
  const expected = `Expected ${describe(schema)}.`
  switch (error.keyword) {
    case 'type':
      return { code: `${prefix}.value-type`, message: `${name} is ${kindOf(error.data)}.`, hint: expected }
    case 'enum':
    case 'const':
    case 'anyOf':
    case 'oneOf': {
      const guess = typeof error.data === 'string' ? nearest(error.data, wordsIn(schema)) : undefined
      const pattern = typeof error.data === 'string' ? patternIn(schema) : undefined
      return {
        code: `${prefix}.${pattern?.code ?? 'value-unknown'}`,
        message: `${name} cannot be ${kindOf(error.data)}.`,
        hint: guess === undefined ? expected : `Did you mean ${guess}? ${expected}`,
      }
    }
    case 'pattern': {
      const known = knownPattern(error.params['pattern'])
      const guess = known === undefined ? undefined : mend(String(error.data))
      return {
        code: `${prefix}.${known?.code ?? 'value-malformed'}`,
        message: `${name} cannot be ${kindOf(error.data)}.`,
        hint: guess === undefined ? expected : `${expected} Did you mean ${guess}?`,
      }
    }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return {
        code: `${prefix}.value-range`,
        message: `${name} is ${String(error.data)}: out of range.`,
        hint: expected,
      }
    case 'uniqueItems':
      return {
        code: `${prefix}.value-duplicate`,
        message: `${name} holds the same item twice.`,
        hint: 'Keep one of them.',
      }
    case 'minItems':
    case 'minLength':
    case 'minProperties':
      return {
        code: `${prefix}.value-empty`,
        message: `${name} is empty or too short.`,
        hint: 'Fill it in, or delete the key.',
      }
    case 'maxItems':
    case 'maxLength':
    case 'maxProperties':
      return {
        code: `${prefix}.value-range`,
        message: `${name} is too long.`,
        hint: `At most ${String(error.params['limit'])} are allowed.`,
      }
    default:
      return {
        code: `${prefix}.value-malformed`,
        message: `${name} does not fit: ${error.message ?? error.keyword}.`,
        hint: expected,
      }
  }
}

/** The key that is too many, for the keywords that complain of one. */
function extraKey(error: ErrorObject): string | undefined {
  const { keyword, params } = error
  if (keyword === 'additionalProperties') return String(params['additionalProperty'])
  if (keyword === 'propertyNames') return String(params['propertyName'])
  return undefined
}

function keyHint(error: ErrorObject, known: readonly string[]): string {
  if (error.keyword === 'propertyNames') return `A name is expected here: ${describe(error.schema)}.`
  if (known.length === 0) return 'No key is expected here.'
  return `Known keys: ${known.slice(0, 14).join(', ')}${known.length > 14 ? ', …' : ''}.`
}

function requiredHint(error: ErrorObject, missing: string): string {
  const properties = error.parentSchema?.['properties']
  const schema = properties !== null && typeof properties === 'object' ? (properties as Keywords)[missing] : undefined // JSON Schema
  return schema === undefined ? `Add ${missing}.` : `Add ${missing}: ${describe(schema)}.`
}

function knownKeys(error: ErrorObject): string[] {
  const properties = error.parentSchema?.['properties']
  return properties !== null && typeof properties === 'object' ? Object.keys(properties) : []
}

/** Texts that a schema would take: constants and the values of enums, branches included. */
function wordsIn(schema: unknown): string[] {
  if (schema === null || typeof schema !== 'object') return []
  const { const: constant, enum: values, anyOf, oneOf } = schema as Keywords // a schema is a map of keywords here
  const own = [constant, ...(Array.isArray(values) ? values : [])].filter((word) => typeof word === 'string')
  const branches = [...(Array.isArray(anyOf) ? anyOf : []), ...(Array.isArray(oneOf) ? oneOf : [])]
  return [...own, ...branches.flatMap(wordsIn)]
}

function patternIn(schema: unknown): ReturnType<typeof knownPattern> {
  if (schema === null || typeof schema !== 'object') return undefined
  const { pattern, anyOf, oneOf } = schema as Keywords // a schema is a map of keywords here
  const branches = [...(Array.isArray(anyOf) ? anyOf : []), ...(Array.isArray(oneOf) ? oneOf : [])]
  return knownPattern(pattern) ?? branches.map(patternIn).find((found) => found !== undefined)
}

/** What someone meant who wrote `10 per sec`, `30 seconds`, `64 kb`. */
function mend(text: string): string | undefined {
  const rate = /^([0-9]{1,9}) ?(?:\/|per|p) ?([0-9]{0,6}) ?(second|sec|s|minute|min|m|hour|hr|h|day|d|month)s?$/i.exec(
    text,
  )
  if (rate !== null) {
    const unit = (rate[3] ?? '').toLowerCase()
    if (unit === 'day' || unit === 'month') return `${rate[1]}/${unit}`
    return `${rate[1]}/${rate[2] === '' ? 1 : rate[2]}${unit[0]}`
  }
  const duration = /^([0-9]{1,9}) ?(millisecond|msec|ms|second|sec|s|minute|min|m|hour|hr|h|day|d)s?$/i.exec(text)
  if (duration !== null) {
    const unit = (duration[2] ?? '').toLowerCase()
    return `${duration[1]}${unit.startsWith('ms') || unit.startsWith('milli') ? 'ms' : unit[0]}`
  }
  const size = /^([0-9]{1,9}) ?(k|m|g)i?b?$/i.exec(text)
  return size === null ? undefined : `${size[1]}${(size[2] ?? '').toUpperCase()}iB`
}

/**
 * Of a union that nothing fits, either the complaints of the one branch that was evidently meant, or the union's own.
 * Everything else it says is noise to a reader.
 */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const union = errors
    .filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length)[0]
  if (union === undefined) return errors.filter(({ keyword }) => keyword !== 'if')
  const isInside = (error: ErrorObject) =>
    error !== union &&
    error.schemaPath.startsWith(`${union.schemaPath}/`) &&
    isBelow(error.instancePath, union.instancePath)
  const inside = errors.filter(isInside)
  const rest = withoutBranches(errors.filter((error) => error !== union && !isInside(error)))
  const branch = meantBranch(union)
  if (branch === undefined) return [...rest, union]
  const meant = inside.filter(({ schemaPath }) => schemaPath.startsWith(`${union.schemaPath}/${branch}/`))
  return meant.length === 0 ? [...rest, union] : [...rest, ...withoutBranches(meant)]
}

function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}

/** The branch whose type the value has, if it is one alone; among maps, the one that knows most of the value's keys. */
function meantBranch(union: ErrorObject): number | undefined {
  const branches: unknown = union.schema
  if (!Array.isArray(branches)) return undefined
  const fitting = branches
    .map((branch, i) => ({ i, schema: branch as Keywords }))
    .filter(({ schema }) => fitsType(schema, union.data)) // JSON Schema
  if (fitting.length <= 1 || union.data === null || typeof union.data !== 'object') {
    const [only] = fitting
    return only !== undefined && fitting.length === 1 && !('const' in only.schema) && !('enum' in only.schema)
      ? only.i
      : undefined
  }
  const keys = Object.keys(union.data)
  const score = (schema: Keywords) => keys.filter((key) => Object.hasOwn(Object(schema['properties']), key)).length
  const ranked = fitting.map(({ i, schema }) => ({ i, score: score(schema) })).sort((a, b) => b.score - a.score)
  const [best, second] = ranked
  return best !== undefined && best.score > 0 && best.score !== second?.score ? best.i : undefined
}

function fitsType(schema: Keywords, value: unknown): boolean {
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  if ('const' in schema) return typeof schema['const'] === typeof value
  if (Array.isArray(schema['enum'])) return schema['enum'].some((each) => typeof each === typeof value)
  const own = schema['type'] ?? ('properties' in schema ? 'object' : undefined)
  const named = Array.isArray(own) ? own : [own]
  return named.includes(type) || (type === 'number' && named.includes('integer'))
}

function segments(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function walk(node: Node, path: readonly string[]): Node | undefined {
  let found: Node | undefined = node
  for (const part of path) {
    found = found?.kind === 'list' ? found.items[Number(part)] : entryOf(found, part)?.node
  }
  return found
}

/** The key that leads to a path's value; the item itself in a list. */
function lastKeyPlace(node: Node, path: readonly string[], at: Place): Place {
  const parent = walk(node, path.slice(0, -1))
  const last = path.at(-1)
  if (parent === undefined || last === undefined) return at
  const entry = entryOf(parent, last)
  if (entry !== undefined) return keyPlaceOf(entry)
  const item = walk(node, path)
  return item === undefined ? at : placeOf(item)
}

import type { SchemaPlan } from '../plan/plan.js'
import type { Scope, Section } from './contract.js'
import { SchemaReader } from './json-schema-reader.js'

/**
 * Reads a schema (inline, or the file that a text names, with or without `#/a/part`), follows its references into
 * sibling files, and judges it: dialect, keywords, references, patterns, and whether it compiles. Problems go to
 * `scope.report` under `<stage>.schema-…` and `<stage>.pattern-…`; a schema with an error is undefined.
 */
export function readSchema(from: Section, scope: Scope, stage: 'request' | 'response'): SchemaPlan | undefined {
  if (typeof from.value === 'string' && from.value.includes('#')) {
    return new SchemaReader(partOf(from), scope, stage).read()
  }
  const section = typeof from.value === 'string' ? scope.readFile(from.value, from) : from
  if (section === undefined) return undefined
  const value = section.value
  if (typeof value === 'boolean') return { dialect: '2020-12', schema: value, refers: {} }
  if (typeof value !== 'object' || value === null) {
    const message = 'A JSON schema is an object, true or false.'
    scope.report({ code: `${stage}.schema-invalid`, message, at: section.place })
    return undefined
  }
  // Routes that name one file share one value, and routes that inherit a schema share its text. Only what is sound and
  // stands alone is remembered: problems must show in each run, and a file may change while those that refer to it do not.
  const known = scope.keep('json-schema.plans', () => new WeakMap<object, SchemaPlan>())
  const isInline = section === from
  const same: { plan?: SchemaPlan | undefined } = isInline
    ? scope.keep(`json-schema.inline.${JSON.stringify(value)}`, () => ({}))
    : { plan: known.get(value) }
  if (same.plan !== undefined) return same.plan
  const plan = new SchemaReader(section, scope, stage).read()
  if (plan === undefined || Object.keys(plan.refers).length > 0) return plan
  if (isInline) same.plan = plan
  else known.set(value, plan)
  return plan
}

/** Reads a schema and puts it into the plan; its content hash, or undefined when it has an error. */
export function planSchema(from: Section, scope: Scope, stage: 'request' | 'response'): string | undefined {
  const plan = readSchema(from, scope, stage)
  return plan === undefined ? undefined : scope.addSchema(plan)
}

/** `./all.json#/$defs/order` as a schema that refers to it. */
function partOf(from: Section): Section {
  const value = { $ref: from.value }
  const section: Section = {
    value,
    place: from.place,
    keyPlace: from.keyPlace,
    get: (...path) => (path.length === 0 ? section : from),
  }
  return section
}

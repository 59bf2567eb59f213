import type { ErrorObject } from 'ajv'
import { nearest } from '../values/nearest.js'
import type { Keywords } from './schema.js'
import { describe, kindOf, knownPattern } from './words.js'

/** What is wrong with a value that breaks a keyword, as code, message and hint. */
export function valueProblem(error: ErrorObject, path: readonly string[], prefix: string) {
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
export function extraKey(error: ErrorObject): string | undefined {
  const { keyword, params } = error
  if (keyword === 'additionalProperties') return String(params['additionalProperty'])
  if (keyword === 'propertyNames') return String(params['propertyName'])
  return undefined
}

/** What to write instead of a key that nobody knows. */
export function keyHint(error: ErrorObject, known: readonly string[]): string {
  if (error.keyword === 'propertyNames') return `A name is expected here: ${describe(error.schema)}.`
  if (known.length === 0) return 'No key is expected here.'
  return `Known keys: ${known.slice(0, 14).join(', ')}${known.length > 14 ? ', …' : ''}.`
}

/** What to write for a key that is missing. */
export function requiredHint(error: ErrorObject, missing: string): string {
  const properties = error.parentSchema?.['properties']
  const schema = properties !== null && typeof properties === 'object' ? (properties as Keywords)[missing] : undefined // JSON Schema
  return schema === undefined ? `Add ${missing}.` : `Add ${missing}: ${describe(schema)}.`
}

/** The keys that the schema of the error knows. */
export function knownKeys(error: ErrorObject): string[] {
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

import { byteSizePattern } from '../values/byte-size.js'
import { durationPattern } from '../values/duration.js'
import { ratePattern } from '../values/rate.js'

/** A schema, read as plain data. */
type Keywords = { readonly [keyword: string]: unknown }

/** What texts of a known pattern are, the last word of the code of one that is not, and an example of each. */
const patterns: Readonly<Record<string, { readonly words: string; readonly code: string }>> = {
  [durationPattern]: { words: 'a duration such as 500ms, 30s, 5m or 24h', code: 'duration-unreadable' },
  [byteSizePattern]: { words: 'a size such as 512B, 64KiB or 6MiB', code: 'size-unreadable' },
  [ratePattern]: {
    words: 'a rate: a count, a slash and a window, such as 10/1s, 600/1m or 1000/day',
    code: 'rate-unreadable',
  },
}

/** The words for a pattern that many settings share. */
export function knownPattern(pattern: unknown): { readonly words: string; readonly code: string } | undefined {
  return typeof pattern === 'string' ? patterns[pattern] : undefined
}

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
  null: 'nothing',
}

/** What a schema asks for, in words that complete "expected …". */
export function describe(schema: unknown, depth = 0): string {
  if (schema === null || typeof schema !== 'object') return schema === false ? 'nothing' : 'anything'
  const keywords = schema as Keywords // a schema that is no boolean is an object of keywords
  if ('const' in keywords) return quote(keywords['const'])
  const { enum: values, pattern, type } = keywords
  if (Array.isArray(values)) return oneOf(values.map(quote))
  const branches = keywords['anyOf'] ?? keywords['oneOf']
  if (Array.isArray(branches) && depth < 3) {
    return oneOf([...new Set(branches.map((branch) => describe(branch, depth + 1)))])
  }
  const known = knownPattern(pattern)
  if (known !== undefined) return known.words
  if (Array.isArray(type)) return oneOf(type.map((each) => types[String(each)] ?? String(each)))
  if (type === 'array') return `a list of ${plural(describe(keywords['items'], depth + 1))}`
  if (type === 'integer' || type === 'number') return numberWords(keywords, types[type] ?? type)
  if (type === 'object') return mapWords(keywords)
  if (type === 'string' && typeof pattern === 'string') return exampleWords(keywords)
  return typeof type === 'string' ? (types[type] ?? type) : 'another value'
}

function exampleWords(keywords: Keywords): string {
  const { examples, description } = keywords
  const shown = (Array.isArray(examples) ? examples : []).slice(0, 2).map(quote)
  const words = typeof description === 'string' ? description.replace(/\.$/, '') : undefined
  if (words !== undefined && (shown[0] ?? '').length > 40) return `a text (${words})`
  if (shown.length > 0) return `a text such as ${shown.join(' or ')}${words === undefined ? '' : ` (${words})`}`
  return words === undefined ? 'a text of another form' : `a text (${words})`
}

function numberWords(keywords: Keywords, word: string): string {
  const { minimum, maximum, exclusiveMinimum } = keywords
  if (minimum !== undefined && maximum !== undefined) return `${word} from ${minimum} to ${maximum}`
  if (minimum !== undefined) return `${word}, at least ${minimum}`
  if (exclusiveMinimum !== undefined) return `${word} greater than ${exclusiveMinimum}`
  if (maximum !== undefined) return `${word}, at most ${maximum}`
  return word
}

function mapWords(keywords: Keywords): string {
  const properties = keywords['properties']
  const required = keywords['required']
  if (Array.isArray(required) && required.length > 0) return `a map with ${required.join(', ')}`
  if (properties !== null && typeof properties === 'object') {
    const names = Object.keys(properties)
    if (names.length > 0 && names.length <= 4) return `a map with ${names.join(', ')}`
  }
  return 'a map'
}

function plural(words: string): string {
  return words.replace(/^an? /, '').replace(/^(text|number|whole number|map|list|size|duration|rate)\b/, '$1s')
}

function quote(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function oneOf(words: readonly string[]): string {
  const shown = words.length > 14 ? [...words.slice(0, 13), 'others'] : words
  return shown.length < 2 ? (shown[0] ?? 'nothing') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return `the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`
  return typeof value === 'number' ? `the number ${value}` : String(value)
}

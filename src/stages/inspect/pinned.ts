import type { JsonSchema, Scope, Section } from '../contract.js'
import { readSchema } from '../json-schema-plan.js'
import { formatPlaceTokens } from './places.js'

type Schema = Readonly<Record<string, unknown>>

/** Formats whose texts hold nothing that any interpreter reads as code. */
const harmlessFormats = new Set(['uuid', 'date', 'date-time', 'time', 'duration', 'ipv4', 'ipv6'])

/** Types whose values are no free text. */
const harmlessTypes = new Set(['integer', 'number', 'boolean', 'null'])

/** Places named in one schema; a schema with more is inspected in full beyond them. */
const maxPlaces = 2_000
const maxDepth = 24

/**
 * The places that a route's `request` schemas leave no freedom: enum, const, number, boolean, uuid, date, a pattern of
 * word characters, two characters at most. They need no detector. None while the schemas are not enforced.
 */
export function pinnedPlaces(request: Section, scope: Scope): string[] {
  const mode = request.get('mode').value
  if (mode === 'report' || mode === 'off') return []
  const places: string[] = []
  for (const source of ['path', 'query', 'headers'] as const) {
    const entries = request.get(source).value
    if (!isSchema(entries)) continue
    for (const [name, schema] of Object.entries(entries)) {
      const place = source === 'headers' ? 'header' : source
      if (isPinned(schema)) places.push(formatPlaceTokens(place, [place === 'header' ? name.toLowerCase() : name]))
    }
  }
  const body = request.get('body')
  // `request` reads the same schema; what is wrong with it is reported once.
  const plan = body.value === undefined ? undefined : readSchema(body, scope, 'request')
  if (plan !== undefined && isSchema(plan.schema)) {
    collect({ schema: plan.schema, root: plan.schema }, plan.refers, [], places, 0)
  }
  return places
}

/** A schema and the document that its local references point into. */
interface Located {
  readonly schema: Schema
  readonly root: Schema
}

type Documents = Readonly<Record<string, JsonSchema>>

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function collect(
  from: Located,
  documents: Documents,
  tokens: readonly string[],
  places: string[],
  depth: number,
): void {
  if (depth > maxDepth || places.length >= maxPlaces) return
  const target = dereferenced(from, documents)
  if (target === null) return
  const { schema, root } = target
  if (isPinned(schema)) {
    if (tokens.length > 0) places.push(formatPlaceTokens('body', tokens))
    return
  }
  for (const part of listOf(schema['allOf'])) collect({ schema: part, root }, documents, tokens, places, depth + 1)
  const { properties, items } = schema
  if (isSchema(properties)) {
    for (const [key, child] of Object.entries(properties)) {
      // A star in a place means any item, so a property of that very name is left to the detectors.
      if (!isSchema(child) || key === '*') continue
      collect({ schema: child, root }, documents, [...tokens, key], places, depth + 1)
    }
  }
  // `items` governs every item only where no `prefixItems` goes before it.
  if (isSchema(items) && schema['prefixItems'] === undefined) {
    collect({ schema: items, root }, documents, [...tokens, '*'], places, depth + 1)
  }
}

function listOf(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isSchema) : []
}

/** Follows references by pointer, in one document and into its siblings; any other leaves its value to the detectors. */
function dereferenced(from: Located, documents: Documents): Located | null {
  let { schema, root } = from
  for (let hops = 0; hops < 8; hops++) {
    const reference = schema['$ref']
    if (reference === undefined) return { schema, root }
    if (typeof reference !== 'string') return null
    const [file = '', pointer = ''] = reference.split('#')
    if (file !== '') {
      const document = Object.hasOwn(documents, file) ? documents[file] : undefined
      if (!isSchema(document)) return null
      root = document
    }
    if (pointer !== '' && !pointer.startsWith('/')) return null
    let target: unknown = root
    for (const token of pointer.split('/').slice(1)) {
      if (!isSchema(target)) return null
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
      target = Object.hasOwn(target, key) ? target[key] : undefined
    }
    if (!isSchema(target)) return null
    schema = target
  }
  return null
}

/** Whether a schema by itself leaves no room for an injection. */
export function isPinned(schema: unknown): boolean {
  if (!isSchema(schema)) return false
  if (schema['const'] !== undefined || Array.isArray(schema['enum'])) return true
  const types = Array.isArray(schema['type']) ? schema['type'] : [schema['type']]
  if (types.every((type) => typeof type === 'string' && harmlessTypes.has(type))) return true
  // What follows governs strings alone: an object or a list would pass it.
  if (!types.every((type) => type === 'string' || (typeof type === 'string' && harmlessTypes.has(type)))) return false
  const { format, pattern, maxLength } = schema
  return (
    (typeof format === 'string' && harmlessFormats.has(format)) ||
    (typeof maxLength === 'number' && maxLength <= 2) ||
    (typeof pattern === 'string' && isHarmlessPattern(pattern))
  )
}

/**
 * Whether a pattern admits only texts of letters, digits, `_` and `-`: anchored at both ends, made of those characters,
 * classes of them and quantifiers. Alternatives and groups are left to the detectors.
 */
export function isHarmlessPattern(pattern: string): boolean {
  if (!pattern.startsWith('^') || !pattern.endsWith('$') || pattern.length < 3) return false
  let at = 1
  const end = pattern.length - 1
  while (at < end) {
    const sign = pattern.charAt(at)
    if (/[A-Za-z0-9_-]/.test(sign)) at++
    else if (sign === '\\' && /[dw-]/.test(pattern.charAt(at + 1))) at += 2
    else if (sign === '?' || sign === '*' || sign === '+') at++
    else if (sign === '{') {
      const found = /^\{[0-9]{1,6}(,[0-9]{0,6})?\}/.exec(pattern.slice(at, at + 20))
      if (found === null) return false
      at += found[0].length
    } else if (sign === '[') {
      const close = pattern.indexOf(']', at)
      if (close === -1 || close > end || !isHarmlessClass(pattern.slice(at + 1, close))) return false
      at = close + 1
    } else return false
  }
  return at === end
}

/** A range must stay among capitals, small letters or digits: `A-z` holds a backslash and a backtick. */
function isHarmlessClass(members: string): boolean {
  return /^(?:A-Z|A-F|a-z|a-f|0-9|1-9|\\d|\\w|\\-|[A-Za-z0-9_](?!-))*-?$/.test(members) && members !== ''
}

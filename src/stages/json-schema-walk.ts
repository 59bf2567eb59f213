import type { Section } from './contract.js'
import { schemaKeywords, schemaListKeywords, schemaMapKeywords } from './json-schema-keywords.js'

/** A schema that is an object. */
export type SchemaNode = Record<string, unknown>

/** The schemas under a keyword, each with its path below it. */
export function* subschemas(keyword: string, value: unknown): Generator<readonly [unknown, readonly string[]]> {
  if (schemaListKeywords.has(keyword) && Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield [item, [String(index)]]
  } else if (schemaMapKeywords.has(keyword) && isNode(value)) {
    for (const [name, item] of Object.entries(value)) if (!Array.isArray(item)) yield [item, [name]]
  } else if (schemaKeywords.has(keyword)) {
    yield [value, []]
  }
}

/** Whether a value is a schema with keywords. */
export function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema that bears this anchor, within one. */
export function findAnchor(node: unknown, name: string): SchemaNode | undefined {
  if (!isNode(node)) return undefined
  if (node['$anchor'] === name || node['$dynamicAnchor'] === name) return node
  for (const [keyword, value] of Object.entries(node)) {
    for (const [child] of subschemas(keyword, value)) {
      const found = findAnchor(child, name)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** A reference against its base; undefined when it is no URI. RFC 3986 §5 */
export function resolveUri(text: string, base: string): string | undefined {
  try {
    return new URL(text, base).href
  } catch {
    return undefined
  }
}

/** One step of a pointer in a fragment: percent-encoded, then `~1` and `~0`. RFC 6901 §6 */
export function decodePointer(step: string): string {
  let text = step
  try {
    text = decodeURIComponent(step)
  } catch {
    // no percent-encoding: taken as it stands
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** Sections of one file differ by where they stand in it. */
export function pointerOf(section: Section): string {
  return `#${section.place.line}:${section.place.column}`
}

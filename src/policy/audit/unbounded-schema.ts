import type { Merge } from './finding.js'

/** A part of a schema whose cost only the size of a body bounds. */
export interface Unbounded {
  readonly what: 'pattern' | 'uniqueItems'
  /** The field, as a caller would point at it: `/items/sku`. */
  readonly field: string
  /** What to merge into the schema. */
  readonly mend: Merge
}

/** Texts of free length are rarely longer, and lists of distinct things rarely larger. */
const usualLength = 200
const usualItems = 100

/**
 * The first text with a pattern that bounds no length, and no `maxLength`, or list of distinct items without `maxItems`. Both
 * take time in proportion to what a caller sends, and both are usually meant to be short.
 */
export function findUnbounded(schema: unknown): Unbounded | null {
  return find(schema, '', (mend) => mend)
}

function find(node: unknown, field: string, wrap: (mend: Merge) => Merge): Unbounded | null {
  if (node === null || typeof node !== 'object' || Array.isArray(node)) return null
  const { pattern, maxLength, uniqueItems, maxItems, ...rest } = node as Readonly<Record<string, unknown>> // JSON Schema
  const isShort = ['enum', 'const', 'format'].some((keyword) => rest[keyword] !== undefined)
  if (typeof pattern === 'string' && maxLength === undefined && !isShort && !boundsLength(pattern)) {
    return { what: 'pattern', field, mend: wrap({ maxLength: usualLength }) }
  }
  if (uniqueItems === true && maxItems === undefined && !isShort) {
    return { what: 'uniqueItems', field, mend: wrap({ maxItems: usualItems }) }
  }
  for (const [name, child] of Object.entries(Object(rest['properties']))) {
    const found = find(child, `${field}/${name}`, (mend) => wrap({ properties: { [name]: mend } }))
    if (found !== null) return found
  }
  for (const keyword of ['items', 'additionalProperties']) {
    const found = find(rest[keyword], `${field}/*`, (mend) => wrap({ [keyword]: mend }))
    if (found !== null) return found
  }
  for (const keyword of ['$defs', 'definitions']) {
    for (const [name, child] of Object.entries(Object(rest[keyword]))) {
      const found = find(child, `${field}#${name}`, (mend) => wrap({ [keyword]: { [name]: mend } }))
      if (found !== null) return found
    }
  }
  return null
}

/** Whether a pattern covers the whole text and repeats nothing without end. */
function boundsLength(pattern: string): boolean {
  const bare = pattern.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x')
  return bare.startsWith('^') && bare.endsWith('$') && !bare.includes('|') && !/[*+]|\{\d+,\}/.test(bare)
}

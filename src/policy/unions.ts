import type { ErrorObject } from 'ajv'
import type { Keywords } from './schema.js'

/**
 * Of a union that nothing fits, either the complaints of the one branch that was evidently meant, or the union's own.
 * Everything else it says is noise to a reader.
 */
export function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
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

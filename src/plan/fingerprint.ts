import { createHash } from 'node:crypto'
import type { Plan } from './plan.js'

/**
 * SHA-256 (hex) of what a plan decides: its places are left out, so that a comment or a moved line changes nothing, and
 * so is the order of routes and of keys. Secrets are only named in a plan.
 */
export function fingerprint(plan: Omit<Plan, 'fingerprint'>): string {
  const hash = createHash('sha256')
  const { routes, schemas, ...rest } = plan
  hash.update(canonical(rest))
  // Schemas are named by the hash of their content.
  hash.update(Object.keys(schemas).sort().join())
  const texts = routes.map((route) => canonical(route))
  for (const text of texts.sort()) hash.update('\n').update(text)
  return hash.digest('hex')
}

/** JSON with sorted keys and without places. */
function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) {
    let text = '['
    for (const item of value) text += `${canonical(item)},`
    return `${text}]`
  }
  const record = value as Readonly<Record<string, unknown>> // plans are plain data: what is no array is a record
  if (isPlace(record)) return '@'
  let text = '{'
  for (const key of Object.keys(record).sort()) {
    const part = record[key]
    if (part !== undefined) text += `${JSON.stringify(key)}:${canonical(part)},`
  }
  return `${text}}`
}

function isPlace(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value['file'] === 'string' && typeof value['line'] === 'number' && typeof value['column'] === 'number'
}

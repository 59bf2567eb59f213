import { createHash } from 'node:crypto'
import type { Plan } from './plan.js'

/** Routes as texts without places, by their objects: spares a reload the work for those that did not change. */
export type KnownTexts = WeakMap<object, string>

/**
 * SHA-256 (hex) of what a plan decides: its places are left out, so that a comment or a moved line changes nothing, and
 * so is the order of routes. Secrets are only named in a plan.
 */
export function fingerprint(plan: Omit<Plan, 'fingerprint'>, known: KnownTexts = new WeakMap()): string {
  const { gateway, issuers, clients, upstreams, schemas, routes } = plan
  // Where it listens decides about no request, and a flag may change it: the same rules are the same plan.
  const { listeners: _, ...rules } = gateway
  const hash = createHash('sha256').update(canonical(rules))
  // Schemas are named by the hash of their content.
  hash.update(Object.keys(schemas).sort().join())
  for (const things of [issuers, clients, upstreams]) {
    hash.update('\n')
    for (const name of Object.keys(things).sort()) hash.update(canonical(things[name]))
  }
  const sorted = [...routes].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  for (const route of sorted) {
    const text = known.get(route) ?? canonical(route)
    known.set(route, text)
    hash.update(text)
  }
  return hash.digest('hex')
}

/** A place as JSON; no text of the plan can look like it, for there its quotes would be escaped. */
const place = /\{"file":"(?:[^"\\]|\\.)*","line":\d+,"column":\d+(?:,"length":\d+)?\}/g

/** JSON without places. The platform's own writer takes a third of the time of any walk in JavaScript. */
function canonical(value: unknown): string {
  return JSON.stringify(value).replace(place, '0')
}

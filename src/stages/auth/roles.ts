import type { Evidence } from '../contract.js'
import { claimPath, describe, valueAt } from './claim-rules.js'

/** Says whether claims hold one of the roles, and what they held instead. */
export interface RoleRule {
  holds(claims: Readonly<Record<string, unknown>>): boolean
  describe(claims: Readonly<Record<string, unknown>>): Evidence
}

/**
 * Any one of `roles`, in any of the claims where the issuer keeps them: a list of texts, or one text with blanks between
 * them. `paths` are claims as the policy writes them: `roles`, `realm_access.roles`, `/https:~1~1example.com~1roles`.
 */
export function roleRule(roles: readonly string[], paths: readonly string[]): RoleRule {
  const asked = new Set(roles)
  const places = paths.map(claimPath)
  return {
    holds: (claims) => places.some((path) => holdsAny(valueAt(claims, path), asked)),
    describe: (claims) => ({
      needed: roles,
      claim: paths,
      found: places.map((path) => String(describe(valueAt(claims, path)))),
    }),
  }
}

function holdsAny(value: unknown, asked: ReadonlySet<string>): boolean {
  const held: unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return held.some((role) => typeof role === 'string' && asked.has(role))
}

import type { Evidence } from '../contract.js'
import { describe } from './claim-rules.js'
import type { StepUp } from './settings.js'

/**
 * What is lacking in the way the user signed in, by `acr`, `amr` and `auth_time` (OpenID Connect Core §2); null when
 * nothing is. A claim that is absent or of another type proves nothing.
 */
export function lackingAuthentication(
  claims: Readonly<Record<string, unknown>>,
  { acr, amr, maxAgeMs }: StepUp,
  nowMs: number,
  skewMs: number,
): Evidence | null {
  if (acr !== null && !acr.some((value) => value === claims['acr'])) {
    return { claim: 'acr', rule: `oneOf ${acr.join(' | ')}`, found: describe(claims['acr']) }
  }
  const methods: unknown = claims['amr']
  const lacking = amr.filter((method) => !Array.isArray(methods) || !methods.includes(method))
  if (lacking.length > 0) return { claim: 'amr', rule: `contains ${lacking.join(', ')}`, found: describe(methods) }
  if (maxAgeMs === null) return null
  const at = claims['auth_time']
  const age = typeof at === 'number' ? nowMs - at * 1000 : Number.NaN
  // A time to come is no time at which anybody has signed in. NaN fails both comparisons.
  if (age >= -skewMs && age <= maxAgeMs + skewMs) return null
  return {
    claim: 'auth_time',
    rule: `at most ${maxAgeMs / 1000} s ago`,
    found: describe(at),
    now: Math.floor(nowMs / 1000),
  }
}

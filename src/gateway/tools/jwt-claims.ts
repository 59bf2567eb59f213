import type { IssuerPlan } from '../../plan/plan.js'
import type { Evidence, Identity } from '../../stages/contract.js'

/** What the claims of a token with a good signature say: who it is and until when, or why not. */
export type ClaimsResult =
  | { readonly identity: Identity; readonly expiresAt: number }
  | { readonly fault: string; readonly evidence: Evidence; readonly lasting: boolean }

/** Beyond the year 9999 a time is a mistake (milliseconds, mostly) or an attack (`1e400`). */
const latestSeconds = 253_402_300_799

/**
 * Judges the claims by the issuer's plan: every check that RFC 8725 §3 and RFC 9068 §4 ask for, by our own clock, for
 * both back ends alike. `lasting`: no later moment will mend it.
 */
export function judgeClaims(
  claims: Readonly<Record<string, unknown>>,
  issuer: IssuerPlan,
  nowMs: number,
  method: 'jwt' | 'introspection' = 'jwt',
): ClaimsResult {
  const { exp, nbf, iat, sub } = claims
  if (claims['iss'] !== issuer.issuer) return refuse('token-issuer', { expected: issuer.issuer })
  if (exp === undefined) return refuse('token-claim-missing', { claim: 'exp' })
  if (!isTime(exp)) return refuse('token-claim-unreadable', { claim: 'exp' })
  if (nbf !== undefined && !isTime(nbf)) return refuse('token-claim-unreadable', { claim: 'nbf' })
  if (iat !== undefined && !isTime(iat)) return refuse('token-claim-unreadable', { claim: 'iat' })

  const skew = issuer.clockSkewMs
  const expiresAt = exp * 1000 + skew
  // RFC 7519 §4.1.4: on or after that time it must not be accepted.
  if (nowMs >= expiresAt) return refuse('token-expired', { exp, now: seconds(nowMs) })
  if (nbf !== undefined && nowMs < nbf * 1000 - skew) {
    return refuse('token-not-yet-valid', { nbf, now: seconds(nowMs) }, false)
  }
  if (iat !== undefined && nowMs < iat * 1000 - skew) {
    return refuse('token-issued-in-future', { iat, now: seconds(nowMs) }, false)
  }
  if (issuer.maxTokenAgeMs !== null) {
    if (iat === undefined) return refuse('token-claim-missing', { claim: 'iat' })
    if ((exp - iat) * 1000 > issuer.maxTokenAgeMs) {
      return refuse('token-life-too-long', { seconds: exp - iat, most: issuer.maxTokenAgeMs / 1000 })
    }
  }

  const { claim, oneOf } = issuer.audience
  const audience = Object.hasOwn(claims, claim) ? claims[claim] : undefined
  if (audience === undefined) return refuse('token-claim-missing', { claim })
  if (!namesOneOf(audience, oneOf)) return refuse('token-audience', { claim, expected: oneOf })

  if (sub === undefined) return refuse('token-claim-missing', { claim: 'sub' })
  if (typeof sub !== 'string' || !isName(sub)) return refuse('token-claim-unreadable', { claim: 'sub' })
  const scopes = readScopes(claims)
  if (scopes === null) return refuse('token-claim-unreadable', { claim: 'scope' })

  const clientId = claims['client_id'] ?? claims['azp']
  return {
    expiresAt,
    identity: Object.freeze({
      method,
      subject: sub,
      clientId: typeof clientId === 'string' && isName(clientId) ? clientId : null,
      plan: null,
      scopes,
      claims: Object.freeze(claims),
    }),
  }
}

function refuse(fault: string, evidence: Evidence, lasting = true): ClaimsResult {
  return { fault, evidence, lasting }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= latestSeconds
}

/** One text, or a list of nothing but texts. RFC 7519 §4.1.3 */
function namesOneOf(value: unknown, accepted: readonly string[]): boolean {
  if (typeof value === 'string') return accepted.includes(value)
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return false
  return value.some((item) => accepted.includes(item))
}

/** Not empty, and without characters that a log line or header could not carry. */
function isName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return text.length > 0 && text.length <= 1_024 && !/[\u0000-\u001f\u007f]/.test(text)
}

/** `scope` as RFC 8693 §4.2 has it, or a list; `scp`, as Entra ID and Okta name it, where `scope` is absent. */
function readScopes(claims: Readonly<Record<string, unknown>>): ReadonlySet<string> | null {
  const granted = claims['scope'] ?? claims['scp']
  if (granted === undefined || granted === null) return new Set()
  if (typeof granted === 'string') return new Set(granted.split(' ').filter((scope) => scope !== ''))
  if (Array.isArray(granted) && granted.every((scope) => typeof scope === 'string')) return new Set(granted)
  return null
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}

import {
  allow,
  type Check,
  deny,
  type Exchange,
  type TokenResult,
  type TokenVerifier,
  type Tools,
  type Verdict,
} from '../contract.js'
import { challenges } from './challenges.js'
import { describeMismatch, satisfies } from './claim-rules.js'
import { bearerToken, singleHeader } from './credentials.js'
import { reasonForFault, reasons } from './reasons.js'
import { roleRule } from './roles.js'
import type { Conditions } from './settings.js'
import { lackingAuthentication } from './step-up.js'

const missing = deny(reasons.missing, { header: 'authorization' }, { headers: challenges.missing })
const repeated = deny(reasons.credentialsRepeated, { header: 'authorization' }, { headers: challenges.repeated })
const forbidden = { headers: challenges.forbidden }
const otherScheme = deny(reasons.schemeUnsupported, { header: 'authorization' }, { headers: challenges.missing })

/** Takes a bearer token from the one `Authorization` header; query, body and cookies are not looked at. */
export function checkToken(
  asked: Conditions & { readonly issuer: string },
  verifier: TokenVerifier,
  { clock, issuers }: Pick<Tools, 'clock' | 'issuers'>,
): Check {
  const { scopes, claims, stepUp } = asked
  const issuer = issuers[asked.issuer]
  const roles = asked.roles.length === 0 ? null : roleRule(asked.roles, issuer?.roles ?? [])
  const skewMs = issuer?.clockSkewMs ?? 0
  const scopeMissing = { headers: challenges.scopeMissing(scopes) }
  const stepUpNeeded = stepUp === null ? null : { headers: challenges.stepUp(stepUp) }

  // Runs for every request of its route; with a token that is known no promise is made.
  return (exchange) => {
    const header = singleHeader(exchange, 'authorization')
    if (header === null) return missing
    if (header === 'repeated') return repeated
    const token = bearerToken(header.value)
    if (token === null) return otherScheme
    const result = verifier.verify(token)
    return result instanceof Promise ? result.then((settled) => judge(settled, exchange)) : judge(result, exchange)
  }

  function judge(result: TokenResult, exchange: Exchange): Verdict {
    if (!result.valid) return refuse(result)
    const { identity } = result
    // Known even if refused below: the record shall name whom the route turned away.
    exchange.identity = identity
    for (const scope of scopes) {
      if (identity.scopes.has(scope)) continue
      const lacking = scopes.filter((needed) => !identity.scopes.has(needed))
      return deny(reasons.scopeMissing, { needed: scopes, lacking }, scopeMissing)
    }
    for (const rule of claims) {
      if (satisfies(identity.claims, rule)) continue
      return deny(reasons.claimMismatch, describeMismatch(identity.claims, rule), forbidden)
    }
    if (roles !== null && !roles.holds(identity.claims)) {
      return deny(reasons.roleMissing, roles.describe(identity.claims), forbidden)
    }
    // Last: a caller who may not call at all need not sign in again to learn it.
    if (stepUp !== null && stepUpNeeded !== null) {
      const lacking = lackingAuthentication(identity.claims, stepUp, clock.now(), skewMs)
      if (lacking !== null) return deny(reasons.stepUpNeeded, lacking, stepUpNeeded)
    }
    return allow
  }
}

function refuse(result: Extract<TokenResult, { valid: false }>): Verdict {
  const reason = reasonForFault(result.fault)
  const headers =
    reason.status === 503
      ? ['retry-after', String(Math.max(1, Math.ceil(result.retryAfterSeconds ?? 1)))]
      : challenges.invalid
  return deny(reason, result.evidence, { headers })
}

import {
  allow,
  type Check,
  deny,
  type Exchange,
  type TokenResult,
  type TokenVerifier,
  type Verdict,
} from '../contract.js'
import { challenges } from './challenges.js'
import { type ClaimRule, describeMismatch, satisfies } from './claim-rules.js'
import { bearerToken, singleHeader } from './credentials.js'
import { reasonForFault, reasons } from './reasons.js'

const missing = deny(reasons.missing, { header: 'authorization' }, { headers: challenges.missing })
const repeated = deny(reasons.credentialsRepeated, { header: 'authorization' }, { headers: challenges.repeated })
const otherScheme = deny(reasons.schemeUnsupported, { header: 'authorization' }, { headers: challenges.missing })

/** Takes a bearer token from the one `Authorization` header; query, body and cookies are not looked at. */
export function checkToken(
  asked: { readonly scopes: readonly string[]; readonly claims: readonly ClaimRule[] },
  verifier: TokenVerifier,
): Check {
  const { scopes, claims } = asked
  const scopeMissing = { headers: challenges.scopeMissing(scopes) }

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
      return deny(reasons.claimMismatch, describeMismatch(identity.claims, rule), { headers: challenges.forbidden })
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

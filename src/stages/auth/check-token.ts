import {
  allow,
  type Check,
  deny,
  type Exchange,
  type Identity,
  type TokenResult,
  type TokenVerifier,
  type Tools,
  type Verdict,
} from '../contract.js'
import { challenges, withMetadata } from './challenges.js'
import { describeMismatch, satisfies } from './claim-rules.js'
import { bearerToken, dpopToken, singleHeader } from './credentials.js'
import { bearersOnly, type Possession } from './possession.js'
import { reasonForFault, reasons } from './reasons.js'
import { roleRule } from './roles.js'
import type { Conditions } from './settings.js'
import { lackingAuthentication } from './step-up.js'

type Scheme = 'bearer' | 'dpop'

const place = { header: 'authorization' }

/**
 * Takes a token from the one `Authorization` header, as Bearer or with a proof of its key; query, body and cookies are
 * not looked at.
 */
export function checkToken(
  asked: Conditions & { readonly issuer: string },
  verifier: TokenVerifier,
  tools: Pick<Tools, 'clock' | 'issuers' | 'resourceMetadata' | 'revocations'>,
  possession: Possession = bearersOnly,
): Check {
  const { clock, issuers, revocations, resourceMetadata } = tools
  const { scopes, claims, stepUp } = asked
  const issuer = issuers[asked.issuer]
  const roles = asked.roles.length === 0 ? null : roleRule(asked.roles, issuer?.roles ?? [])
  const skewMs = issuer?.clockSkewMs ?? 0
  const { takesProofs, needsProofs, ofBearer, ofProof } = possession
  const challenge: Possession['challenge'] = (bearer, scheme) =>
    withMetadata(possession.challenge(bearer, scheme), resourceMetadata)
  const missing = deny(reasons.missing, place, { headers: challenge(challenges.missing, null) })
  const repeated = deny(reasons.credentialsRepeated, place, { headers: challenge(challenges.repeated, null) })
  const otherScheme = deny(reasons.schemeUnsupported, place, { headers: challenge(challenges.missing, null) })
  const inBoth = (bearer: readonly string[]) => ({
    bearer: { headers: challenge(bearer, 'bearer') },
    dpop: { headers: challenge(bearer, 'dpop') },
  })
  const invalid = inBoth(challenges.invalid)
  const forbidden = inBoth(challenges.forbidden)
  const scopeMissing = inBoth(challenges.scopeMissing(scopes))
  const stepUpNeeded = stepUp === null ? null : inBoth(challenges.stepUp(stepUp))

  // Runs for every request of its route; with a token that is known no promise is made.
  return (exchange) => {
    const header = singleHeader(exchange, 'authorization')
    if (header === null) return missing
    if (header === 'repeated') return repeated
    const token = bearerToken(header.value)
    if (token === null) return takesProofs ? proven(header.value, exchange) : otherScheme
    if (needsProofs) return otherScheme
    const result = verifier.verify(token)
    return result instanceof Promise ? result.then((settled) => judge(settled, exchange)) : judge(result, exchange)
  }

  function judge(result: TokenResult, exchange: Exchange): Verdict {
    if (!result.valid) return refuse(result, 'bearer')
    const { identity } = result
    // Known even if refused below: the record shall name whom the route turned away.
    exchange.identity = identity
    if (identity.claims['cnf'] === undefined) return authorize(identity, 'bearer')
    return ofBearer(identity, exchange) ?? authorize(identity, 'bearer')
  }

  async function proven(credential: string, exchange: Exchange): Promise<Verdict> {
    const token = dpopToken(credential)
    if (token === null) return otherScheme
    const result = await verifier.verify(token)
    if (!result.valid) return refuse(result, 'dpop')
    exchange.identity = result.identity
    return (await ofProof(result.identity, exchange, token)) ?? authorize(result.identity, 'dpop')
  }

  function authorize(identity: Identity, scheme: Scheme): Verdict {
    const revoked = revocations.covers(identity, asked.issuer)
    if (revoked !== null) return deny(reasons.revoked, revoked, invalid[scheme])
    for (const scope of scopes) {
      if (identity.scopes.has(scope)) continue
      const lacking = scopes.filter((needed) => !identity.scopes.has(needed))
      return deny(reasons.scopeMissing, { needed: scopes, lacking }, scopeMissing[scheme])
    }
    for (const rule of claims) {
      if (satisfies(identity.claims, rule)) continue
      return deny(reasons.claimMismatch, describeMismatch(identity.claims, rule), forbidden[scheme])
    }
    if (roles !== null && !roles.holds(identity.claims)) {
      return deny(reasons.roleMissing, roles.describe(identity.claims), forbidden[scheme])
    }
    // Last: a caller who may not call at all need not sign in again to learn it.
    if (stepUp !== null && stepUpNeeded !== null) {
      const lacking = lackingAuthentication(identity.claims, stepUp, clock.now(), skewMs)
      if (lacking !== null) return deny(reasons.stepUpNeeded, lacking, stepUpNeeded[scheme])
    }
    return allow
  }

  function refuse(result: Extract<TokenResult, { valid: false }>, scheme: Scheme): Verdict {
    const reason = reasonForFault(result.fault)
    if (reason.status !== 503) return deny(reason, result.evidence, invalid[scheme])
    const seconds = Math.max(1, Math.ceil(result.retryAfterSeconds ?? 1))
    return deny(reason, result.evidence, { headers: ['retry-after', String(seconds)] })
  }
}

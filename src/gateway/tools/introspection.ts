import { createHash } from 'node:crypto'
import type { IssuerPlan, Plan } from '../../plan/plan.js'
import type { Clock, Evidence, TokenResult, TokenVerifier } from '../../stages/contract.js'
import type { Introspection, Introspections } from '../../state/introspections.js'
import type { TokenScope, VerifiedTokens } from '../../state/verified-tokens.js'
import { revealText, type Vault } from '../../values/secret.js'
import { judgeClaims } from './jwt-claims.js'
import { mostTokenBytes, wordOf } from './jwt-token.js'

/**
 * Makes the verifiers of one set of tools that ask the issuer itself about each token (RFC 7662); opened when a route
 * first needs one, and given back by `close`.
 */
export function createIntrospectors(lent: {
  readonly issuers: Plan['issuers']
  readonly vault: Vault
  readonly introspections: Introspections
  readonly verifiedTokens: VerifiedTokens
  readonly clock: Clock
}): { readonly introspector: (issuer: string) => TokenVerifier; close(): void } {
  const { issuers, vault, introspections, verifiedTokens, clock } = lent
  const opened = new Map<string, { readonly verifier: TokenVerifier; readonly introspection: Introspection }>()
  return {
    introspector(name) {
      const known = opened.get(name)
      if (known !== undefined) return known.verifier
      const issuer = issuers[name]
      if (issuer === undefined || issuer.introspection === null) throw new Error(`issuer ${name} has no introspection`)
      const secret = revealText(issuer.introspection.clientSecret, vault)
      const introspection = introspections.open(issuer, secret)
      const cache = verifiedTokens.scope(digestOf(issuer, secret))
      const verifier = createVerifier(issuer, issuer.introspection.cacheMs, introspection, cache, clock)
      opened.set(name, { verifier, introspection })
      return verifier
    },
    close() {
      for (const { introspection } of opened.values()) introspection.close()
      opened.clear()
    },
  }
}

/** RFC 6750 §2.1: what may stand after `Bearer`. Nothing else is worth a question. */
const b64token = /^[A-Za-z0-9\-._~+/]+=*$/
/** What is remembered depends on no keys. */
const generation = 0

function createVerifier(
  issuer: IssuerPlan,
  cacheMs: number,
  introspection: Introspection,
  cache: TokenScope,
  clock: Clock,
): TokenVerifier {
  const refusal = (fault: string, evidence: Evidence) =>
    ({ valid: false, fault, evidence: { issuer: issuer.name, ...evidence } }) as const

  return {
    verify(token) {
      if (token.length > mostTokenBytes) return refusal('token-too-long', { most: mostTokenBytes })
      const now = clock.now()
      const known = cache.get(token, now, generation) ?? cache.refused(token, now, generation)
      if (known !== undefined) return known
      if (!b64token.test(token)) return refusal('token-malformed', { part: 'token' })
      return introspection.ask(token).then((answer): TokenResult => {
        if ('retryAfterSeconds' in answer) {
          const { retryAfterSeconds } = answer
          return { ...refusal('issuer-unavailable', { asked: 'introspection' }), retryAfterSeconds }
        }
        return conclude(token, answer.said, clock.now())
      })
    },
  }

  function conclude(token: string, said: Readonly<Record<string, unknown>> | null, now: number): TokenResult {
    const judged = said === null ? ({ fault: 'token-inactive', evidence: {} } as const) : judge(said, issuer, now)
    if ('fault' in judged) {
      const result = refusal(judged.fault, judged.evidence)
      cache.keepRefused(token, result, now, generation, cacheMs)
      return result
    }
    const result = Object.freeze({ valid: true, identity: judged.identity } as const)
    cache.keep(token, result, now, Math.min(judged.expiresAt, now + cacheMs), generation)
    return result
  }
}

/**
 * Judges what an issuer says of an active token as the claims of a JWT are judged. The answer is the issuer's own, over a
 * connection that it alone can answer, so it need not name itself; when it names another, something is wrong. A token of
 * a machine may come without `sub`: it is then its client's.
 */
function judge(said: Readonly<Record<string, unknown>>, issuer: IssuerPlan, now: number) {
  const kind = wrongKind(said, issuer)
  if (kind !== null) return { fault: 'token-type', evidence: kind } as const
  const { active: _, ...rest } = said
  return judgeClaims({ iss: issuer.issuer, sub: rest['client_id'], ...rest }, issuer, now, 'introspection')
}

/** Some servers call refresh and ID tokens active too. What says its kind must say that it is an access token. */
function wrongKind(said: Readonly<Record<string, unknown>>, { tokenTypes }: IssuerPlan): Evidence | null {
  const kinds: Readonly<Record<string, (kind: string) => boolean>> = {
    // RFC 7662 §2.2, RFC 6749 §7.1. Who binds a token to a key must say to which: it is then judged with its proof.
    token_type: (kind) => ['bearer', 'access_token'].includes(kind) || (kind === 'dpop' && said['cnf'] !== undefined),
    token_use: (kind) => ['access', 'access_token'].includes(kind),
    typ: (kind) => kind === 'bearer' || tokenTypes.includes(kind.replace(/^application\//, '')),
  }
  for (const [claim, isRight] of Object.entries(kinds)) {
    const kind = said[claim]
    if (kind === undefined || kind === null) continue
    if (typeof kind !== 'string') return { claim, type: 'not a text' }
    if (!isRight(kind.toLowerCase())) return { claim, type: wordOf(kind) }
  }
  return null
}

/** What a remembered answer depends on: every fact of the plan, and the secret by which it was asked. */
function digestOf(issuer: IssuerPlan, secret: string): string {
  const { declaredAt: _, ...facts } = issuer
  return createHash('sha256')
    .update('introspection\0')
    .update(JSON.stringify(facts))
    .update('\0')
    .update(secret)
    .digest('hex')
}

import { createHash } from 'node:crypto'
import { type Deny, deny, type Exchange, type Identity, type ProofResult, type Tools } from '../contract.js'
import { challenges } from './challenges.js'
import { clientCertificates } from './client-certificate.js'
import { singleHeader } from './credentials.js'
import { proofChallenges } from './dpop-challenges.js'
import { reasonForFault, reasons } from './reasons.js'

/** Whether whoever brings a token is whom it was given to. */
export interface Possession {
  /** What is said to a caller of this scheme in place of a Bearer challenge; without one, for every scheme taken. */
  challenge(bearer: readonly string[], scheme: 'bearer' | 'dpop' | null): readonly string[]
  /** Whether the issuer's tokens come with proofs: `DPoP` is a scheme of its routes. */
  readonly takesProofs: boolean
  /** Whether they come with proofs alone: `Bearer` is none. */
  readonly needsProofs: boolean
  /** Judges a token with `cnf` that came as Bearer; null: it is the caller's. */
  ofBearer(identity: Identity, exchange: Exchange): Deny | null
  /** Judges a token that came with the scheme DPoP. */
  ofProof(identity: Identity, exchange: Exchange, token: string): Promise<Deny | null>
}

/** What of a token's `cnf` we can check. RFC 7800 section 3.1 */
interface Confirmation {
  /** A key's thumbprint: RFC 9449 section 6. */
  readonly jkt: string | null
  /** A certificate's: RFC 8705 section 3.1. */
  readonly x5t: string | null
}

/** The rules of one issuer: RFC 9449 where it has `dpop`, and RFC 8705 for whatever token says that it is bound. */
export function possessionOf(issuer: string, tools: Pick<Tools, 'issuers' | 'proofVerifier' | 'trusts'>): Possession {
  const dpop = tools.issuers[issuer]?.dpop
  const say = dpop === undefined ? null : proofChallenges(dpop)
  const proofs = dpop === undefined ? null : tools.proofVerifier(issuer)
  const certificates = clientCertificates(tools)
  const challenge: Possession['challenge'] = (bearer, scheme) => say?.of(bearer, scheme) ?? bearer
  const invalid = (scheme: 'bearer' | 'dpop') => ({ headers: challenge(challenges.invalid, scheme) })

  const boundToKey = deny(reasons.tokenBound, { bound: 'jkt', came: 'as Bearer' }, invalid('dpop'))
  const boundOtherwise = deny(reasons.tokenBound, { bound: 'in a way that is not checked' }, invalid('bearer'))
  const unbound = deny(reasons.tokenUnbound, {}, invalid('dpop'))
  const proofMissing = deny(reasons.proofMissing, { header: 'dpop' }, { headers: say?.proof ?? challenges.invalid })
  const proofRepeated = deny(
    reasons.credentialsRepeated,
    { header: 'dpop' },
    { headers: challenge(challenges.repeated, 'dpop') },
  )

  /** A token that names a certificate is good on connections with that certificate alone. */
  function ofCertificate(x5t: string, exchange: Exchange): Deny | null {
    const shown = certificates.of(exchange)
    if (shown === null || typeof shown === 'string') {
      return deny(reasons.tokenBound, { bound: 'x5t#S256', certificate: shown ?? 'none' }, invalid('bearer'))
    }
    const thumbprint = createHash('sha256').update(shown.raw).digest('base64url')
    if (thumbprint === x5t) return null
    return deny(reasons.tokenBound, { bound: 'x5t#S256', certificate: 'another' }, invalid('bearer'))
  }

  function refuse(result: Extract<ProofResult, { valid: false }>): Deny {
    const reason = reasonForFault(result.fault)
    if (reason.status === 503) return deny(reason, result.evidence, { headers: ['retry-after', '1'] })
    const headers = result.nonce === undefined ? say?.proof : say?.nonce(result.nonce)
    return deny(reason, result.evidence, { headers: headers ?? challenges.invalid })
  }

  return {
    challenge,
    takesProofs: dpop !== undefined,
    needsProofs: dpop?.required === true,
    ofBearer({ claims }, exchange) {
      const bound = confirmation(claims['cnf'])
      if (bound === null) return boundOtherwise
      if (bound.jkt !== null) return boundToKey
      return bound.x5t === null ? null : ofCertificate(bound.x5t, exchange)
    },
    async ofProof({ claims }, exchange, token) {
      const bound = claims['cnf'] === undefined ? null : confirmation(claims['cnf'])
      if (bound?.jkt == null || proofs === null) return unbound
      const proof = singleHeader(exchange, 'dpop')
      if (proof === null) return proofMissing
      if (proof === 'repeated') return proofRepeated
      const result = await proofs.verify(proof.value, { exchange, token, thumbprint: bound.jkt })
      if (!result.valid) return refuse(result)
      if (result.nonce !== undefined) exchange.answerHeaders.push('dpop-nonce', result.nonce)
      return bound.x5t === null ? null : ofCertificate(bound.x5t, exchange)
    },
  }
}

/** Tokens that are bound to nobody; a bound one is refused. */
export const bearersOnly: Possession = {
  challenge: (bearer) => bearer,
  takesProofs: false,
  needsProofs: false,
  ofBearer: () => deny(reasons.tokenBound, { bound: 'in a way that is not checked' }, { headers: challenges.invalid }),
  ofProof: async () => deny(reasons.tokenUnbound, {}, { headers: challenges.invalid }),
}

/**
 * What a token is bound to; null for a binding that we cannot check, which is one that we must not pass over: whoever
 * binds a token means that it is no bearer token.
 */
function confirmation(cnf: unknown): Confirmation | null {
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) return null
  const { jkt, 'x5t#S256': x5t } = { ...cnf } as Readonly<Record<string, unknown>> // an object, checked above
  if (jkt === undefined && x5t === undefined) return null
  if (jkt !== undefined && typeof jkt !== 'string') return null
  if (x5t !== undefined && typeof x5t !== 'string') return null
  return { jkt: jkt ?? null, x5t: x5t ?? null }
}

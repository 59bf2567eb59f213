import { createHash, createHmac } from 'node:crypto'
import { compactVerify } from 'jose'
import type { DpopPlan, IssuerPlan, Plan } from '../../plan/plan.js'
import type { Clock, Evidence, ProofResult, ProofVerifier, ProvenRequest } from '../../stages/contract.js'
import type { Claimed, ReplayStore } from '../../state/proofs-seen.js'
import { revealText, type Vault } from '../../values/secret.js'
import { createNonces, type Nonces } from './dpop-nonce.js'
import { type ProofFault, proofReader, type UnverifiedProof } from './dpop-proof.js'
import { comparableUrl } from './dpop-url.js'

/** Names of proofs are remembered as they are used; longer ones are nobody's. */
const mostNameCharacters = 256

interface Lent {
  readonly vault: Vault
  readonly clock: Clock
  readonly proofsSeen: ReplayStore
  /** Random bytes of this process, for nonces without a secret of their own. */
  readonly nonceKey: Buffer
}

/** Verifiers of proofs by the issuer whose tokens they go with, made when first asked for and shared by all routes. */
export function createProofVerifiers(issuers: Plan['issuers'], lent: Lent): (issuer: string) => ProofVerifier {
  const made = new Map<string, ProofVerifier>()
  const spent: Spent = new WeakMap()
  return (name) => {
    const issuer = issuers[name]
    if (issuer?.dpop === undefined) throw new Error(`issuer ${name} asks for no proofs`)
    const verifier = made.get(name) ?? createProofVerifier(issuer, issuer.dpop, spent, lent)
    made.set(name, verifier)
    return verifier
  }
}

/** What became of the one proof of an exchange, which several methods may have to judge. */
type Spent = WeakMap<ProvenRequest['exchange'], Claimed>

/** The checks of RFC 9449 section 4.3, the cheap ones first. */
function createProofVerifier(issuer: IssuerPlan, dpop: DpopPlan, spent: Spent, lent: Lent): ProofVerifier {
  const { clock, proofsSeen } = lent
  const read = proofReader(dpop.algorithms)
  const nonces = noncesOf(dpop, issuer, lent)
  const judge = claimJudge(dpop, issuer.clockSkewMs)
  // From the earliest `iat` that is taken to the last moment it is.
  const lifeMs = dpop.maxAgeMs + 2 * issuer.clockSkewMs

  return {
    // Runs for every request with a bound token: one signature check, whatever else; measured in bench/auth.ts.
    async verify(proof, asked) {
      const found = read(proof, asked.thumbprint)
      if ('fault' in found) return refuse(found)
      const wrong = judge(found.claims, asked, clock.now())
      if (wrong !== null) return refuse(wrong)
      if (!(await isSigned(proof, found))) return refuse({ fault: 'proof-signature', evidence: {} })
      const now = clock.now()
      // After the signature: only whoever has the key is told a nonce.
      const nonce = nonces === null ? 'current' : judgeNonce(nonces, found.claims['nonce'], now)
      if (nonce === 'wrong')
        return { ...refuse({ fault: 'proof-nonce', evidence: {} }), nonce: nonces?.current(now) ?? '' }
      // By key and jti, not by the bytes: whoever sees an ECDSA proof can write a second good signature of it.
      const name = `${asked.thumbprint} ${String(found.claims['jti'])}`
      const claimed = await (spent.get(asked.exchange) ?? proofsSeen.claim(name, lifeMs, now))
      spent.set(asked.exchange, claimed)
      if (claimed !== 'fresh') return refuse(faultOf[claimed])
      return nonce === 'old' && nonces !== null ? { valid: true, nonce: nonces.current(now) } : proven
    },
  }
}

const proven: ProofResult = Object.freeze({ valid: true })

const faultOf: Readonly<Record<Exclude<Claimed, 'fresh'>, ProofFault>> = {
  seen: { fault: 'proof-replayed', evidence: {} },
  full: { fault: 'proofs-unremembered', evidence: {} },
}

function refuse({ fault, evidence }: ProofFault): Extract<ProofResult, { valid: false }> {
  return { valid: false, fault, evidence }
}

async function isSigned(proof: string, { key, algorithm }: UnverifiedProof): Promise<boolean> {
  try {
    await compactVerify(proof, key.key, { algorithms: [algorithm] })
    return true
  } catch {
    // jose has no other reason left after our reading, and whatever it throws is no proof.
    return false
  }
}

function judgeNonce(nonces: Nonces, nonce: unknown, now: number): 'current' | 'old' | 'wrong' {
  return typeof nonce === 'string' ? nonces.judge(nonce, now) : 'wrong'
}

/** Checks 8 to 12 of section 4.3, less the nonce: the cheap ones, before anybody's signature. */
function claimJudge(dpop: DpopPlan, skewMs: number) {
  const { publicUrls, maxAgeMs } = dpop
  return (claims: Readonly<Record<string, unknown>>, asked: ProvenRequest, now: number): ProofFault | null => {
    const { jti, htm, htu, iat, ath } = claims
    for (const [claim, value] of Object.entries({ jti, htm, htu, ath })) {
      if (value === undefined) return wrong('proof-claim', { claim, found: 'nothing' })
      if (typeof value !== 'string' || value === '') return wrong('proof-claim', { claim, found: 'no text' })
    }
    if (String(jti).length > mostNameCharacters) return wrong('proof-claim', { claim: 'jti', found: 'too long' })
    if (typeof iat !== 'number' || !(iat >= 0)) return wrong('proof-claim', { claim: 'iat', found: 'no time' })
    if (iat * 1000 > now + skewMs) return wrong('proof-time', { claim: 'iat', seconds: Math.round(iat - now / 1000) })
    if (iat * 1000 <= now - maxAgeMs - skewMs) {
      return wrong('proof-time', { claim: 'iat', seconds: Math.round(iat - now / 1000) })
    }
    if (htm !== asked.exchange.method) return wrong('proof-request', { claim: 'htm' })
    if (!namesRequest(String(htu), publicUrls, asked.exchange))
      return wrong('proof-request', { claim: 'htu', ...hintOf(asked.exchange) })
    // RFC 9449 section 4.2: the hash of the token's ASCII text.
    const expected = createHash('sha256').update(asked.token).digest('base64url')
    return ath === expected ? null : wrong('proof-token', { claim: 'ath' })
  }
}

function wrong(fault: string, evidence: Evidence): ProofFault {
  return { fault, evidence }
}

/** Whether `htu` is the URL of the request: under a public URL of the policy, or else as the caller asked for it. */
function namesRequest(
  htu: string,
  publicUrls: readonly string[],
  { scheme, host, path }: ProvenRequest['exchange'],
): boolean {
  const bases = publicUrls.length > 0 ? publicUrls : [`${scheme}://${host}`]
  if (bases.some((base) => htu === base + path)) return true
  const found = comparableUrl(htu)
  return found !== null && bases.some((base) => comparableUrl(base + path) === found)
}

/** The scheme is what goes wrong most: a proxy that ends TLS and says nothing about it. */
function hintOf({ scheme }: ProvenRequest['exchange']): Evidence {
  return { asked: scheme }
}

function noncesOf(
  { nonce }: DpopPlan,
  issuer: IssuerPlan,
  { vault, nonceKey }: { readonly vault: Vault; readonly nonceKey: Buffer },
): Nonces | null {
  if (nonce === null) return null
  const secret = nonce.secret === null ? nonceKey : Buffer.from(revealText(nonce.secret, vault))
  const key = createHmac('sha256', secret).update(`dpop nonces of ${issuer.issuer}`).digest()
  return createNonces(key, nonce.lifeMs)
}

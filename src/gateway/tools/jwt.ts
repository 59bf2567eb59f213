import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { IssuerPlan, Plan } from '../../plan/plan.js'
import type { Clock, Evidence, TokenResult, TokenVerifier } from '../../stages/contract.js'
import type { KeySets } from '../../state/key-sets.js'
import type { TokenScope, VerifiedTokens } from '../../state/verified-tokens.js'
import { revealText, type Vault } from '../../values/secret.js'
import { judgeClaims } from './jwt-claims.js'
import { registerFixedKeys } from './jwt-fixed.js'
import type { KeySource, SignatureResult } from './jwt-key-source.js'
import { remoteKeys } from './jwt-remote.js'
import { mostTokenBytes, tokenReader, type UnverifiedToken, wordOf } from './jwt-token.js'

/**
 * Makes the verifiers of one generation; call it before the Fastify instance is ready, and use them after. Key sets are
 * given back when the instance closes.
 */
export function createVerifiers(lent: {
  readonly issuers: Plan['issuers']
  readonly fastify: FastifyInstance
  readonly vault: Vault
  readonly keySets: KeySets
  readonly verifiedTokens: VerifiedTokens
  readonly clock: Clock
}): (issuer: string) => TokenVerifier {
  const { fastify, vault, keySets, verifiedTokens, clock } = lent
  const sources: KeySource[] = []
  const verifiers = new Map<string, TokenVerifier>()
  const open = (name: string, issuer: IssuerPlan): TokenVerifier => {
    const { kind } = issuer.keys
    const secret = issuer.keys.kind === 'secret' ? revealText(issuer.keys.secret, vault) : undefined
    const source =
      kind === 'discovery' || kind === 'jwksUri'
        ? remoteKeys(keySets.open(issuer))
        : registerFixedKeys(fastify, issuer, secret)
    const verifier = createVerifier(issuer, source, verifiedTokens.scope(digestOf(issuer, secret)), clock)
    sources.push(source)
    verifiers.set(name, verifier)
    return verifier
  }
  for (const [name, issuer] of Object.entries(lent.issuers)) {
    // Keys are fetched before the first token comes, but for an issuer that may only ever be asked about its tokens.
    if (issuer.keys.kind !== 'discovery' || issuer.introspection === null) open(name, issuer)
  }
  fastify.addHook('onClose', async () => {
    for (const source of sources) source.close()
  })
  return (name) => {
    const issuer = lent.issuers[name]
    if (issuer === undefined) throw new Error(`issuer ${name} is not in the plan`)
    return verifiers.get(name) ?? open(name, issuer)
  }
}

const tooLong: TokenResult = Object.freeze({
  valid: false,
  fault: 'token-too-long',
  evidence: Object.freeze({ most: mostTokenBytes }),
})

function createVerifier(issuer: IssuerPlan, source: KeySource, cache: TokenScope, clock: Clock): TokenVerifier {
  const readToken = tokenReader(issuer)
  return {
    // Runs for every request with a token; measured in bench/hot-path.ts.
    verify(token) {
      if (token.length > mostTokenBytes) return tooLong
      const now = clock.now()
      const generation = source.ready(now)
      if (generation !== null) {
        const known = cache.get(token, now, generation) ?? cache.refused(token, now, generation)
        if (known !== undefined) return known
      }
      const read = readToken(token)
      if ('fault' in read) return refusal(issuer, read.fault, read.evidence)
      const checked = source.check(token, read, now)
      return checked instanceof Promise
        ? checked.then((result) => conclude(token, read, result, clock.now()))
        : conclude(token, read, checked, now)
    },
  }

  function conclude(token: string, read: UnverifiedToken, checked: SignatureResult, now: number): TokenResult {
    if ('fault' in checked) {
      const { fault, generation, retryAfterSeconds } = checked
      const evidence = { algorithm: read.algorithm, key: read.kid === undefined ? 'unnamed' : wordOf(read.kid) }
      const result = refusal(issuer, fault, evidence, retryAfterSeconds)
      if (generation !== undefined) cache.keepRefused(token, result, now, generation)
      return result
    }
    const judged = judgeClaims(read.claims, issuer, now)
    if ('fault' in judged) {
      const result = refusal(issuer, judged.fault, judged.evidence)
      if (judged.lasting) cache.keepRefused(token, result, now, checked.generation)
      return result
    }
    const result = Object.freeze({ valid: true, identity: judged.identity } as const)
    cache.keep(token, result, now, judged.expiresAt, checked.generation)
    return result
  }
}

function refusal(
  issuer: IssuerPlan,
  fault: string,
  evidence: Evidence,
  retryAfterSeconds?: number,
): Extract<TokenResult, { valid: false }> {
  return {
    valid: false,
    fault,
    evidence: { issuer: issuer.name, ...evidence },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
}

/** What a verified token depends on: every fact of the plan, and the secret itself. */
function digestOf(issuer: IssuerPlan, secret: string | undefined): string {
  const { declaredAt: _, ...facts } = issuer
  return createHash('sha256')
    .update(JSON.stringify(facts))
    .update('\0')
    .update(secret ?? '')
    .digest('hex')
}

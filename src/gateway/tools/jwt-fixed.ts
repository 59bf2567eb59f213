import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { IssuerPlan } from '../../plan/plan.js'
import { type FixedKey, fixedKeys } from '../../stages/auth/issuer-keys.js'
import { candidateKeys } from '../../values/jwk-set.js'
import type { KeySource } from './jwt-key-source.js'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    /** One per fixed key; the plugin then decorates the instance with a map. */
    namespaces: string
  }
}

/** fast-jwt speaks of the signature before it looks at any claim, and names what it found wrong by code. */
const claimFaults: ReadonlySet<string> = new Set([
  'FAST_JWT_MISSING_REQUIRED_CLAIM',
  'FAST_JWT_INVALID_CLAIM_TYPE',
  'FAST_JWT_INVALID_CLAIM_VALUE',
])

/**
 * Checks signatures by `@fastify/jwt` for an issuer whose keys stand in the policy: one namespace per key on the
 * generation's own instance, everything fixed at registration, no options per call (they would build a verifier each
 * time). Time is not the plugin's business: it takes `exp: 1e400` for ever, throws on `nbf: 1e15` and knows no clock but
 * the machine's.
 */
export function registerFixedKeys(fastify: FastifyInstance, issuer: IssuerPlan, secret: string | undefined): KeySource {
  const keys = fixedKeys(issuer, secret)
  if (typeof keys === 'string') return unusable(`The keys of issuer ${issuer.name} cannot be used. ${keys}`)
  const named = keys.map((key, index) => ({ ...key, namespace: `issuer:${issuer.name}:${index}` }))
  for (const key of named) register(fastify, issuer, key, key.namespace)
  // A token's kid tells the keys of a pinned set apart; one key without a name fits every kid.
  const anonymous = issuer.keys.kind !== 'jwks'

  return {
    ready: () => 0,
    close() {},
    check(token, read) {
      const found = candidateKeys(named, read.algorithm, anonymous ? undefined : read.kid)
      if (found === 'unknown') return { fault: 'token-key-unknown' }
      if (found === 'ambiguous') return { fault: 'token-key-ambiguous' }
      for (const key of found) if (verifies(fastify, key.namespace, token)) return { generation: 0 }
      return { fault: 'token-signature', generation: 0 }
    },
  }
}

/** For keys that `check` refuses where a route uses them: building goes on, and every token of theirs fails closed. */
function unusable(message: string): KeySource {
  return {
    ready: () => null,
    close() {},
    check() {
      throw new Error(message)
    },
  }
}

function register(fastify: FastifyInstance, issuer: IssuerPlan, key: FixedKey, namespace: string): void {
  const { claim, oneOf } = issuer.audience
  fastify.register(fastifyJwt, {
    namespace,
    // `public` alone: this instance can verify and never sign.
    secret: { public: key.material },
    verify: {
      // The type wants literals; our own reading has refused every other algorithm already.
      algorithms: [...key.algorithms] as [],
      allowedIss: issuer.issuer,
      ...(claim === 'aud' ? { allowedAud: [...oneOf] } : {}),
      requiredClaims: ['iss', 'exp', 'sub', claim],
      ignoreExpiration: true,
      ignoreNotBefore: true,
      cache: false,
    },
  })
}

function verifies(fastify: FastifyInstance, namespace: string, token: string): boolean {
  const verifier = fastify.jwt[namespace]
  if (verifier === undefined) throw new Error('the generation was asked to verify a token before it was ready')
  try {
    verifier.verify(token)
    return true
  } catch (error) {
    // The signature is good and a claim is not: `judgeClaims` checks the same claims and says which.
    return error instanceof Error && 'code' in error && claimFaults.has(String(error.code))
  }
}

import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import type { ClientPlan, IssuerPlan, Plan } from '../../plan/plan.js'
import { newApiKey } from '../../stages/auth/api-key.js'
import { revealText, type Vault } from '../../values/secret.js'
import { type TestProver, testProver } from './test-proofs.js'

/** Credentials of a test: real signatures and real keys, good for the plan that goes with them and for no other. */
export interface TestCredentials {
  /** The plan, whose issuers and clients have the keys of the test in place of their own. */
  readonly plan: Plan
  /** A token of this issuer, good at the wish's time but for what it changes. Throws for an issuer that is not in the plan. */
  token(issuer: string, wish: TokenWish): Promise<string>
  /** Whose key the tokens of issuers with `dpop: required` are bound to. */
  readonly prover: TestProver
  /** The key of a client, by its name or the first; undefined for one that is not in the plan. */
  apiKey(client: string, key?: string): string | undefined
}

interface TokenWish {
  /** Epoch ms. */
  readonly now: number
  /** Laid over the usual ones; null leaves a claim out. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Signed by a key that the issuer does not have. */
  readonly isForged?: boolean
}

interface Signer {
  readonly algorithm: string
  readonly key: KeyObject | Uint8Array
  readonly stranger: KeyObject | Uint8Array
}

const kid = 'test'
const tokenLifeSeconds = 300

/** Algorithms by the time it takes to make a key for them. */
const keyPairs: Readonly<Record<string, () => { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  Ed25519: () => generateKeyPairSync('ed25519'),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
}

/** Makes keys for every issuer and client of a plan; they live in memory and die with it. */
export async function testCredentials(plan: Plan, vault: Vault): Promise<TestCredentials> {
  const signers = new Map<string, Signer>()
  const issuers: Record<string, IssuerPlan> = {}
  for (const [name, issuer] of Object.entries(plan.issuers)) {
    const made = await standInIssuer(issuer, vault)
    signers.set(name, made.signer)
    // A test cannot answer a challenge, so nobody asks it for a nonce; and its proofs are signed with ES256.
    const { dpop } = made.issuer
    issuers[name] =
      dpop === undefined ? made.issuer : { ...made.issuer, dpop: { ...dpop, nonce: null, algorithms: ['ES256'] } }
  }
  const prover = await testProver(plan)
  const keys = new Map<string, ReadonlyMap<string, string>>()
  const clients: Record<string, ClientPlan> = {}
  for (const [name, client] of Object.entries(plan.clients)) {
    const made = client.keys.map((each) => ({ each, ...newApiKey() }))
    keys.set(name, new Map(made.map(({ each, key }) => [each.name, key])))
    clients[name] = { ...client, keys: made.map(({ each, sha256 }) => ({ ...each, sha256 })) }
  }
  return {
    plan: { ...plan, issuers, clients },
    prover,
    token: (name, wish) => {
      const issuer = issuers[name]
      const signer = signers.get(name)
      if (issuer === undefined || signer === undefined) throw new Error(`issuer ${name} is not in the plan`)
      const bound = issuer.dpop?.required === true ? { cnf: prover.cnf } : {}
      return sign(issuer, signer, { ...wish, claims: { ...bound, ...wish.claims } })
    },
    apiKey: (client, key) => {
      const known = keys.get(client)
      return key === undefined ? known?.values().next().value : known?.get(key)
    },
  }
}

async function standInIssuer(issuer: IssuerPlan, vault: Vault): Promise<{ issuer: IssuerPlan; signer: Signer }> {
  if (issuer.keys.kind === 'secret') {
    const key = Buffer.from(revealText(issuer.keys.secret, vault))
    const stranger = Buffer.from(key.toReversed())
    return { issuer, signer: { algorithm: issuer.algorithms[0] ?? 'HS256', key, stranger } }
  }
  const algorithm =
    Object.keys(keyPairs).find((each) => issuer.algorithms.includes(each)) ?? issuer.algorithms[0] ?? 'RS256'
  const pair = keyPairs[algorithm] ?? (() => generateKeyPairSync('rsa', { modulusLength: 2048 }))
  const { publicKey, privateKey } = pair()
  const json = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }] })
  return {
    issuer: { ...issuer, keys: { kind: 'jwks', json } },
    signer: { algorithm, key: privateKey, stranger: pair().privateKey },
  }
}

function sign(issuer: IssuerPlan, signer: Signer, { now, claims, isForged = false }: TokenWish): Promise<string> {
  const seconds = Math.floor(now / 1000)
  const life = Math.min(tokenLifeSeconds, Math.floor((issuer.maxTokenAgeMs ?? Number.POSITIVE_INFINITY) / 1000))
  const { claim, oneOf } = issuer.audience
  const usual = {
    iss: issuer.issuer,
    sub: 'test-user',
    iat: seconds,
    exp: seconds + life,
    jti: randomUUID(),
    [claim]: oneOf[0],
  }
  const payload = Object.fromEntries(Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== null))
  const [type = 'absent'] = issuer.tokenTypes
  return new SignJWT(payload)
    .setProtectedHeader({ alg: signer.algorithm, kid, ...(type !== 'absent' && { typ: type }) })
    .sign(isForged ? signer.stranger : signer.key)
}

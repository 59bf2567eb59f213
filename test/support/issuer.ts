import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWK, SignJWT } from 'jose'
import type { IssuerPlan } from '../../src/plan/plan.js'

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: JWK
}

/** A new key pair of this algorithm. */
export async function makeKey(alg: string, kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = keyPair(alg)
  return { kid, alg, publicKey, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

function keyPair(alg: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (alg === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' })
  if (alg === 'ES512') return generateKeyPairSync('ec', { namedCurve: 'P-521' })
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

/** What an issuer in a plan looks like when a test says nothing about it. */
export function issuerPlan(overrides: Partial<IssuerPlan> & Pick<IssuerPlan, 'keys'>): IssuerPlan {
  return {
    name: 'main',
    issuer: 'https://id.example.test/',
    audience: { claim: 'aud', oneOf: ['orders-api'] },
    algorithms: ['RS256', 'ES256'],
    tokenTypes: ['at+jwt', 'jwt'],
    clockSkewMs: 30_000,
    maxTokenAgeMs: null,
    roles: ['roles'],
    introspection: null,
    keySet: {
      cooldownMs: 30_000,
      maxAgeMs: 600_000,
      // Far more than loopback needs: a busy machine is no outage.
      timeoutMs: 20_000,
      staleIfErrorMs: 3_600_000,
      maxBytes: 1_048_576,
    },
    declaredAt: { file: 'shared.yaml', line: 2, column: 3 },
    ...overrides,
  }
}

export interface Minted {
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly key?: SigningKey
}

/** A token that is good at `nowMs`, but for what the test changes; a claim or header that is undefined is left out. */
export async function mint(issuer: string, key: SigningKey, nowMs: number, changed: Minted = {}): Promise<string> {
  const now = Math.floor(nowMs / 1000)
  const claims = { iss: issuer, aud: 'orders-api', sub: 'u1', iat: now, exp: now + 300, scope: 'orders:read' }
  const signer = changed.key ?? key
  const header = { alg: signer.alg, kid: signer.kid, typ: 'at+jwt' }
  return await new SignJWT({ ...claims, ...changed.claims })
    .setProtectedHeader({ ...header, ...changed.header })
    .sign(signer.privateKey)
}

/** An issuer on a loopback port: metadata, a key set, and a hook for whatever a hostile one would answer. */
export interface TestIssuer {
  readonly url: string
  /** Published in this order; assign to rotate. */
  keys: SigningKey[]
  /** Answers in the issuer's stead when it returns true. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean
  readonly paths: string[]
  mint(nowMs: number, changed?: Minted): Promise<string>
  plan(overrides?: Partial<IssuerPlan>): IssuerPlan
}

/** Starts an issuer and ends it with the test. */
export async function startIssuer(
  t: { teardown(end: () => unknown): unknown },
  keys: readonly SigningKey[],
): Promise<TestIssuer> {
  const server = createServer((request, response) => {
    issuer.paths.push(request.url ?? '')
    if (issuer.answer(request, response)) return
    const body = documents()[request.url ?? '']
    response.statusCode = body === undefined ? 404 : 200
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body ?? {}))
  })
  const documents = (): Record<string, unknown> => ({
    '/.well-known/openid-configuration': { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` },
    '/jwks': { keys: issuer.keys.map((key) => key.jwk) },
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  // A TCP server's address is always an object.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer: TestIssuer = {
    url,
    keys: [...keys],
    answer: () => false,
    paths: [],
    mint(nowMs, changed) {
      const [first] = issuer.keys
      if (first === undefined) throw new Error('this issuer has no key')
      return mint(url, first, nowMs, changed)
    },
    plan: (overrides = {}) => issuerPlan({ issuer: url, keys: { kind: 'discovery' }, ...overrides }),
  }
  return issuer
}

/** A clock that stands until a test moves it. */
export function testClock(start = 1_800_000_000_000): {
  now(): number
  monotonic(): number
  advance(ms: number): void
} {
  let now = start
  return {
    now: () => now,
    monotonic: () => now - start,
    advance(ms) {
      now += ms
    },
  }
}

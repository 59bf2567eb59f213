// What does a credential cost? CPU of the auth stage alone, on one thread: a token that is known, one that is new (beside
// the bare library), a proof of possession, a certificate, and a flood of forgeries beside honest callers.
// Run by `npm run bench -- auth`; README.md says how to read it.
import { randomUUID, X509Certificate } from 'node:crypto'
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import { compactVerify } from 'jose'
import { createProofVerifiers } from '../src/gateway/tools/dpop.js'
import { createVerifiers } from '../src/gateway/tools/jwt.js'
import type { IssuerPlan } from '../src/plan/plan.js'
import { checkCertificate } from '../src/stages/auth/check-certificate.js'
import { possessionOf } from '../src/stages/auth/possession.js'
import { createKeySets } from '../src/state/key-sets.js'
import { createProofsSeen } from '../src/state/proofs-seen.js'
import { createVerifiedTokens } from '../src/state/verified-tokens.js'
import { makeCertificate } from '../test/support/certificates.js'
import { makeExchange } from '../test/support/exchange.js'
import { compact, signer } from '../test/support/forge.js'
import { proofFor, proofKit } from '../test/support/hostile-proofs.js'
import { issuerPlan, makeKey, mint } from '../test/support/issuer.js'
import { nothingRevoked, tokenCheck } from '../test/support/token-check.js'
import { circumstances, median, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, dry: { type: 'boolean', default: false } },
})
const rounds = Number(options.rounds)
const clock = { now: () => Date.now(), monotonic: () => performance.now() }
const kit = proofKit('ES256')
const url = 'http://gateway.test/orders'

/** Everything the checks of one algorithm need, over keys as an issuer publishes them. */
async function setUp(alg: 'RS256' | 'ES256') {
  const key = await makeKey(alg, 'k1')
  const dpop = {
    required: false,
    algorithms: ['ES256'],
    maxAgeMs: 60_000,
    publicUrls: ['http://gateway.test'],
    nonce: null,
  }
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  // Remote keys are verified by jose, which is what most issuers mean; the set is read once, and no network is needed.
  const issuer: IssuerPlan = issuerPlan({ algorithms: [alg], keys: { kind: 'discovery' }, dpop })
  const current = { generation: 1, keys: [{ kid: 'k1', algorithms: [alg], key: key.publicKey }] }
  const keySets = {
    ...createKeySets({ clock, timers: false }),
    open: () => ({
      ready: () => current,
      wait: async () => ({ current, certain: true, retryAfterSeconds: 1 }),
      close() {},
    }),
  } as unknown as ReturnType<typeof createKeySets> // what a verifier asks of key sets
  const fastify = Fastify()
  const verifiers = createVerifiers({
    issuers: { main: issuer },
    fastify,
    vault: new Map(),
    keySets,
    verifiedTokens: createVerifiedTokens(),
    clock,
  })
  await fastify.ready()
  const proofVerifier = createProofVerifiers(
    { main: issuer },
    { vault: new Map(), clock, proofsSeen: createProofsSeen({ seed: Buffer.alloc(8, 1) }), nonceKey: Buffer.alloc(32) },
  )
  const lent = { clock, issuers: { main: issuer }, proofVerifier, trusts: () => false }
  const check = tokenCheck({}, verifiers('main'), lent, possessionOf('main', lent))
  const tokens = (count: number, claims = {}) =>
    Promise.all(
      Array.from({ length: count }, () =>
        mint(issuer.issuer, key, Date.now(), { claims: { jti: randomUUID(), ...claims } }),
      ),
    )
  return { key, issuer, check, tokens, pem, close: () => fastify.close() }
}

const bearer = (token: string) =>
  makeExchange({ headers: ['Host', 'gateway.test', 'Authorization', `Bearer ${token}`] })

/** CPU µs a piece, median of rounds; the pieces of a round are made before it. */
async function cost<Piece>(
  make: () => Promise<readonly Piece[]> | readonly Piece[],
  use: (piece: Piece) => unknown,
): Promise<number> {
  const figures: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const pieces = await make()
    const before = process.cpuUsage()
    for (const piece of pieces) {
      const done = use(piece)
      if (done instanceof Promise) await done
    }
    const { user, system } = process.cpuUsage(before)
    // The first round is for the compiler.
    if (round > 0) figures.push((user + system) / pieces.length)
  }
  return median(figures)
}

async function admitted(check: Awaited<ReturnType<typeof setUp>>['check'], exchange: Parameters<typeof check>[0]) {
  const verdict = check(exchange)
  const settled = verdict instanceof Promise ? await verdict : verdict
  if (settled.outcome === 'deny') throw new Error(`refused: ${settled.reason.code}`)
}

const rows: string[][] = []
const line = (what: string, micros: number, beside = '') => rows.push([what, micros.toFixed(1), beside])

for (const alg of ['RS256', 'ES256'] as const) {
  progress(`auth: ${alg}`)
  const { key, check, tokens, close } = await setUp(alg)
  const known = await tokens(50)
  for (const token of known) await admitted(check, bearer(token))
  const returning = known.map(bearer)
  const hit = await cost(
    () => Array.from({ length: 400 }, () => returning).flat(),
    (exchange) => {
      const verdict = check(exchange)
      if (verdict instanceof Promise || verdict.outcome === 'deny') throw new Error('a known token was not known')
    },
  )
  const miss = await cost(
    async () => (await tokens(400)).map(bearer),
    (exchange) => admitted(check, exchange),
  )
  const bare = await cost(
    () => tokens(400),
    (token) =>
      compactVerify(token, key.publicKey, { algorithms: [alg] }).then(({ payload }) =>
        JSON.parse(Buffer.from(payload).toString()),
      ),
  )
  line(`${alg}, known token`, hit)
  line(`${alg}, new token`, miss, `${(miss / bare).toFixed(2)} × bare jose (${bare.toFixed(1)})`)
  await close()
}

progress('auth: proofs')
{
  const { check, tokens, close } = await setUp('ES256')
  const [token = ''] = await tokens(1, { cnf: { jkt: kit.thumbprint } })
  const proven = (count: number) => {
    const asked = { kit, other: kit, token, otherToken: '', now: Math.floor(Date.now() / 1000), url, method: 'GET' }
    return Array.from({ length: count }, () =>
      makeExchange({
        path: '/orders',
        host: 'gateway.test',
        headers: ['Host', 'gateway.test', 'Authorization', `DPoP ${token}`, 'DPoP', proofFor(asked)],
      }),
    )
  }
  for (const exchange of proven(1)) await admitted(check, exchange)
  const proof = await cost(
    () => proven(400),
    (exchange) => admitted(check, exchange),
  )
  line('DPoP: known token, new ES256 proof', proof)
  const many = await cost(
    () => proven(400),
    // Sixteen at a time, as a busy gateway has them: the signature checks then share both threads.
    (() => {
      let batch: Promise<void>[] = []
      return async (exchange: ReturnType<typeof proven>[number]) => {
        batch.push(admitted(check, exchange))
        if (batch.length === 16) await Promise.all(batch.splice(0))
        else batch = [...batch]
      }
    })(),
  )
  line('the same, sixteen in flight', many)
  const forged = await cost(
    () =>
      proven(400).map((exchange) => {
        const headers = [...exchange.rawHeaders]
        headers[5] = (headers[5] ?? '').replace(/.{8}$/, 'AAAAAAAA')
        return makeExchange({ path: '/orders', host: 'gateway.test', headers })
      }),
    async (exchange) => {
      const verdict = await check(exchange)
      if (verdict.outcome === 'allow') throw new Error('a forged proof was admitted')
    },
  )
  line('DPoP: known token, forged proof of the right key', forged)
  await close()
}

progress('auth: certificates')
{
  const authority = makeCertificate({ name: 'clients', isAuthority: true })
  const check = checkCertificate(
    { method: 'mtls', ca: authority.cert, san: ['dns:*.partner.example'], fingerprints: [] },
    { clock, revocations: nothingRevoked, trusts: () => true },
  )
  const header = (i: number) => {
    const { cert } = makeCertificate({ name: `c${i}`, by: authority, dns: [`c${i}.partner.example`] })
    return makeExchange({ headers: ['Client-Cert', `:${new X509Certificate(cert).raw.toString('base64')}:`] })
  }
  const use = (exchange: ReturnType<typeof header>) => {
    const verdict = check(exchange)
    if (verdict instanceof Promise || verdict.outcome === 'deny') throw new Error('a certificate was refused')
  }
  const known = header(0)
  line('mtls: known certificate, in a header', await cost(() => Array.from({ length: 20_000 }, () => known), use))
  let next = 1
  line('mtls: new certificate, in a header', await cost(() => Array.from({ length: 200 }, () => header(next++)), use))
}

progress('auth: a flood')
{
  const { check, issuer, close } = await setUp('ES256')
  const stranger = signer((await makeKey('ES256', 'k1')).privateKey)
  const now = Math.floor(Date.now() / 1000)
  const forge = () =>
    compact(
      { alg: 'ES256', kid: 'k1', typ: 'at+jwt' },
      { iss: issuer.issuer, aud: 'orders-api', sub: 'u1', exp: now + 300, jti: randomUUID() },
      stranger,
    )
  const refuse = async (exchange: ReturnType<typeof bearer>) => {
    const verdict = check(exchange)
    const settled = verdict instanceof Promise ? await verdict : verdict
    if (settled.outcome === 'allow') throw new Error('a forged token was admitted')
  }
  line(
    'ES256, forged token, each a new one',
    await cost(() => Array.from({ length: 400 }, () => bearer(forge())), refuse),
  )
  const same = bearer(forge())
  await refuse(same)
  line('ES256, forged token, the same again', await cost(() => Array.from({ length: 5_000 }, () => same), refuse))
  await close()
}

const text = `## auth

${circumstances()}

CPU µs of the auth stage alone, all threads of the process, median of ${rounds} rounds:

${table(['credential', 'µs', 'beside'], rows)}
`
process.stdout.write(text)
if (!options.dry) writeSection('auth', text)
process.exit(0)

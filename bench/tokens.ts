// What does a token cost when it is known, when it is new, and when somebody forges ten thousand a second? Run by
// `npm run bench -- tokens`; README.md says how to read it.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import { exportJWK, jwtVerify } from 'jose'
import { createVerifiers } from '../src/gateway/tools/jwt.js'
import { createKeySets } from '../src/state/key-sets.js'
import { createVerifiedTokens } from '../src/state/verified-tokens.js'
import { compact, signer } from '../test/support/forge.js'
import { type SigningKey, startIssuer } from '../test/support/issuer.js'
import type { LoadResult, LoadTurn } from './processes/load.js'
import { startPostern, startProcess } from './support/processes.js'
import { brokenBudget, circumstances, median, progress, table, writeSection } from './support/results.js'
import { makeWorkload } from './support/workload.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1500' },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const ms = Number(options.ms)
const clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** Runs the teardowns that test support asks for. */
class Ends {
  readonly #ends: (() => unknown)[] = []
  teardown(end: () => unknown): void {
    this.#ends.push(end)
  }
  async run(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end()
  }
}

/** Encoded at once: see `makeIssuer` in support/workload.ts. */
async function encodedKey(alg: 'RS256' | 'ES256'): Promise<SigningKey> {
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const
  const pair =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
  const publicKey = createPublicKey(pair.publicKey)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }
  return { kid: 'k1', alg, publicKey, privateKey: createPrivateKey(pair.privateKey), jwk }
}

/** µs of one token after the other: as the library alone verifies it, new to the gateway, and known to it. */
async function costs(algorithm: 'RS256' | 'ES256'): Promise<{ library: number; miss: number; hit: number }> {
  const ends = new Ends()
  const key = await encodedKey(algorithm)
  const issuer = await startIssuer(ends, [key])
  const keySets = createKeySets({ clock, timers: false })
  const fastify = Fastify()
  const plan = issuer.plan()
  const verifiers = createVerifiers({
    issuers: { main: plan },
    fastify,
    vault: new Map(),
    keySets,
    verifiedTokens: createVerifiedTokens(),
    clock,
  })
  await fastify.ready()
  const verifier = verifiers('main')
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: algorithm, kid: key.kid, typ: 'at+jwt' }
  const tokens = Array.from({ length: 300 * (rounds + 1) }, (_, i) =>
    compact(
      header,
      { iss: issuer.url, aud: plan.audience.oneOf[0], sub: `u${i}`, iat: now, exp: now + 600, scope: 'orders:read' },
      signer(key.privateKey),
    ),
  )
  const expected = {
    issuer: issuer.url,
    audience: [...plan.audience.oneOf],
    algorithms: [algorithm],
    requiredClaims: ['exp', 'sub'],
  }
  const timed = async (some: readonly string[], verify: (token: string) => unknown): Promise<number> => {
    const started = performance.now()
    for (const token of some) {
      const result = verify(token)
      if (result instanceof Promise) await result
    }
    return ((performance.now() - started) * 1000) / some.length
  }
  const figures = { library: [] as number[], miss: [] as number[], hit: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    progress(`tokens: ${algorithm}: round ${round} of ${rounds}`)
    const some = tokens.slice(round * 300, (round + 1) * 300)
    const library = await timed(some, (token) => jwtVerify(token, key.publicKey, expected))
    const miss = await timed(some, (token) => verifier.verify(token))
    // Each request brings its own copy, whose hash nobody has taken yet.
    const again = some.flatMap((token) => Array.from({ length: 20 }, () => Buffer.from(token).toString('latin1')))
    const hit = await timed(again, (token) => verifier.verify(token))
    // The first round warms up.
    if (round === 0) continue
    figures.library.push(library)
    figures.miss.push(miss)
    figures.hit.push(hit)
  }
  await fastify.close()
  await keySets.close()
  await ends.run()
  return { library: median(figures.library), miss: median(figures.miss), hit: median(figures.hit) }
}

/** p99 in ms of returning clients, in quiet and beside ten thousand forged ES256 tokens a second from one address. */
async function flood(): Promise<{ quiet: number; flooded: number; forged: number }> {
  const upstream = await startProcess('upstream', 1)
  const workload = makeWorkload(upstream.port)
  writeFileSync(
    join(workload.folder, 'gateway.yaml'),
    'trustedProxies: [127.0.0.0/8]\naddressLimit: { quota: 10000000, window: 1m, failedAuth: 30/1m }\n' +
      'limits: { connectionsPerAddress: 1000, requestsPerSocket: 10000000 }\n',
  )
  const [clients, forger] = [await startProcess('load', 1), await startProcess('load', 1)]
  const postern = await startPostern(workload.folder, 0)
  const from = (bytes: Buffer, address: string): Buffer =>
    Buffer.from(bytes.toString().replace('Host:', `X-Forwarded-For: ${address}\r\nHost:`))
  const good = workload.requests('GET', 'ES256').map((bytes, i) => from(bytes, `198.51.100.${i + 1}`))
  const bad = workload
    .requests('GET', 'ES256')
    // Another signature: the last but one character decides whole bits.
    .map((bytes) => from(Buffer.from(bytes.toString().replace(/(.{10})(\r\nAccept:)/, 'AAAAAAAAAA$2')), '203.0.113.7'))
  const turn = async (load: typeof clients, asked: Omit<LoadTurn, 'port'>): Promise<LoadResult> => {
    load.child.send({ port: postern.port, ...asked } satisfies LoadTurn)
    const [result] = (await once(load.child, 'message')) as [LoadResult] // `load` answers each turn with its result
    return result
  }
  const calm = { connections: 16, rate: 300, ms, requests: good, status: 200 }
  const attack = { connections: 32, rate: 10_000, ms: ms + 600, requests: bad, status: 429 }
  try {
    await turn(clients, calm)
    // Thirty refusals, and from then on the address is known for what it is.
    await turn(forger, { ...attack, rate: 200, ms: 500, status: 401 })
    const quiet: number[] = []
    const flooded: number[] = []
    const forged: number[] = []
    for (let round = 1; round <= rounds; round++) {
      progress(`tokens: flood: round ${round} of ${rounds}`)
      quiet.push(honest(await turn(clients, calm)).p99)
      const attacking = turn(forger, attack)
      await new Promise((resolve) => setTimeout(resolve, 300))
      flooded.push(honest(await turn(clients, calm)).p99)
      const { answered, ms: took } = honest(await attacking)
      forged.push((answered / took) * 1000)
    }
    return { quiet: median(quiet), flooded: median(flooded), forged: median(forged) }
  } finally {
    for (const running of [postern, clients, forger, upstream]) await running.stop()
    workload.remove()
  }
}

function honest(result: LoadResult): LoadResult {
  if (result.faults.length > 0) throw new Error(`not every request was answered as it should be: ${result.faults[0]}`)
  return result
}

const rows: string[][] = []
const figures: Record<string, number> = {}
for (const algorithm of ['RS256', 'ES256'] as const) {
  const { library, miss, hit } = await costs(algorithm)
  figures[`new/library ${algorithm}`] = miss / library
  figures[`µs known ${algorithm}`] = hit
  rows.push([algorithm, library.toFixed(1), miss.toFixed(1), (miss / library).toFixed(2), hit.toFixed(2)])
}
const { quiet, flooded, forged } = await flood()
figures['p99 beside a flood, times'] = flooded / quiet
progress('')
const text = `## tokens

${circumstances()}

µs of one token after the other, median of ${rounds} rounds:

${table(['', 'jose alone', 'new to the gateway', 'new ÷ jose', 'known'], rows)}

${Math.round(forged)} forged ES256 tokens a second from one address, answered 429 after thirty: p99 of returning clients (300 a
second, other addresses) ${quiet.toFixed(2)} ms in quiet, ${flooded.toFixed(2)} ms beside it: ${(flooded / quiet).toFixed(1)} times.
`
process.stdout.write(text)
if (!options.dry) writeSection('tokens', text)
const broken = brokenBudget('tokens', figures)
for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
process.exitCode = broken.length > 0 ? 1 : 0

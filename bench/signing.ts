// What the last hop costs, and whether it holds: `npm run bench -- signing`. A hundred thousand odd requests, signed and
// judged by a verifier that shares no code; twenty thousand of them through a gateway and real sockets; keys that rotate
// under load; and what a gateway pays that signs nothing.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AwsKeys, OutgoingRequest } from '../src/stages/contract.js'
import { openAwsSigner } from '../src/stages/forward/platforms/aws-sigv4.js'
import { setAwsEnvironment } from '../test/support/aws-environment.js'
import { createAwsAccount, startContainerEndpoint, startSignedFunction } from '../test/support/cloud-endpoints.js'
import { startGateway } from '../test/support/gateway.js'
import { oddRequest } from '../test/support/odd-requests.js'
import { seeded } from '../test/support/seeded.js'
import { signatureFault } from '../test/support/sigv4-verifier.js'
import { circumstances, progress, table, writeSection } from './support/results.js'

const isDry = process.argv.includes('--dry')
const scope = { host: 'abc.lambda-url.eu-west-1.on.aws', region: 'eu-west-1', service: 'lambda' }
const now = Date.UTC(2026, 10, 22, 12)
const keys: AwsKeys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
  sessionToken: 'token//==',
}
const teardowns: (() => Promise<void> | void)[] = []
const test = { teardown: (done: () => Promise<void> | void): void => void teardowns.push(done) }

/** Signed in this process, judged in this process. */
async function oddOnes(count: number): Promise<number> {
  const signer = openAwsSigner(scope)
  const random = seeded(2026)
  let refused = 0
  for (let i = 0; i < count; i++) {
    const sent = await signer.sign(oddRequest(random, i % 2 === 0), keys, now)
    const fault = signatureFault(
      {
        method: sent.method,
        target: sent.target,
        rawHeaders: ['host', scope.host, ...sent.headers],
        body: Buffer.isBuffer(sent.body) ? sent.body : Buffer.alloc(0),
      },
      { keyOf: () => ({ secret: keys.secretAccessKey, token: 'token//==' }), ...scope, now },
    )
    if (fault !== null && refused++ < 5) console.error(`${sent.method} ${sent.target}: ${fault}`)
    if (i % 10_000 === 0) progress(`odd requests: ${i}`)
  }
  return refused
}

/** Median µs of CPU for one signature over 1 KB. */
async function cost(): Promise<number> {
  const signer = openAwsSigner(scope)
  const timeouts = { connectMs: 1, headersMs: 1, idleMs: 1, totalMs: 1 }
  const headers = [
    'content-type',
    'application/json',
    'accept',
    '*/*',
    'x-request-id',
    '01JD',
    'x-forwarded-for',
    '192.0.2.1',
  ]
  const asked: OutgoingRequest = {
    method: 'POST',
    target: '/orders/42?page=2',
    headers,
    body: Buffer.alloc(1_024, 0x61),
    timeouts,
  }
  const rounds: number[] = []
  for (let round = 0; round < 9; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < 5_000; i++) await signer.sign(asked, keys, now + i)
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / 5_000)
  }
  return rounds.sort((a, b) => a - b)[4] ?? Number.NaN
}

const route =
  '{ upstream: fn, auth: none, reason: a bench, inspect: { mode: off }, request: { contentType: [text/plain, application/json] } }'
const routes = `\nroutes:\n  ANY /: ${route}\n  ANY /{rest+}: ${route}`

/** A gateway before a verifying function; how many answers were anything but 200, with what the front door itself refused. */
async function throughGateway(options: { readonly lifeMs: number; readonly total?: number; readonly forMs?: number }) {
  const account = createAwsAccount()
  const container = await startContainerEndpoint(test, account, 'token', () => options.lifeMs)
  setAwsEnvironment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token' })
  const fn = await startSignedFunction(test, account)
  const upstream = `upstreams:\n  fn: { url: "${fn.url}", auth: { aws-sigv4: { region: eu-west-1, service: lambda } } }`
  const gateway = await startGateway(test, `${upstream}${routes}`)
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const { port } = new URL(gateway.url)
  const random = seeded(8)
  const until = performance.now() + (options.forMs ?? Number.POSITIVE_INFINITY)
  const statuses = new Map<number, number>()
  let sent = 0
  const one = (): Promise<number> => {
    const { method, target, body } = oddRequest(random, true)
    const hasBody = body !== null && method !== 'GET' && method !== 'HEAD'
    const text = hasBody ? Buffer.from(body.toString('base64')) : undefined
    return new Promise((resolve) => {
      const headers = text === undefined ? {} : { 'content-type': 'text/plain', 'content-length': text.length }
      const outgoing = httpRequest({ host: '127.0.0.1', port, agent, method, path: target, headers }, (incoming) => {
        incoming.resume()
        incoming.on('end', () => resolve(incoming.statusCode ?? 0))
      })
      outgoing.on('error', () => resolve(-1))
      outgoing.end(text)
    })
  }
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (sent < (options.total ?? Number.POSITIVE_INFINITY) && performance.now() < until) {
        sent++
        const status = await one()
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (sent % 2_000 === 0) progress(`through the gateway: ${sent}`)
      }
    }),
  )
  agent.destroy()
  return { admitted: fn.admitted.length, refusals: fn.refusals.length, statuses, fetches: container.requests.length }
}

/** From spawn to listening, in ms, and the memory then, in MB, of the bundle on a policy. */
async function start(upstream: string): Promise<{ ms: number; mb: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'))
  writeFileSync(join(folder, 'routes.yaml'), `upstreams:\n  fn: ${upstream}${routes}`)
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [main, 'run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'],
    {
      env: { PATH: process.env['PATH'] ?? '', AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const ms = await new Promise<number>((resolve) => child.stdout.once('data', () => resolve(performance.now() - began)))
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1])
  child.kill('SIGTERM')
  await new Promise((resolve) => child.on('close', resolve))
  rmSync(folder, { recursive: true })
  return { ms, mb: (pages * 4_096) / 1e6 }
}

async function median(upstream: string): Promise<{ ms: number; mb: number }> {
  const runs: { ms: number; mb: number }[] = []
  for (let i = 0; i < 5; i++) runs.push(await start(upstream))
  const middle = (of: 'ms' | 'mb'): number => runs.map((run) => run[of]).sort((a, b) => a - b)[2] ?? Number.NaN
  return { ms: middle('ms'), mb: middle('mb') }
}

const micros = await cost()
const refused = await oddOnes(100_000)
const odd = await throughGateway({ lifeMs: 3_600_000, total: 20_000 })
const rotating = await throughGateway({ lifeMs: 8_000, forMs: 20_000 })
const ok = (statuses: ReadonlyMap<number, number>): number => statuses.get(200) ?? 0
const frontDoor = (statuses: ReadonlyMap<number, number>): number => statuses.get(400) ?? 0
const other = (statuses: ReadonlyMap<number, number>): number =>
  [...statuses].reduce((sum, [status, count]) => (status === 200 || status === 400 ? sum : sum + count), 0)
const plain = await median('{ url: "http://127.0.0.1:9", auth: none }')
const signed = await median('{ url: "http://127.0.0.1:9", auth: { aws-sigv4: { region: eu-west-1 } } }')

const rows = [
  ['odd requests whose signature does not verify, of 100,000', String(refused), '0'],
  [
    'of 20,000 through a gateway: passed · refused by the front door itself · by the function',
    `${ok(odd.statuses)} · ${frontDoor(odd.statuses)} · ${odd.refusals + other(odd.statuses)}`,
    'the last 0',
  ],
  ['signing 1 KB, keys cached: CPU', `${micros.toFixed(1)} µs`, '≤ 60 µs'],
  [
    `keys of 8 s rotating under load for 20 s: passed · refused, in ${rotating.fetches} fetches`,
    `${ok(rotating.statuses)} · ${rotating.refusals + other(rotating.statuses)}`,
    'the last 0',
  ],
  ['start to listening and memory, no cloud', `${plain.ms.toFixed(0)} ms · ${plain.mb.toFixed(0)} MB`, ''],
  ['the same with one upstream that signs', `${signed.ms.toFixed(0)} ms · ${signed.mb.toFixed(0)} MB`, ''],
]
const markdown = `## signing\n\n${circumstances()}\n\n${table(['what', 'measured', 'goal'], rows)}`
progress('')
process.stdout.write(`${markdown}\n`)
if (!isDry) writeSection('signing', markdown)
for (const done of teardowns.reverse()) await done()
const broke = refused + odd.refusals + other(odd.statuses) + rotating.refusals + other(rotating.statuses)
process.exit(broke === 0 && micros <= 60 ? 0 : 1)

// Do limits hold, and what do they cost? Accuracy under four times the quota, a noisy neighbour, a store that pauses or
// dies, and the whole chain with a store against the whole chain without. Needs redis-server.
// Run by `npm run bench -- limits [--only overload]`; README.md says how to read it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type LoadReport, quantile, startLoad } from '../test/support/load.js'
import { startRedis, type TestRedis } from '../test/support/redis.js'
import { cpuMicros, startPostern, startProcess } from './support/processes.js'
import { circumstances, median, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, dry: { type: 'boolean', default: false } },
})

const endings: (() => Promise<void> | void)[] = []
const ending = { teardown: (done: () => Promise<void> | void) => void endings.unshift(done) }
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const upstream = await startProcess('upstream', 1)
endings.push(() => upstream.stop())

async function gateway(limit: string, redis: TestRedis | null, core: number | null = null) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-limits-'))
  ending.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = redis === null ? '' : `store: { redis: { url: "${redis.url}" } }\n`
  writeFileSync(join(folder, 'gateway.yaml'), `${store}limits: { eventLoopDelay: 5s }\n`)
  writeFileSync(
    join(folder, 'routes.yaml'),
    `upstreams: { fn: { url: "http://127.0.0.1:${upstream.port}", auth: none } }
routes:
  GET /x:
    upstream: fn
    auth: none
    reason: a bench of limits
    rateLimit: { per-client: { partitionKey: header.x-client, ${limit} } }
`,
  )
  const running = await startPostern(folder, core)
  ending.teardown(() => running.stop())
  return running
}

const from = (client: string) => Buffer.from(`GET /x HTTP/1.1\r\nhost: gateway.test\r\nx-client: ${client}\r\n\r\n`)
const admittedOf = (report: LoadReport): number => report.statuses.get(200) ?? 0
const lostOf = ({ lost, unaccepted, refused }: LoadReport): number => lost + unaccepted + refused
const rows: string[][] = []

/** Four times the quota for ten windows and a half: eleven quotas are admitted, whatever the order of arrival. */
async function overload(): Promise<void> {
  const redis = await startRedis(ending)
  const shapes = [
    ['memory', [null]],
    ['Redis', [redis]],
    ['3 processes on one Redis', [redis, redis, redis]],
  ] as const
  for (const [name, stores] of shapes) {
    progress(`limits: overload, ${name}`)
    redis.cli('flushall')
    const gateways = await Promise.all(stores.map((store) => gateway('quota: 200, window: 1s', store)))
    const loads = gateways.map(({ port }) =>
      startLoad({ port, connections: 16, rate: 800 / stores.length, next: () => ({ bytes: from('one') }) }),
    )
    await after(10_500)
    const reports = await Promise.all(loads.map((load) => load.stop()))
    const admitted = reports.reduce((sum, report) => sum + admittedOf(report), 0)
    const error = (admitted / (11 * 200) - 1) * 100
    rows.push([`4 × the quota, ${name}: error`, `${error.toFixed(2)} %`])
  }
}

async function neighbour(): Promise<void> {
  const { port } = await gateway('quota: 60, window: 1s', null, 0)
  const others = () => startLoad({ port, connections: 8, rate: 50, next: () => ({ bytes: from('quiet') }) })
  progress('limits: noisy neighbour')
  const alone = others()
  await after(5_000)
  const before = await alone.stop()
  const quiet = others()
  const noisy = startLoad({ port, connections: 32, rate: 2_500, next: () => ({ bytes: from('noisy') }) })
  await after(6_000)
  const [during, loud] = await Promise.all([quiet.stop(), noisy.stop()])
  rows.push(
    [
      'beside a neighbour at 50 ×: calls of others refused or lost',
      String(during.answered - admittedOf(during) + lostOf(during)),
    ],
    [
      'p99 of others, alone and beside it',
      `${quantile(before.latencies, 0.99).toFixed(1)} / ${quantile(during.latencies, 0.99).toFixed(1)} ms`,
    ],
    ['the neighbour: asked, admitted', `${loud.answered}, ${admittedOf(loud)}`],
  )
}

async function outage(kind: 'paused' | 'killed'): Promise<void> {
  const redis = await startRedis(ending)
  const running = await gateway('quota: 100, window: 2s', redis)
  const isUp = async (): Promise<boolean> =>
    /^postern_store_up 1$/m.test(await (await fetch(`http://127.0.0.1:${running.adminPort}/metrics`)).text())
  progress(`limits: Redis ${kind}`)
  // Many callers beside the one who is counted: there is always somebody whom the store must be asked about.
  let turn = 0
  const run = () =>
    startLoad({
      port: running.port,
      connections: 16,
      rate: 300,
      next: () => ({ bytes: from(turn++ % 3 === 0 ? `c${turn}` : 'one'), judge: count(turn % 3 !== 1) }),
    })
  let admitted = 0
  const count = (isOne: boolean) => (answer: { status: number }) => {
    if (isOne && answer.status === 200) admitted++
    return null
  }
  const calm = run()
  await after(3_000)
  const before = await calm.stop()
  await after(2_100)
  admitted = 0
  const load = run()
  await after(1_000)
  if (kind === 'paused') redis.pause()
  else await redis.kill()
  await after(4_000)
  if (kind === 'paused') redis.resume()
  else await redis.start()
  const back = performance.now()
  while (!(await isUp())) await after(10)
  const backMs = performance.now() - back
  await after(10_500 - 5_000 - backMs)
  const report = await load.stop()
  rows.push(
    [`Redis ${kind} for 4 s: requests lost`, String(lostOf(report))],
    [
      'p99, before and with the outage',
      `${quantile(before.latencies, 0.99).toFixed(1)} / ${quantile(report.latencies, 0.99).toFixed(1)} ms`,
    ],
    ['admitted of 6 quotas in 10.5 s of windows of 2 s', `${admitted} of 600`],
    ['back after', `${backMs.toFixed(0)} ms`],
  )
}

async function cost(): Promise<void> {
  const redis = await startRedis(ending)
  const limit = 'quota: 1000000, window: 1m'
  const [memory, shared] = [await gateway(limit, null, 0), await gateway(limit, redis, 0)]
  const rates: Record<string, { rate: number; micros: number }[]> = { memory: [], Redis: [] }
  let client = 0
  for (let round = 0; round < 4; round++) {
    for (const [name, { port, child }] of Object.entries({ memory, Redis: shared })) {
      progress(`limits: cost, round ${round + 1}, ${name}`)
      const load = startLoad({ port, connections: 50, next: () => ({ bytes: from(`c${client++ % 1000}`) }) })
      const cpu = cpuMicros(child)
      const started = performance.now()
      await after(3_000)
      const report = await load.stop()
      const seconds = (performance.now() - started) / 1000
      if (report.answered !== admittedOf(report)) throw new Error('an answer was not 200')
      if (round > 0) {
        rates[name]?.push({
          rate: report.answered / seconds,
          micros: (cpuMicros(child) - cpu) / report.answered,
        })
      }
    }
  }
  const of = (name: string, key: 'rate' | 'micros') => median((rates[name] ?? []).map((each) => each[key]))
  rows.push(
    [
      'whole chain, 50 connections: requests a second, memory and Redis',
      `${of('memory', 'rate').toFixed(0)} / ${of('Redis', 'rate').toFixed(0)}`,
    ],
    ['ratio', (of('Redis', 'rate') / of('memory', 'rate')).toFixed(2)],
    [
      'CPU µs of the gateway a request, memory and Redis',
      `${of('memory', 'micros').toFixed(0)} / ${of('Redis', 'micros').toFixed(0)}`,
    ],
  )
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  overload,
  neighbour,
  paused: () => outage('paused'),
  killed: () => outage('killed'),
  cost,
}
try {
  for (const [name, run] of Object.entries(parts)) if (options.only === undefined || options.only === name) await run()
} finally {
  for (const end of endings) await end()
}
progress('')
const text = `## limits\n\n${circumstances()}\n\n${table(['', 'figure'], rows)}\n`
process.stdout.write(`${text}\n`)
if (!options.dry && options.only === undefined) writeSection('limits', text)
process.exit(0)

// What the edge of the gateway bears: ten thousand idle connections and the moment they expire, slow readers of a long
// answer, a log that cannot be written, and hours of ordinary use in small.
//   npm run bench -- edge [--only idle,silent,slow-readers,log,soak] [--minutes 10] [--dry]
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { goodKey } from '../test/support/fuzz/cases.js'
import { quantile, startLoad } from '../test/support/load.js'
import type { LoadResult, LoadTurn } from './processes/load.js'
import { type Running, residentMegabytes, startPostern, startProcess } from './support/processes.js'
import { brokenBudget, circumstances, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'idle,silent,slow-readers,log,soak' },
    minutes: { type: 'string', default: '10' },
    connections: { type: 'string', default: '10000' },
    dry: { type: 'boolean', default: false },
  },
})
const wanted = new Set(options.only.split(','))
const folder = mkdtempSync(join(tmpdir(), 'postern-bench-edge-'))
const rows: string[][] = []
const figures: Record<string, number> = {}
const wrong: string[] = []
const note = (what: string, figure: string, goal: string): void => {
  rows.push([what, figure, goal])
  progress(`${what}: ${figure} (goal ${goal})\n`)
}
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A policy for one upstream: open, guarded and streaming routes, and limits that let the bench be many callers. */
function writePolicy(port: number, limits: string): void {
  const digest = createHash('sha256').update(goodKey).digest('hex')
  writeFileSync(
    join(folder, 'gateway.yaml'),
    `version: 1\nlimits: { connections: 30000, connectionsPerAddress: 30000, eventLoopDelay: 10s, ${limits} }\n`,
  )
  writeFileSync(
    join(folder, 'routes.yaml'),
    `
upstreams: { fn: { url: "http://127.0.0.1:${port}" } }
clients: { partner: { keys: { k1: { sha256: ${digest} } } } }
defaults: { upstream: fn, rateLimit: {} }
routes:
  GET /items/{id}: { auth: none, reason: a bench }
  GET /guarded/{id}: { auth: { apiKey: [partner] } }
  POST /items: { auth: none, reason: a bench, request: { body: { type: object } } }
  GET /long: { auth: none, reason: a bench, timeout: { headers: 10s, idle: 60s, total: off } }
`,
  )
}

const ask = (path: string, more = ''): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n${more}\r\n`)

/** Opens connections, a few hundred under way at a time; each asks once, or says nothing at all. */
async function openIdle(
  port: number,
  count: number,
  asks: boolean,
): Promise<{ sockets: Socket[]; closed: () => number }> {
  const sockets: Socket[] = []
  let closed = 0
  const openOne = async (): Promise<void> => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    await once(socket, 'connect')
    sockets.push(socket)
    if (!asks) return void socket.resume()
    socket.write(ask('/items/idle'))
    await once(socket, 'data')
  }
  const lane = async (): Promise<void> => {
    while (sockets.length < count) await openOne()
  }
  await Promise.all(Array.from({ length: 100 }, lane))
  return { sockets, closed: () => closed }
}

/** Idle connections: what each costs, and what callers notice when all of them expire. */
async function idle(asks: boolean): Promise<void> {
  const count = Number(options.connections)
  const upstream = await startProcess('upstream', 1)
  // They expire a while after the last was opened, one after the other as they came to rest.
  writePolicy(upstream.port, asks ? 'keepAliveTimeout: 14s' : 'headersTimeout: 14s, requestTimeout: 15s')
  const caller = await startProcess('load', 1)
  const postern = await startPostern(folder, 0)
  try {
    await turn(caller, postern.port, 4_000)
    const before = residentMegabytes(postern.child)
    progress(`${asks ? 'idle' : 'silent'}: opening ${count} connections`)
    const { sockets, closed } = await openIdle(postern.port, count, asks)
    await wait(1_000)
    const each = ((residentMegabytes(postern.child) - before) * 1024) / sockets.length
    const calm = await turn(caller, postern.port, 3_000)
    if (closed() > 0) wrong.push(`${closed()} connections expired before they were counted`)
    // Second by second, from before the first expires to after the last: the worst counts.
    let worst = 0
    for (const deadline = performance.now() + 45_000; closed() < sockets.length && performance.now() < deadline; ) {
      const before = closed()
      const { p99 } = await turn(caller, postern.port, 1_000)
      if (closed() - before > sockets.length / 100) worst = Math.max(worst, p99)
    }
    const what = asks ? 'idle after a request' : 'that never said a word'
    if (closed() < sockets.length) wrong.push(`${sockets.length - closed()} connections ${what} never expired`)
    note(`${sockets.length} connections ${what}: KB each`, each.toFixed(1), '≤ 15')
    note('service p99 while they rest, ms', calm.p99.toFixed(1), '')
    note('service p99 in the worst second of their expiry, ms', worst.toFixed(1), '≤ 50')
    figures[`KB per ${asks ? 'idle' : 'silent'} connection`] = each
    figures[`p99 ms while ${asks ? 'idle' : 'silent'} connections expire`] = worst
    for (const socket of sockets) socket.destroy()
  } finally {
    await caller.stop()
    await postern.stop()
    await upstream.stop()
  }
}

/** One turn of load from a process of its own: this one has ten thousand sockets to look after. */
async function turn(caller: Running, port: number, ms: number): Promise<LoadResult> {
  const order: LoadTurn = { port, connections: 32, rate: 300, ms, requests: [ask('/items/steady')], status: 200 }
  const answered = once(caller.child, 'message')
  caller.child.send(order)
  const [result] = await answered
  const found = result as LoadResult // the load process says nothing else
  wrong.push(...found.faults)
  return found
}

function steady(port: number, rate: number, path = '/items/steady'): ReturnType<typeof startLoad> {
  const bytes = ask(path)
  const judge = ({ status }: { status: number }) => (status === 200 ? null : `status ${status}`)
  return startLoad({ port, connections: 32, rate, next: () => ({ bytes, judge }) })
}

/** Steady load for so long; p99 in ms. */
async function loadFor({ port }: { readonly port: number }, ms: number, rate: number, path?: string): Promise<number> {
  const load = steady(port, rate, path)
  await wait(ms)
  const report = await load.stop()
  wrong.push(...report.wrong.slice(0, 3))
  if (report.lost > 0) wrong.push(`${report.lost} lost`)
  return quantile(report.latencies, 0.99)
}

/** Fifty readers of 200 MB who take a little now and then, beside one who takes all of it. */
async function slowReaders(): Promise<void> {
  const total = 200 * 1024 * 1024
  const piece = Buffer.alloc(64 * 1024, 'a long answer. ')
  const fn = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': total })
    let left = total
    const go = (): void => {
      while (left > 0) {
        const part = left >= piece.length ? piece : piece.subarray(0, left)
        left -= part.length
        if (left === 0) return void response.end(part)
        if (!response.write(part)) return void response.once('drain', go)
      }
    }
    response.on('error', () => {})
    go()
  }).listen(0, '127.0.0.1')
  await once(fn, 'listening')
  writePolicy((fn.address() as AddressInfo).port, 'requestTimeout: 60s')
  const postern = await startPostern(folder, 0)
  try {
    // Once through first: what a working process has anyway is no growth.
    await readAll(postern.port)
    const before = residentMegabytes(postern.child)
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect({ port: postern.port, host: '127.0.0.1' })
      socket.on('error', () => {})
      socket.write(ask('/long'))
      // About a megabyte a second each: none of them is done before this is over.
      const reading = setInterval(() => void socket.read(100 * 1024), 100)
      socket.on('readable', () => {})
      socket.on('close', () => clearInterval(reading))
      return socket
    })
    let peak = before
    const sampling = setInterval(() => {
      peak = Math.max(peak, residentMegabytes(postern.child))
    }, 100)
    const fast = await readAll(postern.port)
    await wait(8_000)
    clearInterval(sampling)
    for (const socket of slow) socket.destroy()
    note('50 slow readers of 200 MB: growth in MB', (peak - before).toFixed(0), '≤ 100')
    note('beside them, 200 MB to one fast reader: s', (fast.ms / 1000).toFixed(1), '')
    if (fast.bytes !== total) wrong.push(`the fast reader got ${fast.bytes} of ${total} bytes`)
    figures['MB growth by 50 slow readers'] = peak - before
  } finally {
    await postern.stop()
    fn.closeAllConnections()
    fn.close()
  }
}

async function readAll(port: number): Promise<{ bytes: number; ms: number }> {
  const started = performance.now()
  const answer = await fetch(`http://127.0.0.1:${port}/long`)
  let bytes = 0
  for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length // fetch gives bytes
  return { bytes, ms: performance.now() - started }
}

/** The same load with a log that is read, on a full disk, and into a pipe that nobody reads. */
async function log(): Promise<void> {
  const upstream = await startProcess('upstream', 1)
  writePolicy(upstream.port, 'targetBytes: 8KiB')
  // Long lines: what is held while nobody reads is full after seconds.
  const path = `/items/${'a'.repeat(1_500)}`
  const p99s: Record<string, number> = {}
  try {
    for (const sink of ['read', 'full disk', 'blocked pipe'] as const) {
      const stdout = sink === 'full disk' ? openSync('/dev/full', 'w') : sink === 'read' ? 'ignore' : 'pipe'
      const postern = await startPostern(folder, 0, [], { stdout })
      try {
        await loadFor(postern, 2_000, 600, path)
        p99s[sink] = await loadFor(postern, 10_000, 600, path)
        const metrics = await (await fetch(`http://127.0.0.1:${postern.adminPort}/metrics`)).text()
        const dropped = Number(/^postern_log_lines_dropped_total(?:\{\})? ([0-9]+)$/m.exec(metrics)?.[1] ?? 0)
        const ratio = p99s[sink] / (p99s['read'] ?? Number.NaN)
        note(`log ${sink}: p99 in ms`, p99s[sink].toFixed(2), sink === 'read' ? '' : `< 2 × (${ratio.toFixed(2)} ×)`)
        if (sink === 'read') continue
        note(`log ${sink}: lines dropped and counted`, String(dropped), '> 0')
        figures[`p99 with a ${sink} ÷ without`] = ratio
        if (dropped === 0) wrong.push(`no dropped line was counted (${sink})`)
      } finally {
        await postern.stop()
      }
    }
  } finally {
    await upstream.stop()
  }
}

/** Ordinary use that goes on: new connections, new clients, new paths, refusals among them. */
async function soak(minutes: number): Promise<void> {
  const upstream = await startProcess('upstream', 1)
  writePolicy(upstream.port, 'keepAliveTimeout: 5s')
  const postern = await startPostern(folder, 0)
  const samples: number[] = []
  try {
    let sent = 0
    const kinds = [
      () => ask(`/items/${sent % 5_000}?page=${sent % 7}`, `User-Agent: client-${sent % 1_000}\r\n`),
      () => ask(`/guarded/${sent % 5_000}`, `X-Api-Key: ${goodKey}\r\n`),
      () => ask(`/guarded/${sent % 5_000}`, `X-Api-Key: key-${sent}\r\n`),
      () => ask(`/nowhere/${sent}`),
      () => {
        const body = JSON.stringify({
          note: `order ${sent}`,
          items: Array.from({ length: sent % 20 }, (_, i) => ({ i })),
        })
        return Buffer.from(
          `POST /items HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        )
      },
    ]
    const next = (): { bytes: Buffer } => ({ bytes: (kinds[sent++ % kinds.length] ?? (() => ask('/items/1')))() })
    const deadline = performance.now() + minutes * 60_000
    let answered = 0
    let lost = 0
    while (performance.now() < deadline) {
      // Fifteen seconds on the same connections, then others.
      const load = startLoad({ port: postern.port, connections: 40, rate: 300, next })
      for (let i = 0; i < 15 && performance.now() < deadline; i++) {
        await wait(1_000)
        samples.push(residentMegabytes(postern.child))
      }
      const report = await load.stop()
      answered += report.answered
      lost += report.lost
      progress(`soak: ${answered} answered, ${samples.at(-1)?.toFixed(0)} MB`)
    }
    const fifth = Math.floor(samples.length / 5)
    const mean = (from: number): number => samples.slice(from, from + fifth).reduce((sum, one) => sum + one, 0) / fifth
    const [middle, last] = [mean(2 * fifth), mean(4 * fifth)]
    note(`soak of ${minutes} min: requests answered`, String(answered), '')
    note('memory of the middle fifth, MB', middle.toFixed(1), '')
    note('memory of the last fifth ÷ the middle', (last / middle).toFixed(3), '≤ 1.05')
    figures['memory of the last fifth ÷ the middle'] = last / middle
    if (lost > 0) wrong.push(`${lost} lost in the soak`)
  } finally {
    await postern.stop()
    await upstream.stop()
  }
}

try {
  if (wanted.has('idle')) await idle(true)
  if (wanted.has('silent')) await idle(false)
  if (wanted.has('slow-readers')) await slowReaders()
  if (wanted.has('log')) await log()
  if (wanted.has('soak')) await soak(Number(options.minutes))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const text = `## edge

${circumstances()}

${table(['', 'figure', 'goal'], rows)}
`
process.stdout.write(text)
if (!options.dry) writeSection('edge', text)
const broken = [...brokenBudget('edge', figures), ...wrong]
for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
process.exit(broken.length > 0 ? 1 : 0)

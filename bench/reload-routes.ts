// What does a reload of a thousand routes do to traffic? Three kinds of edit take turns under load: one route, a line more
// at the head of a file (every place below it moves), and a default of every route. Every answer is judged; the event
// loop is watched from inside. Run by `npm run bench -- reload-routes`; README.md says how to read it.
import type { ChildProcess } from 'node:child_process'
import { createPrivateKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type LoadAnswer, type LoadRequest, quantile, startLoad } from '../test/support/load.js'
import { startEcho } from '../test/support/policy-edits.js'
import type { Stalls } from './processes/stall-watch.js'
import { writeManyRoutes } from './support/many-routes.js'
import { residentMegabytes, startPostern } from './support/processes.js'
import { brokenBudget, circumstances, median, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000' },
    reloads: { type: 'string', default: '24' },
    requests: { type: 'string', default: '104000' },
    rate: { type: 'string', default: '3000' },
    dry: { type: 'boolean', default: false },
  },
})
const routes = Number(options.routes)
const reloads = Number(options.reloads)
const perFile = 100
/** The routes whose own file is edited; every other one shows what the defaults say. */
const edited = { route: 501, lines: 301 } as const
type Kind = 'route' | 'lines' | 'default'
const kinds: readonly Kind[] = ['route', 'lines', 'default']

interface Edit {
  readonly kind: Kind
  /** Milliseconds from saving to the first answer under the new policy. */
  readonly liveMs: number
  readonly stalls: Stalls
}

const folder = mkdtempSync(join(tmpdir(), 'postern-bench-reload-'))
const echo = await startEcho()
try {
  const privateKey = writeManyRoutes(folder, { routes, perFile, upstream: `http://127.0.0.1:${echo.port}` })
  writeFileSync(
    join(folder, 'gateway.yaml'),
    'version: 1\naddressLimit: { quota: 10000000, window: 1m }\nlimits: { eventLoopDelay: 5s }\n',
  )
  const texts = new Map(kinds.map((kind) => [kind, kind === 'default' ? '' : readFileSync(fileOf(kind), 'utf8')]))
  for (const kind of kinds) save(kind, texts.get(kind) ?? '', 1)
  const watch = fileURLToPath(new URL('./processes/stall-watch.js', import.meta.url))
  const postern = await startPostern(folder, null, ['--import', watch], { ipc: true })
  try {
    tell(await run(postern.child, postern.port, privateKey, texts))
  } finally {
    await postern.stop()
  }
} finally {
  echo.close()
  rmSync(folder, { recursive: true, force: true })
}

async function run(child: ChildProcess, port: number, privateKey: string, texts: ReadonlyMap<Kind, string>) {
  const accepted = { route: 1, lines: 1, default: 1 }
  const seen = { route: 1, lines: 1, default: 1 }
  let halfMade = 0
  const judge = (kind: Kind, floor: number) => (answer: LoadAnswer) => {
    if (answer.status !== 200) return `${answer.status}: ${answer.body.toString().slice(0, 200)}`
    const told = JSON.parse(answer.body.toString()) as { version: string } // the echo's own form
    const version = Number(told.version.slice(1))
    seen[kind] = Math.max(seen[kind], version)
    if (version >= floor && version <= accepted[kind]) return null
    halfMade += 1
    return `judged by v${version}, while v${floor} to v${accepted[kind]} may judge`
  }
  const asks = prepared(privateKey)
  let count = 0
  const next = (): LoadRequest => {
    count += 1
    const probe = count % 50
    const route = probe === 7 ? edited.route : probe === 23 ? edited.lines : count % routes
    const kind = route === edited.route ? 'route' : route === edited.lines ? 'lines' : 'default'
    return { bytes: asks(route, count), judge: judge(kind, seen[kind]) }
  }

  const load = startLoad({ port, connections: 32, rate: Number(options.rate), next })
  // Warm: what is compiled at the first request is compiled, and what V8 makes of it too.
  await until(() => load.report.answered >= 10_000)
  await stallsOf(child)
  await pause(3_000)
  const undisturbed = await stallsOf(child)
  const warm = load.report.latencies.length
  const edits: Edit[] = []
  const stuck: string[] = []
  const perReload = (Number(options.requests) - load.report.answered) / reloads
  for (let reload = 0; reload < reloads; reload++) {
    const kind = kinds[reload % kinds.length] ?? 'route'
    const from = load.report.answered
    progress(`reload-routes: ${reload + 1} of ${reloads} (${kind}), ${from} requests answered`)
    accepted[kind] += 1
    const savedAt = performance.now()
    save(kind, texts.get(kind) ?? '', accepted[kind])
    const live = await until(() => seen[kind] === accepted[kind])
    const liveMs = performance.now() - savedAt
    if (!live) stuck.push(`edit ${reload} (${kind}) did not go live`)
    // What is compiled in the pauses after the swap belongs to the reload.
    await until(() => load.report.answered >= from + perReload)
    edits.push({ kind, liveMs, stalls: await stallsOf(child) })
  }
  const megabytes = residentMegabytes(child)
  const report = await load.stop()
  return { load: report, latencies: report.latencies.slice(warm), edits, stuck, halfMade, undisturbed, megabytes }
}

function tell({
  load,
  latencies,
  edits,
  stuck,
  halfMade,
  undisturbed,
  megabytes,
}: Awaited<ReturnType<typeof run>>): void {
  progress('')
  const lost = load.lost + load.unaccepted + load.refused
  const live = edits.map(({ liveMs }) => liveMs)
  const longest = Math.max(...edits.map(({ stalls }) => stalls.ownMs))
  const words = { route: 'one route changed', lines: 'one line more in a file', default: 'a default of all changed' }
  const rows = kinds.map((kind) => {
    const of = edits.filter((edit) => edit.kind === kind)
    const stalls = of.map((edit) => edit.stalls.longestMs)
    return [
      words[kind],
      String(of.length),
      median(of.map((edit) => edit.liveMs)).toFixed(0),
      Math.max(...of.map((edit) => edit.liveMs)).toFixed(0),
      median(stalls).toFixed(1),
      Math.max(...stalls).toFixed(1),
      Math.max(...of.map((edit) => edit.stalls.ownMs)).toFixed(1),
    ]
  })
  rows.push(['no edit, 3 s', '', '', '', '', undisturbed.longestMs.toFixed(1), undisturbed.ownMs.toFixed(1)])
  const text = `## reload-routes

${circumstances()}

${options.routes} routes in files of ${perFile}, ${options.rate} requests a second, ${reloads} reloads; every answer judged:

${table(['', 'reloads', 'live, median ms', 'live, slowest ms', 'stall, median ms', 'longest stall ms', 'of its own doing'], rows)}

| | figure |
|---|---:|
| requests answered | ${load.answered} |
| requests lost | ${lost} |
| answers that were wrong | ${load.wrongCount} |
| answers of a policy that never was | ${halfMade} |
| latency p50 / p99 / slowest ms | ${[quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(latencies, 1)].map((ms) => ms.toFixed(2)).join(' / ')} |
| resident MB at the end | ${megabytes.toFixed(0)} |
`
  process.stdout.write(text)
  if (!options.dry) writeSection('reload-routes', text)
  const broken = [
    ...brokenBudget('reload-routes', {
      'requests lost': lost,
      'answers that were wrong': load.wrongCount,
      'edits that went wrong': stuck.length,
      'slowest seconds to live': Math.max(...live) / 1000,
      'longest stall of its own doing, ms': longest,
    }),
    ...stuck,
    ...load.wrong,
  ]
  for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
  if (broken.length > 0) process.exitCode = 1
}

function fileOf(kind: Kind): string {
  return join(folder, kind === 'default' ? '_defaults.yaml' : `routes-${Math.floor(edited[kind] / perFile)}.yaml`)
}

/** Saves as editors do, aside and then into its place. */
function save(kind: Kind, sound: string, version: number): void {
  const file = fileOf(kind)
  const set = `forward: { headers: { set: { x-version: v${version} } } }`
  const route = kind === 'default' ? '' : `  GET /group-${edited[kind]}/things/{id}:\n`
  const text =
    kind === 'default'
      ? `${set}\n`
      : `${kind === 'lines' ? '# one line more\n'.repeat(version) : ''}${sound.replace(route, `${route}    ${set}\n`)}`
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

/** Requests of fifty returning clients for any route. */
function prepared(privateKey: string): (route: number, count: number) => Buffer {
  const key = createPrivateKey(privateKey)
  const scopes = Array.from({ length: 50 }, (_, i) => `things-${i}:read things-${i}:write`).join(' ')
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const tokens = Array.from({ length: 50 }, (_, i) => {
    const claims = { iss: 'https://id.bench.example/', aud: 'bench', sub: `client-${i}`, iat: now, exp: now + 3600 }
    const signed = `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part({ ...claims, scope: scopes })}`
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
  })
  const heads = tokens.map((token) => `Host: shop.example\r\nAuthorization: Bearer ${token}\r\n`)
  const known = new Map<string, Buffer>()
  return (route, count) => {
    // Spread over all clients, whatever the stride of the routes.
    const client = (Math.imul(count, 2_654_435_761) >>> 16) % heads.length
    const name = `${route} ${client}`
    let bytes = known.get(name)
    if (bytes === undefined) {
      const head = heads[client] ?? ''
      const body = JSON.stringify({ name: 'a thing', [`field${Math.floor(route / 10)}`]: 5, kind: 'small' })
      bytes = Buffer.from(
        route % 2 === 1
          ? `GET /group-${route}/things/a1 HTTP/1.1\r\n${head}\r\n`
          : `POST /group-${route}/things HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      if (known.size < 10_000) known.set(name, bytes)
    }
    return bytes
  }
}

async function stallsOf(child: ChildProcess): Promise<Stalls> {
  child.send('tell')
  const [stalls] = await once(child, 'message')
  return stalls as Stalls // stall-watch.ts says nothing else
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Asks every few milliseconds, for ten seconds at most; whether it came true. */
async function until(isTrue: () => boolean): Promise<boolean> {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    if (isTrue()) return true
    await pause(2)
  }
  return false
}

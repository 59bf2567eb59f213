// Where does the time of a request go? Runs Postern alone under load with V8's sampling profiler and prints the dearest
// functions and the dearest packages, each with its own time per request. Run by `npm run bench -- profile --only GET`.
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { LoadResult, LoadTurn } from './processes/load.js'
import { startPostern, startProcess } from './support/processes.js'
import { table } from './support/results.js'
import { makeWorkload } from './support/workload.js'

const kinds = ['GET', 'POST 1 KB', 'POST 32 KB'] as const
const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'GET' },
    ms: { type: 'string', default: '5000' },
    top: { type: 'string', default: '45' },
    keep: { type: 'string' },
  },
})
const kind = kinds.find((name) => name === options.only)
if (kind === undefined) throw new Error(`--only takes one of ${kinds.join(', ')}`)

/** The part of a `.cpuprofile` that is read here. Times in microseconds. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const profiles = mkdtempSync(join(tmpdir(), 'postern-bench-profile-'))
const upstream = await startProcess('upstream', 1)
const workload = makeWorkload(upstream.port)
const load = await startProcess('load', 1)
const postern = await startPostern(workload.folder, 0, ['--cpu-prof', '--cpu-prof-dir', profiles])
try {
  const turn: LoadTurn = {
    port: postern.port,
    connections: 24,
    rate: null,
    ms: Number(options.ms),
    requests: workload.requests(kind, 'RS256'),
    status: 200,
  }
  await runTurn({ ...turn, ms: 2_500 })
  const from = performance.now()
  const result = await runTurn(turn)
  await postern.stop()
  // Counted from the end, where the profile ends too: start and warm-up stay out of it.
  const lastMs = performance.now() - from
  // Worker threads leave profiles of their own; the process under load has by far the largest.
  const texts = readdirSync(profiles).map((name) => readFileSync(join(profiles, name), 'utf8'))
  const largest = texts.sort((a, b) => b.length - a.length).at(0)
  if (largest === undefined) throw new Error('no profile was written')
  if (options.keep !== undefined) writeFileSync(options.keep, largest)
  tell(JSON.parse(largest) as Profile, lastMs, result) // V8 writes nothing else there
} finally {
  for (const running of [postern, load, upstream]) await running.stop()
  workload.remove()
  rmSync(profiles, { recursive: true, force: true })
}

async function runTurn(turn: LoadTurn): Promise<LoadResult> {
  load.child.send(turn)
  const [result] = (await once(load.child, 'message')) as [LoadResult] // `load` answers each turn with its result
  return result
}

function tell(profile: Profile, lastMs: number, { answered, faults }: LoadResult): void {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const byFunction = new Map<string, number>()
  const byOwner = new Map<string, number>()
  let untilEnd = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0)
  profile.samples.forEach((id, i) => {
    const frame = names.get(id)
    const micros = profile.timeDeltas[i] ?? 0
    untilEnd -= micros
    if (untilEnd > lastMs * 1000) return
    if (frame === undefined || frame.functionName === '(idle)') return
    const place = frame.url === '' ? '' : ` ${shortPlace(frame.url)}:${frame.lineNumber + 1}`
    add(byFunction, `${frame.functionName === '' ? '(anonymous)' : frame.functionName}${place}`, micros)
    add(byOwner, ownerOf(frame.url, frame.functionName), micros)
  })
  const rows = (sums: Map<string, number>, top: number) =>
    [...sums]
      .sort((a, b) => b[1] - a[1])
      .slice(0, top)
      .map(([name, micros]) => [name, (micros / answered).toFixed(2)])
  process.stdout.write(`${kind}: ${answered} requests${faults.length > 0 ? `; ${faults.join('; ')}` : ''}\n\n`)
  process.stdout.write(`${table(['whose code', 'µs a request'], rows(byOwner, 20))}\n\n`)
  process.stdout.write(`${table(['function', 'µs a request'], rows(byFunction, Number(options.top)))}\n`)
}

function add(sums: Map<string, number>, name: string, micros: number): void {
  sums.set(name, (sums.get(name) ?? 0) + micros)
}

function shortPlace(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^.*\/(src\/)/, '$1')
}

function ownerOf(url: string, functionName: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  if (url.startsWith('node:')) return 'node'
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  return dependency ?? shortPlace(url).split('/').slice(0, 3).join('/')
}

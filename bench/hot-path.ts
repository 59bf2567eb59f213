// What does a request cost? CPU per request and latency of Postern with its whole chain, against a bare hand-written
// proxy ("raw") and against what a user would compose from the plugins' documentation ("naive"), on the same work.
// Run by `npm run bench -- hot-path`; README.md says how to read it.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { LoadResult, LoadTurn } from './processes/load.js'
import { cpuMicros, pinned, type Running, residentMegabytes, startPostern, startProcess } from './support/processes.js'
import { brokenBudget, circumstances, median, progress, table, writeSection } from './support/results.js'
import { type Algorithm, makeWorkload } from './support/workload.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '500' },
    rate: { type: 'string', default: '250' },
    only: { type: 'string', multiple: true },
    without: { type: 'string', multiple: true, default: [] },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const ms = Number(options.ms)
const rate = Number(options.rate)

const works: readonly { name: string; kind: 'GET' | 'POST 1 KB' | 'POST 32 KB'; algorithm: Algorithm }[] = [
  { name: 'GET', kind: 'GET', algorithm: 'RS256' },
  { name: 'POST 1 KB', kind: 'POST 1 KB', algorithm: 'RS256' },
  { name: 'POST 32 KB', kind: 'POST 32 KB', algorithm: 'RS256' },
  { name: 'GET, ES256', kind: 'GET', algorithm: 'ES256' },
]
const chosen = works.filter(({ name }) => options.only === undefined || options.only.includes(name))

interface Measured {
  readonly micros: number[]
  readonly perSecond: number[]
  readonly p50: number[]
  readonly p99: number[]
}

const upstream = await startProcess('upstream', 1)
const workload = makeWorkload(upstream.port)
const load = await startProcess('load', 1)
const contestants = new Map<string, Running>()
try {
  if (!options.without.includes('raw')) contestants.set('raw', await startProcess('raw', 0, [String(upstream.port)]))
  if (!options.without.includes('naive')) {
    contestants.set('naive', await startProcess('naive', 0, [String(upstream.port), workload.folder]))
  }
  if (!options.without.includes('postern')) contestants.set('postern', await startPostern(workload.folder, 0))
  const figures = new Map<string, Map<string, Measured>>()
  for (const work of chosen) figures.set(work.name, await measure(work))
  report(figures)
} finally {
  for (const running of [...contestants.values(), load, upstream]) await running.stop()
  workload.remove()
}

async function measure({ name, kind, algorithm }: (typeof works)[number]): Promise<Map<string, Measured>> {
  const requests = workload.requests(kind, algorithm)
  const turn = (running: Running, forMs: number, atRate: number | null) =>
    runTurn({ port: running.port, connections: 24, rate: atRate, ms: forMs, requests, status: 200 })
  const measured = new Map<string, Measured>()
  for (const [who, running] of contestants) {
    progress(`hot-path: ${name}: warming ${who}`)
    // The compiler takes some thousand requests to settle; the slowest contestant gets at most ten seconds for them.
    for (let served = 0, spent = 0; served < 10_000 && spent < 10_000; ) {
      const warm = await turn(running, 500, null)
      served += warm.answered
      spent += warm.ms
    }
    measured.set(who, { micros: [], perSecond: [], p50: [], p99: [] })
  }
  // Turn about, so that whatever else the machine does falls on all alike.
  for (let round = 1; round <= rounds; round++) {
    const last = [...measured].map(([who, { micros }]) => `${who} ${cell(micros.at(-1) ?? Number.NaN, 0)}`).join(', ')
    progress(`hot-path: ${name}: round ${round} of ${rounds}; before: ${last} µs`)
    for (const [who, running] of contestants) {
      const into = measured.get(who)
      const before = cpuMicros(running.child)
      const full = await turn(running, ms, null)
      into?.micros.push((cpuMicros(running.child) - before) / full.answered)
      into?.perSecond.push((full.answered * 1000) / full.ms)
    }
  }
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    progress(`hot-path: ${name}: latency, round ${round}`)
    for (const [who, running] of contestants) {
      const steady = await turn(running, ms, rate)
      measured.get(who)?.p50.push(steady.p50)
      measured.get(who)?.p99.push(steady.p99)
    }
  }
  return measured
}

async function runTurn(turn: LoadTurn): Promise<LoadResult> {
  load.child.send(turn)
  const [result] = (await once(load.child, 'message')) as [LoadResult] // `load` answers each turn with its result
  if (result.faults.length > 0)
    throw new Error(`not every request was answered as it should be: ${result.faults.join('; ')}`)
  return result
}

function report(figures: Map<string, Map<string, Measured>>): void {
  progress('')
  const ratios: Record<string, number> = {}
  const costs: string[][] = []
  const latencies: string[][] = []
  for (const [work, measured] of figures) {
    const micros = (who: string) => median(measured.get(who)?.micros ?? [])
    const naive = micros('naive') / micros('postern')
    const raw = micros('raw') / micros('postern')
    if (contestants.has('postern')) {
      ratios[`naive/postern ${work}`] = naive
      ratios[`raw/postern ${work}`] = raw
    }
    costs.push([
      work,
      ...['raw', 'naive', 'postern'].map((who) => cell(micros(who), 1)),
      `${cell(naive, 2)} ×`,
      `${cell(raw, 2)} ×`,
      ...['raw', 'naive', 'postern'].map((who) => cell(median(measured.get(who)?.perSecond ?? []), 0)),
    ])
    latencies.push([
      work,
      ...['raw', 'naive', 'postern'].flatMap((who) => {
        const { p50 = [], p99 = [] } = measured.get(who) ?? {}
        return [cell(median(p50), 2), cell(median(p99), 2)]
      }),
    ])
  }
  const broken = brokenBudget('hot-path', ratios)
  const memory = [...contestants].map(([who, { child }]) => `${who} ${residentMegabytes(child).toFixed(0)}`).join(', ')
  const text = `## hot-path

${circumstances()}${pinned ? ' · measured process on core 0, callers and function on core 1' : ''}

CPU µs per request, 24 connections kept busy, 50 returning clients, median of ${rounds} interleaved rounds of ${ms} ms:

${table(['', 'raw', 'naive', 'postern', 'naive ÷ postern', 'raw ÷ postern', 'raw/s', 'naive/s', 'postern/s'], costs)}

Latency in ms at ${rate} requests a second, median of rounds:

${table(['', 'raw p50', 'raw p99', 'naive p50', 'naive p99', 'postern p50', 'postern p99'], latencies)}

Resident memory after the run, MB: ${memory}.
`
  process.stdout.write(text)
  if (!options.dry) writeSection('hot-path', text)
  for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
  if (broken.length > 0) process.exitCode = 1
}

function cell(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}

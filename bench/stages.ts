// What does each protection add to a request? One process, one route for each step of the chain: forwarding alone, then
// one stage more each time, up to all of them. Run by `npm run bench -- stages`; README.md says how to read it.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { LoadResult, LoadTurn } from './processes/load.js'
import { cpuMicros, pinned, startPostern, startProcess } from './support/processes.js'
import { circumstances, median, progress, table, writeSection } from './support/results.js'
import { makeWorkload } from './support/workload.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '400' },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const ms = Number(options.ms)

/** Each holds what the one before holds, and one stage more. */
const chain: readonly { readonly name: string; readonly get: string; readonly post: string }[] = [
  { name: 'forward alone', get: '', post: '' },
  { name: '+ security headers', get: '', post: '' },
  { name: '+ auth: jwt', get: '', post: '' },
  { name: '+ rateLimit by address and client', get: '', post: '' },
  {
    name: '+ request: path or body schema',
    get: 'request: { path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } } }',
    post: 'request: { body: ./schemas/order.json }',
  },
  { name: '+ inspect', get: '', post: '' },
]

function routeYaml(step: number, schema: string): string {
  const lines = ['    upstream: shop']
  lines.push(step >= 2 ? '    auth: { jwt: rs256 }' : '    auth: none\n    reason: a bench of single stages')
  if (step < 1) lines.push('    response: { headers: { security: off } }')
  if (step >= 3) {
    lines.push(
      '    rateLimit:',
      '      per-ip: { partitionKey: ip, quota: 900000000, window: 1m }',
      '      per-client: { partitionKey: jwt.sub, quota: 900000000, window: 1m }',
    )
  } else lines.push('    rateLimit: { per-client: off }')
  if (step >= 4) lines.push(`    ${schema}`)
  if (step < 5) lines.push('    inspect: { mode: off }')
  return lines.join('\n')
}

const upstream = await startProcess('upstream', 1)
const workload = makeWorkload(upstream.port)
writeFileSync(
  join(workload.folder, 'stages.yaml'),
  `routes:\n${chain
    .map(
      ({ get, post }, step) =>
        `  GET /step-${step}/{id}:\n${routeYaml(step, get)}\n  POST /step-${step}:\n${routeYaml(step, post)}\n`,
    )
    .join('')}`,
)
const load = await startProcess('load', 1)
const postern = await startPostern(workload.folder, 0)
try {
  const figures: string[][] = []
  const kinds = ['GET', 'POST 1 KB', 'POST 32 KB'] as const
  const columns: number[][] = []
  for (const kind of kinds) {
    const requests = chain.map((_, step) => prepare(kind, step))
    for (const prepared of requests) await turn(prepared, ms * 3)
    const micros = chain.map((): number[] => [])
    for (let round = 1; round <= rounds; round++) {
      progress(`stages: ${kind}: round ${round} of ${rounds}`)
      for (const [step, prepared] of requests.entries()) {
        const before = cpuMicros(postern.child)
        const { answered } = await turn(prepared, ms)
        micros[step]?.push((cpuMicros(postern.child) - before) / answered)
      }
    }
    columns.push(micros.map(median))
  }
  for (const [step, { name }] of chain.entries()) {
    figures.push([name, ...columns.map((column) => (column[step] ?? Number.NaN).toFixed(1))])
  }
  progress('')
  const text = `## stages

${circumstances()}${pinned ? ' · measured process on core 0, callers and function on core 1' : ''}

CPU µs per request of one process, one stage more in each line, median of ${rounds} interleaved rounds of ${ms} ms:

${table(['', ...kinds], figures)}
`
  process.stdout.write(text)
  if (!options.dry) writeSection('stages', text)
} finally {
  for (const running of [postern, load, upstream]) await running.stop()
  workload.remove()
}

/** The workload's requests, sent to the route of a step. */
function prepare(kind: 'GET' | 'POST 1 KB' | 'POST 32 KB', step: number): Buffer[] {
  return workload.requests(kind, 'RS256').map((bytes) => {
    const text = bytes.toString()
    return Buffer.from(text.replace('/rs256/orders', `/step-${step}`))
  })
}

async function turn(requests: readonly Buffer[], forMs: number): Promise<LoadResult> {
  const asked: LoadTurn = { port: postern.port, connections: 24, rate: null, ms: forMs, requests, status: 200 }
  load.child.send(asked)
  const [result] = (await once(load.child, 'message')) as [LoadResult] // `load` answers each turn with its result
  if (result.faults.length > 0)
    throw new Error(`not every request was answered as it should be: ${result.faults.join('; ')}`)
  return result
}

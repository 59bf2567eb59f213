// How long from starting the process until it serves, and what does `check` take, at 10, 1,000 and 10,000 routes? Each
// route has a token, a path or body schema and a rate limit of its own; a hundred routes to a file, and all in one.
// Run by `npm run bench -- start`; README.md says how to read it.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeManyRoutes } from './support/many-routes.js'
import {
  cpuMicros,
  freePort,
  lastWords,
  posternCommand,
  residentMegabytes,
  spawnOn,
  stopProcess,
} from './support/processes.js'
import { brokenBudget, circumstances, median, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    routes: { type: 'string', multiple: true, default: ['10', '1000', '10000'] },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)

/** Seconds, and megabytes once it serves. */
interface Start {
  readonly listening: number
  readonly answering: number
  /** CPU of all its threads by then, in seconds: what is left of a start on a busy machine. */
  readonly cpu: number
  readonly megabytes: number
}

const rows: string[][] = []
const figures: Record<string, number> = {}
for (const routes of options.routes.map(Number)) {
  for (const perFile of routes > 100 ? [100, routes] : [100]) {
    const folder = mkdtempSync(join(tmpdir(), 'postern-bench-start-'))
    try {
      writeManyRoutes(folder, { routes, perFile })
      const starts: Start[] = []
      const checks: number[] = []
      for (let round = 1; round <= rounds; round++) {
        progress(`start: ${routes} routes, ${perFile} a file: round ${round} of ${rounds}`)
        const found = await start(folder, routes)
        starts.push(found)
        progress(`start: listening after ${found.listening.toFixed(2)} s, ${found.cpu.toFixed(2)} s of CPU`)
        checks.push(await check(folder))
      }
      const listening = median(starts.map((found) => found.listening))
      rows.push([
        `${routes}, ${perFile === 100 ? 'a hundred a file' : 'in one file'}`,
        listening.toFixed(2),
        median(starts.map((found) => found.answering)).toFixed(2),
        median(starts.map((found) => found.cpu)).toFixed(2),
        median(checks).toFixed(2),
        median(starts.map((found) => found.megabytes)).toFixed(0),
      ])
      // The budget is for policies as people write them; one file of ten thousand routes is there for comparison.
      if (perFile === 100) figures[`seconds to listening, ${routes} routes`] = listening
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

progress('')
const text = `## start

${circumstances()}

Seconds from \`postern run\` to a listening port and to the first answer of the last route, and for \`postern check\`; median
of ${rounds}:

${table(['routes', 'listening', 'first answer', 'CPU to listening', 'check', 'resident MB'], rows)}
`
process.stdout.write(text)
if (!options.dry) writeSection('start', text)
const broken = brokenBudget('start', figures)
for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
if (broken.length > 0) process.exitCode = 1

async function start(folder: string, routes: number): Promise<Start> {
  const [port, adminPort] = await Promise.all([freePort(), freePort()])
  const from = performance.now()
  const child = spawnOn(
    null,
    [posternCommand(), 'run', folder, '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${adminPort}`],
    ['ignore', 'ignore', 'pipe'],
  )
  const said = lastWords(child)
  try {
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`Postern ended with ${child.exitCode}:\n${said()}`)
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
    const listening = performance.now() - from
    const cpu = cpuMicros(child) / 1e6
    const answer = await fetch(`http://127.0.0.1:${port}/group-${routes - 1}/things/a1`)
    // No token was sent: the refusal shows that the last route of the last file is in force.
    if (answer.status !== 401) throw new Error(`401 expected, got ${answer.status}: ${await answer.text()}`)
    const answering = performance.now() - from
    return { listening: listening / 1000, answering: answering / 1000, cpu, megabytes: residentMegabytes(child) }
  } finally {
    await stopProcess(child)
  }
}

async function check(folder: string): Promise<number> {
  const from = performance.now()
  const child = spawnOn(null, [posternCommand(), 'check', folder], ['ignore', 'ignore', 'inherit'])
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`check ended with ${code}`)
  return (performance.now() - from) / 1000
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

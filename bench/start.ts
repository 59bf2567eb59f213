// How long from starting the process until it serves, and what does `check` take, at 10, 1,000 and 10,000 routes? Each
// route has a token, a path or body schema and a rate limit of its own; a hundred routes to a file, and all in one.
// Run by `npm run bench -- start`; README.md says how to read it.

import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
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
      writePolicy(folder, routes, perFile)
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

function writePolicy(folder: string, routes: number, perFile: number): void {
  const { publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  mkdirSync(join(folder, 'schemas'))
  writeFileSync(join(folder, 'key.pem'), publicKey)
  writeFileSync(join(folder, 'gateway.yaml'), 'version: 1\naddressLimit: { quota: 1200, window: 1m }\n')
  writeFileSync(
    join(folder, 'shared.yaml'),
    `issuers:
  main: { issuer: "https://id.bench.example/", audience: bench, publicKey: ./key.pem }
upstreams:
  things: { url: "http://127.0.0.1:9" }
`,
  )
  for (let first = 0; first < routes; first += perFile) {
    const lines = ['routes:']
    for (let i = first; i < Math.min(first + perFile, routes); i++) lines.push(i % 2 === 1 ? reading(i) : writing(i))
    writeFileSync(join(folder, `routes-${first / perFile}.yaml`), `${lines.join('\n')}\n`)
  }
  // Ten routes share a schema, as the routes of one resource do.
  for (let i = 0; i < Math.ceil(routes / 10); i++) {
    writeFileSync(join(folder, 'schemas', `thing-${i}.json`), JSON.stringify(thingSchema(i)))
  }
}

function reading(i: number): string {
  return `  GET /group-${i}/things/{id}:
    upstream: things
    auth: { jwt: main, scopes: ["things-${i % 50}:read"] }
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
      query: { page: { type: integer, minimum: 1 } }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: ${60 + (i % 40)}, window: 1m } }`
}

function writing(i: number): string {
  return `  POST /group-${i}/things:
    upstream: things
    auth: { jwt: main, scopes: ["things-${i % 50}:write"] }
    request: { body: ./schemas/thing-${Math.floor(i / 10)}.json }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: ${60 + (i % 40)}, window: 1m } }`
}

function thingSchema(i: number): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    required: ['name', `field${i}`],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 80 },
      [`field${i}`]: { type: 'integer', minimum: 0, maximum: 1000 + i },
      kind: { enum: ['small', 'medium', 'large'] },
      tags: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 30 } },
      price: { type: 'number', minimum: 0 },
    },
  }
}

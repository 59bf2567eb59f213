// How long does somebody wait who edits policies? `check` and `explain` at 1,000 and 10,000 routes, and `test` with 500
// policy tests; wall time of the whole command, from spawning it. Run by `npm run bench -- commands`; README.md says how
// to read it.
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeManyRoutes } from './support/many-routes.js'
import { posternCommand, spawnOn } from './support/processes.js'
import { brokenBudget, circumstances, median, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    routes: { type: 'string', multiple: true, default: ['1000', '10000'] },
    tests: { type: 'string', default: '500' },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const rows: string[][] = []
const figures: Record<string, number> = {}
const root = mkdtempSync(join(tmpdir(), 'postern-bench-commands-'))
try {
  for (const routes of options.routes.map(Number)) {
    const folder = join(root, String(routes))
    mkdirSync(folder)
    writeManyRoutes(folder, { routes, perFile: 100 })
    await measure(`check, ${routes} routes`, ['check', folder], /routes\. Audit/)
    const route = `/group-${routes - 1}/things/a1`
    await measure(`explain, ${routes} routes`, ['explain', 'GET', route, '--policies', folder], /per-client/)
  }
  const folder = join(root, 'tests')
  mkdirSync(folder)
  writeManyRoutes(folder, { routes: 100, perFile: 50 })
  writeTests(folder, Number(options.tests))
  await measure(`test, ${options.tests} tests`, ['test', folder], new RegExp(`\\b${options.tests} passed`))
} finally {
  rmSync(root, { recursive: true, force: true })
}

progress('')
const text = `## commands

${circumstances()}

Seconds from spawning a command to its end, ${rounds} rounds:

${table(['command', 'median', 'slowest'], rows)}
`
process.stdout.write(text)
if (!options.dry) writeSection('commands', text)
const broken = brokenBudget('commands', figures)
for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
if (broken.length > 0) process.exitCode = 1

async function measure(name: string, args: readonly string[], expected: RegExp): Promise<void> {
  const seconds: number[] = []
  for (let round = 1; round <= rounds; round++) {
    progress(`commands: ${name}, round ${round} of ${rounds}`)
    const from = performance.now()
    const child = spawnOn(null, [posternCommand(), ...args], ['ignore', 'pipe', 'inherit'])
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const [code] = await once(child, 'close')
    seconds.push((performance.now() - from) / 1000)
    if (code !== 0 || !expected.test(said))
      throw new Error(`${name} ended with ${code} and said:\n${said.slice(-2_000)}`)
  }
  rows.push([name, median(seconds).toFixed(2), Math.max(...seconds).toFixed(2)])
  figures[`seconds, ${name}`] = median(seconds)
}

/** Tests as people write them: a good call, a wrong scope, no token, a body against its schema, a limit. */
function writeTests(folder: string, tests: number): void {
  const perFile = 50
  for (let first = 0; first < tests; first += perFile) {
    const lines = ['tests:']
    for (let i = first; i < Math.min(tests, first + perFile); i++) lines.push(testOf(i))
    writeFileSync(join(folder, `routes-${first / perFile}.test.yaml`), `${lines.join('\n')}\n`)
  }
}

function testOf(i: number): string {
  const route = 2 * (i % 50)
  const body = `{ name: a thing, field${Math.floor(route / 10)}: 5, kind: small }`
  const good = `as: { jwt: { sub: u${i}, scope: "things-${route % 50}:write" } }`
  const send = `send: { POST: /group-${route}/things, body: ${body} }`
  switch (i % 5) {
    case 0:
      return `  good ${i}: { ${good}, ${send}, expect: { status: 201 } }`
    case 1:
      return `  scope ${i}: { as: { jwt: { sub: u${i}, scope: none } }, ${send}, expect: { code: auth.scope-missing } }`
    case 2:
      return `  nobody ${i}: { as: nobody, ${send}, expect: { status: 401, code: auth.missing } }`
    case 3:
      return `  body ${i}: { ${good}, send: { POST: /group-${route}/things, body: { name: 3 } }, expect: { status: 400 } }`
    default:
      return `  limit ${i}: { ${good}, ${send}, expect: { status: [201 x ${60 + (route % 40)}, 429] } }`
  }
}

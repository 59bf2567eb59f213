// What callers see while a function dies, hangs or has too much, while the gateway ends, and while many read slowly.
// Every request is accounted for. Run by `npm run bench -- faults`; README.md says how to read it.
import { parseArgs } from 'node:util'
import { hang } from './faults/hang.js'
import { flood, overload } from './faults/overload.js'
import { restart } from './faults/restart.js'
import { streams } from './faults/streams.js'
import { term } from './faults/term.js'
import type { Outcome } from './faults/world.js'
import { brokenBudget, circumstances, progress, table, writeSection } from './support/results.js'

const all: Readonly<Record<string, () => Promise<Outcome>>> = {
  restart: () => restart(false),
  breaker: () => restart(true),
  hang,
  term,
  overload,
  flood,
  streams,
}

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, dry: { type: 'boolean', default: false } },
})
const rows: Outcome['rows'][number][] = []
const broken: string[] = []
for (const [name, run] of Object.entries(all)) {
  if (options.only !== undefined && !options.only.split(',').includes(name)) continue
  progress(`faults: ${name}`)
  const outcome = await run()
  rows.push(...outcome.rows)
  broken.push(...outcome.wrong.map((what) => `${name}: ${what}`), ...brokenBudget('faults', outcome.figures))
}
progress('')
const text = `## faults

${circumstances()}

${table(['what', 'figure', 'goal'], rows)}
`
process.stdout.write(text)
if (!options.dry && options.only === undefined) writeSection('faults', text)
for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
if (broken.length > 0) process.exitCode = 1

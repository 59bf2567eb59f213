import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Case, exchangeOf, isTuning, Judge, type Outcome } from '../../src/cli/inspect/corpus-judge.js'

/*
 * Scores the detectors on a corpus of labelled requests, in this process and without a gateway:
 *   npm run bench -- inspect/corpus FILE [--part tune|held|all] [--show misses|stopped] [--category C] [--source S] [--count N]
 *     [--by category|source|placement|encoding|pl] [--strict]
 * The file is split by a hash of each id: rules may be tuned on one part (60 %), the other is only counted, and `--show`
 * never prints from it.
 */

interface Count {
  n: number
  stopped: number
  refused: number
}

const options = new Map<string, string>()
const files: string[] = []
for (let i = 2; i < process.argv.length; i++) {
  const argument = process.argv[i] ?? ''
  if (argument === '--strict') options.set('strict', 'yes')
  else if (argument.startsWith('--')) options.set(argument.slice(2), process.argv[++i] ?? '')
  else files.push(argument)
}
const [file] = files
if (file === undefined) {
  console.error('Name a corpus file: one labelled request as JSON a line.')
  process.exit(2)
}

const show = options.get('show')
const by = options.get('by') ?? 'category'
const counts = new Map<string, Count>()
const judge = new Judge(options.has('strict'))
const cases: Case[] = []
for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
  if (line !== '') cases.push(JSON.parse(line) as Case) // the file's own format
}

/** What went wrong, in groups: attacks that passed by source and category, harmless requests by the rule that stopped them. */
const faults = new Map<string, { tune: number; held: number }>()
let shown = 0
let raw = 0
cases.forEach((entry, index) => {
  progress(index + 1, cases.length)
  const exchange = exchangeOf(entry)
  if (exchange === null) {
    raw++
    return
  }
  const outcome = judge.judge(exchange)
  const part = isTuning(entry.id) ? 'tune' : 'held'
  const fault = faultOf(entry, outcome)
  if (fault !== null) {
    const found = faults.get(fault) ?? { tune: 0, held: 0 }
    found[part]++
    faults.set(fault, found)
  }
  if (show !== undefined && part === 'tune' && shown < Number(options.get('count') ?? 40) && isAsked(entry)) {
    if (isWrong(entry, outcome, show)) {
      shown++
      explain(entry, outcome)
    }
  }
  for (const key of [`${part}\t${groupOf(entry)}`, `all\t${groupOf(entry)}`]) count(key, outcome)
  const detail = `${groupOf(entry)}\t${String(entry[by as keyof Case] ?? '')}`
  for (const key of [`${part}\t${detail}`, `all\t${detail}`]) count(key, outcome)
})

const ratio = (key: string): string => {
  const found = counts.get(key)
  if (found === undefined) return '      -'
  return `${((100 * (found.stopped + found.refused)) / found.n).toFixed(2).padStart(7)}`
}
console.log(`\n${'group'.padEnd(22)}${by.padEnd(24)}      n  stopped refused    all %  tune %  held %`)
for (const key of [...counts.keys()].filter((name) => name.startsWith('all\t')).sort()) {
  const [, group = '', detail = ''] = key.split('\t')
  const { n, stopped, refused } = counts.get(key) ?? { n: 0, stopped: 0, refused: 0 }
  const rest = key.slice(4)
  console.log(
    `${group.padEnd(22)}${detail.padEnd(24)}${String(n).padStart(7)}${String(stopped).padStart(9)}${String(refused).padStart(8)}  ${ratio(key)} ${ratio(`tune\t${rest}`)} ${ratio(`held\t${rest}`)}`,
  )
}
console.log('\nheadline (stopped or refused, %)          all    tune    held')
const groups = new Map<string, (name: string) => boolean>([
  ['attacks without the tests of CRS', (name) => name === 'attack' || name === 'attack in an event'],
  ['attacks in events', (name) => name === 'attack in an event'],
  ['tests of CRS, level 1', (name) => name === 'attack, CRS level 1'],
  ['tests of CRS, levels 1 and 2', (name) => name === 'attack, CRS level 1' || name === 'attack, CRS level 2'],
  ['other dresses', (name) => name === 'attack, other dress'],
  ['harmless, core', (name) => name === 'harmless, core' || name === 'harmless, API and event'],
  ['harmless, API bodies and events', (name) => name === 'harmless, API and event'],
  ['harmless, hard texts', (name) => name === 'harmless, hard text'],
  ['harmless, code and Markdown', (name) => name === 'harmless, code'],
])
for (const [title, includes] of groups) {
  const cells = ['all', 'tune', 'held'].map((part) => {
    let n = 0
    let hit = 0
    for (const [key, found] of counts) {
      const [of, group, detail] = key.split('\t')
      if (of !== part || detail !== undefined || !includes(group ?? '')) continue
      n += found.n
      hit += found.stopped + found.refused
    }
    return n === 0 ? '      -' : ((100 * hit) / n).toFixed(2).padStart(7)
  })
  console.log(`${title.padEnd(36)} ${cells.join(' ')}`)
}
if (by === 'category') {
  const cells = ['all', 'tune', 'held'].map((part) => {
    const sums = new Map<string, { n: number; hit: number }>()
    for (const [key, found] of counts) {
      const [of, group = '', category] = key.split('\t')
      if (of !== part || category === undefined || !group.startsWith('attack') || group.includes('dress')) continue
      const sum = sums.get(category) ?? { n: 0, hit: 0 }
      sums.set(category, { n: sum.n + found.n, hit: sum.hit + found.stopped + found.refused })
    }
    const rates = [...sums.values()].map(({ n, hit }) => hit / n)
    return ((100 * rates.reduce((a, b) => a + b, 0)) / rates.length).toFixed(2).padStart(7)
  })
  console.log(`${'mean of the attack categories'.padEnd(36)} ${cells.join(' ')}`)
}
console.log(`\n${'wrong verdicts, in groups'.padEnd(70)}   tune    held`)
for (const [fault, { tune, held }] of [...faults].sort(([, a], [, b]) => b.tune + b.held - a.tune - a.held)) {
  console.log(`${fault.padEnd(70)} ${String(tune).padStart(6)} ${String(held).padStart(7)}`)
}
if (raw > 0) console.log(`${raw} raw cases are for the front door and were left out.`)

/** The group of a wrong verdict; null for a right one and for what is counted apart. */
function faultOf(entry: Case, { verdict, why }: Outcome): string | null {
  const group = groupOf(entry)
  if (/uncertain|protocol/.test(group)) return null
  if (entry.label === 'attack') return verdict === 'passed' ? `missed: ${entry.source}, ${entry.category}` : null
  return verdict === 'passed' ? null : `stopped: ${entry.category}, ${why.split(' at ')[0]}`
}

/** Which figure a case counts for; uncertain labels and protocol tests stand apart. */
function groupOf({ label, source, category, tier, weak, pl }: Case): string {
  if (category === 'protocol') return 'protocol'
  if (label === 'benign') {
    if (weak === true) return 'harmless, uncertain'
    if (tier === 'hard')
      return category === 'code' || category === 'markdown-code' ? 'harmless, code' : 'harmless, hard text'
    return category === 'api-json' || category === 'event' || category === 'profile'
      ? 'harmless, API and event'
      : 'harmless, core'
  }
  if (weak === true) return 'attack, uncertain'
  if (source === 'evasion') return 'attack, other dress'
  if (source === 'crs') return `attack, CRS level ${pl === undefined || pl < 2 ? 1 : 2}`
  return source === 'events' ? 'attack in an event' : 'attack'
}

function isAsked(entry: Case): boolean {
  const group = options.get('group')
  if (group !== undefined && !groupOf(entry).startsWith(group)) return false
  if (group === undefined && /uncertain|protocol/.test(groupOf(entry))) return false
  return (
    (options.get('category') ?? entry.category) === entry.category &&
    (options.get('source') ?? entry.source) === entry.source
  )
}

function isWrong({ label }: Case, { verdict }: Outcome, show: string): boolean {
  if (show === 'misses') return label === 'attack' && verdict === 'passed'
  if (show === 'stopped') return label === 'benign' && verdict !== 'passed'
  return verdict === show
}

function explain(entry: Case, outcome: Outcome): void {
  const { method, path, query = '', body = '', headers = {} } = entry.request
  const odd = entry.source === 'crs' || entry.placement === 'header' ? ` ${JSON.stringify(headers)}` : ''
  const text =
    outcome.why === '' ? `${method} ${readable(path)} ?${readable(query)}${odd} ${readable(body)}` : outcome.why
  const width = Number(options.get('width') ?? 300)
  console.log(
    `${entry.source}/${entry.category}/${entry.placement}/${entry.encoding}: ${text.replace(/[\r\n]/g, '⏎').slice(0, width)}`,
  )
}

function readable(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function count(key: string, { verdict }: Outcome): void {
  const found = counts.get(key) ?? { n: 0, stopped: 0, refused: 0 }
  found.n++
  if (verdict === 'stopped') found.stopped++
  if (verdict === 'refused') found.refused++
  counts.set(key, found)
}

function progress(done: number, total: number): void {
  if (!process.stderr.isTTY || done % 100 !== 0) return
  const filled = Math.round((30 * done) / total)
  process.stderr.write(
    `\r[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] ${done}/${total}${done === total ? '\n' : ''}`,
  )
}

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { printable } from '../../record/human.js'
import { Refusal } from '../command.js'
import { type Case, exchangeOf, Judge, type Outcome } from './corpus-judge.js'

/** How one group of a corpus fared. */
export interface CorpusGroup {
  readonly label: 'attack' | 'benign'
  readonly name: string
  readonly count: number
  /** Stopped by a detector. */
  readonly stopped: number
  /** Refused before a detector saw it. */
  readonly refused: number
}

export interface CorpusScore {
  readonly groups: readonly CorpusGroup[]
  /** Attacks that passed and harmless requests that did not: one line each, as many as were asked for. */
  readonly wrong: readonly string[]
  /** Rules behind harmless requests that were stopped, with how often each. */
  readonly rules: Readonly<Record<string, number>>
}

/** What to count by, what to show of what went wrong, and whom to tell how far it is. */
export interface CorpusOptions {
  readonly by: 'category' | 'source' | 'placement' | 'encoding'
  readonly show: number
  readonly isStrict: boolean
  readonly progress: (done: number) => void
}

/** Judges every request of a file, one labelled JSON object a line, by the default policy. Throws Refusal for a bad line. */
export async function scoreCorpus(file: string, { by, show, isStrict, progress }: CorpusOptions): Promise<CorpusScore> {
  const judge = new Judge(isStrict)
  const groups = new Map<string, { -readonly [K in keyof CorpusGroup]: CorpusGroup[K] }>()
  const wrong: string[] = []
  const rules: Record<string, number> = {}
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line.trim() === '') continue
    const entry = readCase(line, file, number)
    const exchange = exchangeOf(entry)
    if (exchange === null) continue
    const outcome = judge.judge(exchange)
    const key = `${entry.label} ${entry[by] ?? ''}`
    const group = groups.get(key) ?? { label: entry.label, name: entry[by] ?? '', count: 0, stopped: 0, refused: 0 }
    groups.set(key, group)
    group.count++
    if (outcome.verdict === 'stopped') group.stopped++
    if (outcome.verdict === 'refused') group.refused++
    if ((entry.label === 'attack') === (outcome.verdict === 'passed')) {
      if (wrong.length < show) wrong.push(formatWrong(entry, outcome))
      const rule = outcome.why.split(' at ')[0] ?? ''
      if (entry.label === 'benign') rules[rule] = (rules[rule] ?? 0) + 1
    }
    progress(number)
  }
  return { groups: [...groups.values()].sort(byLabelAndName), wrong, rules }
}

/** The score as a table. */
export function formatScore({ groups, wrong, rules }: CorpusScore): string {
  const lines = wrong.length === 0 ? [] : [...wrong, '']
  const width = Math.max(12, ...groups.map(({ name }) => name.length))
  lines.push(`${'label'.padEnd(8)} ${'group'.padEnd(width)}      n  stopped  refused       %`)
  for (const { label, name, count, stopped, refused } of [...groups, ...totals(groups)]) {
    const share = ((100 * (stopped + refused)) / count).toFixed(2).padStart(7)
    lines.push(
      `${label.padEnd(8)} ${printable(name).padEnd(width)} ${String(count).padStart(6)} ${String(stopped).padStart(8)} ${String(refused).padStart(8)} ${share}`,
    )
  }
  const named = Object.entries(rules).sort(([, a], [, b]) => b - a)
  if (named.length > 0) lines.push('', 'Harmless requests were stopped by')
  for (const [rule, count] of named) lines.push(`  ${String(count).padStart(5)}  ${rule}`)
  return `${lines.join('\n')}\n`
}

function totals(groups: readonly CorpusGroup[]): CorpusGroup[] {
  return (['attack', 'benign'] as const).flatMap((label) => {
    const own = groups.filter((group) => group.label === label)
    if (own.length === 0) return []
    const sum = (key: 'count' | 'stopped' | 'refused'): number => own.reduce((total, group) => total + group[key], 0)
    return [{ label, name: '(all)', count: sum('count'), stopped: sum('stopped'), refused: sum('refused') }]
  })
}

function readCase(line: string, file: string, number: number): Case {
  try {
    const entry = JSON.parse(line) as Case // judged by what follows
    if ((entry.label === 'attack' || entry.label === 'benign') && typeof entry.request?.path === 'string') return entry
  } catch {
    // Said below.
  }
  throw new Refusal(
    `${file}:${number} is no case: {"label": "attack" or "benign", "category": …, "request": {"method", "path", "query", "headers", "contentType", "body"}}.`,
  )
}

function formatWrong({ label, category, request }: Case, { why }: Outcome): string {
  const what = `${request.method} ${request.path}${request.query ? `?${request.query}` : ''} ${request.body ?? ''}`
  return printable(
    `${label === 'attack' ? 'missed' : 'stopped'}  ${category}: ${why === '' ? what.slice(0, 300) : why}`,
  )
}

function byLabelAndName(a: CorpusGroup, b: CorpusGroup): number {
  return a.label === b.label ? a.name.localeCompare(b.name) : a.label === 'attack' ? -1 : 1
}

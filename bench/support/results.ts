import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'

/** Others on the machine: with as much load as cores, times in milliseconds mean little and CPU times a little less. */
const startLoad = loadavg()[0] ?? 0

/** When, on what and of which commit: numbers without these are rumors. */
export function circumstances(): string {
  const version = git('rev-parse', '--short', 'HEAD')
  const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : ' with uncommitted changes'
  const model = cpus()[0]?.model.replaceAll(/\s+/g, ' ').trim() ?? 'unknown processor'
  return (
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC · commit ${version}${changed} · ` +
    `Node ${process.versions.node} · ${cpus().length} shared cores (${model}), loopback · ` +
    `load average ${startLoad.toFixed(1)} at the start`
  )
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}

const title = `# Results

Each section is written by the bench it names (\`npm run bench -- hot-path\`, and so on); [README.md](README.md) says how
to read them. They come from a machine that others use too: trust ratios and orders, not single microseconds.
`

/** Rewrites one bench's own section of RESULTS.md and leaves the others alone. */
export function writeSection(name: string, markdown: string): void {
  const file = 'bench/RESULTS.md'
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const section = `${start}\n${markdown.trim()}\n${end}`
  const text = existsSync(file) ? readFileSync(file, 'utf8') : title
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  const written =
    from === -1 || to === -1
      ? `${text.trimEnd()}\n\n${section}\n`
      : text.slice(0, from) + section + text.slice(to + end.length)
  writeFileSync(file, written)
}

/** A table in Markdown whose columns line up in a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** The middle value; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return below === undefined || above === undefined ? Number.NaN : (below + above) / 2
}

/** One line that says how far we are; overwritten by the next on a terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
  else process.stderr.write(`${text}\n`)
}

/** A limit of budget.json: `at least` for ratios, `at most` for times. */
interface Budget {
  readonly [bench: string]: { readonly [figure: string]: { readonly atLeast?: number; readonly atMost?: number } }
}

/** Compares figures with budget.json; returns a sentence for each that breaks it. Figures that were not measured are skipped. */
export function brokenBudget(bench: string, figures: Readonly<Record<string, number>>): string[] {
  const budget = JSON.parse(readFileSync('bench/budget.json', 'utf8')) as Budget // our own file, of this one shape
  const broken: string[] = []
  for (const [figure, { atLeast, atMost }] of Object.entries(budget[bench] ?? {})) {
    const value = figures[figure]
    if (value === undefined || Number.isNaN(value)) continue
    if (atLeast !== undefined && !(value >= atLeast))
      broken.push(`${figure} is ${value.toFixed(2)}, budget at least ${atLeast}`)
    if (atMost !== undefined && !(value <= atMost))
      broken.push(`${figure} is ${value.toFixed(2)}, budget at most ${atMost}`)
  }
  return broken
}

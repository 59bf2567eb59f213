import { join } from 'node:path'
import { printable } from '../../record/human.js'
import { formatPlace } from '../../values/place.js'
import { counted } from '../counted.js'
import { sourceFrame } from '../explain/source-frame.js'
import type { Paint } from '../terminal.js'
import type { TestOutcome, TestRun } from './run-tests.js'

/** Rules that are named when no test ever hit them; the rest is counted. */
const mostNamed = 8

/** A run for a person: one line per file, every failing test with its nearest reason, coverage, and the summary last. */
export function formatRun(run: TestRun, folder: string, root: string, paint: Paint): string {
  const lines: string[] = []
  const width = Math.max(0, ...run.files.map(({ file }) => nameOf(file).length))
  for (const { file, outcomes } of run.files) {
    const failed = outcomes.filter(({ outcome }) => outcome === 'failed')
    const skipped = outcomes.filter(({ outcome }) => outcome === 'skipped')
    const passed = outcomes.length - failed.length - skipped.length
    const facts = [
      paint('green', `${passed} passed`),
      ...(failed.length > 0 ? [paint('red', `${failed.length} failed`)] : []),
      ...(skipped.length > 0 ? [paint('yellow', `${skipped.length} skipped`)] : []),
    ]
    lines.push(`${nameOf(file).padEnd(width)}  ${facts.join('  ')}`)
    for (const outcome of failed) lines.push(...formatFailure(outcome, folder, root, paint))
    for (const { test, misses } of skipped) lines.push(`  skip  ${printable(test.name)}: ${misses[0]?.got ?? ''}`)
  }
  lines.push(...formatCoverage(run, paint))
  lines.push(summaryOf(run))
  return `${lines.join('\n')}\n`
}

/** `24 passed, 1 failed in 3 files, 112 ms`. */
function summaryOf(run: TestRun): string {
  const parts = [`${run.passed} passed`]
  if (run.failed > 0) parts.push(`${run.failed} failed`)
  if (run.skipped > 0) parts.push(`${run.skipped} skipped`)
  return `${parts.join(', ')} in ${counted(run.files.length, 'file')}, ${Math.round(run.tookMs)} ms`
}

function formatFailure(
  { test, misses, nearest }: TestOutcome,
  folder: string,
  root: string,
  paint: Paint,
): readonly string[] {
  const { file, line } = test.place
  const lines = [`  ${paint('red', 'FAIL')}  ${printable(test.name)}  ${paint('dim', `${join(folder, file)}:${line}`)}`]
  const width = Math.max(...misses.map(({ what }) => what.length))
  for (const { what, expected, got } of misses) {
    lines.push(`     ${what.padEnd(width)}  expected ${printable(expected)}   got ${printable(got)}`)
  }
  if (nearest !== null) {
    const where = nearest.place === null ? '' : `  ${paint('dim', join(folder, formatPlace(nearest.place)))}`
    lines.push(`     nearest: ${nearest.says}${where}`)
    if (nearest.place !== null) lines.push(...sourceFrame(root, nearest.place, paint, '     '))
  }
  return lines
}

function formatCoverage({ coverage }: TestRun, paint: Paint): readonly string[] {
  const { rules, neverHit, neverCalled } = coverage
  const lines: string[] = []
  if (neverCalled.length > 0) lines.push(`${paint('yellow', 'Never called')}  ${listed(neverCalled)}`)
  if (rules === 0) return lines
  const missing = neverHit.map(({ name, declaredAt }) => `${name} ${declaredAt.file}:${declaredAt.line}`)
  const rest = missing.length === 0 ? '' : `: never made to refuse ${listed(missing)}`
  return [...lines, `Rule coverage ${rules - neverHit.length}/${rules}${rest}`]
}

function listed(names: readonly string[]): string {
  const more = names.length - mostNamed
  return names.slice(0, mostNamed).join(', ') + (more > 0 ? `, and ${more} more` : '')
}

function nameOf(file: string): string {
  return file.replace(/\.test\.yaml$/, '')
}

/** The same facts for machines. */
export function runAsJson(run: TestRun): unknown {
  const { passed, failed, skipped, coverage, tookMs } = run
  return {
    ok: failed === 0,
    passed,
    failed,
    skipped,
    tookMs: Math.round(tookMs),
    tests: run.files.flatMap(({ outcomes }) =>
      outcomes.map(({ test, outcome, misses, nearest }) => ({
        name: test.name,
        file: test.place.file,
        line: test.place.line,
        outcome,
        ...(misses.length > 0 && { misses }),
        ...(nearest !== null && { nearest }),
      })),
    ),
    coverage,
  }
}

/** The same facts as a JUnit report: one suite per file. */
export function runAsJunit(run: TestRun): string {
  const suites = run.files.map(({ file, outcomes }) => {
    const count = (wanted: TestOutcome['outcome']) => outcomes.filter(({ outcome }) => outcome === wanted).length
    const cases = outcomes.map((each) => junitCase(each, file)).join('')
    return `  <testsuite name="${xml(file)}" tests="${outcomes.length}" failures="${count('failed')}" skipped="${count('skipped')}">\n${cases}  </testsuite>\n`
  })
  const total = run.passed + run.failed + run.skipped
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="postern test" tests="${total}" failures="${run.failed}">\n${suites.join('')}</testsuites>\n`
}

function junitCase({ test, outcome, misses, nearest, tookMs }: TestOutcome, file: string): string {
  const head = `    <testcase classname="${xml(file)}" name="${xml(test.name)}" file="${xml(file)}" line="${test.place.line}" time="${(tookMs / 1000).toFixed(3)}"`
  if (outcome === 'passed') return `${head}/>\n`
  if (outcome === 'skipped') return `${head}><skipped message="${xml(misses[0]?.got ?? '')}"/></testcase>\n`
  const said = misses.map(({ what, expected, got }) => `${what}: expected ${expected}, got ${got}`)
  const near =
    nearest === null ? '' : `\n${nearest.says}${nearest.place === null ? '' : ` ${formatPlace(nearest.place)}`}`
  return `${head}><failure message="${xml(said[0] ?? '')}">${xml(said.join('\n') + near)}</failure></testcase>\n`
}

function xml(text: string): string {
  return printable(text.replaceAll('\n', ' '))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

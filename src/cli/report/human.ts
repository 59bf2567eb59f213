import { patchLines } from '../../policy/audit/patch.js'
import { printable } from '../../record/human.js'
import { formatPlace } from '../../values/place.js'
import { counted } from '../counted.js'
import { formatAt } from '../problems.js'
import type { Paint, Style } from '../terminal.js'
import type { Item, Level, Report } from './report.js'

const styles: Readonly<Record<Level, Style>> = {
  error: 'red',
  warning: 'yellow',
  high: 'red',
  medium: 'yellow',
  low: 'cyan',
  note: 'dim',
}

/** Findings of one code that are shown in full; the others are counted, so that a thousand routes stay readable. */
const shownPerCode = 3
const shownPatchLines = 12

/** The report for people; the summary is its last line. */
export function formatHuman(report: Report, paint: Paint, isFull: boolean): string {
  const { items, folder } = report
  const problems = items.filter(isProblem)
  const findings = items.filter((item) => !isProblem(item) && item.waiver === null)
  const blocks = problems.map((item) => formatItem(item, folder, paint))
  const seen = new Map<string, number>()
  const hidden = new Map<string, Item[]>()
  for (const item of findings) {
    const count = (seen.get(item.code) ?? 0) + 1
    seen.set(item.code, count)
    if (isFull || count <= shownPerCode) blocks.push(formatItem(item, folder, paint))
    else hidden.set(item.code, [...(hidden.get(item.code) ?? []), item])
  }
  for (const [code, more] of hidden) {
    const places = more.slice(0, 4).map(({ place }) => `${place.file}:${place.line}`)
    const rest = more.length > places.length ? ', …' : ''
    blocks.push(
      `${paint('dim', `${more.length} more`)}  ${code}\n  ${printable(places.join(', '))}${rest}  (--all shows every one)`,
    )
  }
  if (isFull) blocks.push(...items.filter(({ waiver }) => waiver !== null).map(formatWaived))
  return [...blocks.map((block) => `${block}\n\n`), `${summary(report)}\n`].join('')
}

function isProblem({ level }: Item): boolean {
  return level === 'error' || level === 'warning'
}

function formatItem(item: Item, folder: string, paint: Paint): string {
  const { level, hint, subjects, patches, risks } = item
  const lines = [
    formatAt(
      { ...item, hint: hint ?? undefined } as Parameters<typeof formatAt>[0], // an absent hint is undefined there
      folder,
      paint,
      styles[level],
      level === 'error' ? null : level,
    ),
  ]
  if (subjects.length > 1) {
    const more = subjects.length > 3 ? ', …' : ''
    lines.push(`  ${printable(`concerns ${subjects.length}: ${subjects.slice(0, 3).join(', ')}${more}`)}`)
  }
  for (const patch of patches.slice(0, 1)) {
    const all = patchLines(patch)
    lines.push(`  ${paint('dim', `in ${printable(patch.file)}:`)}`)
    for (const line of all.slice(0, shownPatchLines)) lines.push(`    ${paint('green', printable(line))}`)
    if (all.length > shownPatchLines) lines.push(`    ${paint('dim', `… ${all.length - shownPatchLines} more lines`)}`)
  }
  if (patches.length > 1) lines.push(`  ${paint('dim', `and likewise in ${counted(patches.length - 1, 'more file')}`)}`)
  if (risks.length > 0) lines.push(`  ${paint('dim', risks.join(', '))}`)
  return lines.join('\n')
}

function formatWaived({ place, code, waiver }: Item): string {
  return printable(
    `${formatPlace(place)}  ${code}  waived until ${waiver?.until} by ${waiver?.owner}: ${waiver?.reason}`,
  )
}

/** `2 problems, 1 warning in 3 files, 41 ms. Plan 3f1c…, 9 routes. Audit 88/100: 1 high, 3 low.` */
export function summary({ items, files, tookMs, plan, score }: Report): string {
  const count = (level: Level) => items.filter((item) => item.level === level && item.waiver === null).length
  const parts = [
    ...(count('error') > 0 ? [counted(count('error'), 'problem')] : []),
    ...(count('warning') > 0 ? [counted(count('warning'), 'warning')] : []),
  ]
  const found = `${parts.join(', ') || 'No problems'} in ${counted(files, 'file')}, ${tookMs} ms.`
  if (plan === null)
    return `${found} Refused: a gateway would not start with it, and a running one keeps the set it has.`
  const levels = (['high', 'medium', 'low', 'note'] as const).flatMap((level) =>
    count(level) === 0 ? [] : [level === 'note' ? counted(count(level), 'note') : `${count(level)} ${level}`],
  )
  const waived = items.filter(({ waiver }) => waiver !== null).length
  if (waived > 0) levels.push(`${waived} waived`)
  const audit =
    score === null ? '' : ` Audit ${score.points}/100${levels.length === 0 ? '' : `: ${levels.join(', ')}`}.`
  return `${found} Plan ${plan.fingerprint.slice(0, 12)}, ${counted(plan.routes.length, 'route')}.${audit}`
}

import { isAbsolute, join } from 'node:path'
import { printable } from '../record/human.js'
import { formatPlace, type Place } from '../values/place.js'
import type { Problem } from '../values/problem.js'
import { counted } from './counted.js'
import type { Paint, Style } from './terminal.js'

/** Longer source lines are cut around the place, so that the underline stays beneath it. */
const widest = 110

/** Every problem as a person reads it: where, the line itself, what is wrong, how to mend it. */
export function formatProblems(problems: readonly Problem[], folder: string, paint: Paint): string {
  return problems.map((problem) => `${formatProblem(problem, folder, paint)}\n`).join('\n')
}

function formatProblem(problem: Problem, folder: string, paint: Paint): string {
  const isError = problem.severity === 'error'
  return formatAt(problem, folder, paint, isError ? 'red' : 'yellow', isError ? null : 'warning')
}

/** Anything that is said of a place, in the shape that problems have; `label` stands behind the code. */
export function formatAt(
  said: Omit<Problem, 'severity'>,
  folder: string,
  paint: Paint,
  style: Style,
  label: string | null,
): string {
  const { place, code, frame = [], message, hint, related = [] } = said
  const head = `${paint('bold', printable(shownPlace(place, folder)))}  ${paint(style, code)}`
  const gutter = Math.max(5, ...frame.map(({ line }) => String(line).length + 3))
  const lines = [label === null ? head : `${head}  (${label})`]
  for (const { line, text } of frame) {
    const { shown, before } = cut(text, line === place.line ? place.column - 1 : 0)
    lines.push(`${paint('dim', `${String(line).padStart(gutter)} |`)} ${shown}`)
    if (line !== place.line) continue
    const marks = '^'.repeat(Math.max(1, Math.min(place.length ?? 1, shown.length - before)))
    lines.push(`${paint('dim', `${' '.repeat(gutter)} |`)} ${' '.repeat(before)}${paint(style, marks)}`)
  }
  lines.push(`  ${printable(hint === undefined ? message : `${message} ${hint}`)}`)
  for (const { message: says, place: other } of related) {
    lines.push(`  ${printable(shownPlace(other, folder))}  ${printable(says)}`)
  }
  return lines.join('\n')
}

/** A path that one can open from here; what is no file of the folder (a flag, a built-in value) stays as it is. */
function shownPlace(place: Place, folder: string): string {
  // The folder itself has no lines, and neither has a flag or a built-in value.
  if (place.file === '.') return folder
  if (place.file.startsWith('(')) return place.file
  return isAbsolute(place.file) ? formatPlace(place) : join(folder, formatPlace(place))
}

/** The part of a line around a column, one character for each of the text's own so that the underline fits. */
function cut(text: string, column: number): { shown: string; before: number } {
  const start = column < widest - 20 ? 0 : column - 40
  const whole = text.slice(start, start + widest).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ')
  return { shown: whole.trimEnd(), before: column - start }
}

/** `2 problems, 1 warning`; null when there is none of either. */
export function countProblems(problems: readonly Problem[]): string | null {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const parts = [
    ...(errors > 0 ? [counted(errors, 'problem')] : []),
    ...(problems.length > errors ? [counted(problems.length - errors, 'warning')] : []),
  ]
  return parts.length === 0 ? null : parts.join(', ')
}

/** One problem in one line, for logs: `orders.yaml:14:9 rate-limit.key-unknown Unknown key "bursts". …`. */
export function formatBriefly({ place, code, message, hint }: Problem): string {
  return printable(`${formatPlace(place)} ${code} ${hint === undefined ? message : `${message} ${hint}`}`)
}

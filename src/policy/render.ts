import type { Place } from '../values/place.js'
import type { Problem } from '../values/problem.js'

export interface RenderOptions {
  /** Put before file names, so that a terminal can open them: `policies/`. */
  readonly folder?: string
  /** How many problems are shown in full; the rest is counted. */
  readonly limit?: number
}

const widest = 120

/** Problems for people: header, source line with carets, what is wrong, how to mend it. */
export function renderProblems(problems: readonly Problem[], { folder = '', limit = 50 }: RenderOptions = {}): string {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`
  const shown = problems.slice(0, limit).map((problem) => renderProblem(problem, prefix))
  const more = problems.length - shown.length
  if (more > 0) shown.push(`… and ${more} more ${more === 1 ? 'problem' : 'problems'}.`)
  return shown.join('\n\n')
}

/** `2 problems, 1 warning`. */
export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  const parts = [
    ...(errors > 0 || warnings === 0 ? [`${errors} ${errors === 1 ? 'problem' : 'problems'}`] : []),
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
  ]
  return parts.join(', ')
}

function renderProblem(problem: Problem, prefix: string): string {
  const { place, frame, related = [] } = problem
  const lines = [`${where(place, prefix)}  ${problem.code}${problem.severity === 'warning' ? '  (warning)' : ''}`]
  for (const line of frame ?? [])
    lines.push(...renderLine(line.line, line.text, line.line === place.line ? place : undefined))
  lines.push(`  ${printable(problem.message)}${problem.hint === undefined ? '' : ` ${printable(problem.hint)}`}`)
  for (const other of related) lines.push(`  ${where(other.place, prefix)}  ${printable(other.message)}`)
  return lines.join('\n')
}

function where(place: Place, prefix: string): string {
  const file =
    place.file === '.'
      ? prefix.replace(/\/$/, '') || '.'
      : place.file.startsWith('(')
        ? place.file
        : `${prefix}${place.file}`
  return `${printable(file)}:${place.line}:${place.column}`
}

/** A source line and the carets below it; a long line is cut around the place. */
function renderLine(number: number, text: string, place: Place | undefined): string[] {
  const column = place === undefined ? 0 : place.column - 1
  const from = column > widest - 40 ? column - 40 : 0
  const cut = text.slice(from, from + widest)
  const shown = `${from > 0 ? '…' : ''}${printable(cut)}${text.length > from + widest ? '…' : ''}`
  const gutter = String(number).padStart(5)
  const lines = [`${gutter} | ${shown}`]
  if (place !== undefined) {
    const length = Math.max(1, Math.min(place.length ?? 1, widest - (column - from)))
    const indent = ' '.repeat(column - from + (from > 0 ? 1 : 0))
    lines.push(`${' '.repeat(gutter.length)} | ${indent}${'^'.repeat(length)}`)
  }
  return lines
}

/** Control and direction characters would let a policy text write to an operator's terminal; a dot stands for each. */
function printable(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    out += code === 9 ? ' ' : isHidden(code) ? '\u00b7' : text[i]
  }
  return out
}

/** C0 and C1 controls, zero-width and direction marks, line and paragraph separators, byte order mark. */
function isHidden(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  return (
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0xfeff
  )
}

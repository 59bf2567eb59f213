import type { View } from '../view.js'
import { backtick, kind, type SqlTokens } from './sql-lexer.js'

/** Tokens that a rule looks ahead. */
export const reach = 40

/** The text of a token. */
export const word = (view: View, t: SqlTokens, i: number): string => view.lower.slice(t.starts[i] ?? 0, t.ends[i] ?? 0)

/** Whether the tokens before `i` end a string of the host's: a quote with an even number before it, perhaps brackets. */
export function breaksOut(t: SqlTokens, i: number): boolean {
  let j = i - 1
  while (j >= 0 && i - j < 8 && t.kinds[j] === kind.close) j--
  return j >= 0 && t.kinds[j] === kind.quote && (t.before[j] ?? 0) % 2 === 0
}

interface Operand {
  readonly next: number
  readonly type: 'number' | 'string' | 'word' | 'call' | 'query'
  readonly start: number
}

/** Reads one operand: signs, brackets, then a literal, a name, a call or a subquery. Null when none stands there. */
export function operand(t: SqlTokens, from: number): Operand | null {
  let i = from
  const limit = from + reach
  while (i < limit && (t.kinds[i] === kind.open || t.kinds[i] === kind.not || t.kinds[i] === kind.operator)) i++
  // N'text', X'41'
  if (t.kinds[i] === kind.word && t.kinds[i + 1] === kind.quote && t.ends[i] === t.starts[i + 1]) {
    if ((t.ends[i] ?? 0) - (t.starts[i] ?? 0) === 1) i++
  }
  const begin = i
  let type: Operand['type']
  switch (t.kinds[i]) {
    case kind.number:
      type = 'number'
      i++
      break
    case kind.quote: {
      type = isBacktick(t, i) ? 'word' : 'string'
      let end = i + 1
      while (end < t.count && end < limit && t.kinds[end] !== kind.quote) end++
      if (end >= limit) return null
      i = end + 1
      break
    }
    case kind.select:
    case kind.exists:
      return { next: i + 1, type: 'query', start: i }
    case kind.word:
    case kind.common:
    case kind.telltale:
    case kind.system:
    case kind.variable:
    case kind.nothing:
    case kind.case:
    case kind.object:
    case kind.values: {
      type = 'word'
      i++
      while (i < limit && t.kinds[i] === kind.dot) i += 2
      if (t.kinds[i] === kind.open) {
        type = 'call'
        let depth = 0
        const start = i
        while (i < t.count && i < limit) {
          if (t.kinds[i] === kind.select) return { next: i + 1, type: 'query', start }
          if (t.kinds[i] === kind.open) depth++
          else if (t.kinds[i] === kind.close && --depth === 0) break
          i++
        }
        i++
      }
      break
    }
    default:
      return null
  }
  while (i < limit && t.kinds[i] === kind.close) i++
  return { next: i, type, start: begin }
}

/** Backticks quote names, not texts; the lexer gives them an odd count always. */
const isBacktick = (t: SqlTokens, i: number): boolean => t.before[i] === backtick

/** An operand with what is added to it: `1+1`, `'a'||'b'`. */
export function sum(t: SqlTokens, from: number): Operand | null {
  let result = operand(t, from)
  for (let n = 0; n < 4 && result !== null && t.kinds[result.next] === kind.operator; n++) {
    const more = operand(t, result.next + 1)
    if (more === null) break
    result = { ...result, next: more.next }
  }
  return result
}

/** Where the right side of a comparison begins, or -1 when there is none at a token. */
export function isComparison(t: SqlTokens, i: number): number {
  let j = i
  if (t.kinds[j] === kind.not) j++
  const type = t.kinds[j]
  if (type === kind.compare) return t.kinds[j + 1] === kind.compare ? j + 2 : j + 1
  if (type === kind.in) return t.kinds[j + 1] === kind.open ? j + 1 : -1
  if (type === kind.is) return t.kinds[j + 1] === kind.not || t.kinds[j + 1] === kind.nothing ? j + 1 : -1
  if (type === kind.between) return j + 1
  return -1
}

/** Whether an operand is a number or a text. */
export const literal = (operand: Operand): boolean => operand.type === 'number' || operand.type === 'string'

/** Whether two operands are the same but for brackets and signs. */
export function sameText(view: View, t: SqlTokens, left: Operand, right: Operand): boolean {
  const a = core(view, t, left)
  return a !== '' && a === core(view, t, right)
}

/** The text of a literal without brackets, signs and quotes. */
function core(view: View, t: SqlTokens, operand: Operand): string {
  let text = ''
  let first = operand.start
  // `start` of the right side points at the comparison's successor; both skip signs alike.
  for (; first < operand.next && first < t.count; first++) {
    const type = t.kinds[first]
    if (type === kind.number || type === kind.word || type === kind.common || type === kind.system)
      text += word(view, t, first)
  }
  return text
}

/** Whether a comment begins at a token, perhaps behind a semicolon. */
export const isCommentAt = (t: SqlTokens, i: number): boolean =>
  t.kinds[i] === kind.comment || (t.kinds[i] === kind.semicolon && t.kinds[i + 1] === kind.comment)

/** Whether a word stands in quotes of its own, without blanks. */
export function isQuotedWord(view: View, t: SqlTokens, i: number): boolean {
  if (t.kinds[i - 1] !== kind.quote || t.kinds[i + 1] !== kind.quote) return false
  if (t.ends[i - 1] !== t.starts[i] || t.ends[i] !== t.starts[i + 1]) return false
  const start = t.starts[i - 1] ?? 0
  return start !== 0 && !/\w/.test(view.lower.charAt(start - 1)) && !/\w/.test(view.lower.charAt(t.ends[i + 1] ?? 0))
}

/** Whether a small letter stands at an offset. */
export function isLetterAt(view: View, at: number): boolean {
  const code = view.lower.charCodeAt(at)
  return code >= 97 && code <= 122
}

/** Whether a statement may end before a token. */
export const endsStatement = (t: SqlTokens, i: number): boolean =>
  t.kinds[i] === undefined ||
  t.kinds[i] === kind.semicolon ||
  t.kinds[i] === kind.comment ||
  t.kinds[i] === kind.close ||
  t.kinds[i] === kind.quote

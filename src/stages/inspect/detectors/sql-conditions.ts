import type { View } from '../view.js'
import { isSqlCall, isTimed } from './sql-calls.js'
import { kind, type SqlTokens } from './sql-lexer.js'
import {
  breaksOut,
  isCommentAt,
  isComparison,
  isLetterAt,
  isQuotedWord,
  literal,
  reach,
  sameText,
  sum,
  word,
} from './sql-operands.js'
import { selectScore } from './sql-select.js'

/** CASE WHEN 1=1 THEN: a choice between literals, as only a probe has it. */
export function choice(view: View, t: SqlTokens, i: number): string | null {
  if (t.kinds[i + 1] !== kind.case || word(view, t, i) !== 'case' || view.document) return null
  const left = sum(t, i + 2)
  if (left === null || !(literal(left) || left.type === 'query')) return null
  const compared = isComparison(t, left.next)
  if (left.type === 'query') return 'subquery in a condition'
  const right = compared === -1 ? null : sum(t, compared)
  return right !== null && literal(right) ? 'choice between literals' : null
}

/** `(4=4)*1`: an equation that is true, in brackets. */
export function isTrueInBrackets(view: View, t: SqlTokens, i: number): boolean {
  return (
    t.kinds[i - 1] === kind.number &&
    t.kinds[i + 1] === kind.number &&
    t.kinds[i - 2] === kind.open &&
    t.kinds[i + 2] === kind.close &&
    t.kinds[i - 3] !== kind.word &&
    word(view, t, i) === '=' &&
    word(view, t, i - 1) === word(view, t, i + 1) &&
    !view.document
  )
}

/** OR, AND, ||, && and what they join. */
export function condition(view: View, t: SqlTokens, i: number): string | null {
  const isSign = !isLetterAt(view, t.starts[i] ?? 0)
  // Code is full of `'…' || x`; and 'and' in quotes is a word that somebody talks about.
  const out = breaksOut(t, i) && !(isSign && view.document) && (isSign || !isQuotedWord(view, t, i))
  const left = sum(t, i + 1)
  if (left === null) {
    return out && !view.document && i === t.count - 1 && i <= 3 && t.kinds[i - 1] === kind.quote && !isSign
      ? 'break-out with a condition'
      : null
  }
  if (left.type === 'query') {
    return out || !view.document || t.kinds[i + 1] === kind.open ? queryCondition(view, t, i, out) : null
  }
  const compared = isComparison(t, left.next)
  if (compared !== -1) {
    const right = sum(t, compared)
    if (right === null) return out && !view.document && compared >= t.count - 1 ? 'break-out with a condition' : null
    if (right.type === 'query') return 'subquery in a condition'
    if (literal(left) && literal(right)) {
      if (t.kinds[left.next] === kind.in || t.kinds[left.next] === kind.is) return 'tautology'
      if (left.type === 'number' && right.type === 'number') {
        // `5 > 3 and 2 < 4 in every case` goes on as no statement does.
        const goesOn = right.next < t.count && (t.kinds[right.next] === kind.word || t.kinds[right.next] === kind.in)
        if (!out && goesOn && !sameText(view, t, left, right)) return null
        if (isSign && !out && !view.document) {
          // `1 || 1=1` as a whole value; code has its conditions with names in them.
          return i === 1 && right.next >= t.count && sameText(view, t, left, right) ? 'tautology' : null
        }
        if (!view.document || out) return 'tautology'
        return sameText(view, t, left, right) && !t.fenced ? 'tautology' : null
      }
      if (left.type === right.type)
        return out || closesOddly(t, right.next, i) || sameText(view, t, left, right) ? 'tautology' : null
      return out && !view.document ? 'break-out with a condition' : null
    }
    // In a document an apostrophe may have upset the count of quotes.
    if (out && !view.document) return 'break-out with a condition'
    if (left.type === 'call' && isSqlCall(view, t, i + 1)) return 'function in a condition'
    if (right.type === 'call' && isSqlCall(view, t, compared) && literal(left)) return 'function in a condition'
    if (isCommentAt(t, right.next) && !isSign && !view.document) return 'condition before a comment'
    return null
  }
  if (left.type === 'call' && isTimed(view, t, i + 1)) return 'function in a condition'
  if (out) {
    const ends = left.next >= t.count
    if (isCommentAt(t, left.next) && (!view.document || left.type === 'number')) return 'break-out with a condition'
    if (ends && literal(left) && !view.document && !isAside(view, t, i))
      return isSign && left.type === 'string' ? 'break-out with a concatenation' : 'break-out with a condition'
    if (ends && t.kinds[i + 1] === kind.nothing) return 'break-out with a condition'
    if (isSign && left.type === 'call') return 'break-out with a concatenation'
    if (left.type === 'call' && isSqlCall(view, t, i + 1)) return 'break-out with a function'
    if (left.type === 'string' && t.kinds[left.next] === kind.logic) return 'break-out with a concatenation'
    return null
  }
  if (isCommentAt(t, left.next) && !isSign && !view.document) {
    if (literal(left) || t.kinds[i + 1] === kind.nothing) return 'condition before a comment'
  }
  return null
}

/** ` ' and " in names`: signs that somebody talks about, with blanks on all sides. */
function isAside(view: View, t: SqlTokens, i: number): boolean {
  const opened = t.ends[i + 1] ?? 0
  return (
    t.kinds[i + 1] === kind.quote &&
    (t.kinds[t.count - 1] !== kind.quote || i + 1 === t.count - 1) &&
    view.lower.charCodeAt(opened) === 32 &&
    view.lower.charCodeAt((t.starts[i - 1] ?? 0) - 1) === 32
  )
}

function queryCondition(view: View, t: SqlTokens, i: number, out: boolean): string | null {
  for (let j = i + 1; j < i + reach && j < t.count; j++) {
    if (t.kinds[j] === kind.select)
      return out || selectScore(view, t, j) >= (view.document || t.kinds[j - 1] !== kind.open ? 3 : 2)
        ? 'subquery in a condition'
        : null
    if (t.kinds[j] === kind.exists) {
      if (t.kinds[j + 1] === kind.open && t.kinds[j + 2] === kind.select) return 'subquery in a condition'
    }
  }
  return null
}

/** Whether an odd number of quotes stands between two tokens: the injected literal is closed by the host's own quote. */
function closesOddly(t: SqlTokens, next: number, from: number): boolean {
  let quotes = 0
  for (let j = from; j < next && j < t.count; j++) if (t.kinds[j] === kind.quote) quotes++
  return quotes % 2 === 1 && next >= t.count
}

/** MATCH (…) AGAINST (…), … IN BOOLEAN MODE). */
export function fullText(view: View, t: SqlTokens, i: number): string | null {
  // Both words have seven letters; most words of a text are put aside by their length.
  if ((t.ends[i] ?? 0) - (t.starts[i] ?? 0) !== 7) return null
  const name = word(view, t, i)
  if ((name !== 'against' && name !== 'boolean') || view.document) return null
  if (name === 'against')
    return t.kinds[i - 1] === kind.close && t.kinds[i + 1] === kind.open ? 'full-text condition' : null
  if (name === 'boolean')
    return t.kinds[i - 1] === kind.in && word(view, t, i + 1) === 'mode' && t.kinds[i + 2] === kind.close
      ? 'full-text condition'
      : null
  return null
}

/** HAVING 1=1, WHERE 4750=4750. */
export function literalClause(view: View, t: SqlTokens, i: number): string | null {
  const left = sum(t, i + 1)
  if (left === null || !literal(left)) return null
  const compared = isComparison(t, left.next)
  if (compared === -1) return null
  const right = sum(t, compared)
  return right !== null && right.type === left.type && (!view.document || sameText(view, t, left, right))
    ? 'tautology'
    : null
}

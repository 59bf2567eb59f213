import type { View } from '../view.js'
import { lone } from './sql-calls.js'
import { kind, type SqlTokens } from './sql-lexer.js'
import { breaksOut, isQuotedWord, reach, word } from './sql-operands.js'

/** UNION and its kin with a SELECT behind them. */
export function unionSelect(view: View, t: SqlTokens, i: number): string | null {
  let j = i + 1
  while (
    j < i + 10 &&
    (t.kinds[j] === kind.all ||
      t.kinds[j] === kind.open ||
      t.kinds[j] === kind.other ||
      t.kinds[j] === kind.versioned ||
      t.kinds[j] === kind.comment ||
      t.kinds[j] === kind.operator ||
      t.kinds[j] === kind.quote ||
      t.kinds[j] === kind.number)
  )
    j++
  if (t.kinds[j] !== kind.select) return null
  const name = word(view, t, i)
  const next = t.kinds[j + 1]
  if (next === undefined) return name === 'union' ? 'union' : null
  if (name !== 'union' && selectScore(view, t, j) < 2) return null
  if (next === kind.word || next === kind.system) {
    const after = t.kinds[j + 2]
    if (
      after === kind.comma ||
      after === kind.from ||
      after === kind.dot ||
      after === kind.open ||
      after === kind.comment
    )
      return 'union'
    return after === undefined || view.document ? null : selectScore(view, t, j) >= 2 ? 'union' : null
  }
  return 'union'
}

const readable = new Set([
  'users',
  'user',
  'password',
  'passwd',
  'pwd',
  'pass',
  'passwords',
  'admin',
  'admins',
  'accounts',
  'account',
  'members',
  'customers',
  'credentials',
  'login',
  'logins',
  'secret',
  'secrets',
  'tables',
  'columns',
  'username',
  'credit_cards',
  'email',
  'token',
  'tokens',
  'hash',
])

/** How much a SELECT looks like a query rather than a request to choose something. */
export function selectScore(view: View, t: SqlTokens, i: number): number {
  let score = 0
  let j = i + 1
  while (t.kinds[j] === kind.all || t.kinds[j] === kind.top) j++
  if (t.kinds[j - 1] === kind.top && t.kinds[j] === kind.number) j++
  switch (t.kinds[j]) {
    case kind.number:
    case kind.variable:
    case kind.nothing:
    case kind.telltale:
      score += 2
      break
    case kind.open:
      score += t.kinds[j + 1] === kind.dot ? 0 : 2
      break
    case kind.quote:
      score += t.kinds[j - 1] === kind.all || view.lower[t.starts[j] ?? 0] === '`' ? 0 : 2
      break
    case kind.operator:
      score +=
        view.lower[t.starts[j] ?? 0] === '*' || t.kinds[j + 1] === kind.number || t.kinds[j + 2] === kind.open ? 2 : 0
      break
    case kind.case:
      score += 1
      break
    case kind.common:
      score += t.kinds[j + 1] === kind.open ? 2 : 0
      // SELECT VERSION() and nothing else.
      if (t.kinds[j + 2] === kind.close && j + 3 >= t.count && lone.has(word(view, t, j))) score++
      break
    case kind.word:
    case kind.system:
      if (t.kinds[j + 1] === kind.comma || t.kinds[j + 1] === kind.from) score++
      if (t.kinds[j + 1] === kind.open) score++
      break
    default:
  }
  if (t.kinds[i - 1] === kind.open) score++
  for (let n = 0; j < t.count && n < reach; j++, n++) {
    const type = t.kinds[j]
    // The next SELECT is judged by itself; one in brackets belongs to this.
    if (type === kind.select && t.kinds[j - 1] !== kind.open) break
    if (type === kind.from) {
      const target = t.kinds[j + 1]
      if (target === kind.system || target === kind.open || target === kind.telltale) score += 2
      else if (
        target === kind.word &&
        /^(?:v\$|gv\$|pg_|all_|dba_|sqlite_|msys|performance_)/.test(word(view, t, j + 1))
      )
        score += 2
      else if (target === kind.word || target === kind.quote || target === kind.object) {
        const after = t.kinds[j + 2]
        if (
          after === undefined ||
          after === kind.where ||
          after === kind.comment ||
          after === kind.semicolon ||
          after === kind.close ||
          after === kind.limit ||
          (after === kind.dot && t.kinds[j + 3] === kind.word) ||
          after === kind.order ||
          after === kind.comma
        )
          score++
        if (after === kind.where || (after === kind.dot && t.kinds[j + 3] === kind.word) || after === kind.limit)
          score++
        if (readable.has(word(view, t, j + 1))) score++
      }
    } else if (type === kind.word || type === kind.object) {
      if (readable.has(word(view, t, j))) score += score < 6 && n < 6 ? 1 : 0
    } else if (type === kind.telltale || type === kind.system || type === kind.variable) score++
    else if (type === kind.comment || type === kind.union) {
      score++
      break
    } else if (type === kind.semicolon) break
  }
  return score
}

/** A SELECT that is a query rather than a request to choose something. */
export function select(view: View, t: SqlTokens, i: number): string | null {
  const score = selectScore(view, t, i)
  if (score < 2 || isQuotedWord(view, t, i)) return null
  const before = t.kinds[i - 1]
  const out = breaksOut(t, i) || (before === kind.open && breaksOut(t, i - 1))
  // In a document, a quote before SELECT begins a string that holds a query.
  if (out && !view.document) return 'break-out with a query'
  if (before === kind.open) {
    const outer = t.kinds[i - 2]
    if (
      (outer === kind.operator ||
        outer === kind.compare ||
        outer === kind.comma ||
        outer === kind.open ||
        outer === kind.common ||
        outer === kind.telltale) &&
      score >= 3
    )
      return view.document && score < 4 ? null : 'subquery'
    return score >= (view.document ? 6 : 3) ? 'subquery' : null
  }
  if (view.document) return null
  return score >= 3 &&
    (i === 0 ||
      before === kind.semicolon ||
      before === kind.number ||
      before === kind.comma ||
      before === kind.quote ||
      before === kind.close ||
      before === kind.other ||
      before === kind.operator)
    ? 'query'
    : score >= 5
      ? 'query'
      : null
}

/** `) AS orders FROM`: the end of one query and the beginning of what it reads from. */
export function aliased(view: View, t: SqlTokens, i: number): string | null {
  if (i > 3 || i === 0 || (t.ends[i] ?? 0) - (t.starts[i] ?? 0) !== 2) return null
  const before = t.kinds[i - 1]
  if (before !== kind.close && before !== kind.quote) return null
  if (word(view, t, i) !== 'as' || view.document) return null
  let j = i + 1
  while (j < i + 4 && (t.kinds[j] === kind.word || t.kinds[j] === kind.quote)) j++
  return j > i + 1 && t.kinds[j] === kind.from && t.kinds[0] === before ? 'break-out with a query' : null
}

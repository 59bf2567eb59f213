import type { View } from '../view.js'
import { isTimed } from './sql-calls.js'
import { kind, type SqlTokens } from './sql-lexer.js'
import { breaksOut, endsStatement, isCommentAt, reach, word } from './sql-operands.js'
import { selectScore } from './sql-select.js'

/** A second statement behind a semicolon. */
export function stacked(view: View, t: SqlTokens, i: number): string | null {
  let j = i + 1
  while (t.kinds[j] === kind.semicolon) j++
  const shape = statement(view, t, j)
  if (shape === null) {
    if (j >= t.count || !breaksOut(t, i) || view.document) return null
    const calls = t.kinds[j + 1] === kind.open
    return calls || (t.kinds[t.count - 1] === kind.comment && j < t.count - 1) ? 'stacked statement' : null
  }
  if (!view.document) return shape
  // A script among other text also has semicolons before its statements; a broken-out string has a lonely quote.
  return breaksOut(t, i) ? shape : null
}

/** The beginning of a statement that changes or reads data, or null. */
export function statement(view: View, t: SqlTokens, i: number): string | null {
  const next = t.kinds[i + 1]
  switch (t.kinds[i]) {
    case kind.select:
      return selectScore(view, t, i) >= 2 ? 'stacked query' : null
    case kind.verb:
      return changes(view, t, i) ? 'stacked statement' : null
    case kind.exec:
      if (word(view, t, i + 1) === 'immediate') return 'stacked statement'
      if (next === kind.telltale || next === kind.variable || next === kind.system) return 'stacked statement'
      // `Exec (CEO)` is somebody's title.
      if (next === kind.open) return t.kinds[i + 2] === kind.word ? null : 'stacked statement'
      return next === kind.word && /^(xp|sp)_/.test(word(view, t, i + 1)) ? 'stacked statement' : null
    case kind.declare:
      return next === kind.variable ? 'stacked statement' : null
    case kind.set:
      return next === kind.variable && t.kinds[i + 2] === kind.compare ? 'stacked statement' : null
    case kind.waitfor:
      return next === kind.delay ? 'time delay' : null
    case kind.shutdown:
      return next === undefined ||
        next === kind.comment ||
        next === kind.semicolon ||
        /^with/.test(word(view, t, i + 1))
        ? 'stacked statement'
        : null
    case kind.case:
    case kind.common:
      return word(view, t, i) === 'if' && next === kind.open && t.kinds.slice(i, i + reach).includes(kind.waitfor)
        ? 'time delay'
        : isTimed(view, t, i)
          ? 'time delay'
          : null
    case kind.telltale:
      return 'stacked statement'
    default:
      return null
  }
}

/** INSERT INTO x (, DELETE FROM x, UPDATE x SET y =, DROP TABLE x and their like. */
function changes(view: View, t: SqlTokens, i: number): boolean {
  const verb = word(view, t, i)
  const next = t.kinds[i + 1]
  const third = t.kinds[i + 2]
  const isName = (type: number | undefined): boolean =>
    type === kind.word ||
    type === kind.quote ||
    type === kind.system ||
    type === kind.object ||
    type === kind.common ||
    type === kind.variable
  switch (verb) {
    case 'insert':
    case 'replace':
    case 'merge': {
      if (next !== kind.into || !isName(third)) return false
      for (let j = i + 3; j < i + 10; j++)
        if (
          t.kinds[j] === kind.open ||
          t.kinds[j] === kind.values ||
          t.kinds[j] === kind.select ||
          t.kinds[j] === kind.set
        )
          return true
      return false
    }
    case 'delete':
      return next === kind.from && isName(third) && (endsStatement(t, i + 3) || t.kinds[i + 3] === kind.where)
    case 'update': {
      for (let j = i + 2; j < i + 6; j++)
        if (t.kinds[j] === kind.set)
          return (
            isName(t.kinds[j + 1]) &&
            (t.kinds[j + 2] === kind.compare || t.kinds[j + 2] === kind.quote || t.kinds[j + 2] === kind.dot)
          )
      return false
    }
    case 'drop':
    case 'truncate':
      if (next === kind.word && isCommentAt(t, i + 2)) return true
      if (word(view, t, i + 1) === 'database') return isName(third) && endsStatement(t, i + 3)
      return (
        next === kind.object &&
        (isName(third) || t.kinds[i + 2] === kind.common || third === kind.exists) &&
        (endsStatement(t, i + 3) ||
          t.kinds[i + 3] === kind.exists ||
          t.kinds[i + 3] === kind.dot ||
          t.kinds[i + 3] === kind.quote ||
          t.kinds[i + 3] === kind.comma ||
          t.kinds[i + 3] === kind.word)
      )
    case 'create':
    case 'alter':
      if (next === kind.logic) return true // CREATE OR REPLACE
      return next === kind.object && isName(third)
    case 'grant':
    case 'revoke':
      for (let j = i + 1; j < i + 8; j++) if (/^(to|on)$/.test(word(view, t, j))) return true
      return false
    case 'load':
      return next === kind.object && /^(?:infile|local|low_priority|concurrent)$/.test(word(view, t, i + 2))
    case 'backup':
    case 'restore':
      return next === kind.object
    case 'copy':
      for (let j = i + 1; j < i + 8; j++)
        if (
          /^(from|to)$/.test(word(view, t, j)) &&
          (t.kinds[j + 1] === kind.quote || /^program$/.test(word(view, t, j + 1)))
        )
          return true
      return false
    case 'attach':
      return next === kind.object && third === kind.quote
    case 'call':
      return isName(next) && (third === kind.open || third === kind.dot)
    case 'do':
      return isTimed(view, t, i + 1)
    default:
      return false
  }
}

/** A comment right behind the quote that ends the host's string: the rest of the statement is gone. */
export function cutShort(view: View, t: SqlTokens, i: number): string | null {
  if (view.document) return null
  let j = i - 1
  while (j >= 0 && i - j < 8 && (t.kinds[j] === kind.close || t.kinds[j] === kind.semicolon)) j--
  if (j < 0 || t.kinds[j] !== kind.quote || (t.before[j] ?? 0) % 2 !== 0) return null
  const rest = view.lower.slice((t.starts[i] ?? 0) + 1, t.ends[i])
  if (view.lower[t.starts[i] ?? 0] === '#' && /^[0-9a-f]/.test(rest)) return null
  // "--flag" is an option of some program, `#` in quotes is a sign that somebody talks about.
  if (/^-[a-z]|^-?["'`]|^[a-z!]/.test(rest)) return null
  if ((t.ends[i] ?? 0) < view.lower.trimEnd().length || rest.trim().length > 12) return null
  // “… the boys' -- said Anna”: a dash in prose.
  if (/[a-z]/.test(rest) && (view.lower.slice(0, t.starts[j]).match(/[a-z]{2,}\s/g)?.length ?? 0) >= 3) return null
  return 'comment after a break-out'
}

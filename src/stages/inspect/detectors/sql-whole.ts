import type { View } from '../view.js'
import { lone } from './sql-calls.js'
import { kind, type SqlTokens } from './sql-lexer.js'
import { word } from './sql-operands.js'
import { statement } from './sql-statements.js'

const joins: ReadonlySet<number | undefined> = new Set([
  kind.operator,
  kind.compare,
  kind.logic,
  kind.is,
  kind.in,
  kind.not,
])

/** What an expression between the host's quotes is made of. */
const parts: ReadonlySet<number | undefined> = new Set([
  ...joins,
  kind.number,
  kind.open,
  kind.close,
  kind.variable,
  kind.nothing,
  kind.quote,
  kind.dot,
  kind.common,
  kind.telltale,
  kind.other,
  kind.between,
])

/**
 * `A' >= 'B`, `aa'^0+1=(0)-- `: an expression that begins behind the host's first quote and ends before its last, or in a
 * comment. The quotes are glued to what the host would have had in them.
 */
function sandwich(view: View, t: SqlTokens): boolean {
  if (t.count > 60) return false
  let first = 0
  while (first < t.count && t.kinds[first] !== kind.quote) first++
  if (first > 3 || !joins.has(t.kinds[first + 1])) return false
  const start = t.starts[first] ?? 0
  if (start > 0 && view.lower.charCodeAt(start - 1) <= 32) return false
  const sign = view.lower[start]
  const isCommented = t.kinds[t.count - 1] === kind.comment
  let last = t.count - 1
  if (!isCommented) {
    while (last > first && !(t.kinds[last] === kind.quote && view.lower[t.starts[last] ?? 0] === sign)) last--
    if (last === first || t.count - last > 2 || !joins.has(t.kinds[last - 1])) return false
    const after = view.lower.charCodeAt((t.starts[last] ?? 0) + 1)
    if (last < t.count - 1 && after <= 32) return false
    if ((t.before[last] ?? 0) % 2 === 0) return false
  }
  let words = 0
  for (let j = first + 1; j < last; j++) if (!parts.has(t.kinds[j])) words++
  return words <= 2
}

/** Short values that are a statement or an expression as a whole. */
export function whole(view: View, t: SqlTokens): string | null {
  if (t.count === 0) return null
  if (sandwich(view, t)) return 'break-out with an operator'
  const isCommented =
    t.kinds[t.count - 1] === kind.comment && (t.ends[t.count - 1] ?? 0) - (t.starts[t.count - 1] ?? 0) < 6
  if (isCommented && t.count > 2) {
    if (t.kinds[0] === kind.open && t.kinds[t.count - 2] === kind.close) return 'expression before a comment'
  }
  // `version()`, `ifnull(`: a lone call of what only databases offer.
  if (t.kinds[0] === kind.common && t.kinds[1] === kind.open && t.count <= 4 && lone.has(word(view, t, 0))) {
    if (t.count === 2 || t.kinds[t.count - 1] === kind.close) return 'database function'
  }
  if (
    t.count === 1 &&
    t.kinds[0] === kind.system &&
    /^(?:msys|sysobj|syscol|sysdat|pg_cat|pg_sh|information_s|sqlite_|all_t|dba_|user_t)/.test(view.lower)
  ) {
    return 'system table'
  }
  if (isCommented && t.count === 2 && t.kinds[0] === kind.variable) return 'server variable'
  if (t.kinds[0] === kind.number && t.kinds[1] === kind.compare && t.kinds[2] === kind.number) {
    const goesOn = t.kinds[4] === kind.word && t.kinds[5] !== kind.compare && t.kinds[5] !== kind.open
    if (t.kinds[3] === kind.logic && word(view, t, 0) === word(view, t, 2) && !goesOn) return 'tautology'
  }
  let first = 0
  while (
    first < 4 &&
    (t.kinds[first] === kind.open ||
      t.kinds[first] === kind.close ||
      t.kinds[first] === kind.quote ||
      t.kinds[first] === kind.number ||
      t.kinds[first] === kind.operator ||
      t.kinds[first] === kind.comma)
  )
    first++
  const type = t.kinds[first]
  if (type === kind.verb || type === kind.exec || type === kind.declare || type === kind.shutdown) {
    if (type === kind.shutdown && t.count < 2) return null
    if (
      type === kind.verb &&
      first === 0 &&
      !/^(insert|update|delete|drop|truncate|create|alter|replace|load)$/.test(word(view, t, first))
    )
      return null
    return statement(view, t, first) === null ? null : 'statement'
  }
  if (type === kind.variable && word(view, t, first).startsWith('@@') && t.count <= first + 3) return 'server variable'
  if (
    type === kind.procedure ||
    (type === kind.object && word(view, t, first) === 'procedure' && /^analyse/.test(word(view, t, first + 1)))
  )
    return 'procedure analyse'
  return null
}

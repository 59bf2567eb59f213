import type { View } from '../view.js'
import { kind, type SqlTokens } from './sql-lexer.js'
import { breaksOut, isComparison, operand, word } from './sql-operands.js'

/** A call of a function that SQL knows, from `i` on (after signs and brackets). */
export function isSqlCall(view: View, t: SqlTokens, from: number): boolean {
  let i = from
  while (i < from + 6 && (t.kinds[i] === kind.open || t.kinds[i] === kind.not || t.kinds[i] === kind.operator)) i++
  if (t.kinds[i] === kind.telltale) return true
  return t.kinds[i] === kind.common && t.kinds[i + 1] === kind.open && !isCodeCall(view, t, i)
}

/** Python's `len(x)` and Excel's `if(…)` are common in prose and code; their arguments decide nothing here. */
function isCodeCall(view: View, t: SqlTokens, i: number): boolean {
  const name = word(view, t, i)
  return name === 'if' || name === 'len' || name === 'max' || name === 'min' || name === 'round' || name === 'abs'
}

/** Whether a call that takes time, or one that only databases have, begins at a token. */
export function isTimed(view: View, t: SqlTokens, from: number): boolean {
  let i = from
  while (i < from + 6 && (t.kinds[i] === kind.open || t.kinds[i] === kind.not || t.kinds[i] === kind.operator)) i++
  if (t.kinds[i] === kind.telltale) return true
  return t.kinds[i] === kind.common && word(view, t, i) === 'sleep' && t.kinds[i + 1] === kind.open
}

/** `1.e(`, `1.e.tables`: a number that never ends, which hides what follows from readers less lenient than MySQL. */
export function scientific(view: View, t: SqlTokens, i: number): string | null {
  if (t.count === 1 && /^2\.22507385850720\d{1,3}e-308$/.test(view.whole)) return 'number that hangs a parser'
  if (t.kinds[i + 1] !== kind.dot || word(view, t, i + 2) !== 'e' || view.document) return null
  return t.kinds[i + 3] === kind.open || t.kinds[i + 3] === kind.dot || t.kinds[i + 3] === kind.quote
    ? 'number that hides a name'
    : null
}

/** A call that only an attack on a database makes where it stands, by its name and what is around it. */
export function functionCall(view: View, t: SqlTokens, i: number): string | null {
  const isCall =
    t.kinds[i + 1] === kind.open ||
    (t.kinds[i + 1] === kind.dot &&
      (t.kinds[i + 2] === kind.word || t.kinds[i + 2] === kind.common) &&
      /_|ctxsys/.test(word(view, t, i)))
  if (!isCall) return null
  const before = t.kinds[i - 1]
  if (before === kind.dot && t.kinds[i] === kind.common) return null
  const name = word(view, t, i)
  if (t.kinds[i] === kind.telltale) {
    // `benchmark (some text)` is prose.
    if (name === 'benchmark' && t.starts[i + 1] !== t.ends[i]) return null
    if (!view.document) return name === 'elt' && t.kinds[i + 2] !== kind.number ? null : 'database function'
    const joined = before === kind.comma || before === kind.open || before === kind.operator || before === kind.logic
    return joined && (t.kinds[i + 2] === kind.open || t.kinds[i + 2] === kind.number) && breaksOut(t, i - 1)
      ? 'database function'
      : null
  }
  if (view.document) return null
  if (name === 'sleep') {
    const ok =
      before === undefined ||
      before === kind.comma ||
      before === kind.open ||
      before === kind.operator ||
      before === kind.semicolon ||
      before === kind.compare ||
      before === kind.quote ||
      before === kind.number ||
      before === kind.select ||
      before === kind.case ||
      before === kind.close
    const argument = t.kinds[i + 2]
    if (argument === kind.number && t.kinds[i + 3] === kind.word) return null
    return ok && (argument === kind.number || argument === kind.open || argument === kind.quote) ? 'time delay' : null
  }
  if (name === 'char' || name === 'chr' || name === 'nchar') {
    const joined =
      t.kinds[i + 2] === kind.number &&
      t.kinds[i + 3] === kind.close &&
      (t.kinds[i + 4] === kind.operator || t.kinds[i + 4] === kind.logic)
    return joined && (t.kinds[i + 5] === kind.common || t.kinds[i + 5] === kind.quote || t.kinds[i + 5] === kind.open)
      ? 'text from character codes'
      : null
  }
  if (name === 'if' || name === 'iif') {
    const left = operand(t, i + 2)
    const compared = left === null || left.type !== 'number' ? -1 : isComparison(t, left.next)
    if (compared !== -1 && operand(t, compared)?.type === 'number') return 'choice between literals'
  }
  if (name === 'exp') return word(view, t, i + 2) === '~' ? 'error function' : null
  if (
    name === 'concat' ||
    name === 'hex' ||
    name === 'ascii' ||
    name === 'substring' ||
    name === 'mid' ||
    name === 'convert' ||
    name === 'cast' ||
    name === 'if' ||
    name === 'iif'
  ) {
    for (let j = i + 2; j < i + 10; j++) {
      const type = t.kinds[j]
      if (type === kind.select || type === kind.telltale || type === kind.variable) return 'database function'
      if (type === kind.number && word(view, t, j).startsWith('0x') && name === 'concat') return 'database function'
      if (type === kind.common && t.kinds[j + 1] === kind.open && t.kinds[j + 2] === kind.close)
        return 'database function'
    }
  }
  return null
}

/** Functions that are suspicious as a whole value. */
export const lone = new Set(
  'database schema user version ifnull nullif isnull current_user ascii substr substring mid hex ord nchar sysdate curdate unix_timestamp bit_and to_char nvl rownum newid host_name isnull ucase lcase locate lpad rpad instr'.split(
    ' ',
  ),
)

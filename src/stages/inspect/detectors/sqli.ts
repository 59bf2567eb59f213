import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'
import { functionCall, isSqlCall, isTimed, scientific } from './sql-calls.js'
import { choice, condition, fullText, isTrueInBrackets, literalClause } from './sql-conditions.js'
import { backtick, kind, lexSql, type SqlTokens } from './sql-lexer.js'
import { breaksOut, isCommentAt, isComparison, operand, reach, word } from './sql-operands.js'
import { aliased, select, selectScore, unionSelect } from './sql-select.js'
import { cutShort, stacked, statement } from './sql-statements.js'
import { whole } from './sql-whole.js'
import { telltales } from './sql-words.js'

const quotes = has.singleQuote | has.doubleQuote | has.backtick

const afterQuote =
  has.equals |
  has.hash |
  has.semicolon |
  has.pipe |
  has.plus |
  has.star |
  has.less |
  has.greater |
  has.ampersand |
  has.paren |
  has.percent |
  has.slash |
  has.at |
  has.punctuation

/*
 * Stops: SQL injection – breaking out of a string, tautologies, UNION, stacked statements, conditions with time or error
 *   functions, comments that cut a statement short, statements as a whole value.
 * How: the value is split into SQL tokens once; quotes are tokens, so the same reading serves a value that lands bare, in
 *   '…' or in "…". Rules look at the tokens around an anchor (a quote, OR, UNION, SELECT, a semicolon, a comment), never at
 *   a word alone. In documents only shapes count that prose and code samples do not have.
 * Limits: a bare number that changes a query's meaning (id=2 for id=1) is no injection; a lone function name is only
 *   suspicious in a short value; dialects with their own quoting ([…], q'…') are read as words.
 */
export const sqli: Detector = {
  name: 'sqli',
  lexer: {
    // Words that hardly any text but SQL has, and pairs of signs that join or end it.
    words:
      'drop#table drop#database insert#into delete#from truncate#table create#table alter#table select union waitfor sleep benchmark having information_schema exec declare shutdown procedure outfile dumpfile load_ xp_ sp_ utl_ dbms_ ctxsys extractvalue updatexml xmltype concat pg_ sqlite randomblob generate_series json_ unhex elt( char( chr( cast( convert( exists between || && -- /* */ @@ aes_ name_const linestring rlike regexp rdb$ db_name suser_ sysobjects syscolumns all_tables user_tables msys geometry multipo geomfrom version( database( user( schema( ifnull( nullif( get_lock row_count'
        .split(' ')
        .map((text) => text.replace('#', ' '))
        .concat([
          'e-308',
          '.e(',
          '.e.',
          'execute immediate',
          'into @',
          'case when',
          'iif(',
          'load data',
          'against',
          'boolean mode',
          'charset',
        ])
        .concat(telltales.split(' ').map((name) => `${name}(`)),
    // Words of any prose: they count beside a sign that a statement needs.
    hints:
      'or and xor like insert drop delete update truncate alter create order group where merge copy dual open lock load grant limit'.split(
        ' ',
      ),
    hintsNeed: quotes | has.equals | has.less | has.greater | has.hash | has.semicolon | has.pipe | has.paren,
    pair: [quotes, afterQuote],
    find,
  },
}

function find(view: View): Finding | null {
  const tokens = lexSql(view.lower)
  for (let i = 0; i < tokens.count; i++) {
    if (tokens.before[i] === backtick && isFence(tokens, i)) tokens.fenced = !tokens.fenced
    const technique = at(view, tokens, i)
    if (technique !== null) return { technique, at: tokens.starts[i] ?? 0 }
  }
  const technique = whole(view, tokens)
  return technique === null || view.document ? null : { technique, at: 0 }
}

/** Whether a backtick is the first of three: a fenced block of Markdown begins or ends. */
const isFence = (t: SqlTokens, i: number): boolean =>
  t.before[i - 1] !== backtick &&
  t.before[i + 1] === backtick &&
  t.before[i + 2] === backtick &&
  t.ends[i] === t.starts[i + 1]

function at(view: View, t: SqlTokens, i: number): string | null {
  switch (t.kinds[i]) {
    case kind.logic:
      return condition(view, t, i)
    case kind.union:
      return unionSelect(view, t, i)
    case kind.select:
      return select(view, t, i)
    case kind.semicolon:
      return stacked(view, t, i)
    case kind.comment:
      return cutShort(view, t, i)
    case kind.having:
    case kind.where:
      return literalClause(view, t, i)
    case kind.order:
    case kind.group:
      return orderBy(view, t, i)
    case kind.waitfor:
      return t.kinds[i + 1] === kind.delay && (t.kinds[i + 2] === kind.quote || t.kinds[i + 2] === kind.number)
        ? 'time delay'
        : null
    case kind.into:
      if (t.kinds[i + 1] === kind.variable && breaksOut(t, i) && !view.document) return 'break-out with a clause'
      return t.kinds[i + 1] === kind.object &&
        (t.kinds[i + 2] === kind.quote || !view.document) &&
        /^(out|dump)file/.test(word(view, t, i + 1))
        ? 'write to a file'
        : null
    case kind.telltale:
    case kind.common:
      return functionCall(view, t, i)
    case kind.number:
      return scientific(view, t, i)
    case kind.word:
      return aliased(view, t, i) ?? fullText(view, t, i)
    case kind.versioned:
      return view.document ? null : 'versioned comment'
    case kind.quote:
      return afterBreakOut(view, t, i)
    case kind.case:
      return choice(view, t, i)
    case kind.compare:
      if (isTrueInBrackets(view, t, i)) return 'tautology'
      return t.kinds[i + 1] === kind.open && t.kinds[i + 2] === kind.select && selectScore(view, t, i + 2) >= 2
        ? 'subquery in a comparison'
        : null
    default:
      return null
  }
}

/** ORDER BY 5-- and GROUP BY x HAVING, behind a break-out, a number or nothing. */
function orderBy(view: View, t: SqlTokens, i: number): string | null {
  if (t.kinds[i + 1] !== kind.by || view.document) return null
  const before = t.kinds[i - 1]
  const out = breaksOut(t, i)
  if (!out && before !== undefined && before !== kind.number && before !== kind.close && before !== kind.quote)
    return null
  let j = i + 2
  while (j < i + reach && (t.kinds[j] === kind.number || t.kinds[j] === kind.comma || t.kinds[j] === kind.word)) j++
  if (t.kinds[j] === kind.having) return 'order by'
  if (t.kinds[i + 2] === kind.number && (out || t.kinds[j] === kind.comment || (j >= t.count && before !== undefined)))
    return 'order by'
  if (t.kinds[j] === kind.common || t.kinds[j] === kind.telltale) return isTimed(view, t, j) ? 'time delay' : null
  return out && t.kinds[j] === kind.comment ? 'order by' : null
}

/** What stands right behind a quote that would end the host's string. */
function afterBreakOut(view: View, t: SqlTokens, i: number): string | null {
  if (!view.document && t.kinds[i + 1] === kind.other && view.lower.startsWith('::', t.starts[i + 1])) {
    if (
      /^::(?:jsonb?|text|int|integer|numeric|regclass|varchar|xml|bytea)\b/.test(
        view.lower.slice(t.starts[i + 1], (t.starts[i + 1] ?? 0) + 12),
      )
    )
      return 'type cast'
  }
  if ((t.before[i] ?? 0) % 2 !== 0) return null
  let j = i + 1
  while (j < i + 8 && t.kinds[j] === kind.close) j++
  const type = t.kinds[j]
  if (type === kind.waitfor || type === kind.having)
    return t.kinds[j + 1] === undefined ? null : 'break-out with a clause'
  if (view.document) return null
  if (type === kind.operator || type === kind.compare) {
    const right = operand(t, j + 1)
    if (right === null) return null
    if (right.type === 'query') return 'break-out with a query'
    if (right.type === 'call' && isSqlCall(view, t, j + 1)) return 'break-out with a function'
    const ends = right.next >= t.count || isCommentAt(t, right.next)
    // `'='`, `'-'`, `'*'`: nothing else in the value.
    if (
      right.type === 'string' &&
      right.next >= t.count &&
      i <= 1 &&
      t.kinds[j + 1] === kind.quote &&
      t.count <= 8 &&
      view.lower[t.starts[i] ?? 0] === "'" &&
      t.kinds[j + 2] === undefined
    )
      return 'break-out with an operator'
    if (ends && isCommentAt(t, right.next)) return 'break-out with an operator'
    const sign = view.lower[t.starts[j] ?? 0]
    if (
      (sign === '+' || sign === '|') &&
      right.type === 'string' &&
      right.next >= t.count &&
      t.kinds[right.next - 1] !== kind.quote
    )
      return 'break-out with a concatenation'
    return null
  }
  if (
    type === kind.comma &&
    t.kinds[j + 1] === kind.nothing &&
    (t.kinds[j + 2] === kind.comma || t.kinds[j + 2] === kind.close)
  )
    return 'break-out with a list'
  if (type === kind.group || type === kind.order) return null
  if (type === kind.compare && t.kinds[j + 1] === kind.open) return null
  if (type === kind.limit && t.kinds[j + 1] === kind.number) return 'break-out with a clause'
  if (type === kind.verb || type === kind.exec || type === kind.declare)
    return statement(view, t, j) === null ? null : 'break-out with a statement'
  if (type === kind.is || type === kind.in || type === kind.between) {
    const compared = isComparison(t, j)
    return compared !== -1 && operand(t, compared) !== null && i === 0 ? 'break-out with a condition' : null
  }
  if (type === kind.common && word(view, t, j) === 'if' && t.kinds[j + 1] === kind.open)
    return t.kinds.slice(j, j + 8).includes(kind.telltale) ? 'time delay' : null
  return null
}

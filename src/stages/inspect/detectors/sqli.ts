import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'
import { backtick, kind, lexSql, type SqlTokens, telltales } from './sql-lexer.js'

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

/** Tokens that a rule looks ahead. */
const reach = 40

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

const word = (view: View, t: SqlTokens, i: number): string => view.lower.slice(t.starts[i] ?? 0, t.ends[i] ?? 0)

/** CASE WHEN 1=1 THEN: a choice between literals, as only a probe has it. */
function choice(view: View, t: SqlTokens, i: number): string | null {
  if (t.kinds[i + 1] !== kind.case || word(view, t, i) !== 'case' || view.document) return null
  const left = sum(t, i + 2)
  if (left === null || !(literal(left) || left.type === 'query')) return null
  const compared = isComparison(t, left.next)
  if (left.type === 'query') return 'subquery in a condition'
  const right = compared === -1 ? null : sum(t, compared)
  return right !== null && literal(right) ? 'choice between literals' : null
}

/** `(4=4)*1`: an equation that is true, in brackets. */
function isTrueInBrackets(view: View, t: SqlTokens, i: number): boolean {
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

/** Whether the tokens before `i` end a string of the host's: a quote with an even number before it, perhaps brackets. */
function breaksOut(t: SqlTokens, i: number): boolean {
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
function operand(t: SqlTokens, from: number): Operand | null {
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
function sum(t: SqlTokens, from: number): Operand | null {
  let result = operand(t, from)
  for (let n = 0; n < 4 && result !== null && t.kinds[result.next] === kind.operator; n++) {
    const more = operand(t, result.next + 1)
    if (more === null) break
    result = { ...result, next: more.next }
  }
  return result
}

function isComparison(t: SqlTokens, i: number): number {
  let j = i
  if (t.kinds[j] === kind.not) j++
  const type = t.kinds[j]
  if (type === kind.compare) return t.kinds[j + 1] === kind.compare ? j + 2 : j + 1
  if (type === kind.in) return t.kinds[j + 1] === kind.open ? j + 1 : -1
  if (type === kind.is) return t.kinds[j + 1] === kind.not || t.kinds[j + 1] === kind.nothing ? j + 1 : -1
  if (type === kind.between) return j + 1
  return -1
}

const literal = (operand: Operand): boolean => operand.type === 'number' || operand.type === 'string'

/** OR, AND, ||, && and what they join. */
function condition(view: View, t: SqlTokens, i: number): string | null {
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

function sameText(view: View, t: SqlTokens, left: Operand, right: Operand): boolean {
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

const isCommentAt = (t: SqlTokens, i: number): boolean =>
  t.kinds[i] === kind.comment || (t.kinds[i] === kind.semicolon && t.kinds[i + 1] === kind.comment)

/** Whether a word stands in quotes of its own, without blanks. */
function isQuotedWord(view: View, t: SqlTokens, i: number): boolean {
  if (t.kinds[i - 1] !== kind.quote || t.kinds[i + 1] !== kind.quote) return false
  if (t.ends[i - 1] !== t.starts[i] || t.ends[i] !== t.starts[i + 1]) return false
  const start = t.starts[i - 1] ?? 0
  return start !== 0 && !/\w/.test(view.lower.charAt(start - 1)) && !/\w/.test(view.lower.charAt(t.ends[i + 1] ?? 0))
}

function isLetterAt(view: View, at: number): boolean {
  const code = view.lower.charCodeAt(at)
  return code >= 97 && code <= 122
}

/** A call of a function that SQL knows, from `i` on (after signs and brackets). */
function isSqlCall(view: View, t: SqlTokens, from: number): boolean {
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

function isTimed(view: View, t: SqlTokens, from: number): boolean {
  let i = from
  while (i < from + 6 && (t.kinds[i] === kind.open || t.kinds[i] === kind.not || t.kinds[i] === kind.operator)) i++
  if (t.kinds[i] === kind.telltale) return true
  return t.kinds[i] === kind.common && word(view, t, i) === 'sleep' && t.kinds[i + 1] === kind.open
}

function unionSelect(view: View, t: SqlTokens, i: number): string | null {
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
function selectScore(view: View, t: SqlTokens, i: number): number {
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

function select(view: View, t: SqlTokens, i: number): string | null {
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

/** A second statement behind a semicolon. */
function stacked(view: View, t: SqlTokens, i: number): string | null {
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

/** `1.e(`, `1.e.tables`: a number that never ends, which hides what follows from readers less lenient than MySQL. */
function scientific(view: View, t: SqlTokens, i: number): string | null {
  if (t.count === 1 && /^2\.22507385850720\d{1,3}e-308$/.test(view.whole)) return 'number that hangs a parser'
  if (t.kinds[i + 1] !== kind.dot || word(view, t, i + 2) !== 'e' || view.document) return null
  return t.kinds[i + 3] === kind.open || t.kinds[i + 3] === kind.dot || t.kinds[i + 3] === kind.quote
    ? 'number that hides a name'
    : null
}

/** `) AS orders FROM`: the end of one query and the beginning of what it reads from. */
function aliased(view: View, t: SqlTokens, i: number): string | null {
  if (i > 3 || i === 0 || (t.ends[i] ?? 0) - (t.starts[i] ?? 0) !== 2) return null
  const before = t.kinds[i - 1]
  if (before !== kind.close && before !== kind.quote) return null
  if (word(view, t, i) !== 'as' || view.document) return null
  let j = i + 1
  while (j < i + 4 && (t.kinds[j] === kind.word || t.kinds[j] === kind.quote)) j++
  return j > i + 1 && t.kinds[j] === kind.from && t.kinds[0] === before ? 'break-out with a query' : null
}

/** MATCH (…) AGAINST (…), … IN BOOLEAN MODE). */
function fullText(view: View, t: SqlTokens, i: number): string | null {
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

/** The beginning of a statement that changes or reads data, or null. */
function statement(view: View, t: SqlTokens, i: number): string | null {
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

const endsStatement = (t: SqlTokens, i: number): boolean =>
  t.kinds[i] === undefined ||
  t.kinds[i] === kind.semicolon ||
  t.kinds[i] === kind.comment ||
  t.kinds[i] === kind.close ||
  t.kinds[i] === kind.quote

/** A comment right behind the quote that ends the host's string: the rest of the statement is gone. */
function cutShort(view: View, t: SqlTokens, i: number): string | null {
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

/** HAVING 1=1, WHERE 4750=4750. */
function literalClause(view: View, t: SqlTokens, i: number): string | null {
  const left = sum(t, i + 1)
  if (left === null || !literal(left)) return null
  const compared = isComparison(t, left.next)
  if (compared === -1) return null
  const right = sum(t, compared)
  return right !== null && right.type === left.type && (!view.document || sameText(view, t, left, right))
    ? 'tautology'
    : null
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

function functionCall(view: View, t: SqlTokens, i: number): string | null {
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

const lone = new Set(
  'database schema user version ifnull nullif isnull current_user ascii substr substring mid hex ord nchar sysdate curdate unix_timestamp bit_and to_char nvl rownum newid host_name isnull ucase lcase locate lpad rpad instr'.split(
    ' ',
  ),
)

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
function whole(view: View, t: SqlTokens): string | null {
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

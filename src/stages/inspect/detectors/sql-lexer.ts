import { keywords } from './sql-words.js'

/** Kinds of SQL tokens, as far as the shape of an injection depends on them. */
export const kind = {
  end: 0,
  number: 1,
  word: 2,
  quote: 3,
  open: 4,
  close: 5,
  comma: 6,
  semicolon: 7,
  operator: 8,
  compare: 9,
  logic: 10,
  comment: 11,
  select: 12,
  union: 13,
  all: 14,
  from: 15,
  where: 16,
  having: 17,
  order: 18,
  group: 19,
  by: 20,
  limit: 21,
  into: 22,
  verb: 23,
  object: 24,
  set: 25,
  values: 26,
  exec: 27,
  declare: 28,
  waitfor: 29,
  delay: 30,
  nothing: 31,
  not: 32,
  case: 33,
  variable: 34,
  exists: 35,
  dot: 36,
  between: 37,
  is: 38,
  versioned: 39,
  top: 40,
  other: 41,
  /** A function or procedure that hardly any text but SQL names. */
  telltale: 42,
  /** A function of SQL whose name is also a word of other languages. */
  common: 43,
  /** A schema, table or column that attackers read. */
  system: 44,
  procedure: 45,
  shutdown: 46,
  in: 47,
} as const

/** What `before` says of a backtick: odd, so that it never ends a host's string. */
export const backtick = -1

const table = new Map<string, number>()
for (const [words, name] of Object.entries(keywords)) {
  for (const word of words.split(' ')) table.set(word, kind[name as keyof typeof kind]) // the values above are its keys
}

/**
 * For the first two letters of a word, a bit for each length that some keyword with them has: most words of prose are
 * none, and this says so without making a string of them.
 */
const keywordLengths = new Uint32Array(26 * 26)
for (const word of table.keys()) {
  const pair = pairOf(word, 0)
  if (pair !== -1) keywordLengths[pair] = (keywordLengths[pair] ?? 0) | (1 << word.length)
}

/** The first two letters as one number; -1 unless both are small letters. */
function pairOf(text: string, at: number): number {
  const first = text.charCodeAt(at) - 97
  const second = text.charCodeAt(at + 1) - 97
  return first >= 0 && first < 26 && second >= 0 && second < 26 ? first * 26 + second : -1
}

/** The kind of the word between two offsets. */
function wordKind(text: string, start: number, end: number): number {
  const length = end - start
  if (length > 24) return kind.word
  const pair = pairOf(text, start)
  if (length > 1 && pair !== -1 && ((keywordLengths[pair] ?? 0) & (1 << length)) === 0) return kind.word
  return table.get(text.slice(start, end)) ?? kind.word
}

/** The tokens of a text read as SQL. Quotes are tokens of their own, so that one reading serves every context. */
export interface SqlTokens {
  readonly kinds: readonly number[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** For a quote token: how many of the same sign came before it. An even number: it would end the host's string. */
  readonly before: readonly number[]
  readonly count: number
  /** Whether the token that is looked at stands in a fenced block of Markdown: an example, not a statement. */
  fenced: boolean
}

const wordSign = new Uint8Array(128)
for (const sign of 'abcdefghijklmnopqrstuvwxyz0123456789_$') wordSign[sign.charCodeAt(0)] = 1

const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isWordSign = (code: number): boolean => (code < 128 ? wordSign[code] === 1 : code > 0xbf)
const isBlank = (code: number): boolean => code <= 32

// One text is read at a time, and its tokens are forgotten before the next: arrays that grow anew for each text took half
// of the time. Texts of a length never seen before make them longer, and they stay so.
const kinds: number[] = []
const starts: number[] = []
const ends: number[] = []
const before: number[] = []
let count = 0

function push(type: number, start: number, end: number, quotes = 0): void {
  kinds[count] = type
  starts[count] = start
  ends[count] = end
  before[count] = quotes
  count++
}

/** Nothing of the text before may be seen behind the last token. */
function cutBehind(): void {
  if (kinds.length === count) return
  kinds.length = count
  starts.length = count
  ends.length = count
  before.length = count
}

/** Splits lower-case text into tokens. Linear; closed comments are blanks. The tokens hold until the next text is read. */
export function lexSql(text: string): SqlTokens {
  count = 0
  let single = 0
  let double = 0
  const length = text.length
  let i = 0
  while (i < length) {
    const code = text.charCodeAt(i)
    if (isBlank(code)) {
      i++
      continue
    }
    if (isDigit(code)) {
      const end = numberEnd(text, i)
      push(kind.number, i, end)
      i = end
      continue
    }
    if (isWordSign(code)) {
      let end = i + 1
      while (end < length && (isWordSign(text.charCodeAt(end)) || isHyphen(text, end))) end++
      push(wordKind(text, i, end), i, end)
      i = end
      continue
    }
    const next = i + 1 < length ? text.charCodeAt(i + 1) : 0
    switch (code) {
      case 39:
        if (isApostrophe(text, i)) break
        push(kind.quote, i, i + 1, single++)
        break
      case 34:
        push(kind.quote, i, i + 1, double++)
        break
      case 96:
        // Hardly ever an attack's way out, mostly a mention of something in Markdown.
        push(kind.quote, i, i + 1, backtick)
        break
      case 40:
        push(kind.open, i, i + 1)
        break
      case 41:
        push(kind.close, i, i + 1)
        break
      case 44:
        push(kind.comma, i, i + 1)
        break
      case 59:
        push(kind.semicolon, i, i + 1)
        break
      case 46:
        push(kind.dot, i, i + 1)
        break
      case 35: {
        const end = lineEnd(text, i)
        push(kind.comment, i, end)
        i = end
        continue
      }
      case 45:
        if (next === 45) {
          const end = lineEnd(text, i)
          push(kind.comment, i, end)
          i = end
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 47:
        if (next === 42) {
          const close = text.indexOf('*/', i + 2)
          if (text.charCodeAt(i + 2) === 33) {
            push(kind.versioned, i, i + 3)
            i += 3
            while (i < length && isDigit(text.charCodeAt(i))) i++
            continue
          }
          if (close === -1) {
            push(kind.comment, i, length)
            i = length
            continue
          }
          i = close + 2
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 42:
        if (next === 47) {
          i += 2 // the end of a versioned comment
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 61:
      case 60:
      case 62:
      case 33: {
        let end = i + 1
        while (end < length && end - i < 3 && isCompareSign(text.charCodeAt(end))) end++
        push(code === 33 && end === i + 1 ? kind.operator : kind.compare, i, end)
        i = end
        continue
      }
      case 124:
      case 38:
        if (next === code) {
          push(kind.logic, i, i + 2)
          i += 2
          continue
        }
        push(kind.operator, i, i + 1)
        break
      case 64: {
        let end = i + 1
        while (end < length && (text.charCodeAt(end) === 64 || isWordSign(text.charCodeAt(end)))) end++
        push(end === i + 1 ? kind.operator : kind.variable, i, end)
        i = end
        continue
      }
      case 92: {
        // `\N` is MySQL's NULL, and may be glued to what follows: `1\Nunion select`.
        if (next !== 110) {
          push(kind.other, i, i + 1)
          break
        }
        let end = i + 2
        while (end < length && isWordSign(text.charCodeAt(end))) end++
        const isNull = end === i + 2 || wordKind(text, i + 2, end) !== kind.word
        push(isNull ? kind.nothing : kind.other, i, isNull ? i + 2 : i + 1)
        i += isNull ? 2 : 1
        continue
      }
      case 43:
      case 37:
      case 94:
      case 126:
        push(kind.operator, i, i + 1)
        break
      default:
        push(kind.other, i, i + 1)
    }
    i++
  }
  cutBehind()
  return { kinds, starts, ends, before, count, fenced: false }
}

/** `xcode-select` is one word; `1-sleep(5)` and `'-sleep(5)-'` are not. */
const isHyphen = (text: string, at: number): boolean =>
  text.charCodeAt(at) === 45 && isLetter(text.charCodeAt(at - 1)) && isLetter(text.charCodeAt(at + 1))

const isCompareSign = (code: number): boolean => code === 60 || code === 61 || code === 62

/** `0x1f`, `1.5`, `1e3`; letters after a plain number start a word: `1or 1=1`. */
function numberEnd(text: string, start: number): number {
  let end = start + 1
  if (text.charCodeAt(start) === 48 && text.charCodeAt(end) === 120) {
    end++
    while (end < text.length && /[0-9a-f]/.test(text.charAt(end))) end++
    return end
  }
  while (end < text.length && (isDigit(text.charCodeAt(end)) || isFraction(text, end))) end++
  if (text.charCodeAt(end) === 101 && isDigit(text.charCodeAt(end + 1))) {
    end += 2
    while (end < text.length && isDigit(text.charCodeAt(end))) end++
  }
  return end
}

const isFraction = (text: string, at: number): boolean => text.charCodeAt(at) === 46 && isDigit(text.charCodeAt(at + 1))

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

const contractions = new Set(['s', 't', 're', 've', 'll', 'd', 'm', 'n', 'em', 'all', 'clock'])

/** Letters on both sides make an apostrophe (don't, O'Brien), unless a keyword follows: `x'or'1'='1`. */
function isApostrophe(text: string, at: number): boolean {
  if (at === 0 || !isLetter(text.charCodeAt(at - 1))) return false
  let end = at + 1
  while (end < text.length && end - at < 26 && isLetter(text.charCodeAt(end))) end++
  if (end === at + 1) return false
  const word = text.slice(at + 1, end)
  return contractions.has(word) || !table.has(word)
}

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || code > 0xbf

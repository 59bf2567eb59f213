/**
 * One bit for every kind of character that an injection needs. A value's mask tells which detectors can be left out:
 * half of all text in real API traffic holds none of these.
 */
export const has = {
  singleQuote: 1 << 0,
  doubleQuote: 1 << 1,
  backtick: 1 << 2,
  less: 1 << 3,
  greater: 1 << 4,
  ampersand: 1 << 5,
  pipe: 1 << 6,
  semicolon: 1 << 7,
  dollar: 1 << 8,
  percent: 1 << 9,
  backslash: 1 << 10,
  paren: 1 << 11,
  brace: 1 << 12,
  bracket: 1 << 13,
  equals: 1 << 14,
  hash: 1 << 15,
  star: 1 << 16,
  slash: 1 << 17,
  colon: 1 << 18,
  lineFeed: 1 << 19,
  carriageReturn: 1 << 20,
  control: 1 << 21,
  /** Characters that some parsers read as ASCII: full-width forms, zero-width signs, odd blanks, circled letters. */
  disguise: 1 << 22,
  /** `!`, `^`, `~`, `?`, `,`. */
  punctuation: 1 << 23,
  blank: 1 << 24,
  plus: 1 << 25,
  /** Anything else outside ASCII. */
  foreign: 1 << 26,
  at: 1 << 27,
  /** The text ends in `?`. */
  endsInQuestion: 1 << 28,
} as const

const signs: Readonly<Record<string, number>> = {
  "'": has.singleQuote,
  '"': has.doubleQuote,
  '`': has.backtick,
  '<': has.less,
  '>': has.greater,
  '&': has.ampersand,
  '|': has.pipe,
  ';': has.semicolon,
  $: has.dollar,
  '%': has.percent,
  '\\': has.backslash,
  '(': has.paren,
  ')': has.paren,
  '{': has.brace,
  '}': has.brace,
  '[': has.bracket,
  ']': has.bracket,
  '=': has.equals,
  '#': has.hash,
  '*': has.star,
  '/': has.slash,
  ':': has.colon,
  '\n': has.lineFeed,
  '\r': has.carriageReturn,
  '\t': has.blank,
  ' ': has.blank,
  '+': has.plus,
  '!': has.punctuation,
  '@': has.at,
  '^': has.punctuation,
  '~': has.punctuation,
  '?': has.punctuation,
  ',': has.punctuation,
}

/** The class bit of each ASCII code. */
export function asciiClasses(): Int32Array {
  const classes = new Int32Array(128)
  for (let code = 0; code < 32; code++) classes[code] = has.control
  classes[127] = has.control
  for (const [sign, bit] of Object.entries(signs)) classes[sign.charCodeAt(0)] = bit
  return classes
}

/** Whether a code unit above 127 may be read as an ASCII character, or be dropped, by what stands behind us. */
export function isDisguise(code: number): boolean {
  if (code < 0x0100) return code === 0xa0 || code === 0xad || code < 0xa0
  if (code >= 0xff00) return code <= 0xff5e || code === 0xfeff || code === 0xffe8
  if (code < 0x2000) return code === 0x02bc || code === 0x02b9 || code === 0x1680 || code === 0x180e || code === 0x212a
  if (code <= 0x206f) {
    return (
      code <= 0x200f ||
      (code >= 0x2024 && code <= 0x202f) ||
      code === 0x2032 ||
      code === 0x2044 ||
      code === 0x205f ||
      code >= 0x2060
    )
  }
  if (code >= 0x2460 && code <= 0x24ff) return true
  if (code >= 0x560a && code <= 0x563e) return code <= 0x560d || code >= 0x563c
  return code === 0x2215 || code === 0x2216 || code === 0x3000 || code === 0x3002 || (code >= 0xfe50 && code <= 0xfe6f)
}

/**
 * Whether a text reads like a document: several lines, or a long line of many words. Prose, code and Markdown hold weak
 * signs of everything; an attack is mostly a short value, and a strong sign counts anywhere.
 */
export function isDocument(text: string, chars: number): boolean {
  if (text.length < 48) return false
  if ((chars & has.lineFeed) !== 0) {
    const first = text.indexOf('\n')
    const second = text.indexOf('\n', first + 1)
    if (second !== -1 && second < text.length - 1) return true
  }
  if ((chars & has.blank) === 0) return false
  return text.length > 300 || isSentence(text)
}

/** Small words of prose that no query and no command has. */
const smallWords = new Set(
  'the a an of to for with that this these it its be are was were been will would can could should has have had we you they your our their when because but into than then also only which while does did please der die das und ein eine ist nicht mit von zu le la les des une est pas pour dans que el los las una por con para del che di il per non com uma não os'.split(
    ' ',
  ),
)

/**
 * For each first letter, a bit for each length that some small word with it has: nearly all other words are none of them,
 * and this says so without making a string. Letters outside a–z share the last place.
 */
const smallLengths = new Int32Array(27)
for (const word of smallWords)
  smallLengths[letterOf(word.charCodeAt(0))] = (smallLengths[letterOf(word.charCodeAt(0))] ?? 0) | (1 << word.length)

/** 0 to 25 for a letter of either case, else 26. */
function letterOf(code: number): number {
  const letter = (code | 0x20) - 0x61
  return letter >= 0 && letter < 26 ? letter : 26
}

/** Whether a plain word, perhaps with a sign or two around it, is a small one. */
function isSmallWord(text: string, start: number, end: number): boolean {
  const length = end - start
  const lengths = smallLengths[letterOf(text.charCodeAt(start))] ?? 0
  return length < 32 && (lengths & (1 << length)) !== 0 && smallWords.has(text.slice(start, end).toLowerCase())
}

/** A line of prose: at least six plain words, most of the words plain, and two of them small. Reads 300 characters at most. */
function isSentence(text: string): boolean {
  let plain = 0
  let small = 0
  let all = 0
  const length = text.length
  let at = 0
  while (at < length) {
    if (text.charCodeAt(at) === 0x20) {
      at++
      continue
    }
    all++
    const start = isOpeningSign(text.charCodeAt(at)) ? at + 1 : at
    const letters = wordEnd(text, start)
    let end = letters
    while (end - letters < 2 && isClosingSign(text.charCodeAt(end))) end++
    if (letters > start && (end === length || text.charCodeAt(end) === 0x20)) {
      plain++
      if (isSmallWord(text, at, end)) small++
      at = end
    } else {
      const blank = text.indexOf(' ', at)
      at = blank === -1 ? length : blank
    }
  }
  return plain >= 6 && small >= 2 && plain * 10 >= all * 6
}

/** Where a plain word ends: a letter, up to 24 small ones, and perhaps an apostrophe or hyphen with up to 12 more; `start` when there is none. */
function wordEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (!isSmallLetter(first) && !(first >= 0x41 && first <= 0x5a) && !(first >= 0xc0 && first <= 0xde)) return start
  let end = start + 1
  while (end - start <= 24 && isSmallLetter(text.charCodeAt(end))) end++
  const joint = text.charCodeAt(end)
  if (joint !== 0x27 && joint !== 0x2019 && joint !== 0x2d) return end
  let tail = end + 1
  while (tail - end <= 12 && text.charCodeAt(tail) >= 0x61 && text.charCodeAt(tail) <= 0x7a) tail++
  return tail > end + 1 ? tail : end
}

const isSmallLetter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0xdf && code <= 0xff)

/** ( " ' “ „ « */
const isOpeningSign = (code: number): boolean =>
  code === 0x28 || code === 0x22 || code === 0x27 || code === 0x201c || code === 0x201e || code === 0xab

/** . , ; : ! ? ) " ' ” » */
const isClosingSign = (code: number): boolean =>
  code === 0x2e ||
  code === 0x2c ||
  code === 0x3b ||
  code === 0x3a ||
  code === 0x21 ||
  code === 0x3f ||
  code === 0x29 ||
  code === 0x22 ||
  code === 0x27 ||
  code === 0x201d ||
  code === 0xbb

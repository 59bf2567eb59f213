import { hexValue } from './percent.js'

/** The named references that write a character with a meaning in some language. HTML, section 13.5 */
const named: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  tab: '\t',
  newline: '\n',
  colon: ':',
  semi: ';',
  lpar: '(',
  rpar: ')',
  lbrace: '{',
  lcub: '{',
  rbrace: '}',
  rcub: '}',
  lsqb: '[',
  lbrack: '[',
  rsqb: ']',
  rbrack: ']',
  sol: '/',
  bsol: '\\',
  dollar: '$',
  percnt: '%',
  num: '#',
  commat: '@',
  equals: '=',
  plus: '+',
  excl: '!',
  quest: '?',
  ast: '*',
  midast: '*',
  period: '.',
  comma: ',',
  verbar: '|',
  vert: '|',
  grave: '`',
  diacriticalgrave: '`',
  hat: '^',
  lowbar: '_',
}
const known = new Map(Object.entries(named))
/** Old references that browsers accept without the semicolon. */
const bare = new Set(['lt', 'gt', 'amp', 'quot'])

/** Decodes character references: `&lt;`, `&#60;`, `&#x3c` (the semicolon is optional for numbers, as browsers have it). */
export function decodeEntities(text: string): string {
  let at = text.indexOf('&')
  let result = ''
  let from = 0
  while (at !== -1) {
    const reference = text.charCodeAt(at + 1) === 35 ? numeric(text, at + 2) : byName(text, at + 1)
    if (reference === null) {
      at = text.indexOf('&', at + 1)
      continue
    }
    result += text.slice(from, at) + reference.piece
    from = reference.end
    at = text.indexOf('&', from)
  }
  return from === 0 ? text : result + text.slice(from)
}

function numeric(text: string, at: number): { piece: string; end: number } | null {
  const hex = (text.charCodeAt(at) | 32) === 120
  let end = hex ? at + 1 : at
  const first = end
  let value = 0
  // Leading zeros may be many; the value is clamped, so that the loop needs no limit to stay a number.
  for (; end < text.length; end++) {
    const digit = hexValue(text.charCodeAt(end))
    if (digit === -1 || (!hex && digit > 9)) break
    value = Math.min(value * (hex ? 16 : 10) + digit, 0x110000)
  }
  if (end === first || value > 0x10ffff) return null
  if (text.charCodeAt(end) === 59) end++
  return { piece: String.fromCodePoint(value), end }
}

function byName(text: string, at: number): { piece: string; end: number } | null {
  let end = at
  while (end < text.length && end - at < 17 && isLetter(text.charCodeAt(end))) end++
  if (end === at) return null
  const name = text.slice(at, end).toLowerCase()
  if (text.charCodeAt(end) === 59) {
    const piece = known.get(name)
    return piece === undefined ? null : { piece, end: end + 1 }
  }
  if (bare.has(name)) return { piece: known.get(name) ?? '', end }
  // `$&lbracesomething`: some decoders take the longest known name.
  for (const prefix of ['lbrace', 'lcub', 'lpar']) {
    if (name.startsWith(prefix)) return { piece: known.get(prefix) ?? '', end: at + prefix.length }
  }
  return null
}

function isLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

import { hexRun, hexValue } from './percent.js'

const single: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '/': '/', '"': '"', "'": "'", '`': '`' }

/**
 * Decodes backslash escapes as JSON, JavaScript, shells and CSS write them: `\uXXXX`, `\u{X}`, `\xXX`, `\n`, `\/`, `\"`,
 * three octal digits. Anything else keeps its backslash: `C:\data` is a path.
 */
export function decodeEscapes(text: string): string {
  let at = text.indexOf('\\')
  let result = ''
  let from = 0
  while (at !== -1 && at < text.length - 1) {
    const sequence = readEscape(text, at + 1)
    if (sequence === null) {
      at = text.indexOf('\\', at + (text.charCodeAt(at + 1) === 92 ? 2 : 1))
      continue
    }
    result += text.slice(from, at) + sequence.piece
    from = sequence.end
    at = text.indexOf('\\', from)
  }
  return from === 0 ? text : result + text.slice(from)
}

function readEscape(text: string, at: number): { piece: string; end: number } | null {
  const code = text.charCodeAt(at)
  if (code === 117 || code === 85) {
    if (text.charCodeAt(at + 1) === 123) return braced(text, at + 2)
    const value = hexRun(text, at + 1, 4)
    return value === -1 ? null : { piece: String.fromCharCode(value), end: at + 5 }
  }
  if (code === 120 || code === 88) {
    const value = hexRun(text, at + 1, 2)
    return value === -1 ? null : { piece: String.fromCharCode(value), end: at + 3 }
  }
  if (code >= 48 && code <= 51) {
    let value = 0
    for (let i = 0; i < 3; i++) {
      const digit = text.charCodeAt(at + i) - 48
      if (!(digit >= 0 && digit <= 7)) return code === 48 && i === 1 ? { piece: '\0', end: at + 1 } : null
      value = value * 8 + digit
    }
    return { piece: String.fromCharCode(value & 255), end: at + 3 }
  }
  const piece = single[text.charAt(at)]
  return piece === undefined ? null : { piece, end: at + 1 }
}

function braced(text: string, at: number): { piece: string; end: number } | null {
  let value = 0
  let end = at
  for (; end < text.length; end++) {
    const digit = hexValue(text.charCodeAt(end))
    if (digit === -1) break
    value = Math.min(value * 16 + digit, 0x110000)
  }
  if (end === at || text.charCodeAt(end) !== 125 || value > 0x10ffff) return null
  return { piece: String.fromCodePoint(value), end: end + 1 }
}

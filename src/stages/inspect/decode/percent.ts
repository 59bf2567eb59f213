/** Value of a hexadecimal digit, or -1. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/**
 * Decodes `%XX` (as UTF-8, overlong forms included, since some servers accept them) and `%uXXXX`. What is no such
 * sequence stays. A text without blanks has its `+` read as blanks when anything was decoded: it was a form's.
 * RFC 3986, section 2.1; overlong UTF-8: RFC 3629, section 10
 */
export function decodePercent(text: string): string {
  let at = text.indexOf('%')
  if (at === -1) return text
  let result = ''
  let from = 0
  const length = text.length
  while (at !== -1 && at < length - 2) {
    let end = at
    let piece = ''
    const kind = text.charCodeAt(at + 1) | 32
    if (kind === 117) {
      const code = hexRun(text, at + 2, 4)
      if (code !== -1) {
        piece = String.fromCharCode(code)
        end = at + 6
      }
    } else {
      const byte = hexRun(text, at + 1, 2)
      if (byte !== -1) {
        const more = byte >= 0xf0 && byte < 0xf8 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0
        if (byte < 0x80) {
          piece = String.fromCharCode(byte)
          end = at + 3
        } else {
          let code = more === 0 || byte >= 0xf8 ? byte : byte & (0x3f >> more)
          end = at + 3
          let taken = 0
          while (byte < 0xf8 && taken < more && text.charCodeAt(end) === 37) {
            const next = hexRun(text, end + 1, 2)
            if (next === -1) break
            if ((next & 0xc0) !== 0x80) {
              // A sequence such as %c0%2f is no UTF-8 at all, yet decoders that only add up bits read it as a slash.
              if (taken === 0 && (byte === 0xc0 || byte === 0xc1) && next < 0x80) {
                code = next
                taken = more
                end += 3
              }
              break
            }
            code = (code << 6) | (next & 0x3f)
            taken++
            end += 3
          }
          piece = code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD'
        }
      }
    }
    if (end === at) {
      at = text.indexOf('%', at + 1)
      continue
    }
    result += text.slice(from, at) + piece
    from = end
    at = text.indexOf('%', end)
  }
  if (from === 0) return text
  result += text.slice(from)
  return text.includes(' ') || !text.includes('+') ? result : unplussed(text)
}

/** The same with every literal `+` read as a blank: an encoded one (`%2B`) stays a plus. */
function unplussed(text: string): string {
  return decodePercent(text.replaceAll('+', ' '))
}

/** The number that `count` hexadecimal digits at a place make, or -1. */
export function hexRun(text: string, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i++) {
    const digit = at + i < text.length ? hexValue(text.charCodeAt(at + i)) : -1
    if (digit === -1) return -1
    value = value * 16 + digit
  }
  return value
}

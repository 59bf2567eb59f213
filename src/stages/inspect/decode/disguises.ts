/** Single signs that databases, shells or browsers take for an ASCII one. */
const lookalikes: Readonly<Record<number, string>> = {
  160: ' ',
  133: '\n',
  5760: ' ',
  8232: '\n',
  8233: '\n',
  8239: ' ',
  8287: ' ',
  12288: ' ',
  700: "'",
  697: "'",
  8242: "'",
  8260: '/',
  8725: '/',
  8726: '\\',
  8228: '.',
  12290: '.',
  8490: 'K',
  // Old servers keep the low byte alone: a line break, or the sign of a tag.
  22026: '\n',
  22029: '\r',
  22076: '<',
  22078: '>',
}

/**
 * Reads full-width forms, circled letters and odd blanks as the ASCII characters that databases and file systems make
 * of them; drops zero-width signs, NUL and other control characters. Linear; returns the text itself when nothing changes.
 */
export function foldDisguises(text: string): string {
  let result = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 32 && code < 127) continue
    const piece = fold(code)
    if (piece === null) continue
    result += text.slice(from, i) + piece
    from = i + 1
  }
  return from === 0 ? text : result + text.slice(from)
}

/** What a character stands for; empty when it is dropped, null when it stands for itself. */
function fold(code: number): string | null {
  if (code < 32) {
    if (code === 9 || code === 10 || code === 13) return null
    // Vertical tab and form feed are blanks to databases and browsers; the rest vanishes.
    return code === 11 || code === 12 ? ' ' : ''
  }
  if (code === 127 || (code > 127 && code < 160 && code !== 0x85) || code === 0xad) return ''
  const like = lookalikes[code]
  if (like !== undefined) return like
  if (code < 0x180e) return null
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0)
  if (code >= 0x2000 && code <= 0x200a) return ' '
  if (code === 0x180e || (code >= 0x200b && code <= 0x200f) || (code >= 0x2060 && code <= 0x206f)) return ''
  if (code === 0xfeff) return ''
  if (code >= 0x24b6 && code <= 0x24cf) return String.fromCharCode(code - 0x24b6 + 65)
  if (code >= 0x24d0 && code <= 0x24e9) return String.fromCharCode(code - 0x24d0 + 97)
  if (code >= 0x2460 && code <= 0x2468) return String.fromCharCode(code - 0x2460 + 49)
  if (code === 0x24ea) return '0'
  if (code >= 0xfe50 && code <= 0xfe6b) return smallForm(code)
  return null
}

const smallForms = ',\0.\0;:?!\0()\0\0{}#&*+-<>=\0\\$%@'

/** Small form variants U+FE50 to U+FE6B. */
function smallForm(code: number): string | null {
  const sign = smallForms.charAt(code - 0xfe50)
  return sign === '' || sign === '\0' ? null : sign
}

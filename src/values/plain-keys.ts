/**
 * JSON text with the escapes in its keys undone; null when a key holds what only an escape can write. Throws for a string
 * that is none. The engine of Node 24 guesses the next key from objects it has parsed before and compares the guess with
 * the raw text: after a key `rol\\`, it takes `rol\u0065` for `rol\\`, and whoever judges by the parsed value would not
 * see the `role` that others read. Without a backslash in any key there is nothing to mistake.
 */
export function withPlainKeys(text: string): string | null {
  let out = ''
  let kept = 0
  for (let open = text.indexOf('"'); open !== -1; ) {
    let close = open + 1
    let isEscaped = false
    for (; close < text.length && text.charCodeAt(close) !== 0x22; close++) {
      if (text.charCodeAt(close) !== 0x5c) continue
      isEscaped = true
      close++
    }
    let next = close + 1
    while (next < text.length && text.charCodeAt(next) <= 0x20) next++
    if (isEscaped && text.charCodeAt(next) === 0x3a) {
      const key = JSON.stringify(JSON.parse(text.slice(open, close + 1)))
      if (key.includes('\\')) return null
      out += text.slice(kept, open) + key
      kept = close + 1
    }
    open = text.indexOf('"', close + 1)
  }
  return kept === 0 ? text : out + text.slice(kept)
}

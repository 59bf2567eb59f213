import { gunzipSync } from 'node:zlib'

/** A value that is base64 as a whole: what it holds as text, or null text when that cannot be unpacked within limits. */
export interface Unpacked {
  readonly text: string | null
  readonly how: 'base64' | 'base64, gzip'
}

/** Inflated bytes that a gzip member inside a value may have: CloudWatch Logs sends up to some hundred KB. */
const maxInflated = 4 * 1024 * 1024

// 1: of both alphabets; 2: padding.
const alphabet = new Uint8Array(128)
for (const sign of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_')
  alphabet[sign.charCodeAt(0)] = 1
alphabet[61] = 2

/**
 * The text inside a value that is base64 or base64url as a whole, at least 12 characters long, and decodes to clean UTF-8
 * text; null for any other value. Identifiers and images fail at their first dozen characters.
 */
export function base64Text(value: string): Unpacked | null {
  let text = value
  if (text.length < 12) return null
  if (text.charCodeAt(0) <= 32 || text.charCodeAt(text.length - 1) <= 32) text = text.trim()
  // The head decides for nearly all values: identifiers hardly ever decode to printable text.
  const head = text.slice(0, 16)
  for (let i = 0; i < head.length; i++) {
    const code = head.charCodeAt(i)
    if (code > 127 || alphabet[code] === 0) return null
  }
  const gzip = head.startsWith('H4sI')
  if (!gzip && !isCleanHead(Buffer.from(head, 'base64'))) return null
  if (!isBase64(text)) return null
  const bytes = Buffer.from(text, 'base64')
  if (gzip) return unzip(bytes)
  const clear = bytes.toString('utf8')
  return isClean(clear) ? { text: clear, how: 'base64' } : null
}

function unzip(bytes: Buffer): Unpacked | null {
  try {
    const clear = gunzipSync(bytes, { maxOutputLength: maxInflated }).toString('utf8')
    return isClean(clear) ? { text: clear, how: 'base64, gzip' } : null
  } catch (error) {
    const tooBig = error instanceof RangeError || (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' // Node's error shape
    return tooBig ? { text: null, how: 'base64, gzip' } : null
  }
}

function isBase64(text: string): boolean {
  let end = text.length
  let signs = 0
  while (end > 0 && text.charCodeAt(end - 1) === 61) end--
  if (text.length - end > 2) return false
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code < 128 && alphabet[code] === 1) signs++
    else if (code !== 10 && code !== 13) return false // MIME breaks its lines
  }
  return signs % 4 !== 1
}

/** The last one to three bytes may be the middle of a character, so only the certain ones count. */
function isCleanHead(bytes: Buffer): boolean {
  let printable = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 32 ? byte !== 9 && byte !== 10 && byte !== 13 : byte === 127) return false
    if (byte < 127) printable++
  }
  return printable * 3 >= bytes.length * 2
}

function isClean(text: string): boolean {
  if (text.length === 0) return false
  let odd = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0xfffd || (code < 32 && code !== 9 && code !== 10 && code !== 13)) odd++
  }
  return odd * 20 <= text.length
}

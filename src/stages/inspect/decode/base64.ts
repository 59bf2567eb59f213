import { gunzipSync } from 'node:zlib'

/** A value that is base64 as a whole: what it holds as text, or null text when that cannot be unpacked within limits. */
export interface Unpacked {
  readonly text: string | null
  readonly how: 'base64' | 'base64, gzip'
}

/** Inflated bytes that a gzip member inside a value may have: CloudWatch Logs sends up to some hundred KB. */
const maxInflated = 4 * 1024 * 1024

/** Six bits of each sign of both alphabets; -1 for any other. */
const sextets = new Int8Array(128).fill(-1)
for (const [index, sign] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  sextets[sign.charCodeAt(0)] = index
}
sextets[45] = 62
sextets[95] = 63

/**
 * The text inside a value that is base64 or base64url as a whole, at least 12 characters long, and decodes to clean UTF-8
 * text; null for any other value. Identifiers and images fail at their first dozen characters.
 */
export function base64Text(value: string): Unpacked | null {
  const text = bare(value)
  if (text.length < 12) return null
  const gzip = text.startsWith('H4sI')
  if (!gzip && !isCleanHead(text)) return null
  if (!isBase64(text)) return null
  const bytes = Buffer.from(text, 'base64')
  if (gzip) return unzip(bytes)
  const clear = bytes.toString('utf8')
  return isClean(clear) ? { text: clear, how: 'base64' } : null
}

/** A value without blanks around it, and without the head of a data URL (RFC 2397). */
function bare(value: string): string {
  const text = value.charCodeAt(0) <= 32 || value.charCodeAt(value.length - 1) <= 32 ? value.trim() : value
  if (!text.startsWith('data:')) return text
  const comma = text.slice(0, 100).indexOf(';base64,')
  return comma === -1 ? text : text.slice(comma + 8)
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
    if (code < 128 && (sextets[code] ?? -1) !== -1) signs++
    else if (code !== 10 && code !== 13) return false // MIME breaks its lines
  }
  return signs % 4 !== 1
}

/**
 * Whether the first twelve characters are base64 of nine bytes of text. Decides for nearly all values: identifiers hardly
 * ever decode to printable bytes. Hot: runs for every longer value, so it makes nothing.
 */
function isCleanHead(text: string): boolean {
  let ascii = 0
  for (let i = 0; i < 12; i += 4) {
    let bits = 0
    for (let j = i; j < i + 4; j++) {
      const code = text.charCodeAt(j)
      const sextet = code < 128 ? (sextets[code] as number) : -1 // a typed array of 128, read below 128
      if (sextet === -1) return false
      bits = (bits << 6) | sextet
    }
    for (let shift = 16; shift >= 0; shift -= 8) {
      const byte = (bits >> shift) & 255
      if (byte < 32 ? byte !== 9 && byte !== 10 && byte !== 13 : byte === 127) return false
      if (byte < 127) ascii++
    }
  }
  return ascii >= 6
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

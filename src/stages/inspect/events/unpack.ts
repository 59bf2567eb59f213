import { gunzipSync, inflateSync } from 'node:zlib'

/** Inflated bytes that one value may have. */
const maxInflated = 4 * 1024 * 1024
/** Shorter runs of text in binary data say nothing. */
const shortestRun = 6
const mostRuns = 2_000

/**
 * The text in a value that its platform writes as base64, however short: the value as UTF-8, inflated where it is gzip or
 * zlib, and, in binary data such as Avro or Protobuf, every longer run of printable characters. Null: too large to be
 * unpacked.
 */
export function unpackText(value: string): string[] | null {
  if (!/^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(value.slice(0, 200))) return []
  const packed = Buffer.from(value, 'base64')
  if (packed.length < 2) return []
  const bytes = inflated(packed)
  if (bytes === null) return null
  const text = bytes.toString('utf8')
  if (!text.includes('\uFFFD') && !hasControls(text)) return [text]
  return runsOf(bytes)
}

function inflated(bytes: Buffer): Buffer | null {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, { maxOutputLength: maxInflated })
    if (bytes[0] === 0x78 && bytes.readUInt16BE(0) % 31 === 0) {
      return inflateSync(bytes, { maxOutputLength: maxInflated })
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return null // Node's error shape
    // Neither gzip nor zlib after all: the bytes as they are.
  }
  return bytes
}

function hasControls(text: string): boolean {
  let odd = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) odd++
  }
  return odd * 20 > text.length
}

function runsOf(bytes: Buffer): string[] {
  const runs: string[] = []
  let from = -1
  for (let i = 0; i <= bytes.length && runs.length < mostRuns; i++) {
    const byte = bytes[i] ?? 0
    const isText = (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13 || byte >= 0xc2
    if (isText || (from !== -1 && byte >= 0x80 && byte < 0xc0)) {
      if (from === -1) from = i
      continue
    }
    if (from !== -1 && i - from >= shortestRun) runs.push(bytes.toString('utf8', from, i))
    from = -1
  }
  return runs
}

import { brotliDecompress, crc32, type InputType, inflate, inflateRaw, type ZlibOptions } from 'node:zlib'
import { type Content, type Deny, deny, type Exchange } from '../contract.js'
import type { BodyReader } from './body.js'
import { reasons } from './reasons.js'
import type { Coding, RequestSettings } from './settings.js'

/** A body may become this many times as long; JSON of one repeated row stays below, a bomb goes to 1000. */
const mostGrowth = 100
/** Short bodies may grow more: what they become is small. */
const alwaysFine = 64 * 1024

const invalid = deny(reasons.encodingInvalid)

/** Reads bodies that may be encoded: what is judged is what the function will find inside. */
export type InflatingReader = (exchange: Exchange) => Content | Deny | Promise<Content | Deny>

/**
 * Compiles the reader of a route that takes encoded bodies. Inflating runs beside the event loop, under the size cap of
 * the route and a cap on growth; the bytes that came are what is forwarded.
 */
export function compileInflatingReader(settings: RequestSettings, read: BodyReader): InflatingReader {
  const { maxBytes, encodings } = settings
  const tooLarge = deny(reasons.bodyTooLarge, { maxBytes })

  return (exchange) => {
    const { body } = exchange
    const coding = codingOf(exchange.rawHeaders)
    const known = encodings.find((each) => each === coding)
    // Without a coding, or with one that is not listed, there is nothing to inflate; `read` tells the two apart.
    if (known === undefined || body === null || body.length === 0) return read(exchange)
    const growth = Math.max(alwaysFine, body.length * mostGrowth)
    const limit = Math.min(maxBytes, growth)
    return inflateWhole(body, known, limit).then(
      (plain) => (plain === null ? invalid : read(exchange, plain)),
      (error: { readonly code?: string }) => {
        if (error.code !== 'ERR_BUFFER_TOO_LARGE') return invalid
        return limit === maxBytes ? tooLarge : deny(reasons.encodingRatio, { bytes: body.length, mostGrowth })
      },
    )
  }
}

/** The one coding of a body, in small letters; null for none. The front door has refused a second line of it. */
function codingOf(rawHeaders: readonly string[]): string | null {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'content-encoding') return rawHeaders[i + 1]?.toLowerCase() ?? null
  }
  return null
}

/**
 * Inflates a whole body; null where anything but exactly one compressed text stands in it. Readers differ over what
 * follows a first one (ignore it, read it too), and then the function would not find what was judged.
 */
async function inflateWhole(body: Buffer, coding: Coding, maxOutputLength: number): Promise<Buffer | null> {
  if (coding !== 'gzip') {
    const { buffer, consumed } = await run(coding === 'br' ? brotliDecompress : inflate, body, maxOutputLength)
    return consumed === body.length ? buffer : null
  }
  const start = endOfGzipHeader(body)
  if (start === -1) return null
  const { buffer, consumed } = await run(inflateRaw, body.subarray(start), maxOutputLength)
  const end = start + consumed
  // RFC 1952 section 2.3.1: CRC and length follow, and here nothing else.
  if (body.length !== end + 8) return null
  const sound = body.readUInt32LE(end) === crc32(buffer) && body.readUInt32LE(end + 4) === buffer.length % 2 ** 32
  return sound ? buffer : null
}

/** Where the compressed data of a gzip member begin; -1 for no gzip header. RFC 1952 section 2.3 */
function endOfGzipHeader(body: Buffer): number {
  if (body.length < 18 || body.readUInt32BE(0) >>> 8 !== 0x1f8b08) return -1
  const flags = body[3] ?? 0
  if (flags > 0x1f) return -1
  let at = 10
  if ((flags & 0x04) !== 0) at += 2 + body.readUInt16LE(at)
  for (const named of [0x08, 0x10]) {
    if ((flags & named) === 0) continue
    const zero = body.indexOf(0, at)
    if (zero === -1) return -1
    at = zero + 1
  }
  if ((flags & 0x02) !== 0) at += 2
  return at < body.length ? at : -1
}

type Decompress = (input: InputType, options: ZlibOptions, done: (error: Error | null, result: Buffer) => void) => void

/** How much of the input was read; the rest, if any, lies behind the end of the compressed text. */
function run(
  decompress: Decompress,
  input: Buffer,
  maxOutputLength: number,
): Promise<{ readonly buffer: Buffer; readonly consumed: number }> {
  return new Promise((resolve, reject) => {
    decompress(input, { maxOutputLength, info: true }, (error, result) => {
      if (error !== null) return reject(error)
      // With `info`, Node gives the engine beside the bytes; its types know the bytes alone.
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
      resolve({ buffer, consumed: engine.bytesWritten })
    })
  })
}

import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import { withPlainKeys } from '../../values/plain-keys.js'
import { type Answer, type Deny, deny } from '../contract.js'
import type { Validate } from '../json-schema.js'
import { reasons } from './reasons.js'

/** What the beginning of a body may become when it is inflated to be looked at. */
const inflatedBytes = 1024 * 1024

/**
 * The beginning of a body as the caller will read it; null where it cannot be read: a coding that is not known here, or
 * one that grows beyond all measure. What leaves stays as the function wrote it.
 */
export function plainStart(start: Buffer, coding: string | null): Buffer | null {
  if (coding === null) return start
  // The input may end anywhere: it is a beginning.
  const zlib = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: inflatedBytes }
  try {
    if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(start, zlib)
    if (coding === 'deflate') return inflateSync(start, zlib)
    if (coding === 'br') {
      return brotliDecompressSync(start, {
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
        maxOutputLength: inflatedBytes,
      })
    }
  } catch {
    // As unreadable as an unknown coding.
  }
  return null
}

/** The content coding of an answer; null for none. */
export function codingOf({ headers }: Answer): string | null {
  const coding = headerOf(headers, 'content-encoding')?.toLowerCase() ?? null
  return coding === 'identity' || coding === '' ? null : coding
}

/** Whether the bytes are JSON at all. */
export function isJsonText(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'))
    return true
  } catch {
    return false
  }
}

/**
 * Parses an answer's JSON as its reader will; undefined for what is none, which no JSON text means, and for a key that
 * only an escape can write, which not every engine reads alike.
 */
function parsed(body: Buffer): unknown {
  const text = body.toString('utf8')
  try {
    const plain = text.includes('\\') ? withPlainKeys(text) : text
    return plain === null ? undefined : JSON.parse(plain)
  } catch {
    return undefined
  }
}

/** Holds a successful answer against its schema; null when it fits. `body` is null for one that is too long. */
export function schemaFault(answer: Answer, body: Buffer | null, validate: Validate): Deny | null {
  const fault = (rule: string, at = ''): Deny => deny(reasons.schema, { rule, at: `body:${at}` })
  if (body === null) return fault('maxBytes')
  if (codingOf(answer) !== null) return fault('content-encoding')
  if (!isJsonType(headerOf(answer.headers, 'content-type') ?? '')) return fault('content-type')
  const value = parsed(body)
  if (value === undefined) return fault('json')
  const [first] = validate(value) ?? []
  return first === undefined ? null : fault(first.rule, first.at)
}

function isJsonType(contentType: string): boolean {
  const end = contentType.indexOf(';')
  const type = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json')
}

/** The value of a header in a flat list, repeated ones joined; null where it is absent. */
function headerOf(headers: readonly string[], name: string): string | null {
  let value: string | null = null
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) value = value === null ? (headers[i + 1] ?? '') : `${value}, ${headers[i + 1]}`
  }
  return value
}

import type { Reason } from '../stages/contract.js'
import { reasons } from './reasons.js'

/** The one reading of a request target that match, policy, limits, log and function share. */
export interface Target {
  /** Raw path: still percent-encoded, but never where a plain unreserved character would do. */
  readonly path: string
  /** Raw query without `?`, as it came. */
  readonly query: string
}

/** Methods the gateway speaks; every other one is refused before routing. */
export const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const slash = 0x2f
const dot = 0x2e
const percent = 0x25

/** What each byte may do in a path: 0 refused, 1 allowed. RFC 3986 section 3.3, less `;`, whose reading differs. */
const pathByte = new Uint8Array(128)
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@/%") {
  pathByte[char.charCodeAt(0)] = 1
}

/** Unreserved characters: encoding them changes nothing, so the canonical path holds them plain. RFC 3986 section 6.2.2 */
const unreserved = new Uint8Array(128)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~')
  unreserved[char.charCodeAt(0)] = 1

/**
 * Reads a request target, or says why it is refused: absolute and asterisk form, dot segments, empty segments,
 * backslash, `;`, `#`, control and non-ASCII bytes, encoded slash, backslash, NUL or control, double encoding, and
 * percent sequences that are no UTF-8. It refuses rather than resolves: two readers resolve in two ways.
 * With `takesEncodedSlash` a `%2F` passes as a part of its segment, for routes that ask for it; what it separates may be
 * no dot segment either, so that nobody who decodes it climbs.
 * Runs for every request; measured in bench/hot-path.
 */
export function readTarget(target: string, maxBytes: number, takesEncodedSlash = false): Target | Reason {
  if (target.length > maxBytes) return reasons.targetTooLong
  if (target.charCodeAt(0) !== slash) return reasons.target
  const mark = target.indexOf('?')
  const end = mark === -1 ? target.length : mark
  let segmentStart = 1
  let encoded = false
  for (let i = 1; i <= end; i++) {
    const code = i === end ? slash : target.charCodeAt(i)
    if (code > 127 || pathByte[code] === 0) return reasons.target
    if (code === percent) encoded = true
    else if (code === slash) {
      const length = i - segmentStart
      if (length === 0 && i !== end) return reasons.target
      if (length > 0 && length < 3 && target.charCodeAt(segmentStart) === dot) {
        if (length === 1 || target.charCodeAt(segmentStart + 1) === dot) return reasons.target
      }
      segmentStart = i + 1
    }
  }
  for (let i = end + 1; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return reasons.target
  }
  const query = mark === -1 ? '' : target.slice(mark + 1)
  if (!encoded) return { path: end === target.length ? target : target.slice(0, end), query }
  const path = normalizeEncoding(target.slice(0, end), takesEncodedSlash)
  return path === null || hasDotSegment(path) ? reasons.target : { path, query }
}

/** Plain unreserved characters, upper-case hex elsewhere; null for what is refused. */
function normalizeEncoding(path: string, takesEncodedSlash: boolean): string | null {
  let out = ''
  let plainFrom = 0
  for (let i = path.indexOf('%'); i !== -1; i = path.indexOf('%', i)) {
    out += path.slice(plainFrom, i)
    const bytes: number[] = []
    while (path.charCodeAt(i) === percent) {
      const byte = hexByte(path, i + 1)
      if (byte === -1) return null
      bytes.push(byte)
      i += 3
    }
    const run = normalizeRun(bytes, path, i, takesEncodedSlash)
    if (run === null) return null
    out += run
    plainFrom = i
  }
  return out + path.slice(plainFrom)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** One run of percent-encoded bytes; `next` is where the path goes on. */
function normalizeRun(bytes: readonly number[], path: string, next: number, takesEncodedSlash: boolean): string | null {
  let out = ''
  let wide = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x20 || (byte === slash && !takesEncodedSlash) || byte === 0x5c || byte === 0x7f) return null
    // %25 followed by two hex digits would decode a second time into something else.
    if (byte === percent && i === bytes.length - 1 && hexByte(path, next) !== -1) return null
    if (byte === percent && i < bytes.length - 1) return null
    if (byte > 127) wide = true
    out +=
      byte < 128 && unreserved[byte] === 1
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  if (wide) {
    try {
      utf8.decode(Uint8Array.from(bytes))
    } catch {
      return null
    }
  }
  return out
}

function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high === -1 || low === -1 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function hasDotSegment(path: string): boolean {
  return path.split(/\/|%2F/).some((segment) => segment === '.' || segment === '..')
}

/** Headers of which a second line makes the request ambiguous. RFC 9110 section 5.3 and the fields' own definitions */
const single = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'from',
  'host',
  'idempotency-key',
  'if-modified-since',
  'if-unmodified-since',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'range',
  'referer',
  'traceparent',
  'transfer-encoding',
  'user-agent',
  'x-api-key',
])

/** Lower-case names of raw header names; bounded, since callers choose the names. */
const knownNames = new Map<string, string>()

function lowerName(raw: string): string {
  const known = knownNames.get(raw)
  if (known !== undefined) return known
  const lower = raw.toLowerCase()
  if (knownNames.size < 1024 && raw.length <= 64) knownNames.set(raw, lower)
  return lower
}

/** What the front door learned from a header block. */
export interface Head {
  readonly host: string
  readonly hasBody: boolean
  readonly expectsContinue: boolean
  /** Names with an underscore, which some functions read as a hyphen: never forwarded. */
  readonly hasUnderscore: boolean
}

/**
 * Reads what decides framing and routing from the raw header lines (Node's own object keeps the first of two Hosts and
 * says nothing). Runs for every request; measured in bench/hot-path.
 */
export function readHead(rawHeaders: readonly string[], httpVersion: string): Head | Reason {
  let host: string | null = null
  let contentLength: string | null = null
  let transferEncoding: string | null = null
  let expect: string | null = null
  let hasUnderscore = false
  let seen: Set<string> | null = null
  let first = ''
  if (rawHeaders.length > 200) return reasons.headersTooLarge
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = lowerName(rawHeaders[i] ?? '')
    if (single.has(name)) {
      if (first === '') first = name
      else {
        seen ??= new Set([first])
        if (seen.has(name)) return name === 'host' ? reasons.host : reasons.headerRepeated
        seen.add(name)
      }
      const value = rawHeaders[i + 1] ?? ''
      if (name === 'host') host = value
      else if (name === 'content-length') contentLength = value
      else if (name === 'transfer-encoding') transferEncoding = value
      else if (name === 'expect') expect = value
    } else if (name === 'upgrade' || name === 'http2-settings') return reasons.upgrade
    else if (name.includes('_')) hasUnderscore = true
  }
  if (host === null || !isHost(host)) return reasons.host
  if (transferEncoding !== null) {
    // Node's parser has refused most of this already; what it lets through in some version is refused here.
    if (httpVersion !== '1.1' || contentLength !== null || transferEncoding.toLowerCase() !== 'chunked')
      return reasons.framing
  }
  if (contentLength !== null && !/^[0-9]{1,15}$/.test(contentLength)) return reasons.framing
  if (expect !== null && (httpVersion !== '1.1' || expect.toLowerCase() !== '100-continue')) return reasons.expectation
  return {
    host,
    hasBody: transferEncoding !== null || (contentLength !== null && Number(contentLength) > 0),
    expectsContinue: expect !== null,
    hasUnderscore,
  }
}

const validHosts = new Set<string>()

/** `name`, `name:port`, `1.2.3.4:port` or `[v6]:port`. RFC 9110 section 7.2, RFC 3986 section 3.2.2 */
function isHost(host: string): boolean {
  if (validHosts.has(host)) return true
  const valid =
    host.length <= 261 &&
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/.test(host)
  if (valid && validHosts.size < 256) validHosts.add(host)
  return valid
}

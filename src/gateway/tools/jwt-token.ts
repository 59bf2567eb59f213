import { isUtf8 } from 'node:buffer'
import { withPlainKeys } from '../../values/plain-keys.js'

/** A token as it reads before anyone has vouched for it. */
export interface UnverifiedToken {
  readonly algorithm: string
  readonly kid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

/** What of a token its issuer's plan fixes before any key is looked at. */
export interface TokenShape {
  readonly issuer: string
  readonly algorithms: readonly string[]
  /** Lower case, without `application/`; `absent` stands for no `typ`. */
  readonly tokenTypes: readonly string[]
}

/** Why a token was not worth a signature check, with what may be said of it to the operator. */
export interface ShapeFault {
  readonly fault: string
  readonly evidence: Readonly<Record<string, string>>
}

/** Bytes, and characters: a token is ASCII. Node's own header limit is 16 KB for all headers together. */
export const mostTokenBytes = 8_192

/** Claims go into headers, records and rules; nothing there should have to walk a tower of brackets. */
const mostDepth = 32

/** Header, payload and signature of a compact JWS, each of the base64url alphabet; null for what is none. */
export function tokenParts(token: string): readonly [string, string, string] | null {
  const parts = threeParts.exec(token)
  return parts === null ? null : [parts[1] ?? '', parts[2] ?? '', parts[3] ?? '']
}

const threeParts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Reads compact JWS more strictly than either verifying library: canonical base64url, valid UTF-8, JSON objects in which
 * no name repeats, one algorithm of the list, one type of the list, nothing critical. RFC 7515 §5.2, RFC 8725
 */
export function tokenReader(shape: TokenShape): (token: string) => UnverifiedToken | ShapeFault {
  // Tokens of one key share their header to the letter: the last good one need not be read again.
  let lastHead = ''
  let lastHeader: Header | null = null

  return (token) => {
    const parts = tokenParts(token)
    if (parts === null) return malformed('compact form')
    const [head, body, signature] = parts
    if (!isCanonical(signature)) return malformed('signature encoding')
    const header = lastHeader !== null && head === lastHead ? lastHeader : readHeader(head, shape)
    if ('fault' in header) return header
    lastHead = head
    lastHeader = header

    const claims = readObject(body)
    if (claims === null) return malformed('claims')
    // Before the signature, so that nobody's keys are asked about another issuer's tokens.
    if (claims['iss'] !== shape.issuer) {
      return { fault: 'token-issuer', evidence: { expected: shape.issuer, ...slashApart(claims['iss'], shape.issuer) } }
    }
    return { algorithm: header.algorithm, kid: header.kid, claims }
  }
}

type Header = Pick<UnverifiedToken, 'algorithm' | 'kid'>

function readHeader(head: string, shape: TokenShape): Header | ShapeFault {
  const header = readObject(head)
  if (header === null) return malformed('header')
  // RFC 7515 §4.1.11: what we do not know and must understand, we refuse. We know no extension, so the mere presence is
  // enough; `b64` and `zip` would change what is signed or read even without `crit`.
  for (const name of ['crit', 'b64', 'zip']) {
    if (Object.hasOwn(header, name)) return { fault: 'token-critical', evidence: { parameter: name } }
  }
  const { alg, kid, typ } = header
  if (typeof alg !== 'string' || !shape.algorithms.includes(alg)) {
    return {
      fault: 'token-algorithm',
      evidence: { algorithm: knownAlgorithm(alg), allowed: shape.algorithms.join(' ') },
    }
  }
  if (kid !== undefined && typeof kid !== 'string') return malformed('kid')
  const type = tokenType(typ)
  if (type === null || !shape.tokenTypes.includes(type)) {
    return {
      fault: 'token-type',
      evidence: { type: type === null ? 'none' : wordOf(type), allowed: shape.tokenTypes.join(' ') },
    }
  }
  return { algorithm: alg, kid }
}

function malformed(part: string): ShapeFault {
  return { fault: 'token-malformed', evidence: { part } }
}

/** RFC 7515 §4.1.9: compared without case; `application/` may be left out. Null: not a text. */
export function tokenType(typ: unknown): string | null {
  if (typ === undefined) return 'absent'
  if (typeof typ !== 'string') return null
  const type = typ.toLowerCase()
  // A `typ` that spells our own word for its absence is a type like any other, and unknown.
  if (type === 'absent') return null
  return type.startsWith('application/') ? type.slice('application/'.length) : type
}

/** The commonest slip of all, told apart from a stranger's token. */
function slashApart(iss: unknown, expected: string): { readonly difference?: string } {
  if (typeof iss !== 'string') return {}
  return iss === `${expected}/` || `${iss}/` === expected ? { difference: 'a slash at the end' } : {}
}

/** For evidence: a word as it is; of anything freer, which the caller may have written for our log, the length alone. */
export function wordOf(text: string): string {
  return /^[A-Za-z0-9_.:+/-]{1,64}$/.test(text) ? text : `a text of ${text.length} characters`
}

/** The header is the caller's text until it is verified: an algorithm is named only if it is one. */
function knownAlgorithm(alg: unknown): string {
  if (typeof alg !== 'string') return 'not a text'
  return /^(none|[HRPE]S(256|384|512)|EdDSA|ES256K|Ed25519)$/i.test(alg) ? alg : 'unknown'
}

/**
 * One spelling per byte string: no odd length, no stray bits in the last character. (The alphabet is checked above, and
 * `=` is not of it.) RFC 4648 §3.5
 */
export function isCanonical(part: string): boolean {
  const rest = part.length % 4
  if (rest === 0) return true
  const last = alphabet.indexOf(part[part.length - 1] ?? '')
  return rest === 2 ? (last & 15) === 0 : rest === 3 && (last & 3) === 0
}

/** A part as the one object it can be read as; null for anything a second parser could read in another way. */
export function readObject(part: string): Record<string, unknown> | null {
  if (!isCanonical(part)) return null
  const bytes = Buffer.from(part, 'base64url')
  if (!isUtf8(bytes)) return null
  try {
    // A byte order mark stays, and JSON knows none.
    const written = bytes.toString()
    const text = written.includes('\\') ? withPlainKeys(written) : written
    if (text === null) return null
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const again = JSON.stringify(value)
    // JSON.stringify writes `\ud…` for a lone surrogate alone: text that no header or log could carry unchanged.
    if (again.includes('\\ud')) return null
    // Most issuers write compact JSON: if it reads back as it was, no name can have been repeated.
    if (again !== text && repeatsName(text)) return null
    if (isDeeperThan(value, mostDepth)) return null
    return value as Record<string, unknown> // an object, checked above
  } catch {
    // Not JSON, or nested beyond what the stack holds.
    return null
  }
}

function isDeeperThan(value: object, most: number): boolean {
  if (most === 0) return true
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && isDeeperThan(member, most - 1)) return true
  }
  return false
}

/** Whether any object of this valid JSON text names a member twice, in whatever spelling. One pass, no recursion. */
export function repeatsName(text: string): boolean {
  // One entry per open bracket: the names of an object, null for an array.
  const open: (Set<string> | null)[] = []
  let expectsName = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '"') {
      const end = endOfString(text, i)
      const names = open[open.length - 1]
      if (expectsName && names) {
        const raw = text.slice(i, end)
        const name = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1) // the text of a JSON string
        if (names.has(name)) return true
        names.add(name)
      }
      expectsName = false
      i = end - 1
    } else if (character === '{') {
      open.push(new Set())
      expectsName = true
    } else if (character === '[') {
      open.push(null)
      expectsName = false
    } else if (character === '}' || character === ']') {
      open.pop()
      expectsName = false
    } else if (character === ',') {
      expectsName = open[open.length - 1] instanceof Set
    }
  }
  return false
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}

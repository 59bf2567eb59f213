/** A Content-Type, read strictly: lower-case type and its parameters. */
export interface MediaType {
  /** `application/json`. */
  readonly type: string
  /** Lower-case names; values as written, unquoted. */
  readonly parameters: ReadonlyMap<string, string>
}

/** How a body of some type can be read. */
export type BodyKind = 'json' | 'form' | 'multipart' | 'xml' | 'text' | 'opaque'

const noParameters: ReadonlyMap<string, string> = new Map()

/**
 * Reads one Content-Type value, in linear time; null for anything but `token/token` with well-formed parameters, each
 * named once. Five advisories on one theme (a space, a tab, a capital or garbage made a framework skip its schema) are
 * why nothing here is lenient.
 * RFC 9110 §8.3.1, §5.6.6
 */
export function parseMediaType(text: string): MediaType | null {
  let at = endOfToken(text, 0)
  if (at === 0 || text.charCodeAt(at) !== 0x2f) return null
  const typeEnd = endOfToken(text, at + 1)
  if (typeEnd === at + 1) return null
  const type = text.slice(0, typeEnd).toLowerCase()
  if (typeEnd === text.length) return { type, parameters: noParameters }

  const parameters = new Map<string, string>()
  at = typeEnd
  while (at < text.length) {
    at = skipBlanks(text, at)
    if (text.charCodeAt(at) !== 0x3b) return null
    at = skipBlanks(text, at + 1)
    const nameEnd = endOfToken(text, at)
    if (nameEnd === at || text.charCodeAt(nameEnd) !== 0x3d) return null
    const name = text.slice(at, nameEnd).toLowerCase()
    if (parameters.has(name)) return null
    at = nameEnd + 1
    if (text.charCodeAt(at) === 0x22) {
      const close = text.indexOf('"', at + 1)
      if (close === -1) return null
      const quoted = text.slice(at + 1, close)
      // A quoted pair is legal, but readers unescape it differently; nothing honest needs one here.
      if (!isPlainQuoted(quoted)) return null
      parameters.set(name, quoted)
      at = close + 1
    } else {
      const valueEnd = endOfToken(text, at)
      if (valueEnd === at) return null
      parameters.set(name, text.slice(at, valueEnd))
      at = valueEnd
    }
  }
  return { type, parameters }
}

/** How the body of a (lower-case) type is read. */
export function kindOf(type: string): BodyKind {
  if (type === 'application/json' || type === 'text/json' || type.endsWith('+json')) return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type === 'multipart/form-data') return 'multipart'
  if (type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml')) return 'xml'
  return type.startsWith('text/') ? 'text' : 'opaque'
}

/** What `contentType` may list: an exact type, `text/*`, or any type with a suffix (`application/*+json`). */
export const contentTypePattern = '^[a-z0-9][a-z0-9!#$&^_.+-]*/([a-z0-9][a-z0-9!#$&^_.+-]*|[*]|[*][+](json|xml))$'

/** What a body may be where the route lists nothing: all that can be read, and so inspected. */
export const readableTypes: readonly string[] = [
  'application/json',
  'text/json',
  'application/*+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/xml',
  'application/*+xml',
  'image/*+xml',
  'text/*',
]

/** Whether a listed type (exact, or with its one `*`) covers a type. */
export function covers(listed: string, type: string): boolean {
  const star = listed.indexOf('*')
  if (star === -1) return listed === type
  const suffix = listed.slice(star + 1)
  return type.length > star + suffix.length && type.startsWith(listed.slice(0, star)) && type.endsWith(suffix)
}

/** The index after the token that starts here. RFC 9110 §5.6.2 */
export function endOfToken(text: string, from: number): number {
  let at = from
  while (at < text.length && isTokenChar(text.charCodeAt(at))) at++
  return at
}

const tokenChars = new Set([..."!#$%&'*+-.^_`|~"].map((char) => char.charCodeAt(0)))

function isTokenChar(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    tokenChars.has(code)
  )
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09) at++
  return at
}

/** Visible ASCII and blanks, no backslash. */
function isPlainQuoted(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x5c) return false
  }
  return true
}

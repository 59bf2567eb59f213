/**
 * One target in the two forms that a signature needs: as it goes on the wire, and as both sides sign it. They come from
 * one pass, so they cannot disagree.
 */
export interface SignedTarget {
  /** Path and query for the request line. */
  readonly wire: string
  /** The canonical URI: the path of the wire, encoded once more (S3 alone signs it as it is). */
  readonly canonicalPath: string
  /** The canonical query: the pairs of the wire, sorted by encoded name, then by encoded value. */
  readonly canonicalQuery: string
}

/** Letters, digits and `-._~`: the only characters that Signature Version 4 leaves plain. RFC 3986 section 2.3 */
const plain = new Uint8Array(128)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') plain[char.charCodeAt(0)] = 1

const percent = 0x25
const plus = 0x2b
const slash = 0x2f

/**
 * Brings a target into the one spelling that every reader of a signature agrees on: whatever is not plain is encoded, in
 * upper-case hex; a `+` in the query is the blank that `request` and `inspect` took it for, and leaves as `%20`; every
 * parameter has its `=`. The order of the parameters stays, so a repeated one reaches the function as it was judged.
 * Parameters that begin with `x-amz-` are left out: they are a second way to sign, and nobody but us signs here.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signedTarget(target: string, encodesTwice: boolean): SignedTarget {
  const mark = target.indexOf('?')
  const path = encoded(mark === -1 ? target : target.slice(0, mark), 'path')
  const canonicalPath = encodesTwice && path.includes('%') ? path.replaceAll('%', '%25') : path
  if (mark === -1 || mark === target.length - 1) return { wire: path, canonicalPath, canonicalQuery: '' }
  const names: string[] = []
  const values: string[] = []
  for (const piece of target.slice(mark + 1).split('&')) {
    if (piece === '') continue
    const equals = piece.indexOf('=')
    const name = encoded(equals === -1 ? piece : piece.slice(0, equals), 'query')
    if (name.length > 5 && name.slice(0, 6).toLowerCase() === 'x-amz-') continue
    names.push(name)
    values.push(equals === -1 ? '' : encoded(piece.slice(equals + 1), 'query'))
  }
  if (names.length === 0) return { wire: path, canonicalPath, canonicalQuery: '' }
  const query = joined(names, values, null)
  const canonicalQuery = names.length === 1 ? query : joined(names, values, sortedOrder(names, values))
  return { wire: `${path}?${query}`, canonicalPath, canonicalQuery }
}

function joined(names: readonly string[], values: readonly string[], order: readonly number[] | null): string {
  let text = ''
  for (let i = 0; i < names.length; i++) {
    const at = order === null ? i : (order[i] ?? 0)
    text += `${i === 0 ? '' : '&'}${names[at]}=${values[at]}`
  }
  return text
}

/** By name, then by value: `a=1` stands before `a-b=1`, though `-` is less than `=`. */
function sortedOrder(names: readonly string[], values: readonly string[]): number[] {
  return names
    .map((_, i) => i)
    .sort((a, b) => compare(names[a] ?? '', names[b] ?? '') || compare(values[a] ?? '', values[b] ?? ''))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Hot: runs for every signed request; text that is plain already comes back as it is. */
function encoded(text: string, part: 'path' | 'query'): string {
  let from = 0
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 128 && (plain[code] === 1 || (code === slash && part === 'path'))) continue
    out += text.slice(from, i)
    if (code === percent) {
      const byte = hexByte(text, i + 1)
      // A percent sign that encodes nothing is one that was meant: readers who are lenient see the same.
      out += byte === -1 ? '%25' : encodedByte(byte)
      if (byte !== -1) i += 2
    } else if (code === plus && part === 'query') out += '%20'
    else if (code < 128) out += hex(code)
    else {
      const character = String.fromCodePoint(text.codePointAt(i) ?? code)
      for (const byte of Buffer.from(character)) out += hex(byte)
      i += character.length - 1
    }
    from = i + 1
  }
  return from === 0 ? text : out + text.slice(from)
}

function encodedByte(byte: number): string {
  return byte < 128 && plain[byte] === 1 ? String.fromCharCode(byte) : hex(byte)
}

function hex(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`
}

function hexByte(text: string, at: number): number {
  const digits = text.slice(at, at + 2)
  return /^[0-9a-fA-F]{2}$/.test(digits) ? Number.parseInt(digits, 16) : -1
}

import { isAscii, isUtf8 } from 'node:buffer'
import { withPlainKeys } from '../../values/plain-keys.js'
import type { Content, Deny } from '../contract.js'
import { deny } from '../contract.js'
import { isExactNumber } from './exact-number.js'
import { reasons } from './reasons.js'

/** Caps on the shape of a body. */
export interface StructureCaps {
  /** Nested objects and arrays; a flat object is 1 deep. */
  readonly depth: number
  /** Members of all objects together; fields of a form, parts of a multipart body, elements and attributes of XML. */
  readonly keys: number
  /** UTF-16 code units of one string; null: only the size of the body bounds it. */
  readonly stringLength: number | null
}

/** Reads bytes of one media type, or says why they are refused. */
export type BodyParser = (bytes: Buffer) => Content | Deny

const notText = deny(reasons.textEncoding)
const invalid = deny(reasons.jsonInvalid)
const duplicateKey = deny(reasons.jsonDuplicateKey)
const forbiddenKey = deny(reasons.jsonForbiddenKey)
const escapedKey = deny(reasons.jsonKeyEscaped)
const loneSurrogate = deny(reasons.jsonLoneSurrogate)
const lossyNumber = deny(reasons.jsonNumber)

// What a byte outside strings means to the pass; one look-up is cheaper than a ladder of comparisons.
const passing = 0
const quote = 1
const colon = 2
const opening = 3
const closing = 4
const number = 5
const meanings = new Uint8Array(256)
for (const [meaning, chars] of [
  [quote, '"'],
  [colon, ':'],
  [opening, '{['],
  [closing, '}]'],
  [number, '-0123456789'],
] as const) {
  for (const char of chars) meanings[char.charCodeAt(0)] = meaning
}

/**
 * A parser of JSON that every other parser reads the same way (RFC 8259; I-JSON, RFC 7493 §2).
 *
 * The bytes are walked once before `JSON.parse`: that pass bounds depth, keys and strings, sees escaped surrogates and
 * lossy numbers, and counts the members that the text names. Then the members of the parsed value are counted. A
 * repeated key collapses in the value, so the two numbers are equal exactly when no key repeats: no key is ever hashed
 * or remembered by us, and pretty-printed text costs what compact text costs. Runs for every JSON body; measured in
 * bench/strict-json.ts.
 */
export function strictJson(caps: StructureCaps): BodyParser {
  const tooDeep = deny(reasons.tooDeep, { depth: caps.depth })
  const tooManyKeys = deny(reasons.tooManyKeys, { keys: caps.keys })
  const stringTooLong = deny(reasons.stringTooLong, { stringLength: caps.stringLength })
  const { depth: maxDepth, keys: maxKeys } = caps
  const maxString = caps.stringLength ?? Number.POSITIVE_INFINITY

  return (bytes) => {
    const ascii = isAscii(bytes)
    if (!ascii && (!isUtf8(bytes) || startsWithMark(bytes))) return notText
    const members = readShape(bytes, maxDepth, maxKeys, maxString)
    if (members < 0) {
      if (members === deep) return tooDeep
      if (members === crowded) return tooManyKeys
      if (members === long) return stringTooLong
      return members === halved ? loneSurrogate : lossyNumber
    }
    let text = bytes.toString(ascii ? 'latin1' : 'utf8')
    let value: unknown
    try {
      if (members > 0 && text.includes('\\')) {
        const plain = withPlainKeys(text)
        if (plain === null) return escapedKey
        text = plain
      }
      value = JSON.parse(text)
    } catch {
      return invalid
    }
    if (members > 0) {
      const counted = countMembers(value)
      if (counted < 0) return forbiddenKey
      if (counted !== members) return duplicateKey
    }
    return { kind: 'json', value }
  }
}

// What a text may be refused for before it is parsed; a count of members is never negative.
const deep = -1
const crowded = -2
const long = -3
const halved = -4
const lossy = -5

/**
 * The pass over the bytes: how many members the text names, or why it is refused. A function of its own, small enough
 * for the compiler to keep everything in registers.
 */
function readShape(bytes: Buffer, maxDepth: number, maxKeys: number, maxString: number): number {
  const end = bytes.length
  // Most bodies escape nothing: then a string ends at the next quote.
  const isPlain = !bytes.includes(0x5c)
  let members = 0
  let depth = 0
  let i = 0
  while (i < end) {
    const byte = bytes[i++] as number // i < end
    const meaning = meanings[byte]
    if (meaning === passing) continue
    if (meaning === quote) {
      const start = i
      if (isPlain) while (i < end && bytes[i] !== 0x22) i++
      else {
        i = stringEnd(bytes, i)
        if (i < 0) return halved
      }
      if (i - start > maxString && textLength(bytes, start, i, !isPlain) > maxString) return long
      i++
    } else if (meaning === colon) {
      if (++members > maxKeys) return crowded
    } else if (meaning === opening) {
      if (++depth > maxDepth) return deep
    } else if (meaning === closing) {
      depth--
    } else {
      const start = i - 1
      let exponent = false
      for (; i < end; i++) {
        const inner = bytes[i] as number // i < end
        if (inner >= 0x30 && inner <= 0x39) continue
        if (inner === 0x65 || inner === 0x45) exponent = true
        else if (inner !== 0x2e && inner !== 0x2b && inner !== 0x2d) break
      }
      // Fifteen significant digits always fit a double.
      if ((exponent || i - start > 15) && !isExactNumber(bytes.toString('latin1', start, i))) return lossy
    }
  }
  return members
}

/** Where the string that began before `from` has its closing quote; negative when it holds half a surrogate pair. */
function stringEnd(bytes: Buffer, from: number): number {
  const end = bytes.length
  let i = from
  for (; i < end; i++) {
    const inner = bytes[i]
    if (inner === 0x22) break
    if (inner !== 0x5c || bytes[++i] !== 0x75) continue
    const unit = hexUnit(bytes, i + 1)
    if (unit < 0xd800 || unit > 0xdfff) continue
    // A high half must be followed at once by an escaped low half: the text is UTF-8, which has no halves.
    if (unit >= 0xdc00 || bytes[i + 5] !== 0x5c || bytes[i + 6] !== 0x75) return -1
    const next = hexUnit(bytes, i + 7)
    if (next < 0xdc00 || next > 0xdfff) return -1
    i += 10
  }
  return i
}

/** Members of all objects in a parsed value; negative when a key reaches for a prototype. Its depth is bounded before. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      if (typeof item === 'object' && item !== null) {
        const inner = countMembers(item)
        if (inner < 0) return -1
        count += inner
      }
    }
    return count
  }
  const members = value as Record<string, unknown> // neither null nor an array: JSON.parse made it a plain object
  for (const key in members) {
    if (key === '__proto__') return -1
    count++
    const item = members[key]
    if (typeof item === 'object' && item !== null) {
      if (key === 'constructor' && Object.hasOwn(item, 'prototype')) return -1
      const inner = countMembers(item)
      if (inner < 0) return -1
      count += inner
    }
  }
  return count
}

/** Whether the bytes begin with the byte order mark of UTF-8: some readers drop it, some refuse it. */
export function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

/** The code unit of four hex digits, or -1 when they are none (`JSON.parse` refuses those). */
function hexUnit(bytes: Buffer, at: number): number {
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0
    let digit: number
    if (byte >= 0x30 && byte <= 0x39) digit = byte - 0x30
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66) digit = (byte | 0x20) - 0x57
    else return -1
    unit = unit * 16 + digit
  }
  return unit
}

/** UTF-16 code units of the string whose raw text lies between two offsets. */
function textLength(bytes: Buffer, start: number, end: number, escaped: boolean): number {
  const raw = bytes.toString('utf8', start, Math.min(end, bytes.length))
  if (!escaped) return raw.length
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    if (raw.charCodeAt(i) === 0x5c) i += raw.charCodeAt(i + 1) === 0x75 ? 5 : 1
    length++
  }
  return length
}

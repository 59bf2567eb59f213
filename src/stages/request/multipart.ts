import { isUtf8 } from 'node:buffer'
import { type Content, type Deny, deny, type MultipartPart } from '../contract.js'
import { endOfToken, parseMediaType } from './media-type.js'
import { reasons } from './reasons.js'
import type { StructureCaps } from './strict-json.js'

const invalid = deny(reasons.multipartInvalid)
const lineEnd = Buffer.from('\r\n')
/** Header lines of one part; a part has two or three. */
const maxPartHeaderBytes = 4096

/**
 * A parser of `multipart/form-data` that takes the plain form alone, so that every other parser finds the same parts:
 * no preamble, no epilogue, CRLF everywhere, one Content-Disposition per part, names without escapes or controls, no
 * `filename*`, no transfer encoding. RFC 7578; RFC 2046 §5.1
 */
export function strictMultipart(caps: StructureCaps): (bytes: Buffer, boundary: string | undefined) => Content | Deny {
  const tooManyParts = deny(reasons.tooManyKeys, { keys: caps.keys })
  const tooLong = deny(reasons.stringTooLong, { stringLength: caps.stringLength })
  return (bytes, boundary) => {
    if (boundary === undefined || !isBoundary(boundary)) return invalid
    const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    const dashed = delimiter.subarray(2)
    const parts: MultipartPart[] = []
    if (!startsWith(bytes, 0, dashed)) return invalid
    let at = dashed.length
    for (;;) {
      // After a boundary: CRLF and a part, or `--`, at most one CRLF, and the end.
      if (bytes[at] === 0x2d && bytes[at + 1] === 0x2d) {
        const rest = bytes.length - at - 2
        const isEnd = rest === 0 || (rest === 2 && startsWith(bytes, at + 2, lineEnd))
        return isEnd && parts.length > 0 ? { kind: 'multipart', parts } : invalid
      }
      if (!startsWith(bytes, at, lineEnd)) return invalid
      if (parts.length >= caps.keys) return tooManyParts
      const headersStart = at + 2
      const headersEnd = bytes.subarray(headersStart, headersStart + maxPartHeaderBytes).indexOf('\r\n\r\n')
      if (headersEnd <= 0) return invalid
      const bodyStart = headersStart + headersEnd + 4
      const found = bytes.indexOf(delimiter, bodyStart)
      if (found === -1) return invalid
      const body = bytes.subarray(bodyStart, found)
      // Lenient readers end a part at a boundary after a bare LF, or after nothing: then ours would not be their parts.
      if (body.includes(dashed)) return invalid
      const part = readPart(bytes.subarray(headersStart, headersStart + headersEnd), body)
      if (part === null) return invalid
      if (caps.stringLength !== null && part.fileName === null && (part.text?.length ?? 0) > caps.stringLength) {
        return tooLong
      }
      parts.push(part)
      at = found + delimiter.length
    }
  }
}

function readPart(head: Buffer, body: Buffer): MultipartPart | null {
  if (!isUtf8(head)) return null
  let disposition: Disposition | null = null
  let contentType: string | null = null
  for (const line of head.toString('utf8').split('\r\n')) {
    const nameEnd = endOfToken(line, 0)
    if (nameEnd === 0 || line.charCodeAt(nameEnd) !== 0x3a || hasControls(line)) return null
    const value = trimBlanks(line.slice(nameEnd + 1))
    switch (line.slice(0, nameEnd).toLowerCase()) {
      case 'content-disposition':
        if (disposition !== null) return null
        disposition = readDisposition(value)
        if (disposition === null) return null
        break
      case 'content-type': {
        const media = parseMediaType(value)
        if (contentType !== null || media === null || !isReadableCharset(media.parameters.get('charset'))) return null
        contentType = media.type
        break
      }
      case 'content-transfer-encoding':
        // These three mean "as it is"; some clients write them. Anything else would have to be decoded to be inspected.
        if (!/^(7bit|8bit|binary)$/i.test(value)) return null
        break
      case 'content-length':
        if (value !== String(body.length)) return null
        break
      default:
        return null
    }
  }
  if (disposition === null) return null
  const text = isUtf8(body) ? body.toString('utf8') : null
  if (disposition.fileName === null) {
    if (text === null) return null
    // A `_charset_` field changes how other fields are to be read. RFC 7578 §4.6
    if (disposition.name === '_charset_' && !isReadableCharset(text)) return null
  }
  return { name: disposition.name, fileName: disposition.fileName, contentType, text, bytes: body.length }
}

interface Disposition {
  readonly name: string
  readonly fileName: string | null
}

/** `form-data; name="a"; filename="b"`: each once, nothing else. */
function readDisposition(value: string): Disposition | null {
  let at = endOfToken(value, 0)
  if (value.slice(0, at).toLowerCase() !== 'form-data') return null
  let name: string | null = null
  let fileName: string | null = null
  while (at < value.length) {
    if (value.charCodeAt(at) !== 0x3b) return null
    at++
    while (value.charCodeAt(at) === 0x20) at++
    const keyEnd = endOfToken(value, at)
    const key = value.slice(at, keyEnd).toLowerCase()
    if (value.charCodeAt(keyEnd) !== 0x3d) return null
    let text: string
    if (value.charCodeAt(keyEnd + 1) === 0x22) {
      const close = value.indexOf('"', keyEnd + 2)
      if (close === -1) return null
      text = value.slice(keyEnd + 2, close)
      // Browsers write %22 for a quote; a backslash is an escape to one reader and a character to the next.
      if (text.includes('\\')) return null
      at = close + 1
    } else {
      at = endOfToken(value, keyEnd + 1)
      text = value.slice(keyEnd + 1, at)
      if (text === '') return null
    }
    if (key === 'name' && name === null) name = text
    else if (key === 'filename' && fileName === null) fileName = text
    else return null
  }
  return name === null ? null : { name, fileName }
}

/** RFC 2046 §5.1.1: 1 to 70 characters of a small set, no blank at the end; we take no blank at all. */
function isBoundary(text: string): boolean {
  return /^[0-9A-Za-z'()+_,./:=?-]{1,70}$/.test(text)
}

/** Whether a declared character set is one whose bytes we read as they are: UTF-8 or its subset ASCII. */
export function isReadableCharset(charset: string | undefined): boolean {
  return charset === undefined || /^(utf-8|us-ascii)$/i.test(charset)
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  return bytes.length >= at + prefix.length && bytes.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0
}

function hasControls(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && text.charCodeAt(start) === 0x20) start++
  while (end > start && text.charCodeAt(end - 1) === 0x20) end--
  return text.slice(start, end)
}

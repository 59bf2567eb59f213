import { rawRequestBytes } from '../policy-tests/request-bytes.js'
import { readCurlLine } from './curl-line.js'

/** A request as somebody wrote it down: a curl line, or HTTP itself. */
export interface WrittenRequest {
  readonly bytes: Buffer
  /** What was added so that it can be sent at all. */
  readonly notes: readonly string[]
}

/** Reads a request from a text. Throws CurlFault for a curl line that says no request. */
export function readRequestText(text: string): WrittenRequest {
  // Blank lines before a request are an editor's; RFC 9112 section 2.2 lets a server skip them.
  const trimmed = text.replace(/^(?:[ \t]*\r?\n)+/, '').replace(/^\$ (?=curl\s)/, '')
  if (/^curl\s/.test(trimmed)) return fromCurl(trimmed)
  return withLength(rawRequestBytes(endingHead(trimmed)))
}

/** The path that a written request asks for, as it stands there; empty for what is no request. */
export function pathOf(text: string): string {
  let bytes: Buffer
  try {
    bytes = readRequestText(text).bytes
  } catch {
    return ''
  }
  const target = headLines(bytes)[0]?.split(' ')[1] ?? ''
  return target.split('?')[0] ?? ''
}

function fromCurl(line: string): WrittenRequest {
  const { method, target, headers, body } = readCurlLine(line)
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  const bytes = Buffer.from(body ?? '', 'utf8')
  const hasLength = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
  if (body !== undefined && !hasLength) lines.push(`Content-Length: ${bytes.length}`)
  return { bytes: Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'), bytes]), notes: [] }
}

/** A head that nobody ended was meant to end with the text. */
function endingHead(text: string): string {
  if (/\r?\n\r?\n/.test(text)) return text
  return `${text.replace(/\r?\n$/, '')}${text.includes('\r\n') ? '\r\n\r\n' : '\n\n'}`
}

/** A body without any announced length is one that somebody typed: its length is counted, and said to be. */
function withLength(bytes: Buffer): WrittenRequest {
  const headEnd = bytes.indexOf('\r\n\r\n')
  const head = bytes.toString('latin1', 0, headEnd)
  const length = bytes.length - headEnd - 4
  if (length === 0 || /\r\n(content-length|transfer-encoding) *:/i.test(head)) return { bytes, notes: [] }
  // Editors end a file with a line break that belongs to no body.
  const body = bytes
    .subarray(headEnd + 4)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  const rest = Buffer.from(body, 'utf8')
  const line = `Content-Length: ${rest.length}`
  return {
    bytes: Buffer.concat([Buffer.from(`${head}\r\n${line}\r\n\r\n`, 'latin1'), rest]),
    notes: [`${line} was added; the request announced no length.`],
  }
}

/** The value of a header in the bytes of a request; undefined for none or for several. */
export function headerIn(bytes: Buffer, name: string): string | undefined {
  const values = headLines(bytes).filter((line) => line.toLowerCase().startsWith(`${name}:`))
  return values.length === 1 ? values[0]?.slice(name.length + 1).trim() : undefined
}

/** The request with this header in the place of every other of its name. */
export function withHeader(bytes: Buffer, name: string, value: string): Buffer {
  const [start = '', ...lines] = headLines(bytes)
  const kept = lines.filter((line) => !line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  const head = [start, ...kept, `${name}: ${value}`].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)])
}

function headLines(bytes: Buffer): string[] {
  const headEnd = bytes.indexOf('\r\n\r\n')
  return bytes.toString('latin1', 0, headEnd === -1 ? bytes.length : headEnd).split('\r\n')
}

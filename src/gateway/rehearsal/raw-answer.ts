/** An HTTP answer read from its bytes. */
export interface RawAnswer {
  /** 0: there was no answer. */
  readonly status: number
  /** Lower-case names; repeated ones joined by a comma and a blank. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const noAnswer: RawAnswer = { status: 0, headers: {}, body: Buffer.alloc(0) }

/** Reads the first final answer of a connection; what our own server writes needs no strict parser. */
export function readAnswer(bytes: Buffer): RawAnswer {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return noAnswer
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  if (!Number.isInteger(status)) return noAnswer
  const rest = bytes.subarray(headEnd + 4)
  if (status < 200) return readAnswer(rest)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  const isChunked = headers['transfer-encoding'] === 'chunked'
  const length = Number(headers['content-length'] ?? rest.length)
  return { status, headers, body: isChunked ? dechunk(rest) : rest.subarray(0, length) }
}

/** RFC 9112 section 7.1 */
function dechunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (lineEnd === -1 || !(size > 0)) break
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return Buffer.concat(chunks)
}

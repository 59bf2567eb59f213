/** A request to be written as HTTP/1.1. */
export interface PlainRequest {
  readonly method: string
  /** Path and query, as they go on the wire. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON unless it is a text; undefined: none. */
  readonly body: unknown
}

/** The host that rehearsed requests ask for unless they say otherwise. */
export const usualHost = 'gateway.test'

/** The bytes of a request. Its own headers win; Host, Content-Type and Content-Length are added where they are missing. */
export function requestBytes({ method, target, headers, body }: PlainRequest): Buffer {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const bytes = Buffer.from(text, 'utf8')
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const lines = [`${method} ${target} HTTP/1.1`]
  if (!named.has('host')) lines.push(`Host: ${usualHost}`)
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) {
    if (!named.has('content-type')) {
      lines.push(`Content-Type: ${typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'}`)
    }
    if (!named.has('content-length') && !named.has('transfer-encoding')) lines.push(`Content-Length: ${bytes.length}`)
  }
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'), bytes])
}

/** A request as somebody wrote it down: line ends of the head become CRLF, for no editor keeps them. */
export function rawRequestBytes(raw: string): Buffer {
  if (raw.includes('\r\n')) return Buffer.from(raw, 'utf8')
  const headEnd = raw.indexOf('\n\n')
  const head = headEnd === -1 ? raw : raw.slice(0, headEnd + 2)
  return Buffer.from(head.replaceAll('\n', '\r\n') + (headEnd === -1 ? '' : raw.slice(headEnd + 2)), 'utf8')
}

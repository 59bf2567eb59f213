/*
 * A second reading of HTTP/1.1 requests, written from RFC 9112 alone and sharing nothing with the gateway or with Node: it
 * takes the narrowest form there is and gives a reason for everything else. What the gateway forwards must pass it.
 */

/** One request as it stood on the wire. */
export interface StrictRequest {
  readonly method: string
  readonly target: string
  /** Names in small letters, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Latin-1; chunks put together. */
  readonly body: string
  readonly isChunked: boolean
}

/** `request` with the bytes it took, `more` where it has not ended yet, or what is wrong with it. */
export type Reading =
  | { readonly kind: 'request'; readonly request: StrictRequest; readonly length: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'fault'; readonly fault: string }

const requestLine = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.1$/
const headerLine = /^([a-z0-9!#$%&'*+.^`|~-]+): ?([\t\x20-\x7e\x80-\xff]*)$/
/** Of these a request has one or none. */
const single = ['host', 'content-length', 'content-type', 'content-encoding', 'authorization', 'transfer-encoding']
/** These belong to one connection, or ask for something else than an answer. RFC 9110 section 7.6.1 */
const never = ['expect', 'upgrade', 'te', 'trailer', 'keep-alive', 'proxy-connection', 'http2-settings']

const fault = (text: string): Reading => ({ kind: 'fault', fault: text })

/** Reads the first request of a text of latin-1. */
export function readStrictly(text: string): Reading {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return text.length > 64 * 1024 ? fault('a head without an end') : { kind: 'more' }
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const line = requestLine.exec(first)
  if (line === null) return fault(`a request line that is none: ${JSON.stringify(first)}`)
  const headers: [string, string][] = []
  for (const each of lines) {
    const found = headerLine.exec(each)
    if (found === null) return fault(`a header line that is none: ${JSON.stringify(each)}`)
    headers.push([found[1] ?? '', found[2] ?? ''])
  }
  const values = (name: string): string[] => headers.filter(([own]) => own === name).map(([, value]) => value)
  if (values('host').length !== 1) return fault('not exactly one host')
  for (const name of single) if (values(name).length > 1) return fault(`two lines of ${name}`)
  for (const name of never) if (values(name).length > 0) return fault(`the header ${name}`)
  const [connection] = values('connection')
  if (connection !== undefined && !/^(keep-alive|close)$/.test(connection)) return fault(`Connection: ${connection}`)
  const [length] = values('content-length')
  const [coding] = values('transfer-encoding')
  if (length !== undefined && coding !== undefined) return fault('a length and a coding')
  if (length !== undefined && !/^(0|[1-9][0-9]{0,14})$/.test(length)) return fault(`the length ${length}`)
  if (coding !== undefined && coding !== 'chunked') return fault(`the coding ${coding}`)
  const [, method = '', target = ''] = line
  const start = end + 4
  const whole = (body: string, isChunked: boolean, stop: number): Reading => ({
    kind: 'request',
    request: { method, target, headers, body, isChunked },
    length: stop,
  })
  if (coding === undefined) {
    const stop = start + Number(length ?? 0)
    return text.length < stop ? { kind: 'more' } : whole(text.slice(start, stop), false, stop)
  }
  let body = ''
  for (let at = start; ; ) {
    const sizeEnd = text.indexOf('\r\n', at)
    if (sizeEnd === -1) return { kind: 'more' }
    const size = text.slice(at, sizeEnd)
    // No extension, no trailer: there is nothing that the gateway could mean by one.
    if (!/^[0-9a-f]{1,8}$/i.test(size)) return fault(`the chunk size ${JSON.stringify(size)}`)
    const dataEnd = sizeEnd + 2 + Number.parseInt(size, 16)
    if (text.length < dataEnd + 2) return { kind: 'more' }
    if (text.slice(dataEnd, dataEnd + 2) !== '\r\n') return fault('a chunk that does not end where it says')
    if (dataEnd === sizeEnd + 2) return whole(body, true, dataEnd + 2)
    body += text.slice(sizeEnd + 2, dataEnd)
    at = dataEnd + 2
  }
}

const statusLine = /^HTTP\/1\.1 ([1-5][0-9]{2}) [A-Za-z0-9 '-]*$/
const answerLine = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+: [\t\x20-\x7e\x80-\xff]*$/

/**
 * What is wrong with the answers of one connection; null where all of them are sound. Answers to HEAD have no body, but for
 * those to what never became a request.
 */
export function faultInAnswers(text: string, isHead: boolean): string | null {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end === -1) return `an answer without an end: ${JSON.stringify(text.slice(at, at + 80))}`
    const [first = '', ...lines] = text.slice(at, end).split('\r\n')
    const status = Number(statusLine.exec(first)?.[1] ?? 0)
    if (status === 0) return `a status line that is none: ${JSON.stringify(first)}`
    for (const line of lines) if (!answerLine.test(line)) return `an answer's line: ${JSON.stringify(line)}`
    at = end + 4
    if (status < 200 || status === 204 || (isHead && (at === text.length || text.startsWith('HTTP/1.1 ', at)))) continue
    const [length, ...others] = lines.flatMap((line) => /^content-length: ([0-9]+)$/i.exec(line)?.[1] ?? [])
    if (length === undefined || others.length > 0) return 'an answer without exactly one length'
    at += Number(length)
    if (at > text.length) return 'an answer shorter than it says'
  }
  return null
}

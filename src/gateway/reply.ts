import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Deny, Reason } from '../stages/contract.js'
import { writeWhole } from './write-whole.js'

/** On every answer of our own: nothing of it may be cached or sniffed. */
const ownHeaders: readonly string[] = [
  'content-type',
  'application/problem+json',
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
]

/**
 * The RFC 9457 document of a denial. Everything in it is constant but the id and the places of a refused `request`, so
 * nothing a caller sent comes back.
 */
function problemDocument(reason: Reason, requestId: string, errors?: Deny['errors']): string {
  const title = STATUS_CODES[reason.status] ?? 'Error'
  const list = errors === undefined || errors.length === 0 ? '' : `,"errors":${JSON.stringify(errors)}`
  return `{"type":"${reason.type ?? 'about:blank'}","title":"${title}","status":${reason.status},"code":"${reason.shown ?? reason.code}","requestId":"${requestId}"${list}}`
}

/** What is still read of a body nobody wants, so that the refusal is not lost in a reset of the connection. */
const lingerBytes = 1024 * 1024
const lingerMs = 500

/**
 * Writes a denial as the whole answer; returns its body's length. With `close` the connection ends with it, because the
 * rest of an unread body must not be read as the next request. A caller who is still sending hears the answer first:
 * closing at once would reset the connection under it.
 * @param headers flat name, value: what the verdict and earlier stages want on the answer.
 */
export function sendProblem(
  exchange: { readonly id: string; readonly request: IncomingMessage; readonly response: ServerResponse },
  reason: Reason,
  headers: readonly string[],
  close: boolean,
  errors?: Deny['errors'],
): number {
  const { id, request, response } = exchange
  const body = problemDocument(reason, id, errors)
  const length = Buffer.byteLength(body)
  const all = [...ownHeaders, 'content-length', String(length), 'x-request-id', id, ...headers]
  if (close) all.push('connection', 'close')
  response.writeHead(reason.status, all)
  // Who waits for 100-continue has not begun to send.
  const isSending = !request.complete && !request.destroyed && request.headers.expect === undefined
  if (!close || !isSending) writeWhole(response, body)
  else {
    response.write(body)
    linger(request, response)
  }
  return length
}

/**
 * Writes an answer of our own that has no body. With `close` the connection ends with it.
 * @param headers flat name, value.
 */
export function sendEmpty(
  { id, response }: { readonly id: string; readonly response: ServerResponse },
  status: 204,
  headers: readonly string[],
  close: boolean,
): void {
  const all = ['x-request-id', id, 'cache-control', 'no-store', ...headers]
  if (close) all.push('connection', 'close')
  response.writeHead(status, all)
  response.end()
}

/** Writes a public JSON document of our own; returns its length. With `close` the connection ends with it. */
export function sendDocument(
  { id, response }: { readonly id: string; readonly response: ServerResponse },
  body: string,
  isHead: boolean,
  close: boolean,
): number {
  const length = Buffer.byteLength(body)
  const all = ['content-type', 'application/json', 'content-length', String(length), 'x-request-id', id]
  all.push('cache-control', 'public, max-age=300', 'access-control-allow-origin', '*', ...sniffing)
  if (close) all.push('connection', 'close')
  response.writeHead(200, all)
  if (isHead) response.end()
  else writeWhole(response, body)
  return isHead ? 0 : length
}

const sniffing: readonly string[] = ['x-content-type-options', 'nosniff']

function linger(request: IncomingMessage, response: ServerResponse): void {
  let discarded = 0
  const timer = setTimeout(end, lingerMs)
  function end(): void {
    clearTimeout(timer)
    response.end()
  }
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > lingerBytes) end()
  })
  request.on('end', end)
  request.on('error', end)
  response.on('close', () => clearTimeout(timer))
  request.resume()
}

/** The bytes of a denial for a socket whose request never became one (parser errors, CONNECT). */
export function rawProblem(reason: Reason, requestId: string): string {
  const body = problemDocument(reason, requestId)
  const title = STATUS_CODES[reason.status] ?? 'Error'
  let head = `HTTP/1.1 ${reason.status} ${title}\r\n`
  for (let i = 0; i < ownHeaders.length; i += 2) head += `${ownHeaders[i]}: ${ownHeaders[i + 1]}\r\n`
  return `${head}content-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${requestId}\r\nconnection: close\r\n\r\n${body}`
}

// The yardstick below: a hand-written proxy without any protection. `node:http` in front, undici's `dispatch` behind,
// hop-by-hop headers dropped, the body buffered (streaming costs the same), head and first chunk of the answer
// in one write, back-pressure kept. A gateway that costs as much as this gives its protections for free.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { announce } from '../support/announce.js'

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 64, pipelining: 1 })
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #resume: () => void = () => {}

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onConnect(): void {}

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    if (status < 200) return true
    const headers: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = String(rawHeaders[i])
      if (!hopByHop.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1]?.toString('latin1') ?? '')
    }
    this.#resume = resume
    this.#response.writeHead(status, headers)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', this.#resume)
    return false
  }

  onComplete(): void {
    this.#response.end()
  }

  onError(): void {
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  const { rawHeaders } = request
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const lower = name.toLowerCase()
    if (lower !== 'host' && !hopByHop.has(lower)) headers.push(name, rawHeaders[i + 1] ?? '')
  }
  pool.dispatch(
    { method: request.method as Dispatcher.HttpMethod, path: request.url ?? '/', headers, body }, // a client's method is any text
    new Relay(response),
  )
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) {
    forward(request, response, null)
    return
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const [only] = chunks
    forward(request, response, chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks))
  })
})
server.listen(0, '127.0.0.1', () => announce(server))

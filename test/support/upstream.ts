import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a function received. */
export interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** A real HTTP server that plays the function. */
export interface TestUpstream {
  readonly url: string
  readonly requests: ReceivedRequest[]
  /** How it answers from now on; by default 200 and a small JSON document. */
  answer: (request: ReceivedRequest, response: ServerResponse, message: IncomingMessage) => void
  stop(): Promise<void>
}

/** Starts a function on a free port; it stops with the test. */
export async function startUpstream(t: { teardown(done: () => Promise<void>): void }): Promise<TestUpstream> {
  const requests: ReceivedRequest[] = []
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const request: ReceivedRequest = {
        method: message.method ?? '',
        url: message.url ?? '',
        headers: message.headers,
        rawHeaders: message.rawHeaders,
        body: Buffer.concat(chunks),
      }
      requests.push(request)
      upstream.answer(request, response, message)
    })
    message.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(stop)
  const upstream: TestUpstream = {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"ok":true}')
    },
    stop,
  }
  return upstream
}

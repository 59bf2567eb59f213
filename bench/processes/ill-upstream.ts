// A function that can be ill: it answers at once, late, never, or with a long stream, by its path. Takes the port to
// listen on, so that it can come back where it was.
import { createServer, type ServerResponse } from 'node:http'
import { announce } from '../support/announce.js'

const piece = Buffer.alloc(64 * 1024, 'x')

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://fn')
  const answer = (): void => {
    const text = JSON.stringify({ url: request.url })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
  }
  if (url.pathname.endsWith('/hang')) return
  if (url.pathname.endsWith('/stream')) return stream(response, Number(url.searchParams.get('mb')))
  const late = Number(url.searchParams.get('ms'))
  if (late > 0) setTimeout(answer, late)
  else answer()
})
server.keepAliveTimeout = 60_000
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', 4_096, () => announce(server))

function stream(response: ServerResponse, megabytes: number): void {
  let left = megabytes * 16
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  const go = (): void => {
    while (left-- > 0) if (!response.write(piece)) return
    response.end()
  }
  response.on('drain', go)
  go()
}

// A function that costs next to nothing: a TCP server that finds where each request ends and answers fixed bytes. What
// stands before it is what gets measured. Speaks only to proxies that frame by Content-Length or well-formed chunks.
import { createServer, type Socket } from 'node:net'
import { announce } from '../support/announce.js'

const body = JSON.stringify({
  id: '7c1d4f0a',
  status: 'accepted',
  items: 3,
  total: 129.85,
  currency: 'EUR',
  links: { self: '/orders/7c1d4f0a', invoice: '/orders/7c1d4f0a/invoice' },
  placedAt: '2026-05-04T09:12:44Z',
})
const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: demo-function\r\nX-Powered-By: demo\r\n' +
    'Date: Mon, 04 May 2026 09:12:44 GMT\r\nCache-Control: private, max-age=0\r\nX-Request-Cost: 3\r\n' +
    `Content-Length: ${body.length}\r\nConnection: keep-alive\r\n\r\n${body}`,
)

const server = createServer({ noDelay: true }, serve)
server.listen(0, '127.0.0.1', () => announce(server))

function serve(socket: Socket): void {
  let pending: Buffer = Buffer.alloc(0)
  let bodyLeft = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    if (bodyLeft > chunk.length) {
      bodyLeft -= chunk.length
      return
    }
    if (bodyLeft > 0) {
      chunk = chunk.subarray(bodyLeft)
      bodyLeft = 0
      socket.write(answer)
      if (chunk.length === 0) return
    }
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length > 0) {
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = pending.toString('latin1', 0, end)
      if (/\r\ntransfer-encoding:/i.test(head)) {
        const last = pending.indexOf('\r\n0\r\n\r\n', end)
        if (last === -1) return
        pending = pending.subarray(last + 7)
      } else {
        const total = end + 4 + Number(/\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1] ?? 0)
        bodyLeft = Math.max(0, total - pending.length)
        pending = pending.subarray(Math.min(total, pending.length))
        if (bodyLeft > 0) return
      }
      socket.write(answer)
    }
  })
}

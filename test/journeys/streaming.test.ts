import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.js'
import { message } from '../support/wire.js'

const totalMs = 400

/** A gateway before a function that `serve` plays; what it plays sees bodies as they arrive. */
async function start(t: Test, serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const gateway = await startGateway(
    t,
    `
upstreams: { fn: { url: "http://127.0.0.1:${port}" } }
defaults: { upstream: fn, timeout: { headers: 5s, idle: 5s, total: off } }
routes:
  GET /events: { auth: none, reason: a test of streams }
  GET /bounded: { auth: none, reason: a test of streams, timeout: { total: ${totalMs}ms } }
  PUT /files/{name}:
    auth: none
    reason: a test of streams
    request: { maxBytes: 128MiB, contentType: [application/octet-stream] }
    inspect: { mode: off }
`,
  )
  const ask = (target: string) => {
    const socket = connect(gateway.gateway.address.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(message([`GET ${target} HTTP/1.1`, 'Host: a.example']))
    t.teardown(() => void socket.destroy())
    return socket
  }
  return { gateway, ask }
}

/** Reads until what came, in all, matches. */
function readUntil(socket: Socket, pattern: RegExp, before = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = before
    const look = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (!pattern.test(text)) return
      socket.off('data', look)
      resolve(text)
    }
    socket.on('data', look)
    socket.on('close', () => reject(new Error(`the connection closed after ${JSON.stringify(text.slice(-200))}`)))
  })
}

t.test('events arrive one by one, each when the function sends it, for longer than any answer may take', async (t) => {
  let say: (text: string) => void = () => {}
  const { ask, gateway } = await start(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.flushHeaders()
    say = (text) => void response.write(text)
  })
  const caller = ask('/events')
  const head = await readUntil(caller, /\r\n\r\n$/)
  t.match(head, /^HTTP\/1\.1 200 /, 'the head leaves before any event')
  t.match(head, /\r\ncontent-type: text\/event-stream\r\n/)
  for (const event of ['one', 'two', 'three']) {
    say(`data: ${event}\n\n`)
    t.match(await readUntil(caller, /\n\n\r\n$/), `data: ${event}\n\n`, `${event} alone, before the next is sent`)
  }
  t.equal(gateway.gateway.inFlight, 1)
})

t.test('what may not last is cut at its time, however busily it streams', async (t) => {
  const { ask } = await start(t, (_request, response) => {
    const timer = setInterval(() => response.write('tick\n'), 20)
    response.on('close', () => clearInterval(timer))
  })
  const caller = ask('/bounded')
  const from = performance.now()
  let text = ''
  caller.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  await new Promise<void>((resolve) => caller.on('close', () => resolve()))
  t.ok(performance.now() - from <= totalMs * 1.1 + 100, 'by its deadline')
  t.match(text, /tick/)
  t.notMatch(text, /\r\n0\r\n\r\n$/, 'and it does not look whole')
})

t.test('a caller who leaves in the middle of a stream ends the call to the function', async (t) => {
  const gone: Promise<unknown>[] = []
  const { ask, gateway } = await start(t, (_request, response) => {
    gone.push(once(response, 'close'))
    response.write('first')
  })
  const caller = ask('/events')
  await readUntil(caller, /first/)
  caller.destroy()
  await Promise.all(gone)
  t.equal(gone.length, 1, 'the function was called once, and knows that nobody listens')
  while (gateway.records.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(gateway.lastRecord().outcome, 'aborted')
  t.equal(gateway.gateway.inFlight, 0)
})

const piece = Buffer.alloc(64 * 1024, 'x')
const pieces = 1_600
const bytes = piece.length * pieces
/** What may be on the way when nobody takes any more: mostly the buffers of the system. */
const mostOnTheWay = 40 * 1024 * 1024

/** Writes 100 MiB as fast as they are taken; `isStalled` once nothing was for a while. */
function writeAll(stream: ServerResponse | Socket) {
  let stalled: () => void = () => {}
  const isStalled = new Promise<void>((resolve) => {
    stalled = resolve
  })
  const progress = { bytes: 0, isStalled }
  let waiting: NodeJS.Timeout | undefined
  const go = (): void => {
    clearTimeout(waiting)
    while (progress.bytes < bytes) {
      progress.bytes += piece.length
      if (stream.write(piece)) continue
      waiting = setTimeout(stalled, 300)
      return
    }
  }
  stream.on('drain', go)
  go()
  return progress
}

t.test('a caller who reads slowly slows the function, and little of it is kept', async (t) => {
  let begun: (progress: ReturnType<typeof writeAll>) => void = () => {}
  const isBegun = new Promise<ReturnType<typeof writeAll>>((resolve) => {
    begun = resolve
  })
  const { ask } = await start(t, (_request, response) => {
    response.writeHead(200, { 'content-length': bytes })
    begun(writeAll(response))
  })
  const caller = ask('/events')
  caller.pause()
  const progress = await isBegun
  await progress.isStalled
  t.ok(progress.bytes < mostOnTheWay, `${progress.bytes} of ${bytes} bytes have left the function`)
  let received = 0
  const whole = new Promise<void>((resolve) => {
    caller.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received > bytes) resolve()
    })
  })
  caller.resume()
  await whole
  t.equal(progress.bytes, bytes, 'and once it reads, all of it comes')
})

t.test('a function that reads slowly slows the caller who uploads', async (t) => {
  let arrived: (request: IncomingMessage) => void = () => {}
  const isHere = new Promise<IncomingMessage>((resolve) => {
    arrived = resolve
  })
  let received = 0
  const { gateway } = await start(t, (request, response) => {
    request.on('end', () => response.end(`received ${received}`))
    request.pause()
    arrived(request)
  })
  const caller = connect(gateway.gateway.address.port, '127.0.0.1')
  t.teardown(() => void caller.destroy())
  caller.on('error', () => {})
  const type = 'Content-Type: application/octet-stream'
  caller.write(message(['PUT /files/a HTTP/1.1', 'Host: a.example', type, `Content-Length: ${bytes}`]))
  const progress = writeAll(caller)
  const request = await isHere
  await progress.isStalled
  t.ok(progress.bytes < mostOnTheWay, `${progress.bytes} of ${bytes} bytes have left the caller`)
  request.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  request.resume()
  t.match(await readUntil(caller, /received \d+/), `received ${bytes}`, 'and once it reads, all of it comes')
})

import { type AddressInfo, connect, createServer } from 'node:net'
import t from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

const host = 'Host: shop.example'
const upgrade = ['Connection: upgrade', 'Upgrade: websocket']

/** A gateway before a function that answers only when told to. */
async function start(t: Parameters<typeof startUpstream>[0], limits = 'connectionsPerAddress: 1000') {
  const upstream = await startUpstream(t)
  const held: (() => void)[] = []
  upstream.answer = ({ url }, response) => {
    const answer = () => response.end(url)
    if (url.startsWith('/held')) held.push(answer)
    else answer()
  }
  const { gateway, records } = await startGateway(t, {
    'gateway.yaml': `version: 1\nlimits: { ${limits} }\n`,
    'routes.yaml': `
upstreams: { fn: { url: "${upstream.url}" } }
defaults: { upstream: fn, rateLimit: {} }
routes:
  GET /held/{id}: { auth: none, reason: a test of attacks }
  GET /items/{id}: { auth: none, reason: a test of attacks }
  POST /items: { auth: none, reason: a test of attacks, request: { maxBytes: 1MiB } }
`,
  })
  return { upstream, held, gateway, records, port: gateway.address.port }
}

/** Asks again in each turn of the event loop until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

/** Says something on a connection and resets it once `isTime`. */
function sayAndReset(port: number, bytes: string, isTime: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.write(bytes, () => void until(() => socket.destroyed || isTime()).then(() => socket.resetAndDestroy()))
  })
}

t.test('a connection that asks for something else than HTTP and is reset harms nobody', async (t) => {
  const { port, records } = await start(t)
  for (const lines of [
    ['CONNECT a.example:443 HTTP/1.1', host],
    ['GET /items/1 HTTP/1.1', host, ...upgrade],
  ]) {
    const before = records.length
    await sayAndReset(port, message(lines), () => records.length > before)
    const { answers } = await converse(port, message(lines))
    t.equal(records.at(-1)?.id, /x-request-id: (\w+)/.exec(answers.at(0)?.head ?? '')?.[1], 'the caller has its id')
  }
  t.equal((await converse(port, message(['GET /items/1 HTTP/1.1', host]))).answers.at(0)?.status, 200)
})

t.test('a refused connection cannot be held half open', async (t) => {
  const { port, gateway } = await start(t)
  for (const [what, lines] of Object.entries({
    CONNECT: ['CONNECT a.example:443 HTTP/1.1', host],
    'an upgrade': ['GET /items/1 HTTP/1.1', host, ...upgrade],
    garbage: ['garbage'],
  })) {
    // allowHalfOpen: this side never ends.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.resume()
    socket.write(message(lines))
    await new Promise((resolve) => socket.once('end', resolve))
    await until(() => gateway.connections === 0)
    t.equal(gateway.connections, 0, what)
    socket.destroy()
  }
})

t.test('pipelined requests are taken one at a time, and those whose connection is reset are over', async (t) => {
  const { port, gateway, held, upstream, records } = await start(t)
  const bytes = [1, 2, 3].map((id) => message([`GET /held/${id} HTTP/1.1`, host])).join('')
  for (const [what, after] of Object.entries({
    alone: '',
    'with one that is refused': message(['GET /nowhere HTTP/1.1', host]),
    'with CONNECT behind them': message(['CONNECT a.example:443 HTTP/1.1', host]),
    'with garbage behind them': 'garbage\r\n\r\n',
  })) {
    held.length = 0
    records.length = 0
    upstream.requests.length = 0
    await sayAndReset(port, bytes + after, () => held.length > 0)
    await until(() => gateway.inFlight === 0)
    t.equal(gateway.inFlight, 0, what)
    t.equal(records.filter(({ route }) => route === 'GET /held/{id}').length, 1, `${what}: the first has its record`)
    t.ok(upstream.requests.length <= 1, `${what}: the others never reach the function`)
  }
  const many = Array.from({ length: 50 }, (_, i) => `/items/${i}`)
  const { answers, timedOut } = await converse(
    port,
    many.map((path) => message([`GET ${path} HTTP/1.1`, host])).join(''),
    { answers: many.length },
  )
  t.same({ paths: answers.map(({ body }) => body), timedOut }, { paths: many, timedOut: false }, 'in their order')
})

t.test('nothing behind a request that ends its connection is run, or counted for good', async (t) => {
  const { port, gateway, upstream, held } = await start(t)
  for (const [what, first] of Object.entries({
    'Connection: close': message(['GET /held/1 HTTP/1.1', host, 'Connection: close']),
    'HTTP/1.0': message(['GET /held/1 HTTP/1.0', host]),
  })) {
    held.length = 0
    upstream.requests.length = 0
    const conversation = converse(port, `${first}${message(['GET /items/1 HTTP/1.1', host])}garbage\r\n\r\n`)
    await until(() => held.length === 1)
    held[0]?.()
    await conversation
    await until(() => gateway.inFlight === 0)
    t.same({ inFlight: gateway.inFlight, reached: upstream.requests.length }, { inFlight: 0, reached: 1 }, what)
  }
})

t.test('nothing behind a refusal that ends its connection is run', async (t) => {
  const { port, upstream } = await start(t)
  const refused = message(['POST /items HTTP/1.1', host, 'Content-Type: image/png', 'Content-Length: 2'], '{}')
  const { answers, timedOut } = await converse(port, refused + message(['GET /items/1 HTTP/1.1', host]), { answers: 2 })
  t.same(
    answers.map(({ status }) => status),
    [415, 200],
    'a body that was read is no danger',
  )
  t.equal(timedOut, false)
  upstream.requests.length = 0
  const large = message(['POST /nowhere HTTP/1.1', host, 'Content-Length: 2'], '{}')
  const ended = await converse(port, large + message(['GET /items/1 HTTP/1.1', host]), { answers: 2 })
  t.same(
    { statuses: ended.answers.map(({ status }) => status), reached: upstream.requests.length },
    { statuses: [404], reached: 0 },
  )
})

t.test('an answer that nobody takes does not hold its place for good', async (t) => {
  const { port, gateway, upstream } = await start(t, 'requestTimeout: 1s')
  upstream.answer = (_request, response) => response.end(Buffer.alloc(200_000, 'a'))
  const greedy = connect(port, '127.0.0.1')
  greedy.on('error', () => {})
  greedy.pause()
  greedy.write(message(['GET /items/1 HTTP/1.1', host]).repeat(200))
  await until(() => gateway.inFlight > 0)
  const taking = await converse(port, message(['GET /items/2 HTTP/1.1', host]))
  t.equal(taking.answers.at(0)?.body.length, 200_000)
  await until(() => gateway.connections === 0)
  t.equal(gateway.inFlight, 0)
  greedy.destroy()
})

t.test('garbage behind a request does not take its answer, nor its place in the record', async (t) => {
  const { port, records, held } = await start(t)
  const conversation = converse(port, `${message(['GET /held/1 HTTP/1.1', host])}garbage\r\n\r\n`, { answers: 2 })
  await until(() => held.length === 1)
  held[0]?.()
  const { answers, rest, timedOut } = await conversation
  t.same(
    answers.map(({ status, body }) => (status === 200 ? body : status)),
    ['/held/1', 400],
  )
  t.same({ rest, timedOut }, { rest: '', timedOut: false })
  t.same(
    records.map(({ outcome, code }) => code ?? outcome),
    ['forwarded', 'wire.malformed'],
  )
})

t.test('Connection names no header away that was judged', async (t) => {
  const upstream = await startUpstream(t)
  const { gateway } = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
defaults: { upstream: fn, rateLimit: {} }
routes:
  POST /orders:
    auth: none
    reason: a test of attacks
    forward: { authorization: keep }
    request: { headers: { x-tenant: { type: string, required: true } } }
`,
  )
  const lines = ['X-Tenant: acme', 'Content-Type: application/json', 'Authorization: Basic eDp5', 'X-Hop: 1']
  const names = 'Connection: X-Tenant, content-type, AUTHORIZATION, x-hop'
  await converse(
    gateway.address.port,
    message(['POST /orders HTTP/1.1', host, ...lines, names, 'Content-Length: 2'], '{}'),
  )
  const received = upstream.requests.at(0)?.headers
  t.match(received, { 'x-tenant': 'acme', 'content-type': 'application/json', authorization: 'Basic eDp5' })
  t.equal(received?.['x-hop'], undefined, 'what belongs to the connection ends here')
})

t.test('who leaves before the answer has called all the same', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer = () => {}
  const { gateway } = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /dear:
    upstream: fn
    auth: none
    reason: a test of attacks
    rateLimit: { per-ip: { partitionKey: ip, quota: 1, window: 1h, count: forwarded } }
`,
  )
  const { port } = gateway.address
  const dear = message(['GET /dear HTTP/1.1', host])
  await sayAndReset(port, dear, () => upstream.requests.length === 1)
  await until(() => gateway.inFlight === 0)
  t.equal((await converse(port, dear)).answers.at(0)?.status, 429)
})

t.test('an answer that has no body announces none, so that what follows is not taken for it', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const { gateway } = await startGateway(
    t,
    `
upstreams: { fn: { url: "http://127.0.0.1:${port}" } }
routes:
  GET /nothing: { upstream: fn, auth: none, reason: a test of attacks, rateLimit: {} }
`,
  )
  const { answers } = await converse(gateway.address.port, message(['GET /nothing HTTP/1.1', host]))
  t.equal(answers.at(0)?.status, 204)
  t.notMatch(answers.at(0)?.head, /content-length/i)
})

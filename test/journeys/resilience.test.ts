import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.js'
import { converse, message } from '../support/wire.js'

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A function that serves its requests one after another as told; what is left over is served as the last one was. */
async function startFunction(t: Test, port = 0) {
  const sockets = new Set<Socket>()
  const fn = { port: 0, heads: [] as string[], serve: (socket: Socket, _turn: number): unknown => socket.write(whole) }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let pending = ''
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1')
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending)?.[1] ?? 0)
      if (pending.length < end + 4 + length) return
      fn.heads.push(pending.slice(0, end))
      pending = ''
      fn.serve(socket, fn.heads.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  fn.port = (server.address() as AddressInfo).port // a listening TCP server has one
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return fn
}

const timeout = 'timeout: { connect: 300ms, headers: 2s, idle: 2s, total: 2s }'

async function start(t: Test, upstream: string, routes: string) {
  const fn = await startFunction(t)
  const well = await startFunction(t)
  const policy = (settings: string) => `
upstreams:
  fn: { url: "http://127.0.0.1:${fn.port}"${settings} }
  well: { url: "http://127.0.0.1:${well.port}" }
defaults: { upstream: fn, ${timeout} }
routes:
  GET /well: { upstream: well, auth: none, reason: a test of isolation }
${routes}`
  const gateway = await startGateway(t, policy(upstream))
  const { port } = gateway.gateway.address
  const ask = async (method: string, target: string, headers: readonly string[] = [], body = '') => {
    const length = body === '' ? [] : [`Content-Length: ${body.length}`]
    const { answers } = await converse(
      port,
      message([`${method} ${target} HTTP/1.1`, 'Host: a.example', ...headers, ...length], body),
      { headOnly: method === 'HEAD' },
    )
    const [answer] = answers
    const id = /x-request-id: (\w+)/i.exec(answer?.head ?? '')?.[1]
    return {
      status: answer?.status,
      code: /"code":"([^"]+)"/.exec(answer?.body ?? '')?.[1],
      retryAfter: /\r\nretry-after: (\d+)/i.exec(answer?.head ?? '')?.[1],
      record: await gateway.recordOf({ status: 0, headers: { 'x-request-id': id ?? '' }, text: '', json: null }),
    }
  }
  return { fn, well, gateway, ask, policy }
}

const route = (key: string, forward: string) =>
  `  ${key}: { auth: none, reason: a test of retries, forward: ${forward} }`
const json = 'Content-Type: application/json'

t.test('a call that got no byte of an answer is sent again, if sending it twice does no harm', async (t) => {
  const { fn, ask } = await start(
    t,
    '',
    [
      '  ANY /plain: { auth: none, reason: a test of retries }',
      route('ANY /off', '{ retry: off }'),
      route('ANY /retry', '{ retry: { attempts: 2 } }'),
      route('ANY /trust', '{ retry: { attempts: 2, idempotencyKey: trust } }'),
      `  PUT /stream:
    auth: none
    reason: a test of retries
    forward: { retry: {} }
    request: { contentType: [application/octet-stream] }
    inspect: { mode: off }`,
    ].join('\n'),
  )
  const key = 'Idempotency-Key: 7f3a'
  const rows: readonly [
    what: string,
    sends: 1 | 2,
    method: string,
    target: string,
    headers?: string[],
    body?: string,
  ][] = [
    ['a GET, unasked', 2, 'GET', '/plain'],
    ['a HEAD, unasked', 2, 'HEAD', '/plain'],
    ['a PUT, unasked', 1, 'PUT', '/plain', [json], '{}'],
    ['a DELETE, unasked', 1, 'DELETE', '/plain'],
    ['a POST, unasked', 1, 'POST', '/plain', [json], '{}'],
    ['a GET where it is switched off', 1, 'GET', '/off'],
    ['a GET', 2, 'GET', '/retry'],
    ['a PUT with its body', 2, 'PUT', '/retry', [json], '{"a":1}'],
    ['a DELETE', 2, 'DELETE', '/retry'],
    ['a POST', 1, 'POST', '/retry', [json], '{}'],
    ['a PATCH', 1, 'PATCH', '/retry', [json], '{}'],
    ['a POST with a key that nobody trusts', 1, 'POST', '/retry', [json, key], '{}'],
    ['a POST with a key that the route trusts', 2, 'POST', '/trust', [json, key], '{}'],
    ['a PATCH with such a key', 2, 'PATCH', '/trust', [json, key], '{}'],
    ['a POST without one', 1, 'POST', '/trust', [json], '{}'],
    ['a POST with an empty one', 1, 'POST', '/trust', [json, 'Idempotency-Key:'], '{}'],
    ['an upload that streams', 1, 'PUT', '/stream', ['Content-Type: application/octet-stream'], 'abc'],
  ]
  for (const [what, sends, method, target, headers, body] of rows) {
    fn.heads.length = 0
    fn.serve = (socket, turn) => (turn === 1 ? socket.destroy() : socket.write(whole))
    const { status, code, record } = await ask(method, target, headers, body)
    t.equal(fn.heads.length, sends, `${what}: ${sends === 1 ? 'once' : 'twice'}`)
    t.equal(status, sends === 2 ? 200 : 502, what)
    if (method !== 'HEAD') t.equal(code, sends === 2 ? undefined : 'forward.unreachable', what)
    t.equal(record.upstream?.attempts, sends, `${what}: and the record says so`)
  }
})

t.test('what the function has begun to answer is never asked again', async (t) => {
  const { fn, ask } = await start(t, '', route('GET /a', '{ retry: { attempts: 5 } }'))
  for (const [what, begun] of [
    ['a byte', 'H'],
    ['half a status line', 'HTTP/1.1 20'],
    ['a hint', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['nonsense', 'SSH-2.0-x\r\n'],
  ] as const) {
    fn.heads.length = 0
    fn.serve = (socket) => socket.end(begun)
    const { status } = await ask('GET', '/a')
    t.equal(status, 502, what)
    t.equal(fn.heads.length, 1, `${what}: once`)
  }
})

t.test('tries end with the attempts of the route, and with the time it may take in all', async (t) => {
  const { fn, ask } = await start(
    t,
    '',
    [
      route('GET /four', '{ retry: { attempts: 4 } }'),
      `  GET /short: { auth: none, reason: a test of retries, timeout: { total: 300ms }, forward: { retry: { attempts: 5 } } }`,
    ].join('\n'),
  )
  fn.serve = (socket) => socket.destroy()
  const four = await ask('GET', '/four')
  t.same([four.status, fn.heads.length, four.record.upstream?.attempts], [502, 4, 4])
  fn.heads.length = 0
  fn.serve = (socket) => setTimeout(() => socket.destroy(), 140)
  const from = performance.now()
  const short = await ask('GET', '/short')
  t.ok(performance.now() - from < 300 * 1.1 + 100, 'by its deadline')
  t.ok(
    fn.heads.length < 5 && (short.status === 502 || short.status === 504),
    `${fn.heads.length} tries, ${short.status}`,
  )
})

t.test('a function that fails altogether is not asked twice as often: its budget of retries ends', async (t) => {
  const from = performance.now()
  const { fn, ask, gateway } = await start(t, '', route('GET /a', '{ retry: { attempts: 2 } }'))
  fn.serve = (socket) => socket.destroy()
  const calls = 120
  const answers = await Promise.all(Array.from({ length: calls }, () => ask('GET', '/a')))
  const [gate] = gateway.state.gates.all().filter(({ name }) => name === 'fn')
  t.equal(fn.heads.length, calls + (gate?.retries ?? 0))
  // A few to begin with, one for five calls, ten a second beside.
  const most = 10 + calls / 5 + ((performance.now() - from) / 1_000) * 10 + 1
  t.ok((gate?.retries ?? 0) <= most, `${gate?.retries} retries of ${calls} calls`)
  t.ok((gate?.retriesRefused ?? 0) > 0)
  const spent = answers.filter(({ record }) => record.evidence?.['retryBudget'] === 'spent')
  t.equal(spent.length, gate?.retriesRefused, 'the records say why')
  t.same([...new Set(answers.map(({ status }) => status))], [502])
})

t.test('a function has as many calls at once as it has places; the rest are told to come back', async (t) => {
  const { fn, well, ask, gateway } = await start(
    t,
    ', capacity: { concurrency: 2 }',
    '  GET /a: { auth: none, reason: a test of places }',
  )
  const held: Socket[] = []
  let both: () => void = () => {}
  const isFull = new Promise<void>((resolve) => {
    both = resolve
  })
  fn.serve = (socket) => {
    held.push(socket)
    if (held.length === 2) both()
  }
  const waiting = [ask('GET', '/a'), ask('GET', '/a')]
  await isFull
  const third = await ask('GET', '/a')
  t.same([third.status, third.code, third.retryAfter], [503, 'forward.at-capacity', '1'])
  t.same([third.record.outcome, third.record.upstream?.attempts], ['failed', 0])
  t.equal(fn.heads.length, 2, 'the function never hears of it')
  t.equal((await ask('GET', '/well')).status, 200, 'another function has places of its own')
  t.equal(well.heads.length, 1)
  // An answer holds its place to its last byte.
  held[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
  held[1]?.write(whole)
  t.equal((await waiting[1])?.status, 200)
  fn.serve = (socket) => socket.write(whole)
  t.equal((await ask('GET', '/a')).status, 200, 'a place that is free is taken')
  held[0]?.write('k')
  t.equal((await waiting[0])?.status, 200)
  t.same(
    gateway.state.gates.all().map(({ inFlight }) => inFlight),
    [0, 0],
  )
})

t.test('however a call ends, it gives its place back', async (t) => {
  const { fn, ask, gateway } = await start(
    t,
    ', capacity: { concurrency: 1 }',
    '  ANY /a: { auth: none, reason: a test of places, timeout: { headers: 100ms, idle: 100ms, total: 300ms } }',
  )
  const head = 'HTTP/1.1 200 OK\r\n'
  const endings: readonly [what: string, serve: (socket: Socket) => unknown][] = [
    ['never answered', () => {}],
    ['hung up on', (socket) => socket.destroy()],
    ['garbage', (socket) => socket.end('no HTTP\r\n\r\n')],
    ['cut', (socket) => socket.end(`${head}Content-Length: 9\r\n\r\ncut`)],
    ['silent in the middle', (socket) => socket.write(`${head}Content-Length: 9\r\n\r\ncut`)],
    ['an error that is masked', (socket) => socket.write('HTTP/1.1 500 No\r\nContent-Length: 9000\r\n\r\nstack')],
    ['without a body', (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n')],
    ['chunked', (socket) => socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`)],
    ['ended by hanging up', (socket) => socket.end(`${head}\r\nfine`)],
    ['longer than it says', (socket) => socket.write(`${whole}and more`)],
  ]
  for (const [what, serve] of endings) {
    fn.serve = serve
    const conversation = await converse(
      gateway.gateway.address.port,
      message(['GET /a HTTP/1.1', 'Host: a.example', 'Connection: close']),
    )
    t.equal(conversation.timedOut, false, what)
    fn.serve = (socket) => socket.write(whole)
    t.equal((await ask('GET', '/a')).status, 200, `${what}: the next call has a place`)
  }
})

const breaker = ', breaker: { failurePercent: 50, minimumCalls: 4, window: 10s, openFor: 300ms, probes: 2 }'

t.test('a caller who does not end what it sends, or does not read, opens no breaker', async (t) => {
  const { fn, ask, gateway } = await start(
    t,
    ', breaker: { failurePercent: 1, minimumCalls: 1 }',
    `  GET /a: { auth: none, reason: a test of breakers }
  GET /long: { auth: none, reason: a test of breakers, timeout: { total: 200ms } }
  PUT /stream:
    auth: none
    reason: a test of breakers
    request: { contentType: [application/octet-stream] }
    inspect: { mode: off }
    timeout: { total: 200ms }`,
  )
  const head = [
    'PUT /stream HTTP/1.1',
    'Host: a.example',
    'Content-Type: application/octet-stream',
    'Content-Length: 9',
  ]
  fn.serve = () => {}
  const { answers } = await converse(gateway.gateway.address.port, message(head, 'half'))
  t.equal(answers[0]?.status, 504)
  const bytes = 50 * 1024 * 1024
  fn.serve = (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`)
  const idle = connect(gateway.gateway.address.port, '127.0.0.1').pause()
  t.teardown(() => void idle.destroy())
  idle.on('error', () => {})
  idle.write(message(['GET /long HTTP/1.1', 'Host: a.example']))
  while (!gateway.records.some(({ path }) => path === '/long')) await nextTurn()
  t.match(gateway.records.find(({ path }) => path === '/long')?.evidence, { fault: 'timeout', detail: /^reader / })
  fn.serve = (socket) => socket.write(whole)
  t.equal((await ask('GET', '/a')).status, 200)
  fn.serve = (socket) => socket.destroy()
  await ask('GET', '/a')
  t.equal((await ask('GET', '/a')).code, 'forward.breaker-open', 'one call that the function itself failed does')
})

t.test('a breaker stops the calls to a function that fails, and lets them go again when it works', async (t) => {
  const { fn, ask, gateway, policy } = await start(t, breaker, '  GET /a: { auth: none, reason: a test of breakers }')
  fn.serve = (socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')
  for (let i = 0; i < 4; i++) t.equal((await ask('GET', '/a')).status, 503)
  const before = fn.heads.length
  const refused = await ask('GET', '/a')
  t.same([refused.status, refused.code, refused.retryAfter], [503, 'forward.breaker-open', '1'])
  t.equal(fn.heads.length, before, 'the function is left alone')
  t.equal((await ask('GET', '/well')).status, 200, 'others are not')
  await gateway.reload(`${policy(breaker)}\n  GET /new: { auth: none, reason: a test of breakers }`)
  t.equal((await ask('GET', '/new')).code, 'forward.breaker-open', 'a reload closes nothing')
  fn.serve = (socket) => socket.write(whole)
  const from = performance.now()
  let status: number | undefined
  do status = (await ask('GET', '/a')).status
  while (status !== 200 && performance.now() - from < 2_000)
  t.equal(status, 200)
  t.ok(performance.now() - from < 500, 'soon after its pause')
  t.equal((await ask('GET', '/a')).status, 200, 'the second of two that try')
  t.same(
    await Promise.all([1, 2, 3].map(async () => (await ask('GET', '/a')).status)),
    [200, 200, 200],
    'and then for everybody',
  )
})

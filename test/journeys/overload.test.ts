import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { startGateway } from '../support/gateway.js'
import { send } from '../support/http.js'
import { startServing } from '../support/serving.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

t.test('a gateway that has all it can hold refuses the rest at once, and operators still get answers', async (t) => {
  const upstream = await startUpstream(t)
  const held: (() => void)[] = []
  let isFull: () => void = () => {}
  const full = new Promise<void>((resolve) => {
    isFull = resolve
  })
  upstream.answer = (_request, response) => {
    held.push(() => void response.writeHead(200, { 'content-length': 2 }).end('ok'))
    if (held.length === 3) isFull()
  }
  const serving = await startServing(t, {
    'gateway.yaml': 'version: 1\nlimits: { concurrentRequests: 3 }\n',
    'routes.yaml': `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of overload }
`,
  })
  const ask = () => send(`http://127.0.0.1:${serving.port}`, 'GET', '/a')
  const waiting = [ask(), ask(), ask()]
  await full
  const refused = await ask()
  t.equal(refused.status, 503)
  t.equal(refused.json?.['code'], 'gateway.overloaded')
  t.equal(refused.headers['retry-after'], '1')
  t.equal(held.length, 3, 'the function never hears of it')
  for (const path of ['/livez', '/readyz', '/metrics']) {
    t.equal((await send(`http://127.0.0.1:${serving.adminPort}`, 'GET', path)).status, 200, path)
  }
  for (const answer of held) answer()
  for (const each of waiting) t.equal((await each).status, 200, 'what was let in is answered')
  upstream.answer = (_request, response) => void response.end('ok')
  t.equal((await ask()).status, 200, 'and there is room again')
})

/** Keeps the process busy, as nothing should. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

t.test('a gateway whose event loop runs late refuses before it does any work, until it keeps time again', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, {
    'gateway.yaml': 'version: 1\nlimits: { eventLoopDelay: 100ms }\n',
    'routes.yaml': `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of overload }
`,
  })
  t.equal((await gateway.get('/a')).status, 200)
  const socket = connect(gateway.gateway.address.port, '127.0.0.1')
  t.teardown(() => void socket.destroy())
  await new Promise<void>((resolve) => socket.on('connect', () => resolve()))
  // One long turn is garbage or a policy that is compiled; two in a row are too much work.
  for (let turn = 0; turn < 2; turn++) {
    await nextTurn()
    block(350)
  }
  socket.write(message(['GET /a HTTP/1.1', 'Host: a.example']))
  const answer = await new Promise<string>((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  )
  t.match(answer, /^HTTP\/1\.1 503 /)
  t.match(answer, /"code":"gateway\.overloaded"/)
  t.equal(upstream.requests.length, 1, 'the function never hears of it')
  let status = 503
  while (status === 503) {
    const { answers } = await converse(gateway.gateway.address.port, message(['GET /a HTTP/1.1', 'Host: a.example']))
    status = answers[0]?.status ?? 0
  }
  t.equal(status, 200)
})

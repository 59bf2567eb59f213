import { connect } from 'node:net'
import tap from 'tap'
import { startLoad } from '../support/load.js'
import { startServing } from '../support/serving.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

const slowMs = 700
const ask = (target: string) => message([`GET ${target} HTTP/1.1`, 'Host: shop.example'])

/** A gateway process before a function whose slow answers take 700 ms, and whose endless ones never come. */
async function start(
  t: Parameters<typeof startUpstream>[0] & Parameters<typeof startServing>[0],
  drain = '10s',
  grace = '300ms',
) {
  const upstream = await startUpstream(t)
  let slowWaiting = 0
  let onSlow: () => void = () => {}
  upstream.answer = ({ url }, response) => {
    const answer = () => {
      const text = JSON.stringify({ url })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
    }
    if (url === '/endless') return onSlow()
    if (!url.startsWith('/slow')) return answer()
    slowWaiting += 1
    onSlow()
    setTimeout(() => {
      slowWaiting -= 1
      answer()
    }, slowMs)
  }
  const serving = await startServing(t, {
    'gateway.yaml': `version: 1\nlimits: { drain: ${drain}, drainGrace: ${grace}, eventLoopDelay: 5s }\n`,
    'routes.yaml': `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /fast/{id}: { upstream: fn, auth: none, reason: a test of draining }
  GET /slow/{id}: { upstream: fn, auth: none, reason: a test of draining }
  GET /endless: { upstream: fn, auth: none, reason: a test of draining, timeout: { headers: 30s, total: 30s } }
`,
  })
  return {
    serving,
    /** Resolves once the function works on this many slow requests. */
    slow: (count: number) =>
      new Promise<void>((resolve) => {
        onSlow = () => {
          if (slowWaiting >= count) resolve()
        }
        onSlow()
      }),
  }
}

tap.test('SIGTERM under load loses no request that was accepted, and waits no longer than the longest', async (t) => {
  const { serving, slow } = await start(t)
  let count = 0
  const load = (connections: number, kind: string) =>
    startLoad({
      port: serving.port,
      connections,
      next: () => {
        count += 1
        const target = `/${kind}/${count}`
        return {
          bytes: Buffer.from(ask(target)),
          judge: ({ status, body }) => {
            if (status !== 200) return `${target}: ${status}`
            return body.toString() === `{"url":"${target}"}`
              ? null
              : `${target}: somebody else's answer ${body.toString()}`
          },
        }
      },
    })
  const loads = [load(12, 'fast'), load(6, 'slow')]
  await slow(6)
  const signaled = performance.now()
  serving.signal('SIGTERM')
  const { code, at } = await serving.ended
  const [fast, slowly] = await Promise.all(loads.map((each) => each.stop()))
  for (const report of [fast, slowly]) {
    t.same({ lost: report?.lost, wrong: report?.wrong }, { lost: 0, wrong: [] }, 'no accepted request is lost')
    t.ok((report?.answered ?? 0) > 0, `${report?.answered} were answered, ${report?.unaccepted} came too late`)
  }
  t.equal(code, 0)
  t.ok(at - signaled <= slowMs + 1_000, `over ${Math.round(at - signaled)} ms after the signal`)
  t.match(serving.events.at(-1), { event: 'stopped', cut: 0 })
})

tap.test('a request that was on its way when SIGTERM came is answered, and its connection ends', async (t) => {
  const { serving, slow } = await start(t)
  const waiting = converse(serving.port, ask('/slow/1'))
  const resting = connect(serving.port, '127.0.0.1')
  let received = ''
  resting.on('data', (chunk) => {
    received += chunk.toString()
    if (/\r\n\r\n.*\/fast\/1"/s.test(received) && !received.includes('/fast/2')) {
      // The process is draining by now: this connection has answered once and rests.
      serving.signal('SIGTERM')
      resting.write(ask('/fast/2'))
    }
  })
  await slow(1)
  resting.write(ask('/fast/1'))
  await new Promise<void>((resolve) => resting.on('close', () => resolve()))
  t.match(received, '/fast/2', 'the resting connection had its request answered')
  const { answers, closedByServer } = await waiting
  t.equal(answers.at(0)?.body, '{"url":"/slow/1"}', 'what was under way is finished')
  t.match(answers.at(0)?.head, /\r\nconnection: close/i, 'and tells the caller to come back elsewhere')
  t.ok(closedByServer)
  t.equal((await serving.ended).code, 0)
})

tap.test('idle connections do not hold the process', async (t) => {
  const { serving } = await start(t)
  const idle = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const socket = connect(serving.port, '127.0.0.1')
          socket.on('error', () => {})
          socket.on('data', () => resolve(socket))
          socket.write(ask('/fast/1'))
        }),
    ),
  )
  const signaled = performance.now()
  serving.signal('SIGTERM')
  const { code, at } = await serving.ended
  t.equal(code, 0)
  t.ok(at - signaled < 1_000, `gone after ${Math.round(at - signaled)} ms`)
  for (const socket of idle) socket.destroy()
})

tap.test('readiness says no while the last requests finish', async (t) => {
  const { serving, slow } = await start(t)
  const ready = async () => (await fetch(`http://127.0.0.1:${serving.adminPort}/readyz`)).status
  t.equal(await ready(), 200)
  const waiting = converse(serving.port, ask('/slow/1'))
  await slow(1)
  serving.signal('SIGTERM')
  let status = 200
  for (let i = 0; status === 200 && i < 200; i++) status = await ready()
  t.equal(status, 503)
  t.equal((await waiting).answers.at(0)?.status, 200)
  t.equal((await serving.ended).code, 0)
})

tap.test(
  'new callers are still served for a grace after SIGTERM, while readiness says no, and none after it',
  async (t) => {
    const { serving } = await start(t, '10s', '1500ms')
    const ready = async () => (await fetch(`http://127.0.0.1:${serving.adminPort}/readyz`)).status
    const signaled = performance.now()
    serving.signal('SIGTERM')
    while ((await ready()) === 200);
    t.ok(performance.now() - signaled < 1_000, 'readiness is gone long before the port is')
    const late = await converse(serving.port, ask('/fast/1'))
    t.equal(late.answers.at(0)?.status, 200, 'who has not heard of it yet is served')
    t.match(late.answers.at(0)?.head, /\r\nconnection: close/i, 'and told to come back elsewhere')
    t.equal((await fetch(`http://127.0.0.1:${serving.adminPort}/livez`)).status, 200, 'and the process is alive')
    t.equal((await serving.ended).code, 0)
    t.ok(performance.now() - signaled > 1_400, 'the grace was kept')
    const gone = await converse(serving.port, ask('/fast/2'))
    t.same(gone.answers, [])
  },
)

tap.test('a request that never ends is cut at the deadline, and never looks whole', async (t) => {
  const { serving, slow } = await start(t, '1s')
  const arrived = slow(0)
  const waiting = converse(serving.port, ask('/endless'))
  await arrived
  await converse(serving.port, ask('/fast/1'))
  const signaled = performance.now()
  serving.signal('SIGTERM')
  const { answers } = await waiting
  const { at } = await serving.ended
  t.same(answers, [])
  t.ok(at - signaled < 2_000, `gone after ${Math.round(at - signaled)} ms`)
  t.match(serving.events.at(-1), { event: 'stopped', cut: 1 })
})

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import tap from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'
import { type Conversation, converse, message } from '../support/wire.js'

interface Fault {
  /** Completes "a function that …". */
  readonly what: string
  /** What the function does once a request's head has arrived; `turn` counts its requests from 1. */
  readonly serve: (socket: Socket, turn: number) => void
  /**
   * A refusal of ours, an answer that visibly breaks off, or (for what only looks like a fault) a whole answer; `open`: an
   * answer that ends with its connection, as the function's did.
   */
  readonly expect: 502 | 504 | 'cut' | 200 | 'open'
  readonly method?: 'POST' | 'HEAD'
  /** The latest moment of the answer's end; for what must wait for a deadline. */
  readonly withinMs?: number
  /** Body of the whole answer. */
  readonly body?: string
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'
const wholeAnswer = `${ok}Content-Length: 5\r\n\r\nfine!`
const poison = `${ok}Content-Length: 6\r\n\r\npoison`
const say = (text: string) => (socket: Socket) => void socket.write(text, 'latin1')
const sayAndEnd = (text: string) => (socket: Socket) => void socket.end(text, 'latin1')
const sayAndReset = (text: string) => (socket: Socket) => {
  socket.write(text, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20))
}
/** Says the head, then one piece every few milliseconds, until somebody hangs up. */
const drip = (head: string, piece: string, everyMs: number) => (socket: Socket) => {
  socket.write(head, 'latin1')
  const timer = setInterval(() => socket.write(piece, 'latin1'), everyMs)
  socket.on('close', () => clearInterval(timer))
}

/** Route deadlines of the test: the first byte after 400 ms, 300 ms between two, 900 ms in all. */
const headersMs = 400
const idleMs = 300
const totalMs = 900
const slack = 400

const beforeTheHead: readonly Fault[] = [
  { what: 'says nothing', serve: () => {}, expect: 504, withinMs: headersMs + slack },
  { what: 'hangs up without a word', serve: (socket) => void socket.end(), expect: 502 },
  { what: 'resets the connection', serve: (socket) => void socket.resetAndDestroy(), expect: 502 },
  { what: 'stops in the middle of the status line', serve: say('HTTP/1.1 20'), expect: 504, withinMs: totalMs + slack },
  { what: 'hangs up in the middle of the status line', serve: sayAndEnd('HTTP/1.1 20'), expect: 502 },
  { what: 'stops in the middle of its headers', serve: say(ok), expect: 504, withinMs: totalMs + slack },
  { what: 'hangs up in the middle of its headers', serve: sayAndEnd(ok), expect: 502 },
  { what: 'resets in the middle of its headers', serve: sayAndReset(ok), expect: 502 },
  {
    what: 'adds a header every moment and never ends',
    serve: drip(ok, 'X-More: a\r\n', 40),
    expect: 504,
    withinMs: totalMs + slack,
  },
  { what: 'speaks another protocol', serve: say('SSH-2.0-OpenSSH_9.2\r\n'), expect: 502 },
  { what: 'answers in HTML without HTTP', serve: sayAndEnd('<html>It works!</html>'), expect: 502 },
  { what: 'has a version of its own', serve: say('HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n'), expect: 502 },
  { what: 'has a status that is no number', serve: say('HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n'), expect: 502 },
  { what: 'has a status of two digits', serve: say('HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'), expect: 502 },
  { what: 'has a status of no class', serve: say('HTTP/1.1 600 No\r\nContent-Length: 2\r\n\r\nno'), expect: 502 },
  { what: 'has a status of zero', serve: say('HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n'), expect: 502 },
  { what: 'sends a megabyte of headers', serve: say(`${ok}X-Big: ${'a'.repeat(1_000_000)}\r\n\r\n`), expect: 502 },
  { what: 'sends ten thousand headers', serve: say(`${ok}${'X-More: a\r\n'.repeat(10_000)}\r\n`), expect: 502 },
  {
    what: 'switches protocols unasked',
    serve: say('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello'),
    expect: 502,
  },
  { what: 'sends early hints and nothing else', serve: drip('', 'HTTP/1.1 103 Early Hints\r\n\r\n', 5), expect: 502 },
  {
    what: 'says 100 Continue to a request that did not ask',
    serve: say(`HTTP/1.1 100 Continue\r\n\r\n${wholeAnswer}`),
    expect: 502,
  },
  { what: 'tells two lengths', serve: say(`${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nfine!!`), expect: 502 },
  { what: 'tells a length that is a word', serve: say(`${ok}Content-Length: five\r\n\r\nfine!`), expect: 502 },
  { what: 'tells a negative length', serve: say(`${ok}Content-Length: -5\r\n\r\nfine!`), expect: 502 },
  {
    what: 'tells a length and chunks',
    serve: say(`${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    expect: 502,
  },
  {
    what: 'names a coding of the transfer that is not chunked',
    serve: sayAndEnd(`${ok}Transfer-Encoding: gzip\r\n\r\nfine!`),
    expect: 502,
  },
  {
    what: 'puts another coding beside chunks',
    serve: say(`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nfine!\r\n0\r\n\r\n`),
    expect: 502,
  },
  {
    what: 'says chunked twice',
    serve: say(`${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfine!\r\n0\r\n\r\n`),
    expect: 502,
  },
  {
    what: 'hides a line break in a header',
    serve: say(`${ok}X-A: a\rX-Admin: 1\r\nContent-Length: 0\r\n\r\n`),
    expect: 502,
  },
  { what: 'hides a NUL in a header', serve: say(`${ok}X-A: a\u0000b\r\nContent-Length: 0\r\n\r\n`), expect: 502 },
  { what: 'has a blank in a header name', serve: say(`${ok}X A: b\r\nContent-Length: 0\r\n\r\n`), expect: 502 },
]

const afterTheHead: readonly Fault[] = [
  { what: 'says less than it announced', serve: sayAndEnd(`${ok}Content-Length: 50\r\n\r\nfine!`), expect: 'cut' },
  { what: 'announces a body and hangs up', serve: sayAndEnd(`${ok}Content-Length: 50\r\n\r\n`), expect: 'cut' },
  {
    what: 'announces a body and falls silent',
    serve: say(`${ok}Content-Length: 50\r\n\r\nfine!`),
    expect: 'cut',
    withinMs: idleMs + slack,
  },
  {
    what: 'resets in the middle of its body',
    serve: sayAndReset(`${ok}Content-Length: 50\r\n\r\nfine!`),
    expect: 'cut',
  },
  {
    what: 'resets an answer without a length',
    serve: sayAndReset(`${ok}\r\nfine!`),
    expect: 'cut',
  },
  {
    what: 'resets an answer without a length before its first byte',
    serve: sayAndReset(`${ok}\r\n`),
    expect: 'cut',
  },
  {
    what: 'hangs up between two chunks',
    serve: sayAndEnd(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nfine!\r\n`),
    expect: 'cut',
  },
  {
    what: 'hangs up within a chunk',
    serve: sayAndEnd(`${ok}Transfer-Encoding: chunked\r\n\r\n50\r\nfine!`),
    expect: 'cut',
  },
  {
    what: 'falls silent between two chunks',
    serve: say(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nfine!\r\n`),
    expect: 'cut',
    withinMs: idleMs + slack,
  },
  {
    what: 'sends a chunk size that is none',
    serve: say(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nfine!\r\nzz\r\n`),
    expect: 'cut',
  },
  {
    what: 'drips one byte at a time',
    serve: drip(`${ok}Content-Length: 500\r\n\r\n`, 'a', 50),
    expect: 'cut',
    withinMs: totalMs + slack,
  },
  {
    what: 'drips chunks for ever',
    serve: drip(`${ok}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n', 50),
    expect: 'cut',
    withinMs: totalMs + slack,
  },
]

const odd: readonly Fault[] = [
  {
    what: 'ends an answer without a length by hanging up',
    serve: sayAndEnd(`${ok}\r\nfine!`),
    expect: 'open',
    body: 'fine!',
  },
  {
    what: 'ends a long answer without a length by hanging up',
    serve: sayAndEnd(`${ok}\r\n${'fine!'.repeat(60_000)}`),
    expect: 'open',
    body: 'fine!'.repeat(60_000),
  },
  { what: 'says more than it announced', serve: say(`${wholeAnswer}and ${poison}`), expect: 200, body: 'fine!' },
  { what: 'answers twice at once', serve: say(wholeAnswer + poison), expect: 200, body: 'fine!' },
  {
    what: 'answers again on a connection that rests',
    serve: (socket) => {
      socket.write(wholeAnswer)
      setTimeout(() => socket.write(poison), 15)
    },
    expect: 200,
    body: 'fine!',
  },
  { what: 'gives HEAD a body', serve: say(wholeAnswer), expect: 200, method: 'HEAD', body: '' },
  {
    what: 'answers before it has read the body',
    serve: sayAndEnd(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly`),
    expect: 200,
    method: 'POST',
    body: 'early',
  },
  {
    what: 'gives a hint before its answer',
    serve: say(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${wholeAnswer}`),
    expect: 200,
    body: 'fine!',
  },
  { what: 'keeps to the rules', serve: say(wholeAnswer), expect: 200, body: 'fine!' },
]

/** A function that does as it is told, beside one that is well. */
async function start(t: Parameters<typeof startUpstream>[0]) {
  let serve: Fault['serve'] = say(wholeAnswer)
  let turn = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    let pending = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1')
      if (!pending.includes('\r\n\r\n')) return
      pending = ''
      turn += 1
      serve(socket, turn)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(async () => {
    cut()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const well = await startUpstream(t)
  const gateway = await startGateway(t, {
    'gateway.yaml': 'version: 1\nlimits: { connectionsPerAddress: 1000 }\n',
    'routes.yaml': `
upstreams:
  ill: { url: "http://127.0.0.1:${port}" }
  well: { url: "${well.url}" }
defaults:
  timeout: { connect: 400ms, headers: ${headersMs}ms, idle: ${idleMs}ms, total: ${totalMs}ms }
routes:
  GET /ill/{id}: { upstream: ill, auth: none, reason: a test of faults }
  POST /ill/{id}: { upstream: ill, auth: none, reason: a test of faults }
  GET /well/{id}: { upstream: well, auth: none, reason: a test of faults }
`,
  })
  const ask = (method: string, target: string) =>
    converse(
      gateway.gateway.address.port,
      method === 'POST'
        ? message(
            [`POST ${target} HTTP/1.1`, 'Host: a.example', 'Content-Type: application/json', 'Content-Length: 7'],
            '{"a":1}',
          )
        : message([`${method} ${target} HTTP/1.1`, 'Host: a.example']),
      { headOnly: method === 'HEAD' },
    )
  return {
    gateway,
    well,
    port,
    server,
    sockets,
    cut,
    ask,
    become(next: Fault['serve']) {
      serve = next
      turn = 0
    },
    get turn() {
      return turn
    },
  }
}

/** Nothing of the function or of us that a caller has no business with. */
function assertSilent(
  t: Pick<typeof tap, 'match' | 'notMatch'>,
  { answers }: Conversation,
  what: string,
  port: number,
): void {
  const seen = `${answers.at(0)?.head}\n${answers.at(0)?.body}`
  t.notMatch(
    seen,
    new RegExp(`127\\.0\\.0\\.1|${port}|ECONN|EPIPE|UND_ERR|HPE_|undici|socket|node:|\\bat .*:\\d+`, 'i'),
    `${what}: nothing leaks`,
  )
  t.match(answers.at(0)?.head, 'application/problem+json', `${what}: a problem document`)
  t.match(answers.at(0)?.body, /"requestId":"[^"]+"/, `${what}: with the request's id`)
}

for (const [family, faults] of Object.entries({
  'fails before its head is there': beforeTheHead,
  'breaks off': afterTheHead,
  'is merely odd': odd,
})) {
  tap.test(`a function that ${family}`, async (t) => {
    const { gateway, ask, become, cut, port } = await start(t)
    for (const { what, serve, expect, method = 'GET', withinMs, body } of faults) {
      become(serve)
      const from = performance.now()
      const conversation = await ask(method, '/ill/1')
      const took = performance.now() - from
      const { answers, rest, timedOut } = conversation
      t.equal(timedOut, false, `${what}: the caller is not left waiting`)
      if (withinMs !== undefined)
        t.ok(took <= withinMs, `${what}: it is over after ${Math.round(took)} of ${withinMs} ms`)
      if (expect === 'cut') {
        t.same(answers, [], `${what}: no whole answer`)
        t.ok(conversation.closedByServer, `${what}: the caller's connection is broken off`)
        t.notMatch(rest, /\r\n0\r\n\r\n$/, `${what}: and never ends as if it were whole`)
      } else if (expect === 'open') {
        t.match(rest, /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i, `${what}: it says that it will close`)
        t.notMatch(rest, /\r\n(transfer-encoding|content-length):/i, `${what}: and promises no end`)
        t.equal(rest.slice(rest.indexOf('\r\n\r\n') + 4), body, what)
        t.equal(conversation.reset, false, `${what}: and ends in order`)
      } else {
        t.same(
          { status: answers.at(0)?.status, more: answers.length - 1, rest },
          { status: expect, more: 0, rest: '' },
          what,
        )
        if (expect === 200) t.equal(answers.at(0)?.body, body, `${what}: the caller gets exactly the answer`)
        else assertSilent(t, conversation, what, port)
      }
      become(say(wholeAnswer))
      const next = await ask('GET', '/ill/2')
      t.equal(next.answers.at(0)?.body, 'fine!', `${what}: the next caller gets an answer of their own`)
      cut()
    }
    const outcomes = new Set(gateway.records.filter(({ path }) => path === '/ill/1').map(({ outcome }) => outcome))
    t.same([...outcomes], family === 'is merely odd' ? ['forwarded'] : ['failed'], 'records call it what it was')
  })
}

tap.test('a function nobody can reach is a 502, and works again as soon as it is back', async (t) => {
  const { ask, server, cut, port } = await start(t)
  t.equal((await ask('GET', '/ill/1')).answers.at(0)?.status, 200)
  cut()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  const down = await ask('GET', '/ill/2')
  t.equal(down.answers.at(0)?.status, 502)
  assertSilent(t, down, 'a closed port', port)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const back = performance.now()
  const statuses: (number | undefined)[] = []
  do statuses.push((await ask('GET', '/ill/3')).answers.at(0)?.status)
  while (statuses.at(-1) !== 200 && performance.now() - back < 2_000)
  t.equal(statuses.at(-1), 200)
  t.ok(performance.now() - back <= 500, 'within half a second')
})

tap.test('a function with which no connection comes about is given up at the time for that', async (t) => {
  // Accepts, and never says a word of the handshake.
  const silent = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void silent.close())
  const { port } = silent.address() as AddressInfo // a listening TCP server has one
  const connectMs = 300
  const gateway = await startGateway(
    t,
    `
upstreams: { mute: { url: "https://127.0.0.1:${port}" } }
routes:
  GET /a: { upstream: mute, auth: none, reason: a test of faults, timeout: { connect: ${connectMs}ms } }
`,
  )
  const waits = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const from = performance.now()
      const { status, json } = await gateway.get('/a')
      t.same([status, json?.['code']], [504, 'forward.timeout'])
      return performance.now() - from
    }),
  )
  t.ok(Math.max(...waits) <= connectMs * 1.1 + slack, `after ${Math.max(...waits).toFixed(0)} ms at the latest`)
  t.equal(gateway.lastRecord().evidence?.['attempts'], 1)
})

tap.test('a function that hangs slows nobody but its own callers', async (t) => {
  const { ask, become } = await start(t)
  become(() => {})
  await ask('GET', '/well/0')
  const hanging = Array.from({ length: 40 }, (_, i) => ask('GET', `/ill/${i}`))
  const slowest: number[] = []
  for (let i = 0; i < 20; i++) {
    const from = performance.now()
    const { answers } = await ask('GET', `/well/${i}`)
    slowest.push(performance.now() - from)
    t.equal(answers.at(0)?.status, 200)
  }
  t.ok(Math.max(...slowest) < headersMs / 2, 'other routes answer meanwhile')
  const waited = await Promise.all(hanging)
  t.same(new Set(waited.map(({ answers }) => answers.at(0)?.status)), new Set([504]))
})

tap.test('a caller who leaves is not waited for: the function is told', async (t) => {
  const { gateway, become } = await start(t)
  const caller = connect(gateway.gateway.address.port, '127.0.0.1')
  const { hungUp, from } = await new Promise<{ hungUp: Promise<void>; from: number }>((resolve) => {
    become((socket) => {
      const hungUp = new Promise<void>((gone) => socket.on('close', () => gone()))
      resolve({ hungUp, from: performance.now() })
      caller.destroy()
    })
    caller.write(message(['GET /ill/1 HTTP/1.1', 'Host: a.example']))
  })
  await hungUp
  t.ok(performance.now() - from < headersMs / 2, 'long before any deadline')
})

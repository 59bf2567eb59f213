import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'
import { type Conversation, converse, message } from '../support/wire.js'
import { marker, neutralized, refused, trailers } from './wire-attacks.js'

const host = 'Host: shop.example'
const json = 'Content-Type: application/json'

async function start(t: Parameters<typeof startUpstream>[0], limits = 'connectionsPerAddress: 1000') {
  const upstream = await startUpstream(t)
  upstream.answer = ({ method, url }, response) => {
    const text = JSON.stringify({ method, url })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(method === 'HEAD' ? undefined : text)
  }
  const gateway = await startGateway(t, {
    'gateway.yaml': `version: 1\nlimits: { ${limits} }\n`,
    'routes.yaml': `
upstreams: { echo: { url: "${upstream.url}" } }
clients: { partner: { keys: { k1: { sha256: ${'ab'.repeat(32)} } } } }
defaults: { upstream: echo, rateLimit: {} }
routes:
  GET /items/{id}: { auth: none, reason: a test of the wire }
  POST /items: { auth: none, reason: a test of the wire }
  GET /files/{path+}: { auth: none, reason: a test of the wire }
  POST /files/{path+}: { auth: none, reason: a test of the wire }
  POST /small: { auth: none, reason: a test of the wire, request: { maxBytes: 1KiB } }
  GET /admin: { auth: { apiKey: [partner] } }
  POST /admin: { auth: { apiKey: [partner] } }
`,
  })
  const { port } = gateway.gateway.address
  let asked = 0
  return {
    upstream,
    port,
    /** An ordinary caller on a new connection gets the answer to its own question. */
    async ordinary(t: { equal(a: unknown, b: unknown, what: string): void }) {
      asked += 1
      const own = `/items/own-${asked}`
      const { answers } = await converse(port, message([`GET ${own} HTTP/1.1`, host]))
      t.equal(answers.at(0)?.body, JSON.stringify({ method: 'GET', url: own }), 'the next caller gets their own answer')
    },
  }
}

t.test('the wire refuses', async (t) => {
  const { upstream, port, ordinary } = await start(t)
  for (const [family, cases] of Object.entries(refused)) {
    t.test(family, async (t) => {
      for (const { what, bytes, status, twin, endAtOnce = false, headOnly = false, closes = false } of cases) {
        upstream.requests.length = 0
        const { answers, rest, closedByServer, timedOut } = await converse(port, bytes, { endAtOnce, headOnly })
        const reached = upstream.requests.map(({ method, url }) => `${method} ${url}`)
        const allowed = typeof status === 'number' ? [status] : status
        t.same(
          {
            refusal: allowed.includes(answers.at(0)?.status ?? 0) ? 'as it should be' : answers.at(0)?.head,
            answers: answers.length,
            rest,
            timedOut,
            reached,
            ...(closes ? { closedByServer } : {}),
          },
          {
            refusal: 'as it should be',
            answers: 1,
            rest: '',
            timedOut: false,
            reached: [],
            ...(closes ? { closedByServer: true } : {}),
          },
          what,
        )
        await ordinary(t)
        const harmless = await converse(port, twin)
        t.equal(
          harmless.answers.filter((answer) => answer.status >= 200).at(0)?.status,
          200,
          `${what}: its harmless twin passes`,
        )
      }
    })
  }
})

t.test('the function never sees', async (t) => {
  const { upstream, port, ordinary } = await start(t)
  const received = () =>
    JSON.stringify(upstream.requests.map(({ rawHeaders, url, body }) => [url, rawHeaders, body.toString()]))

  t.test('headers that speak for somebody else', async (t) => {
    for (const { what, lines } of neutralized) {
      upstream.requests.length = 0
      const { answers } = await converse(
        port,
        message(['GET /items/1 HTTP/1.1', 'Host: shop.example', 'X-Note: kept', ...lines]),
      )
      t.equal(answers.at(0)?.status, 200, `${what}: the request itself passes`)
      t.notMatch(received(), marker, what)
      t.notMatch(upstream.requests.at(0)?.headers['host'], 'shop', `${what}: nor the caller's Host`)
      t.match(received(), '"kept"', `${what}: an ordinary header passes`)
      await ordinary(t)
    }
  })

  t.test('what stands between or after the chunks', async (t) => {
    for (const { what, bytes } of trailers) {
      upstream.requests.length = 0
      const { answers, timedOut } = await converse(port, bytes)
      t.equal(timedOut, false, `${what}: it is answered`)
      t.ok([200, 400].includes(answers.at(0)?.status ?? 0), `${what}: passes without it, or is refused`)
      t.notMatch(received(), marker, what)
      await ordinary(t)
    }
  })
})

t.test('a connection lives on after an answer that left nothing unread', async (t) => {
  const { port } = await start(t)
  const ask = (target: string) => message([`GET ${target} HTTP/1.1`, host])
  const { answers } = await converse(port, ask('/items/1') + ask('/nowhere') + ask('/items/2'), { answers: 3 })
  t.same(
    answers.map(({ status }) => status),
    [200, 404, 200],
  )
  t.match(answers.at(2)?.body, '/items/2')
})

t.test('a caller who waits for 100-continue is told to go on, and the function is not asked to wait', async (t) => {
  const { upstream, port } = await start(t)
  const { answers } = await converse(
    port,
    message(
      ['POST /items HTTP/1.1', host, 'Content-Type: application/json', 'Expect: 100-continue', 'Content-Length: 7'],
      '{"a":1}',
    ),
  )
  t.same(
    answers.map(({ status }) => status),
    [100, 200],
  )
  t.equal(upstream.requests.at(0)?.headers['expect'], undefined)
  t.equal(upstream.requests.at(0)?.body.toString(), '{"a":1}')
})

t.test('HEAD is answered like GET, without a body', async (t) => {
  const { port } = await start(t)
  const { answers, rest } = await converse(port, message(['HEAD /items/1 HTTP/1.1', host]), { headOnly: true })
  t.equal(answers.at(0)?.status, 200)
  t.equal(rest, '')
})

t.test('callers who are slow or greedy meet their limits', async (t) => {
  const { port, ordinary } = await start(
    t,
    'headersTimeout: 1s, requestTimeout: 1500ms, requestsPerSocket: 3, connectionsPerAddress: 12',
  )
  const limits: readonly { what: string; talk: () => Promise<Conversation>; status: number | null }[] = [
    {
      what: 'a head that stops halfway',
      talk: () => converse(port, 'GET /items/1 HTTP/1.1\r\nHost: shop.example\r\nX-No'),
      status: 408,
    },
    {
      what: 'a head that arrives a byte at a time',
      talk: () => converse(port, 'GET /items/1 HTTP/1.1\r\nX-Slow: ', { drip: 'a' }),
      status: 408,
    },
    {
      what: 'a body that stops halfway',
      talk: () => converse(port, message(['POST /items HTTP/1.1', host, json, 'Content-Length: 7'], '{"a"')),
      status: 408,
    },
    {
      what: 'a body that arrives a byte at a time',
      talk: () => converse(port, message(['POST /items HTTP/1.1', host, json, 'Content-Length: 7000']), { drip: ' ' }),
      status: 408,
    },
    { what: 'a connection that says nothing', talk: () => converse(port, ''), status: null },
  ]
  // Side by side: each waits for a deadline of a second or two.
  const talks = await Promise.all(limits.map(({ talk }) => talk()))
  for (const [i, { what, status }] of limits.entries()) {
    const { answers, closedByServer, timedOut } = talks[i] ?? (await converse(port, ''))
    t.equal(timedOut, false, `${what}: it is not waited for`)
    t.equal(answers.at(0)?.status ?? null, status, what)
    t.ok(closedByServer, `${what}: the connection ends`)
  }
  await ordinary(t)

  const ask = message(['GET /items/1 HTTP/1.1', host])
  const { answers } = await converse(port, ask + ask + ask + ask, { answers: 4 })
  t.same(
    answers.slice(0, 3).map(({ status, head }) => [status, /\r\nconnection: close/i.test(head)]),
    [
      [200, false],
      [200, false],
      [200, true],
    ],
    'the last request a connection may carry says so',
  )
  t.not(answers.at(3)?.status, 200, 'and a fourth is not served')

  const sockets = await Promise.all(Array.from({ length: 12 }, () => opened(port)))
  const crowded = await converse(port, ask)
  t.same(crowded.answers, [], 'one connection more than an address may have is not served')
  sockets[0]?.destroy()
  t.ok(await served(port), 'and is as soon as another has gone')
  for (const socket of sockets) socket.destroy()
})

function opened(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => {})
  })
}

/** Asks until it is answered: a connection that has just gone is counted for a moment longer. */
async function served(port: number): Promise<boolean> {
  for (let i = 0; i < 50; i++) {
    const { answers } = await converse(port, message(['GET /items/1 HTTP/1.1', host]))
    if (answers.at(0)?.status === 200) return true
  }
  return false
}

t.test('an encoded slash passes in a parameter of a route that asks for it, and nowhere else', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
upstreams: { echo: { url: "${upstream.url}" } }
defaults: { upstream: echo }
routes:
  GET /open/{name}: { auth: none, reason: a test of the wire, request: { encodedSlash: allow } }
  GET /open/{name}/meta: { auth: none, reason: a test of the wire, request: { encodedSlash: allow } }
  GET /tail/{rest+}: { auth: none, reason: a test of the wire, request: { encodedSlash: allow } }
  GET /checked/{name}:
    auth: none
    reason: a test of the wire
    request: { encodedSlash: allow, path: { name: { type: string, pattern: "^[a-z]+/[a-z]+$" } } }
  GET /shut/{name}: { auth: none, reason: a test of the wire }
`,
  )
  const passes = [
    '/open/a%2Fb',
    '/open/a%2fb/meta',
    '/open/https:%2F%2Fx',
    '/tail/a%2Fb/c',
    '/open/a',
    '/checked/a%2Fb',
    '/shut/a',
  ]
  for (const path of passes) {
    const { status } = await gateway.get(path)
    t.equal(status, 200, `${path} passes`)
    t.equal(upstream.requests.at(-1)?.url, path.replace('%2f', '%2F'), 'in the one spelling')
  }
  const reached = upstream.requests.length
  const refusals = [
    ['/shut/a%2Fb', 'a route that did not ask'],
    ['/open%2Fa', 'in the place of a slash of the route'],
    ['/nowhere/a%2Fb', 'a path that no route has'],
    ['/open/a%2F..%2Fb', 'with a dot segment behind it'],
    ['/open/..%2Fb', 'with a dot segment before it'],
    ['/open/%2e%2e%2Fb', 'with an encoded one'],
    ['/open/a%2F.', 'with a single dot'],
    ['/open/a%252Fb', 'encoded twice'],
    ['/open/a%5Cb', 'for a backslash'],
    ['/open/a%2F%00', 'beside a NUL'],
    ['/open/a%2Fb/../c', 'beside a plain dot segment'],
  ] as const
  for (const [path, what] of refusals) {
    const answer = await gateway.get(path)
    t.equal(answer.status, 400, `refused: ${what}`)
    t.equal((await gateway.recordOf(answer)).code, 'wire.target-ambiguous', what)
  }
  t.equal((await gateway.get('/checked/a%2Fb%2Fc')).status, 400, 'the schema of a parameter judges what it decodes to')
  t.equal((await gateway.get('/open/%2Fetc%2Fpasswd')).status, 403, 'and so does inspect')
  t.equal(upstream.requests.length, reached, 'nothing of it reached the function')
})

import { request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { type Status, startConsole } from '../src/console/server.js'
import { createMetrics } from '../src/record/metrics.js'
import { createRecent } from '../src/record/recent.js'
import type { DecisionRecord } from '../src/record/record.js'
import { postern } from './cli/command-line.js'
import { parseExposition } from './support/exposition.js'

const healthy: Status = {
  ready: true,
  draining: false,
  plan: 'ab'.repeat(32),
  loadedAt: 1_795_000_000_000,
  restartNeeded: [],
  refused: null,
}
const record: DecisionRecord = {
  id: '01JD3ZK8M5Q9X2V7B4N6T1R0WS',
  at: 0,
  plan: 'ab',
  method: 'GET',
  path: '/<script>alert(1)</script>',
  route: null,
  client: { address: '::1' },
  steps: [],
  outcome: 'denied',
  code: 'route.not-found',
  response: { status: 404, bytes: 0 },
  micros: 1,
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

async function start(t: Pick<Tap, 'teardown'>, more: Partial<Parameters<typeof startConsole>[0]> = {}) {
  const recent = createRecent()
  recent.read(record)
  const metrics = createMetrics()
  metrics.read(record)
  const admin = await startConsole({
    host: '127.0.0.1',
    port: 0,
    token: () => null,
    status: () => healthy,
    metrics,
    recent,
    ...more,
  })
  t.teardown(() => admin.close())
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { port } = admin.address
      request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
        .on('error', reject)
        .end()
    })
  return { admin, ask }
}
type Tap = typeof t

t.test('probes and metrics answer', async (t) => {
  const { ask } = await start(t)
  t.match(await ask('/livez'), { status: 200, text: '{"live":true}' })
  const ready = await ask('/readyz')
  t.equal(ready.status, 200)
  t.same(JSON.parse(ready.text), healthy)
  const metrics = await ask('/metrics')
  t.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(parseExposition(metrics.text).value('postern_requests_total', { route: 'none' }), 1)
  t.match(await ask('/livez', {}, 'HEAD'), { status: 200, text: '' })
})

t.test('readiness tells why it is not', async (t) => {
  const refused = { at: 1, problems: 2, first: 'orders.yaml:14:9 rate-limit.key-unknown Unknown key "bursts".' }
  const cases: readonly [string, Partial<Status>, number][] = [
    ['no plan yet', { ready: false, plan: null, loadedAt: null }, 503],
    ['draining', { draining: true }, 503],
    ['a refused reload does not take the last good plan from service', { refused }, 200],
  ]
  for (const [name, more, status] of cases) {
    const { ask } = await start(t, { status: () => ({ ...healthy, ...more }) })
    const answer = await ask('/readyz')
    t.equal(answer.status, status, name)
    t.same(JSON.parse(answer.text), { ...healthy, ...more })
    t.equal((await ask('/livez')).status, 200, `${name}: alive all the same`)
  }
})

t.test('a record is found by its request id, on this machine without a token', async (t) => {
  const { ask } = await start(t)
  const found = await ask(`/records/${record.id}`)
  t.equal(found.status, 200)
  t.same(JSON.parse(found.text), record)
  t.match(found.headers['content-type'], /^application\/json/)
  t.equal((await ask('/records/unknown')).status, 404)
})

t.test('who asks most is told, and which limits refuse most', async (t) => {
  const recent = createRecent()
  const at = Date.now()
  const declaredAt = { file: 'orders.yaml', line: 9, column: 7 }
  const calls: [string, boolean, number][] = [
    ['bot', true, 30],
    ['bot', false, 10],
    ['alice', false, 5],
    ['alice', true, 1],
  ]
  for (const [id, isRefused, count] of calls) {
    for (let i = 0; i < count; i++) {
      const client = { address: '203.0.113.7', id }
      const refusal = {
        outcome: 'denied',
        code: 'rate-limit.exceeded',
        evidence: { limit: 'per-client' },
        declaredAt,
      } as const
      recent.read({
        ...record,
        id: `${id}-${i}`,
        at,
        client,
        outcome: 'forwarded',
        code: '',
        route: 'GET /items',
        ...(isRefused ? refusal : {}),
      })
    }
  }
  recent.read({ ...record, at: at - 120_000 })
  const { ask, admin } = await start(t, { recent })
  const { requests, clients, limits } = JSON.parse((await ask('/top')).text)
  t.equal(requests, 46, 'what is older than a minute is left out')
  t.match(clients, [
    { name: 'bot', requests: 40, refused: 30, code: 'rate-limit.exceeded', route: 'GET /items' },
    { name: 'alice', requests: 6, refused: 1 },
  ])
  t.same(limits, [{ name: 'per-client', place: 'orders.yaml:9:7', route: 'GET /items', refused: 31, clients: 2 }])
  t.equal((await ask('/top?seconds=0')).status, 400)
  const shown = await postern(['top', '--admin', `127.0.0.1:${admin.address.port}`])
  t.match(shown, { code: 0, out: /bot +40 +30 {2}rate-limit\.exceeded +GET \/items\nalice +6 +1/ })
  t.match((await postern(['top', '--admin', '127.0.0.1:9', '--once'])).err, /No admin listener answers/)
})

t.test('beyond this machine a record needs the token', async (t) => {
  const token = 'correct horse battery staple'
  const { ask } = await start(t, { host: '0.0.0.0', token: () => token })
  const path = `/records/${record.id}`
  const refused: readonly [string, Record<string, string>][] = [
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['one that begins right', { authorization: `Bearer ${token}r` }],
    ['one that ends early', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['the bare token', { authorization: token }],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['one in a header that a proxy might add', { 'x-forwarded-for': '127.0.0.1' }],
  ]
  for (const [name, headers] of refused) {
    const answer = await ask(path, headers)
    t.equal(answer.status, 401, name)
    t.equal(answer.headers['www-authenticate'], 'Bearer realm="postern"')
    t.notMatch(answer.text, record.id)
  }
  t.equal((await ask('/records/unknown')).status, 401, 'nor is it told which ids exist')
  t.equal((await ask(path, { authorization: `Bearer ${token}` })).status, 200)
  t.equal((await ask(path, { authorization: `bearer ${token}` })).status, 200)
  t.equal((await ask('/top')).status, 401, 'nor who asks')
  for (const open of ['/livez', '/readyz', '/metrics']) t.equal((await ask(open)).status, 200, open)
})

t.test('without a token nobody beyond this machine reads records', async (t) => {
  for (const token of [null, '']) {
    const { ask } = await start(t, { host: '0.0.0.0', token: () => token })
    for (const authorization of ['Bearer ', 'Bearer null', 'Bearer']) {
      t.equal((await ask(`/records/${record.id}`, { authorization })).status, 401)
    }
  }
})

t.test('a page that points its own name at this machine reads nothing', async (t) => {
  const { ask, admin } = await start(t)
  const { port } = admin.address
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
    for (const path of ['/metrics', '/readyz', `/records/${record.id}`, '/nothing']) {
      t.equal((await ask(path, { host })).status, 403, `${host} ${path}`)
    }
  }
  for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, '[::1]', `[::1]:${port}`, '192.0.2.1']) {
    t.equal((await ask('/readyz', { host })).status, 200, host)
  }
  const old = connect(port, '127.0.0.1')
  old.write('GET /metrics HTTP/1.0\r\n\r\n')
  const line = await new Promise((resolve) => old.once('data', (bytes) => resolve(bytes.toString().slice(0, 12))))
  old.destroy()
  t.equal(line, 'HTTP/1.1 403', 'nor does one that names no host')
  const open = await start(t, { host: '0.0.0.0' })
  t.equal((await open.ask('/metrics', { host: 'postern.monitoring.svc' })).status, 200, 'a scraper may use a name')
})

t.test('nothing else is here, and nothing is repeated to whoever asks', async (t) => {
  const { ask } = await start(t)
  const paths = [
    '/',
    '/records',
    '/records/',
    '/livez/',
    '/LIVEZ',
    '/records/a/b',
    '/%2e%2e/etc',
    '/<b>',
    '/records/%zz',
    `/${'a'.repeat(5_000)}`,
  ]
  for (const path of paths) {
    const answer = await ask(path.replace('<b>', '%3Cb%3E'))
    t.ok(answer.status === 404 || answer.status === 400, `${path.slice(0, 20)} ${answer.status}`)
    t.match(JSON.parse(answer.text), { status: answer.status, error: /^[A-Z][a-zA-Z ]+\.$/ })
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    t.equal((await ask('/livez', {}, method)).status, 404, method)
})

t.test('answers are for nobody to keep, frame or guess at', async (t) => {
  const { ask } = await start(t)
  for (const path of ['/livez', '/readyz', '/metrics', `/records/${record.id}`, '/nothing', '/records/%zz']) {
    const { headers } = await ask(path)
    t.match(
      headers,
      {
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': /^default-src 'none'/,
      },
      path,
    )
    t.notOk('server' in headers || 'x-powered-by' in headers || 'access-control-allow-origin' in headers)
  }
})

t.test('a fault in a source is an answer, not a crash', async (t) => {
  const { ask } = await start(t, {
    status: () => {
      throw new Error('secret detail')
    },
  })
  const answer = await ask('/readyz')
  t.equal(answer.status, 500)
  t.notMatch(answer.text, 'secret')
  t.equal((await ask('/livez')).status, 200)
})

t.test('it stops at once, whoever is still connected', async (t) => {
  const { admin, ask } = await start(t)
  const idle = connect(admin.address.port, '127.0.0.1')
  const closed = new Promise((resolve) => idle.once('close', resolve))
  idle.on('error', () => {})
  await new Promise((resolve) => idle.once('connect', resolve))
  idle.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await new Promise((resolve) => idle.once('data', resolve))
  await admin.close()
  await closed
  await t.rejects(ask('/livez'))
})

t.test('a port that is taken is an error to handle', async (t) => {
  const { admin } = await start(t)
  const { port } = admin.address
  const metrics = createMetrics()
  const options = { host: '127.0.0.1', port, token: () => null, status: () => healthy, metrics, recent: createRecent() }
  await t.rejects(startConsole(options), { code: 'EADDRINUSE' })
})

import type { ServerResponse } from 'node:http'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import { startGateway } from '../support/gateway.js'
import { send, sendRaw } from '../support/http.js'
import { testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

const through = { 'x-forwarded-for': '203.0.113.7' }
const other = { 'x-forwarded-for': '203.0.113.8' }

/** Policy texts of a gateway behind a proxy on this machine, so that a test can call from any address. */
const behindProxy = (gateway: string, routes: string) => ({
  'gateway.yaml': `version: 1\ntrustedProxies: [127.0.0.1]\n${gateway}`,
  'routes.yaml': routes,
})

t.test('a caller sees what is left, is refused with a time to wait, and is let in after it', async (t) => {
  const upstream = await startUpstream(t)
  const clock = testClock()
  const routes = `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /search:
    upstream: fn
    auth: none
    reason: a test of limits
    rateLimit:
      per-ip: { partitionKey: ip, quota: 2, window: 1m }
      everyone: { partitionKey: route, quota: 100, window: 1h }
      trial: { partitionKey: ip, quota: 1, window: 1m, mode: report }
`
  const gateway = await startGateway(t, behindProxy('', routes), { clock })
  const first = await gateway.get('/search', through)
  t.equal(first.status, 200)
  t.equal(first.headers['ratelimit-policy'], '"per-ip";q=2;w=60, "everyone";q=100;w=3600')
  t.equal(first.headers['ratelimit'], '"per-ip";r=1;t=60, "everyone";r=99;t=3600')
  t.equal((await gateway.get('/search', through)).status, 200)
  clock.advance(20_500)
  const refused = await gateway.get('/search', through)
  t.match(refused, {
    status: 429,
    headers: { 'retry-after': '40', ratelimit: '"per-ip";r=0;t=40' },
    json: {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      code: 'rate-limit.exceeded',
    },
  })
  const record = await gateway.recordOf(refused)
  t.match(record, {
    outcome: 'denied',
    code: 'rate-limit.exceeded',
    client: { address: '203.0.113.7' },
    declaredAt: { file: 'routes.yaml', line: 9 },
    evidence: { limit: 'per-ip' },
  })
  t.equal((await gateway.get('/search', other)).status, 200, 'another address is served')
  clock.advance(40_000)
  const later = await gateway.get('/search', through)
  t.equal(later.status, 200)
  t.match(later.headers['ratelimit'], /"everyone";r=96/, 'the refused call spent nothing of the other limit')
  t.equal(upstream.requests.length, 4, 'nor did it reach the function')
  const reported = (await gateway.recordOf(later)).steps.filter(({ mode }) => mode === 'report')
  t.match(reported, [{ stage: 'rateLimit', outcome: 'allow' }])
})

t.test('what never reached the function is given back where the policy says so', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /search:
    upstream: fn
    auth: none
    reason: a test of limits
    request: { query: { page: { type: integer } } }
    rateLimit: { per-ip: { partitionKey: ip, quota: 1, window: 1h, count: forwarded } }
`,
  )
  for (let i = 0; i < 3; i++) t.equal((await gateway.get('/search?page=x')).status, 400)
  t.equal((await gateway.get('/search?page=1')).status, 200)
  t.equal((await gateway.get('/search?page=1')).status, 429)
})

t.test('the address limit counts unknown paths and requests that are none', async (t) => {
  const upstream = await startUpstream(t)
  const clock = testClock()
  const routes = `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of limits }
`
  const gateway = await startGateway(t, behindProxy('addressLimit: { quota: 4, window: 1m }', routes), { clock })
  t.equal((await gateway.get('/a', through)).status, 200)
  t.equal((await gateway.get('/nothing', through)).status, 404)
  t.equal((await gateway.send('PUT', '/a', { headers: through })).status, 405)
  t.equal((await gateway.get('/a//b', through)).status, 400)
  const refused = await gateway.get('/a', through)
  t.match(refused, { status: 429, headers: { 'retry-after': '60' }, json: { code: 'rate-limit.address-exceeded' } })
  t.equal((await gateway.recordOf(refused)).code, 'rate-limit.address-exceeded')
  t.equal((await gateway.get('/nothing', through)).status, 429)
  t.equal((await gateway.get('/a', other)).status, 200)
  clock.advance(60_000)
  t.equal((await gateway.get('/a', through)).status, 200)

  // What the parser refuses counts against the peer, since nobody can say who else it was from.
  for (let i = 0; i < 4; i++) t.match(await sendRaw(gateway.url, 'GET / HTTP/9.9\r\n\r\n'), /^HTTP\/1\.1 400/)
  t.equal((await gateway.get('/a')).status, 429)
  t.equal(upstream.requests.length, 3)
})

t.test(
  'an address with too many refused credentials may show no more of them, and is served where none is needed',
  async (t) => {
    const upstream = await startUpstream(t)
    const clock = testClock()
    const key = newApiKey()
    const routes = `
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${key.sha256} } } } }
routes:
  GET /stock: { upstream: fn, auth: { apiKey: [acme] } }
  GET /open: { upstream: fn, auth: none, reason: a test of limits }
`
    const limit = 'addressLimit: { quota: 1000, window: 1m, failedAuth: 3/1m }'
    const gateway = await startGateway(t, behindProxy(limit, routes), { clock })
    const show = async (apiKey: string, from: object = through) =>
      (await gateway.get('/stock', { ...from, 'x-api-key': apiKey })).status
    t.equal(await show(key.key), 200)
    for (let i = 0; i < 3; i++) t.equal(await show(`${key.key}${i}`), 401)
    const refused = await gateway.get('/stock', { ...through, 'x-api-key': 'another guess' })
    t.match(refused, { status: 429, headers: { 'retry-after': '60' }, json: { code: 'rate-limit.failed-auth' } })
    t.equal(await show(key.key), 429, 'the right key tells no more than a wrong one')
    t.equal(await show(key.key, other), 200)
    t.equal((await gateway.get('/open', through)).status, 200)
    t.equal((await gateway.get('/stock', through)).status, 401, 'no credential is no failed one')
    clock.advance(60_000)
    t.equal(await show(key.key), 200)
  },
)

t.test('slots are given back when calls end, and when callers go away', async (t) => {
  const upstream = await startUpstream(t)
  const held: ServerResponse[] = []
  let arrived = () => {}
  upstream.answer = (_request, response) => {
    held.push(response)
    arrived()
  }
  const gateway = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /slow:
    upstream: fn
    auth: none
    reason: a test of slots
    concurrency: { partitionKey: ip, quota: 2 }
`,
  )
  const holding = (count: number) =>
    new Promise<void>((resolve) => {
      arrived = () => (held.length === count ? resolve() : undefined)
      arrived()
    })
  const first = send(gateway.url, 'GET', '/slow')
  const leaving = httpRequest(`${gateway.url}/slow`, { agent: false })
  leaving.on('error', () => {})
  leaving.end()
  await holding(2)
  const refused = await gateway.get('/slow')
  t.match(refused, { status: 429, headers: { 'retry-after': '1' }, json: { code: 'concurrency.exceeded' } })
  held[0]?.end('done')
  t.equal((await first).status, 200)
  leaving.destroy()
  // Both are free once the gateway has noticed: two calls get through together again.
  const free = async (): Promise<void> => {
    if (gateway.gateway.inFlight > 0) return new Promise((resolve) => setImmediate(() => resolve(free())))
  }
  await free()
  const both = [send(gateway.url, 'GET', '/slow'), send(gateway.url, 'GET', '/slow')]
  await holding(4)
  for (const response of held.slice(2)) response.end('done')
  t.same(
    (await Promise.all(both)).map(({ status }) => status),
    [200, 200],
  )
})

t.test('a route refuses addresses outside its list, as the proxy tells them', async (t) => {
  const upstream = await startUpstream(t)
  const routes = `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /admin:
    upstream: fn
    auth: none
    reason: a test of addresses
    ip: { allow: [203.0.113.0/29], deny: [203.0.113.6] }
`
  const gateway = await startGateway(t, behindProxy('', routes))
  const from = async (address: string) => (await gateway.get('/admin', { 'x-forwarded-for': address })).status
  t.equal(await from('203.0.113.7'), 200)
  t.equal(await from('::ffff:203.0.113.7'), 200)
  t.equal(await from('203.0.113.6'), 403)
  t.equal(await from('203.0.113.8'), 403)
  t.equal(await from('203.0.113.7, 198.51.100.1'), 403, 'what a client says of itself is not believed')
  t.equal((await gateway.get('/admin')).status, 403)
  t.equal(gateway.lastRecord().code, 'ip.denied')
})

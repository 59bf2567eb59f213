import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.js'
import { sendRaw } from '../support/http.js'
import { makeKey, mint, startIssuer } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

const shop = 'https://shop.example'

async function start(t: Test) {
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const gateway = await startGateway(t, {
    'gateway.yaml': 'version: 1\naddressLimit: { quota: 60, window: 1m, failedAuth: 30/1m }\n',
    'routes.yaml': `
upstreams:
  fn: { url: "${upstream.url}" }
issuers:
  main: { issuer: "${issuer.url}", audience: orders-api }
defaults:
  cors: { origins: ["${shop}"], methods: [GET, POST] }
routes:
  GET /orders/{id}:
    upstream: fn
    auth: { jwt: main }
  POST /orders/{id}:
    upstream: fn
    auth: { jwt: main, scopes: [orders:write] }
    request: { body: { type: object, required: [sku] } }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: 3, window: 1m } }
  DELETE /orders/{id}:
    upstream: fn
    auth: { jwt: main }
  OPTIONS /orders/{id}:
    upstream: fn
    auth: { jwt: main }
    cors: ~
  PUT /plain:
    upstream: fn
    auth: none
    reason: a route for programs alone
    cors: ~
  OPTIONS /plain:
    upstream: fn
    auth: none
    reason: the function answers by itself
    cors: ~
`,
  })
  const key = issuer.keys[0]
  if (key === undefined) throw new Error('the issuer has no key')
  const token = await mint(issuer.url, key, Date.now(), { claims: { scope: 'orders:write' } })
  return { upstream, gateway, bearer: { authorization: `Bearer ${token}` } }
}

const preflight = (method: string, headers?: string, origin = shop) => ({
  headers: {
    origin,
    'access-control-request-method': method,
    ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
  },
})

t.test('a preflight is answered before anyone is asked for a token, and reaches no function', async (t) => {
  const { gateway, upstream } = await start(t)
  const answer = await gateway.send('OPTIONS', '/orders/7', preflight('POST', 'authorization,content-type'))
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.equal(answer.headers['access-control-allow-origin'], shop)
  t.equal(answer.headers['access-control-allow-methods'], 'POST')
  t.equal(answer.headers['access-control-allow-headers'], 'authorization, content-type')
  t.equal(answer.headers['access-control-max-age'], '600')
  t.match(answer.headers.vary, /Origin/)
  const record = await gateway.recordOf(answer)
  t.equal(record.outcome, 'answered')
  t.equal(record.code, undefined)
  t.equal(record.route, 'POST /orders/{id}', 'the route that was asked for judged it')
  t.same(
    record.steps.map(({ stage, outcome }) => [stage, outcome]),
    [['cors', 'allow']],
  )

  const rows = [
    ['another origin', preflight('POST', undefined, 'https://evil.test'), 'cors.origin-denied'],
    ['a method that pages may not use', preflight('DELETE'), 'cors.method-denied'],
    ['a header that pages may not send', preflight('POST', 'x-admin'), 'cors.header-denied'],
  ] as const
  for (const [what, options, code] of rows) {
    const refused = await gateway.send('OPTIONS', '/orders/7', options)
    t.equal(refused.status, 403, what)
    t.equal(refused.json?.['code'], code, what)
    t.notOk('access-control-allow-origin' in refused.headers, what)
    t.match((await gateway.recordOf(refused)).declaredAt, { file: 'routes.yaml' }, what)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('what is no preflight of a page goes the way of any OPTIONS', async (t) => {
  const { gateway, upstream } = await start(t)
  t.equal((await gateway.send('OPTIONS', '/orders/7')).status, 401, 'its own route asks for its own token')
  t.equal((await gateway.send('OPTIONS', '/orders/7', preflight('PATCH'))).status, 401, 'no route for this method')
  t.equal((await gateway.send('OPTIONS', '/orders/7', preflight('ANY'))).status, 401, 'no method at all')
  t.equal((await gateway.send('OPTIONS', '/nowhere', preflight('GET'))).status, 404)
  t.equal(upstream.requests.length, 0)
  upstream.answer = (_request, response) => response.writeHead(204, { 'access-control-allow-origin': '*' }).end()
  const passed = await gateway.send('OPTIONS', '/plain', preflight('PUT'))
  t.equal(passed.status, 204)
  t.equal(passed.headers['access-control-allow-origin'], '*', 'where cors is not set, the function speaks for itself')
  t.equal(upstream.requests.length, 1)
})

t.test('a page can read every answer of its route: refusals, limits and errors too', async (t) => {
  const { gateway, upstream, bearer } = await start(t)
  upstream.answer = (request, response) => {
    response.writeHead(request.method === 'GET' ? 500 : 201, {
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-internal',
      vary: 'accept-language',
    })
    response.end('{}')
  }
  const page = { origin: shop }
  const rows = [
    ['no token', await gateway.get('/orders/7', page), 401],
    ['a body that does not fit', await gateway.post('/orders/7', {}, { ...page, ...bearer }), 400],
    ['an answer', await gateway.post('/orders/7', { sku: 'A' }, { ...page, ...bearer }), 201],
    ['another', await gateway.post('/orders/7', { sku: 'A' }, { ...page, ...bearer }), 201],
    ['one too many', await gateway.post('/orders/7', { sku: 'A' }, { ...page, ...bearer }), 429],
    ['a broken function', await gateway.get('/orders/7', { ...page, ...bearer }), 500],
  ] as const
  for (const [what, answer, status] of rows) {
    t.equal(answer.status, status, what)
    t.equal(answer.headers['access-control-allow-origin'], shop, `${what}: one origin, and ours`)
    t.notOk('access-control-allow-credentials' in answer.headers, `${what}: the function grants nothing`)
    t.match(answer.headers['access-control-expose-headers'], /^x-request-id, retry-after/, what)
    t.match(answer.headers.vary, /Origin/, what)
  }
  t.match(rows[2][1].headers.vary, /accept-language/, 'what the function varies by stays')
  t.ok(rows[2][1].headers['ratelimit'], 'limits are shown beside')

  const stranger = await gateway.post('/orders/7', { sku: 'A' }, { origin: 'https://evil.test' })
  t.equal(stranger.status, 401, 'it is judged like any other')
  t.notOk('access-control-allow-origin' in stranger.headers)
  const program = await gateway.get('/orders/7')
  t.match(program.headers.vary, /Origin/, 'a cache learns that the origin matters')
  t.notOk('access-control-allow-origin' in program.headers)
})

t.test('a page learns why its address is refused before its route is known', async (t) => {
  const { gateway } = await start(t)
  let last = await gateway.get('/orders/7', { origin: shop })
  for (let i = 0; i < 60; i++) last = await gateway.get('/orders/7', { origin: shop })
  t.equal(last.status, 429)
  t.equal(last.headers['access-control-allow-origin'], shop)
  t.ok(last.headers['retry-after'])
})

t.test('a preflight with a body ends its connection: nothing behind it is read as a request', async (t) => {
  const { gateway } = await start(t)
  const head = `OPTIONS /orders/7 HTTP/1.1\r\nHost: a\r\nOrigin: ${shop}\r\nAccess-Control-Request-Method: GET\r\n`
  const smuggled = 'GET /orders/8 HTTP/1.1\r\nHost: a\r\n\r\n'
  const answers = await sendRaw(gateway.url, `${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`)
  t.equal(answers.match(/HTTP\/1\.1 /g)?.length, 1)
  t.match(answers, /^HTTP\/1\.1 204 /)
  t.match(answers.toLowerCase(), 'connection: close')
  const twice = await sendRaw(gateway.url, `${head}\r\n${head}Connection: close\r\n\r\n`)
  t.equal(twice.match(/HTTP\/1\.1 204/g)?.length, 2, 'without one it stays open')
})

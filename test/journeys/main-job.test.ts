import t, { type Test } from 'tap'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import { startGateway } from '../support/gateway.js'
import { send, sendRaw } from '../support/http.js'
import { makeKey, mint, startIssuer } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

const orderSchema = JSON.stringify({
  type: 'object',
  required: ['sku', 'quantity'],
  additionalProperties: false,
  properties: {
    sku: { type: 'string', pattern: '^[A-Z0-9-]{1,20}$' },
    quantity: { type: 'integer', minimum: 1, maximum: 100 },
    price: { type: 'number', multipleOf: 0.01 },
    note: { type: 'string', maxLength: 500 },
  },
})

async function startShop(t: Test) {
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('RS256', 'k1'), await makeKey('ES256', 'k2')])
  const partner = newApiKey()
  const gateway = await startGateway(t, {
    'shared.yaml': `
upstreams:
  shop: { url: "${upstream.url}" }
issuers:
  main: { issuer: "${issuer.url}", audience: orders-api }
clients:
  acme: { plan: partner, keys: { k1: { sha256: ${partner.sha256} } } }
`,
    'schemas/order.json': orderSchema,
    'routes.yaml': `
routes:
  GET /products/{id}:
    upstream: shop
    auth: none
    reason: public catalogue
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
      query: { lang: { enum: [en, de, fr] }, page: { type: integer, minimum: 1 } }
  POST /orders:
    upstream: shop
    auth: { jwt: main, scopes: [orders:write] }
    request: { body: ./schemas/order.json }
    rateLimit:
      per-client: { partitionKey: jwt.sub, tiers: { from: jwt.plan, free: 2/1m, pro: 100/1m, default: free } }
    forward: { claims: { sub: X-User-Id, plan: X-Plan } }
  GET /stock/{sku}:
    upstream: shop
    auth: { apiKey: [acme] }
    rateLimit:
      spike: { partitionKey: client.id, quota: 3, window: 1m }
  ANY /anything/{rest+}:
    upstream: shop
    auth: none
    reason: a place to look at what passes
`,
  })
  const token = (claims: Record<string, unknown> = {}) =>
    mint(issuer.url, issuer.keys[0] ?? fail(), Date.now(), {
      claims: { scope: 'orders:write', plan: 'pro', ...claims },
    })
  return { upstream, issuer, partner, gateway, token }
}

function fail(): never {
  throw new Error('the issuer has no key')
}

t.test('a public route answers anybody, and only what its schema allows', async (t) => {
  const { gateway, upstream } = await startShop(t)
  const answer = await gateway.get('/products/mug-1?lang=en&page=3')
  t.equal(answer.status, 200)
  t.same(answer.json, { ok: true })
  t.match(answer.headers['x-content-type-options'], /nosniff/)
  t.equal(upstream.requests[0]?.url, '/products/mug-1?lang=en&page=3', 'path and query go on as they came')
  t.equal(upstream.requests[0]?.headers['x-request-id'], answer.headers['x-request-id'])
  const record = await gateway.recordOf(answer)
  t.equal(record.outcome, 'forwarded')
  t.equal(record.route, 'GET /products/{id}')
  t.ok(record.steps.length >= 3, 'every step left its line')

  const bad = await gateway.get('/products/mug-1?lang=xx&page=0')
  t.equal(bad.status, 400)
  t.match(bad.headers['content-type'], 'application/problem+json')
  t.match(JSON.stringify(bad.json), /query:\/lang/)
  t.equal((await gateway.get('/products/MUG')).status, 400)
  t.equal((await gateway.get('/products/mug-1?other=1')).status, 400, 'an undeclared parameter')
  t.equal((await gateway.get('/nowhere')).status, 404)
  const wrongMethod = await gateway.send('DELETE', '/products/mug-1')
  t.equal(wrongMethod.status, 405)
  t.equal(wrongMethod.headers.allow, 'GET, HEAD')
  t.equal(upstream.requests.length, 1, 'nothing refused reached the function')
})

t.test('an order needs a token with the scope, and a body that fits', async (t) => {
  const { gateway, upstream, token } = await startShop(t)
  const order = { sku: 'A1', quantity: 2, price: 19.99 }
  upstream.answer = (_request, response) => response.writeHead(201).end('{}')
  const bearer = { authorization: `Bearer ${await token()}` }

  const created = await gateway.post('/orders', order, {
    ...bearer,
    'x-user-id': 'root',
    x_plan: 'gold',
    'x-plan': 'gold',
  })
  t.equal(created.status, 201)
  const received = upstream.requests[0]
  t.equal(received?.body.toString(), JSON.stringify(order), 'the very bytes')
  t.equal(received?.headers['x-user-id'], 'u1')
  t.equal(received?.headers['x-plan'], 'pro')
  t.notOk(
    received?.rawHeaders.some((name) => /authorization|x_plan/i.test(name)),
    'neither the token nor an underscore passes',
  )

  const rows = [
    ['no token', {}, order, 401, 'auth.missing'],
    ['a broken token', { authorization: 'Bearer abc' }, order, 401, 'auth.invalid'],
    [
      'another scope',
      { authorization: `Bearer ${await token({ scope: 'orders:read' })}` },
      order,
      403,
      'auth.scope-missing',
    ],
    ['an expired token', { authorization: `Bearer ${await token({ exp: 1 })}` }, order, 401, 'auth.invalid'],
    ['a missing field', bearer, { sku: 'A1' }, 400, 'request.'],
    ['a wrong number', bearer, { sku: 'A1', quantity: 0 }, 400, 'request.'],
    ['a surplus field', bearer, { ...order, admin: true }, 400, 'request.'],
    ['a key twice', bearer, '{"sku":"A1","quantity":1,"quantity":2}', 400, 'request.'],
    ['no JSON', bearer, '{', 400, 'request.'],
    ['an injection', bearer, { ...order, note: "1' OR '1'='1' --" }, 403, 'inspect.denied'],
  ] as const
  for (const [what, headers, body, status, code] of rows) {
    const answer = await gateway.post('/orders', body, headers)
    t.equal(answer.status, status, what)
    t.match(answer.json?.['code'], code, what)
    t.equal(answer.json?.['requestId'], answer.headers['x-request-id'])
  }
  t.equal(upstream.requests.length, 1, 'nothing refused reached the function')
  const last = await gateway.recordOf(await gateway.post('/orders', { ...order, note: "1' OR '1'='1' --" }, bearer))
  t.equal(last.code, 'inspect.sqli')
  t.equal(last.outcome, 'denied')
  t.match((await gateway.post('/orders', order)).headers['www-authenticate'], /^Bearer/)
})

t.test('a limit follows the plan in the token, and says when to come back', async (t) => {
  const { gateway, token } = await startShop(t)
  const bearer = { authorization: `Bearer ${await token({ sub: 'u2', plan: 'free' })}` }
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) statuses.push((await gateway.post('/orders', { sku: 'A1', quantity: 1 }, bearer)).status)
  t.same(statuses, [200, 200, 429])
  const refused = await gateway.post('/orders', { sku: 'A1', quantity: 1 }, bearer)
  t.match(refused.headers['retry-after'], /^[1-9]\d?$/)
  t.match(refused.headers['ratelimit'], /"per-client";r=0;t=\d+/)
  t.match(refused.headers['ratelimit-policy'], /"per-client";q=2;w=60/)
  t.equal((await gateway.recordOf(refused)).code, 'rate-limit.exceeded')
  const other = { authorization: `Bearer ${await token({ sub: 'u3', plan: 'free' })}` }
  t.equal(
    (await gateway.post('/orders', { sku: 'A1', quantity: 1 }, other)).status,
    200,
    'another client is not held to it',
  )
})

t.test('an API key opens its own door and never reaches the function', async (t) => {
  const { gateway, partner, upstream } = await startShop(t)
  t.equal((await gateway.get('/stock/A1')).status, 401)
  t.equal((await gateway.get('/stock/A1', { 'x-api-key': `${partner.key}x` })).status, 401)
  t.equal((await gateway.get(`/stock/A1?x-api-key=${partner.key}`)).status, 401, 'a key in the query is none')
  t.equal((await gateway.get('/stock/A1', { 'x-api-key': partner.key })).status, 200)
  t.equal(upstream.requests.length, 1)
  t.equal(upstream.requests[0]?.headers['x-api-key'], undefined)
})

t.test('a reload keeps counters, and a refused one keeps the policy', async (t) => {
  const upstream = await startUpstream(t)
  const policy = (quota: number, path = 'a') => `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /${path}:
    upstream: fn
    auth: none
    reason: a test of reloading
    rateLimit: { per-ip: { partitionKey: ip, quota: ${quota}, window: 1m } }
  GET /b: { upstream: fn, auth: none, reason: its neighbor }
`
  const gateway = await startGateway(t, policy(2))
  await gateway.get('/a')
  await gateway.get('/a')
  t.equal((await gateway.get('/a')).status, 429)
  const before = gateway.gateway.plan.fingerprint
  await gateway.reload(`${policy(2)}\n# a comment\n`)
  t.equal(gateway.gateway.plan.fingerprint, before, 'a comment changes nothing')
  t.equal((await gateway.get('/a')).status, 429, 'a reload hands out no fresh allowance')
  await t.rejects(gateway.reload(policy(2).replace('auth: none', 'auht: none')), /auht/)
  t.equal((await gateway.get('/b')).status, 200, 'the last good policy serves on')
  await gateway.reload(policy(2, 'c'))
  t.equal((await gateway.get('/a')).status, 404)
  t.equal((await gateway.get('/c')).status, 200)
})

t.test('a function that fails tells the caller nothing about itself', async (t) => {
  const { gateway, upstream } = await startShop(t)
  upstream.answer = (_request, response) =>
    response
      .writeHead(500, {
        server: 'secret/1.2',
        'x-powered-by': 'magic',
        'content-type': 'text/html',
        'x-trace': 'at db.internal',
      })
      .end('<pre>Error: connect ECONNREFUSED 10.0.0.3 at /var/task/index.js:3</pre>')
  const answer = await gateway.get('/products/mug-1')
  t.equal(answer.status, 500)
  t.notMatch(JSON.stringify(answer), /ECONNREFUSED|secret|magic|db\.internal/)
  t.equal(answer.json?.['code'], 'response.masked')

  upstream.answer = (_request, response) => response.socket?.destroy()
  t.equal((await gateway.get('/products/mug-1')).status, 502)
  await upstream.stop()
  const gone = await gateway.get('/products/mug-1')
  t.equal(gone.status, 502)
  t.notMatch(gone.text, /127\.0\.0\.1|ECONN/)
  t.equal((await gateway.recordOf(gone)).code, 'forward.unreachable')
})

t.test('large answers stream, and a cut answer never looks whole', async (t) => {
  const { gateway, upstream } = await startShop(t)
  const big = Buffer.alloc(5_000_000, 'x')
  upstream.answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(big)
  const whole = await gateway.get('/anything/big')
  t.equal(whole.text.length, big.length)
  upstream.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('half', () => response.socket?.destroy())
  }
  await t.rejects(gateway.get('/anything/cut'), 'the connection breaks')
  const raw = await sendRaw(gateway.url, 'GET /anything/cut HTTP/1.0\r\nHost: a\r\n\r\n')
  t.notMatch(raw, /\r\n0\r\n\r\n$/)
  upstream.answer = (request, response) =>
    response.writeHead(200, { 'content-length': '7', 'x-method': request.method }).end()
  const head = await send(gateway.url, 'HEAD', '/anything/x')
  t.equal(head.status, 200)
  t.equal(head.headers['content-length'], '7')
})

t.test('what a caller says about itself does not reach the function', async (t) => {
  const { gateway, upstream } = await startShop(t)
  await gateway.get('/anything/x', {
    'x-forwarded-for': '1.2.3.4',
    forwarded: 'for=1.2.3.4',
    'x-real-ip': '1.2.3.4',
    'x-amz-security-token': 'a',
    'x-amzn-oidc-identity': 'a',
    'x-ms-client-principal': 'a',
    'x-original-url': '/admin',
    'x-http-method-override': 'DELETE',
    'x-custom': 'stays',
    'x-dropped': 'goes',
    connection: 'x-dropped, x-request-id, keep-alive',
    te: 'trailers',
  })
  const headers = upstream.requests[0]?.headers ?? {}
  t.equal(headers['x-forwarded-for'], '127.0.0.1')
  t.equal(headers['x-custom'], 'stays')
  t.match(headers['x-request-id'], /^[0-9A-Z]{26}$/, 'a Connection line cannot name ours away')
  for (const name of [
    'forwarded',
    'x-real-ip',
    'x-amz-security-token',
    'x-amzn-oidc-identity',
    'x-ms-client-principal',
    'x-original-url',
    'x-http-method-override',
    'x-dropped',
    'te',
  ]) {
    t.equal(headers[name], undefined, name)
  }
})

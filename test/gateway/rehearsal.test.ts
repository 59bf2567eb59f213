import t, { type Test } from 'tap'
import { openRehearsal, type RehearsalOptions } from '../../src/gateway/rehearsal.js'
import { loadPolicy } from '../../src/policy/load.js'
import { makeKey, mint, testClock } from '../support/issuer.js'

const shop = `
upstreams:
  shop: { url: "https://fn.shop.example/base" }
issuers:
  main: { issuer: "https://id.shop.example", audience: orders-api }
routes:
  GET /products/{id}:
    upstream: shop
    auth: none
    reason: public
    request: { query: { page: { type: integer } } }
    rateLimit: { per-ip: { partitionKey: ip, quota: 2, window: 1m } }
  POST /orders:
    upstream: shop
    auth: { jwt: main, scopes: [orders:write] }
    request: { body: ./order.json }
  POST /blobs:
    upstream: shop
    auth: none
    reason: bytes as they come
    inspect: { mode: off }
    request: { maxBytes: 1MiB, contentType: ["application/octet-stream"] }
`
const order = JSON.stringify({ type: 'object', properties: { sku: { type: 'string' } }, additionalProperties: false })

async function rehearse(t: Test, options: Partial<RehearsalOptions> = {}) {
  const { plan, secrets, problems } = await loadPolicy(t.testdir({ 'shop.yaml': shop, 'order.json': order }))
  if (plan === null) throw new Error(JSON.stringify(problems))
  const clock = testClock()
  const rehearsal = await openRehearsal({ plan, vault: secrets, clock, isCounting: true, ...options })
  t.teardown(() => rehearsal.close())
  const judge = (text: string, peer?: string) => rehearsal.judge(Buffer.from(text, 'latin1'), peer)
  return { clock, judge }
}

const get = (target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: shop.example', ...lines, '', ''].join('\r\n')
const post = (target: string, body: string, ...lines: string[]) =>
  [`POST ${target} HTTP/1.1`, 'Host: shop.example', `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n')

t.test(
  'a request is judged by the real stages, and the function that is none sees what a real one would',
  async (t) => {
    const { judge } = await rehearse(t)
    const { status, record, sent, body, headers } = await judge(
      get('/products/a?page=2', 'X-Api-Key: k', 'Accept: */*'),
    )
    t.equal(status, 200)
    t.equal(body.toString(), '{"ok":true}')
    t.match(headers, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff', ratelimit: /r=1/ })
    t.equal(record.outcome, 'forwarded')
    t.same(
      record.steps.map(({ stage }) => stage),
      ['rateLimit', 'auth', 'request', 'inspect', 'forward', 'response'],
    )
    t.match(sent, { method: 'GET', target: '/base/products/a?page=2', upstream: 'shop', body: null })

    const refused = await judge(get('/products/a?page=two'))
    t.equal(refused.status, 400)
    t.equal(refused.record.code, 'request.query-invalid')
    t.equal(refused.sent, null, 'what is refused reaches nothing')
  },
)

t.test('the wire is judged too: the bytes go through the real parser', async (t) => {
  const { judge } = await rehearse(t)
  const rows: readonly (readonly [string, string, number, string])[] = [
    ['no HTTP', 'hello\r\n\r\n', 400, 'wire.malformed'],
    ['a head that never ends', 'GET / HTTP/1.1\r\nHost: a', 400, 'wire.body-cut'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'wire.host-invalid'],
    ['two lengths', post('/orders', '{}', 'Content-Length: 3'), 400, 'wire.malformed'],
    ['a dot segment', get('/products/../admin'), 400, 'wire.target-ambiguous'],
    [
      'a body cut short',
      post('/blobs', 'abc', 'Content-Type: application/octet-stream').slice(0, -1),
      400,
      'wire.body-cut',
    ],
    ['an unknown path', get('/nowhere'), 404, 'route.not-found'],
    ['a wrong method', get('/orders'), 405, 'route.method-not-allowed'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405, 'wire.method'],
  ]
  for (const [says, bytes, status, code] of rows) {
    const judged = await judge(bytes)
    t.equal(judged.record.code, code, says)
    t.equal(judged.status, status, says)
  }
})

t.test('the clock is the rehearsal’s own, and limits count only when told so', async (t) => {
  const { judge, clock } = await rehearse(t)
  const statuses = async (count: number) => {
    const found: number[] = []
    for (let i = 0; i < count; i++) found.push((await judge(get('/products/a'), '203.0.113.9')).status)
    return found
  }
  t.same(await statuses(3), [200, 200, 429])
  clock.advance(61_000)
  t.same(await statuses(3), [200, 200, 429], 'a minute later, without a minute')
  t.equal((await judge(get('/products/a'), '203.0.113.10')).status, 200, 'another address')

  const looking = await rehearse(t, { isCounting: false })
  for (let i = 0; i < 4; i++) t.equal((await looking.judge(get('/products/a'))).status, 200)
})

t.test('tokens are verified by the keys that are given, and nothing is fetched for want of them', async (t) => {
  const key = await makeKey('ES256', 'k1')
  const token = await mint('https://id.shop.example', key, testClock().now(), { claims: { scope: 'orders:write' } })
  const request = post('/orders', '{"sku":"a"}', 'Content-Type: application/json', `Authorization: Bearer ${token}`)
  const keys = { main: JSON.stringify({ keys: [key.jwk] }) }

  const known = await (await rehearse(t, { keys })).judge(request)
  t.equal(known.status, 201)
  t.equal(known.sent?.body?.toString(), '{"sku":"a"}')
  t.notOk(known.sent?.headers.includes('authorization'), 'the credential stays here')

  const unknown = await (await rehearse(t)).judge(request)
  t.equal(unknown.record.code, 'auth.issuer-unavailable')
  t.equal(unknown.status, 503)
})

t.test('a large body, chunked or waiting for 100-continue, is read to its end', async (t) => {
  const { judge } = await rehearse(t)
  const bytes = 'x'.repeat(300_000)
  const type = 'Content-Type: application/octet-stream'
  const whole = await judge(post('/blobs', bytes, type, 'Expect: 100-continue'))
  t.equal(whole.status, 201)
  t.equal(whole.sent?.body?.length, 300_000)
  const chunked = await judge(
    `POST /blobs HTTP/1.1\r\nHost: a\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  )
  t.equal(chunked.sent?.body?.toString(), 'abc')
  const over = await judge(post('/blobs', 'x'.repeat(1_100_000), type))
  t.equal(over.record.code, 'request.body-too-large')
  t.equal(over.status, 413)
})

t.test('the function may be told to fail', async (t) => {
  for (const [fault, status] of [
    ['timeout', 504],
    ['unreachable', 502],
    ['bad-answer', 502],
  ] as const) {
    const { judge } = await rehearse(t, { answer: () => ({ fault }) })
    t.equal((await judge(get('/products/a'))).status, status)
  }
  const { judge } = await rehearse(t, {
    answer: () => ({ status: 500, headers: ['content-type', 'text/plain'], body: Buffer.from('at db.ts:12') }),
  })
  const masked = await judge(get('/products/a'))
  t.notMatch(masked.body.toString(), /db\.ts/, 'and its error is masked as ever')
})

import t from 'tap'
import type { Check, Deny, Exchange, Planned, Tools, Verdict } from '../../src/stages/contract.js'
import { bodyLimits, type RequestSettings } from '../../src/stages/request/settings.js'
import { request } from '../../src/stages/request/stage.js'
import { makeExchange } from '../support/exchange.js'
import { makeScope } from '../support/stage-scope.js'

interface Route {
  readonly findings: readonly { readonly code: string }[]
  readonly steps: readonly Planned<RequestSettings>[]
  /** The first refusal of all steps, or the last verdict. */
  ask(exchange: Exchange): string
  refusal(exchange: Exchange): Deny | null
}

/** Plans and compiles the stage for one route, from policy text. */
function plan(key: string, policy: string, files: Readonly<Record<string, string>> = {}): Route {
  const [method = '', path = ''] = key.split(' ')
  const segments = path
    .split('/')
    .slice(1)
    .map((part) => (part.startsWith('{') ? { param: part.slice(1, -1) } : { literal: part }))
  const world = makeScope({ id: key, method, segments }, files)
  const steps = request.resolve(world.section(`request: ${policy}`), world.scope)
  const checks = steps.map(({ settings }): Check => request.compile(settings, world.tools as Tools)) // all it asks of tools
  const refusal = (exchange: Exchange): Deny | null => {
    for (const check of checks) {
      const verdict = check(exchange) as Verdict // never a promise
      if (verdict.outcome === 'deny') return verdict
    }
    return null
  }
  return { findings: world.findings, steps, refusal, ask: (exchange) => refusal(exchange)?.reason.code ?? 'allowed' }
}

function post(body: string | Buffer, contentType: string | null = 'application/json', more: readonly string[] = []) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const headers = [...(contentType === null ? [] : ['Content-Type', contentType]), ...more]
  return makeExchange({ method: 'POST', hasBody: true, body: bytes, headers })
}

const get = (query = '', headers: readonly string[] = []) => makeExchange({ query, headers })

t.test('a body is taken by its exact media type alone', async (t) => {
  const any = plan('POST /orders', '{}')
  const json = plan('POST /orders', '{ body: { type: object } }')
  const listed = plan('POST /orders', '{ contentType: [application/octet-stream, application/*+json] }')
  const rows: readonly [type: string | null, body: string, any: string, json: string, listed: string][] = [
    ['application/json', '{}', 'allowed', 'allowed', 'request.media-type'],
    ['APPLICATION/JSON; charset=UTF-8', '{}', 'allowed', 'allowed', 'request.media-type'],
    ['application/problem+json', '{}', 'allowed', 'request.media-type', 'allowed'],
    ['application/x-www-form-urlencoded', 'a=1', 'allowed', 'request.media-type', 'request.media-type'],
    [
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--',
      'allowed',
      'request.media-type',
      'request.media-type',
    ],
    ['application/xml', '<a/>', 'allowed', 'request.media-type', 'request.media-type'],
    ['image/svg+xml', '<svg/>', 'allowed', 'request.media-type', 'request.media-type'],
    ['text/plain', 'x', 'allowed', 'request.media-type', 'request.media-type'],
    ['text/plain; charset=utf-16', 'x', 'request.media-type', 'request.media-type', 'request.media-type'],
    ['text/plain; charset=us-ascii', 'ü', 'request.text-encoding', 'request.media-type', 'request.media-type'],
    ['text/plain; charset=us-ascii', 'u', 'allowed', 'request.media-type', 'request.media-type'],
    ['text/plain', 'a\u0000b', 'request.text-encoding', 'request.media-type', 'request.media-type'],
    ['text/plain', '！', 'allowed', 'request.media-type', 'request.media-type'],
    ['application/octet-stream', '\u0000', 'request.media-type', 'request.media-type', 'allowed'],
    ['multipart/mixed; boundary=b', 'x', 'request.media-type', 'request.media-type', 'request.media-type'],
    ['application/json ;', '{}', 'request.media-type', 'request.media-type', 'request.media-type'],
    ['application/json, text/plain', '{}', 'request.media-type', 'request.media-type', 'request.media-type'],
    ['', '{}', 'request.media-type', 'request.media-type', 'request.media-type'],
    [null, '{}', 'request.media-type', 'request.media-type', 'request.media-type'],
  ]
  for (const [type, body, ...codes] of rows) {
    t.same(
      [any, json, listed].map((route) => route.ask(post(body, type))),
      codes,
      String(type),
    )
  }
  t.equal(
    any.ask(post('{}', 'application/json', ['content-type', 'application/json'])),
    'request.media-type',
    'two of them',
  )
  t.equal(any.ask(post('{}', 'application/json', ['Content-Encoding', 'gzip'])), 'request.content-encoding')
  t.equal(any.ask(post('{}', 'application/json', ['Content-Encoding', 'identity'])), 'allowed')
})

t.test('what was read is left for the stages that follow', async (t) => {
  const route = plan('POST /orders', '{}')
  const kinds = ['application/json', 'text/plain', 'application/x-www-form-urlencoded'].map((type) => {
    const exchange = post('1', type)
    route.ask(exchange)
    return exchange.content?.kind
  })
  t.same(kinds, ['json', 'text', 'form'])
  const empty = makeExchange({ method: 'POST' })
  t.equal(route.ask(empty), 'allowed')
  t.same(empty.content, { kind: 'none' })
})

t.test('a body is refused where none belongs, and missed where one does', async (t) => {
  const plain = plan('GET /x', '{}')
  t.equal(plain.ask(makeExchange({ hasBody: true })), 'request.body-unexpected')
  t.equal(plain.steps[0]?.needsBody, false, 'it is never buffered')
  t.same(bodyLimits(plain.steps[0]?.settings as RequestSettings), plain.steps[0]?.settings)
  t.equal(plain.steps[0]?.settings.acceptsBody, false)
  for (const method of ['HEAD', 'DELETE', 'OPTIONS']) {
    t.equal(plan('ANY /x', '{}').ask(makeExchange({ method, hasBody: true })), 'request.body-unexpected', method)
  }
  const search = plan('GET /x', '{ contentType: [application/json] }')
  t.equal(search.ask({ ...post('{}'), method: 'GET' }), 'allowed', 'unless the route says so')

  const needed = plan('POST /x', '{ body: { type: object } }')
  t.equal(needed.ask(makeExchange({ method: 'POST' })), 'request.body-missing')
  t.equal(needed.ask(post('')), 'request.body-missing')
  t.equal(needed.ask(post('', null)), 'request.body-missing')
  t.equal(needed.ask(post('{}')), 'allowed')
  t.equal(plan('POST /x', '{}').ask(post('')), 'allowed')
})

t.test('size and structure have caps, also without a word in the policy', async (t) => {
  const route = plan('POST /x', '{}')
  t.equal(route.steps[0]?.settings.maxBytes, 262_144)
  t.equal(route.ask(post(`"${'x'.repeat(262_142)}"`)), 'allowed')
  t.equal(route.ask(post(`"${'x'.repeat(262_143)}"`)), 'request.body-too-large')
  t.equal(route.ask(post('['.repeat(20) + ']'.repeat(20))), 'allowed')
  t.equal(route.ask(post('['.repeat(21) + ']'.repeat(21))), 'request.too-deep')
  const small = plan('POST /x', '{ maxBytes: 1KiB, structure: { depth: 2, keys: 1, stringLength: 3 } }')
  t.equal(small.steps[0]?.settings.maxBytes, 1024)
  t.equal(small.ask(post('{"a":"bcde"}')), 'request.string-too-long')
  t.equal(small.ask(post('{"a":1,"b":1}')), 'request.too-many-keys')
  t.same(
    plan('POST /x', '{ maxBytes: 0B }').findings.map(({ code }) => code),
    ['request.size-unreadable'],
  )
})

t.test('a caller learns where and which rule, never a value', async (t) => {
  const route = plan('POST /orders', '{ body: ./order.json }', {
    'order.json':
      '{"type":"object","required":["sku"],"properties":{"sku":{"type":"string"},"qty":{"type":"integer","minimum":1}}}',
  })
  t.same(route.findings, [])
  t.equal(route.ask(post('{"sku":"A1","qty":1}')), 'allowed')
  const refused = route.refusal(post('{"sku":"A1","qty":-7654321}'))
  t.equal(refused?.reason.code, 'request.body-invalid')
  t.same(refused?.errors, [{ at: 'body:/qty', rule: 'minimum' }])
  t.same(refused?.evidence, { errors: ['body:/qty minimum'] })
  t.notMatch(JSON.stringify(refused), /7654321/)
  t.same(route.refusal(post('{}'))?.errors, [{ at: 'body:/sku', rule: 'required' }])
})

t.test('path, query and headers are read by their declared type, for validation alone', async (t) => {
  const route = plan(
    'GET /products/{id}',
    `
  path: { id: { type: string, pattern: "^[a-z0-9 -]{1,40}$" } }
  query:
    page: { type: integer, minimum: 1, required: true }
    price: { type: number }
    sale: { type: boolean }
    lang: { enum: [en, de] }
    tag: { type: array, maxItems: 2, items: { type: integer } }
    size: { enum: [1, 2, XL] }
    note: { type: [integer, "null", string], maxLength: 5 }
  headers: { x-shop: { enum: [eu, us] }, x-depth: { type: integer, required: true } }`,
  )
  t.same(route.findings, [])
  const headers = ['X-Shop', 'eu', 'X-Depth', '3']
  const ask = (query: string, id = 'a-1', lines: readonly string[] = headers) => {
    const refused = route.refusal(makeExchange({ query, headers: lines, params: { id } }))
    return refused === null
      ? 'allowed'
      : `${refused.reason.code} ${refused.errors?.map(({ at, rule }) => `${at} ${rule}`)}`
  }
  const rows: readonly [query: string, expected: string][] = [
    ['page=3', 'allowed'],
    ['page=3&price=19.99&sale=true&lang=de&tag=1&tag=2&size=XL&note=abc', 'allowed'],
    ['page=%33', 'allowed'],
    ['page=3&size=2&note=', 'allowed'],
    ['', 'request.query-invalid query:/page required'],
    ['page=0', 'request.query-invalid query:/page minimum'],
    ['page=3.5', 'request.query-invalid query:/page type'],
    ['page=x', 'request.query-invalid query:/page type'],
    ['page=', 'request.query-invalid query:/page type'],
    ['page=0x10', 'request.query-invalid query:/page type'],
    ['page=+3', 'request.query-invalid query:/page type'],
    ['page=1e400', 'request.query-invalid query:/page type'],
    ['page=9007199254740993', 'request.query-invalid query:/page exact-integer'],
    ['page=1&page=2', 'request.query-repeated query:/page repeated'],
    ['page=1&p%61ge=2', 'request.query-repeated query:/page repeated'],
    ['page=1&sale=TRUE', 'request.query-invalid query:/sale type'],
    ['page=1&lang=fr', 'request.query-invalid query:/lang enum'],
    ['page=1&tag=1&tag=2&tag=3', 'request.query-invalid query:/tag maxItems'],
    ['page=1&tag=x', 'request.query-invalid query:/tag/0 type'],
    ['page=1&size=3', 'request.query-invalid query:/size enum'],
    ['page=1&other=1', 'request.query-unknown undefined'],
    ['page=1&__proto__=1', 'request.query-unknown undefined'],
  ]
  for (const [query, expected] of rows) t.equal(ask(query), expected, query)
  t.equal(ask('page=1', 'a%20b'), 'allowed')
  t.equal(ask('page=1', 'A'), 'request.path-invalid path:/id pattern')
  t.equal(ask('page=1', 'a%ff'), 'request.path-encoding undefined')
  t.equal(ask('page=1', 'a%00'), 'request.path-encoding undefined')
  t.equal(ask('page=1', 'a', ['x-depth', '3']), 'allowed')
  t.equal(ask('page=1', 'a', ['x-shop', 'eu']), 'request.header-invalid header:/x-depth required')
  t.equal(ask('page=1', 'a', ['x-depth', '3', 'X-Shop', 'xx']), 'request.header-invalid header:/x-shop enum')
  t.equal(ask('page=1', 'a', [...headers, 'X-DEPTH', '4']), 'request.header-repeated header:/x-depth repeated')
})

t.test('a query that cannot be read is refused on every route; unknown names only where some are known', async (t) => {
  const plain = plan('GET /x', '{}')
  for (const query of ['a=%', 'a=%zz', 'a=%ff', 'a=%c0%af', '%00=1', 'a=%00', 'a=%ed%a0%80']) {
    t.equal(plain.ask(get(query)), 'request.query-encoding', query)
  }
  for (const query of ['a=%C3%BC', 'a=1&a=2', 'a', '&&', 'a=100%25']) t.equal(plain.ask(get(query)), 'allowed', query)
  t.equal(plan('GET /x', '{ unknownQuery: reject }').ask(get('a=1')), 'request.query-unknown')
  t.equal(plan('GET /x', '{ unknownQuery: reject }').ask(get('')), 'allowed')
  t.equal(plan('GET /x', '{ query: { a: { type: string } }, unknownQuery: allow }').ask(get('b=1')), 'allowed')
})

t.test('in report mode the schemas report; parsing, types and caps still hold', async (t) => {
  const route = plan('POST /x', '{ mode: report, body: { type: object }, query: { a: { type: integer } } }')
  t.same(
    route.steps.map(({ mode, settings }) => [mode, settings.part]),
    [
      ['enforce', 'reading'],
      ['report', 'schemas'],
    ],
  )
  t.ok(route.steps.every(({ slot, needsBody }) => slot === 'request' && needsBody))
  const alone = (index: number) => {
    const step = route.steps[index]
    if (step === undefined) throw new Error('no such step')
    return step.settings
  }
  t.equal(alone(0).bodySchema, null)
  t.equal(alone(0).requiresBody, false)
  t.equal(route.ask(post('[]')), 'request.body-invalid')
  t.equal(route.ask(post('{"a":1,"a":2}')), 'request.json-duplicate-key')

  const off = plan('POST /x', '{ mode: off, body: { type: object } }')
  t.equal(off.steps.length, 1)
  t.equal(off.ask(post('[]')), 'allowed')
  t.equal(off.ask(post('[')), 'request.json-invalid')
  t.equal(off.ask(post('x', 'text/plain')), 'request.media-type')
})

t.test('routes whose bodies nobody can read let them stream', async (t) => {
  const upload = plan('PUT /files/{name}', '{ contentType: [application/octet-stream], maxBytes: 100MiB }')
  t.equal(upload.steps[0]?.needsBody, false)
  t.equal(upload.ask({ ...post('', 'application/octet-stream'), method: 'PUT', body: null }), 'allowed')
  t.equal(upload.ask({ ...post('', 'text/plain'), method: 'PUT', body: null }), 'request.media-type')
  const readable = plan('POST /x', '{}')
  t.throws(() => readable.ask({ ...post(''), body: null }), /not buffered/, 'a fault of ours fails closed')
})

t.test('settings that contradict the route are refused with what to write instead', async (t) => {
  const rows: readonly [policy: string, code: string][] = [
    ['{ path: { idd: { type: string } } }', 'request.path-unknown'],
    ['{ headers: { X-Shop: { type: string } } }', 'request.headers-unknown'],
    ['{ query: { constructor: { type: string } } }', 'request.query-unknown'],
    ['{ query: { a: { type: object } } }', 'request.parameter-unreadable'],
    ['{ query: { a: { type: strin } } }', 'request.schema-invalid'],
    ['{ path: { id: { pattern: "^(a+)+$" } } }', 'request.pattern-backtracks'],
    ['{ body: { type: object }, contentType: [application/json, text/plain] }', 'request.body-not-json'],
    ['{ body: ./missing.json }', 'policy.file-missing'],
  ]
  for (const [policy, code] of rows) {
    t.same(
      plan('POST /orders/{id}', policy).findings.map((finding) => finding.code),
      [code],
      policy,
    )
  }
  const good = plan(
    'POST /orders/{id}',
    '{ body: { type: object }, contentType: [application/json, application/*+json] }',
  )
  t.same(good.findings, [])
})

t.test('parameters may refer to files, each to its own', async (t) => {
  const files = { 'id.json': '{"$defs":{"id":{"pattern":"^[0-9]+$"}},"$ref":"#/$defs/id"}' }
  const route = plan(
    'GET /x/{id}',
    '{ path: { id: { $ref: ./id.json } }, query: { ref: { $ref: "./id.json#/$defs/id" }, n: { $defs: { n: { maxLength: 1 } }, $ref: "#/$defs/n" } } }',
    files,
  )
  t.same(route.findings, [])
  t.equal(route.ask(makeExchange({ params: { id: '1' }, query: 'ref=2&n=3' })), 'allowed')
  t.same(route.refusal(makeExchange({ params: { id: 'x' } }))?.errors, [{ at: 'path:/id', rule: 'pattern' }])
  t.same(route.refusal(makeExchange({ params: { id: '1' }, query: 'n=33' }))?.errors, [
    { at: 'query:/n', rule: 'maxLength' },
  ])
})

import t, { type Test } from 'tap'
import { type Change, type Direction, difference, type ThingDifference } from '../../src/plan/difference.js'
import { directionOf } from '../../src/plan/difference-rules.js'
import type { Plan, RoutePlan } from '../../src/plan/plan.js'
import { loadPolicy } from '../../src/policy/load.js'
import { writeFolder } from '../policy/folder.js'

const gateway = {
  version: 1,
  addressLimit: { quota: 100, window: '1m' },
  secrets: { key: { env: 'FN_KEY' }, admin: { env: 'ADMIN' } },
}
const shared = {
  issuers: {
    main: {
      issuer: 'https://id.example.com/',
      audience: 'a',
      maxTokenAge: '1h',
      dpop: { mode: 'required', publicUrls: ['https://api.example.com'] },
    },
    other: { issuer: 'https://id.example.org/', audience: 'a' },
  },
  upstreams: {
    fn: { url: 'https://fn.example.com', auth: { header: { name: 'x-key', value: '${secret:key}' } } },
    two: { url: 'http://127.0.0.1:9' },
  },
  clients: {
    acme: {
      plan: 'partner',
      keys: { k1: { sha256: 'a'.repeat(64), notAfter: '2999-01-01' } },
      ipAllow: ['203.0.113.0/24'],
    },
  },
}
const order = {
  type: 'object',
  additionalProperties: false,
  required: ['sku'],
  properties: { sku: { type: 'string', maxLength: 40, pattern: '^[a-z]+$' }, qty: { type: 'integer', maximum: 10 } },
}
const post = {
  upstream: 'fn',
  auth: { jwt: 'main', scopes: ['orders:write'], claims: { email_verified: true } },
  request: { body: order, query: { page: { type: 'integer', maximum: 9 } } },
  rateLimit: {
    me: { partitionKey: 'jwt.sub', tiers: { from: 'jwt.plan', free: '10/1m', pro: '100/1m', default: 'free' } },
    ip: { partitionKey: 'ip', quota: 60, window: '1m', burst: 10 },
  },
  concurrency: { partitionKey: 'jwt.sub', quota: 4 },
  inspect: { exceptions: { note: { rule: 'sqli', at: 'body:/note', owner: 'me', until: '2998-12-31' } } },
  forward: { claims: { sub: 'x-user' }, headers: { set: { 'x-shop': 'eu' } } },
  ip: { allow: ['10.0.0.0/8'], deny: ['10.0.0.1'] },
  timeout: { total: '10s' },
}

type Json = { readonly [key: string]: unknown }

/** Puts a value at a dotted path of a copy; undefined takes it away. Dots in keys are written as `|`. */
function put(base: Json, path: string, value: unknown): Json {
  const [head = '', ...rest] = path.split('.')
  const key = head.replaceAll('|', '.')
  const copy: Record<string, unknown> = { ...base }
  if (rest.length > 0) copy[key] = put(Object(base[key]), rest.join('.'), value)
  else if (value === undefined) delete copy[key]
  else copy[key] = value
  return copy
}

async function planOf(t: Test, files: Json): Promise<Plan> {
  const texts = Object.entries(files).map(([name, content]) => [`${name}.yaml`, JSON.stringify(content, null, 1)])
  const { plan, problems } = await loadPolicy(writeFolder(t, Object.fromEntries(texts)), { standInSecrets: true })
  if (plan === null) throw new Error(problems.map(({ message }) => message).join(' '))
  return plan
}

const base: Json = { gateway, shared, orders: { routes: { 'POST /orders': post } } }
const route = 'orders.routes.POST /orders'

/** What one change of the policy is told as. */
const rows: readonly (readonly [
  says: string,
  path: string,
  value: unknown,
  expected: readonly (readonly [string, Direction])[],
])[] = [
  ['a scope fewer', `${route}.auth.scopes`, undefined, [['auth.scopes', 'weaker']]],
  ['a scope more', `${route}.auth.scopes`, ['orders:write', 'x'], [['auth.scopes', 'stronger']]],
  ['another scope', `${route}.auth.scopes`, ['x'], [['auth.scopes', 'other']]],
  ['a claim fewer', `${route}.auth.claims`, undefined, [['auth.claims', 'weaker']]],
  ['another issuer', `${route}.auth.jwt`, 'other', [['auth.accepts', 'other']]],
  ['a larger body', `${route}.request.maxBytes`, '1MiB', [['request.maxBytes', 'weaker']]],
  ['a smaller body', `${route}.request.maxBytes`, '1KiB', [['request.maxBytes', 'stronger']]],
  ['deeper bodies', `${route}.request.structure`, { depth: 30 }, [['request.structure.depth', 'weaker']]],
  [
    'no schema',
    `${route}.request.body`,
    undefined,
    [
      ['request.body schema', 'weaker'],
      ['request.types', 'weaker'],
    ],
  ],
  ['schemas that report', `${route}.request.mode`, 'report', [['request.schemas.mode', 'weaker']]],
  [
    'a schema that lets unknown fields pass',
    `${route}.request.body.additionalProperties`,
    undefined,
    [['request.body: /additionalProperties', 'weaker']],
  ],
  [
    'a higher maximum',
    `${route}.request.body.properties.qty.maximum`,
    11,
    [['request.body: /properties/qty/maximum', 'weaker']],
  ],
  [
    'a lower maximum',
    `${route}.request.body.properties.qty.maximum`,
    9,
    [['request.body: /properties/qty/maximum', 'stronger']],
  ],
  [
    'no maximum',
    `${route}.request.body.properties.qty.maximum`,
    undefined,
    [['request.body: /properties/qty/maximum', 'weaker']],
  ],
  [
    'no pattern',
    `${route}.request.body.properties.sku.pattern`,
    undefined,
    [['request.body: /properties/sku/pattern', 'weaker']],
  ],
  [
    'another pattern',
    `${route}.request.body.properties.sku.pattern`,
    '^[b-z]+$',
    [['request.body: /properties/sku/pattern', 'other']],
  ],
  [
    'a field that need not be there',
    `${route}.request.body.required`,
    undefined,
    [['request.body: /required', 'weaker']],
  ],
  [
    'a new field',
    `${route}.request.body.properties.note`,
    { type: 'string', maxLength: 9 },
    [['request.body: /properties/note', 'other']],
  ],
  ['a description', `${route}.request.body.description`, 'words', []],
  [
    'a query that may be larger',
    `${route}.request.query.page.maximum`,
    99,
    [['request.parameters: /properties/query/properties/page/maximum', 'weaker']],
  ],
  ['unknown queries pass', `${route}.request.unknownQuery`, 'allow', [['request.rejectsUnknownQuery', 'weaker']]],
  [
    'a larger tier',
    `${route}.rateLimit.me.tiers.free`,
    '20/1m',
    [
      ['rateLimit.me.tiers.free', 'weaker'],
      ['rateLimit.me.tiers.default', 'weaker'],
    ],
  ],
  ['a new tier', `${route}.rateLimit.me.tiers.gold`, '5/1m', [['rateLimit.me.tiers.gold', 'other']]],
  ['a longer window', `${route}.rateLimit.ip.window`, '2m', [['rateLimit.ip.rate', 'stronger']]],
  ['a larger quota', `${route}.rateLimit.ip.quota`, 61, [['rateLimit.ip.rate', 'weaker']]],
  ['a larger burst', `${route}.rateLimit.ip.burst`, 11, [['rateLimit.ip.burst', 'weaker']]],
  ['a limit by another key', `${route}.rateLimit.ip.partitionKey`, 'route', [['rateLimit.ip.partitionKey', 'other']]],
  ['a limit that reports', `${route}.rateLimit.ip.mode`, 'report', [['rateLimit.ip.mode', 'weaker']]],
  ['a limit fewer', `${route}.rateLimit.ip`, undefined, [['rateLimit.ip.present', 'weaker']]],
  [
    'a limit more',
    `${route}.rateLimit.all`,
    { partitionKey: 'route', quota: 9, window: '1s' },
    [['rateLimit.all.present', 'stronger']],
  ],
  [
    'a limit with a dot in its name',
    `${route}.rateLimit.a|b`,
    { partitionKey: 'ip', quota: 9, window: '1s' },
    [['rateLimit.a.b.present', 'stronger']],
  ],
  ['more at once', `${route}.concurrency.quota`, 5, [['concurrency.quota', 'weaker']]],
  ['any number at once', `${route}.concurrency`, undefined, [['concurrency.present', 'weaker']]],
  ['no inspection', `${route}.inspect.mode`, 'off', [['inspect.present', 'weaker']]],
  ['inspection that reports', `${route}.inspect.mode`, 'report', [['inspect.mode', 'weaker']]],
  ['a stricter profile', `${route}.inspect.profile`, 'strict', [['inspect.profile', 'stronger']]],
  ['an exception fewer', `${route}.inspect.exceptions`, undefined, [['inspect.exceptions.note.present', 'stronger']]],
  [
    'an exception for longer',
    `${route}.inspect.exceptions.note.until`,
    '2999-12-31',
    [['inspect.exceptions.note.until', 'weaker']],
  ],
  [
    'an exception elsewhere',
    `${route}.inspect.exceptions.note.at`,
    'body:/text',
    [['inspect.exceptions.note.at', 'other']],
  ],
  [
    'an exception more',
    `${route}.inspect.exceptions.two`,
    { rule: 'xss', at: 'body:/text', owner: 'me', until: '2998-12-31' },
    [['inspect.exceptions.two.present', 'weaker']],
  ],
  ['Authorization goes on', `${route}.forward.authorization`, 'keep', [['forward.authorization', 'weaker']]],
  [
    'Authorization goes elsewhere',
    `${route}.forward.authorization`,
    'move:x-auth',
    [
      ['forward.authorization', 'weaker'],
      ['forward.authorization.to', 'other'],
    ],
  ],
  ['another header', `${route}.forward.headers.set.x-shop`, 'us', [['forward.setHeaders', 'other']]],
  ['an allow-list of headers', `${route}.forward.headers.allow`, ['accept'], [['forward.allowHeaders', 'stronger']]],
  ['more addresses', `${route}.ip.allow`, ['10.0.0.0/8', '192.168.0.0/16'], [['ip.allow', 'weaker']]],
  ['every address', `${route}.ip.allow`, undefined, [['ip.allow', 'weaker']]],
  ['a denied address fewer', `${route}.ip.deny`, undefined, [['ip.deny', 'weaker']]],
  ['no word about addresses', `${route}.ip`, undefined, [['ip.present', 'weaker']]],
  ['a longer wait', `${route}.timeout.total`, '20s', [['forward.timeouts.totalMs', 'weaker']]],
  ['a wait without end', `${route}.timeout.total`, 'off', [['forward.timeouts.totalMs', 'weaker']]],
  ['bare errors', `${route}.response.errors`, 'pass', [['response.errors', 'weaker']]],
  ['no security headers', `${route}.response.headers.security`, 'off', [['response.security', 'weaker']]],
  ['fields that do not leave', `${route}.response.redact`, ['body:/card'], [['response.redact', 'stronger']]],
  ['a schema of answers', `${route}.response.schema`, { type: 'object' }, [['response schema', 'stronger']]],
  ['compressed bodies', `${route}.request.encodings`, ['gzip'], [['request.encodings', 'weaker']]],
  ['pages of another origin', `${route}.cors`, { origins: ['https://shop.example'] }, [['cors.present', 'weaker']]],
  ['another function', `${route}.upstream`, 'two', [['upstream', 'other']]],
  ['a function without sign-in', 'shared.upstreams.fn.auth', undefined, [['upstream.auth', 'weaker']]],
  [
    'a function over http',
    'shared.upstreams.fn.url',
    'http://fn.example.com',
    [
      ['upstream.url', 'other'],
      ['upstream.scheme', 'weaker'],
    ],
  ],
  ['tokens that live longer', 'shared.issuers.main.maxTokenAge', '2h', [['issuer.maxTokenAgeMs', 'weaker']]],
  ['tokens without a greatest age', 'shared.issuers.main.maxTokenAge', undefined, [['issuer.maxTokenAgeMs', 'weaker']]],
  ['a second audience', 'shared.issuers.main.audience', ['a', 'b'], [['issuer.audience', 'weaker']]],
  [
    'proofs where tokens were enough',
    'shared.issuers.other.dpop',
    'required',
    [
      ['issuer.dpop', 'stronger'],
      ['issuer.dpop.algorithms', 'stronger'],
      ['issuer.dpop.maxAgeMs', 'stronger'],
      ['issuer.dpop.nonce', 'other'],
      ['issuer.dpop.publicUrls', 'other'],
    ],
  ],
  ['proofs only from who has them', 'shared.issuers.main.dpop.mode', 'optional', [['issuer.dpop', 'weaker']]],
  ['older proofs', 'shared.issuers.main.dpop.maxAge', '2m', [['issuer.dpop.maxAgeMs', 'weaker']]],
  ['proofs for any host', 'shared.issuers.main.dpop.publicUrls', undefined, [['issuer.dpop.publicUrls', 'weaker']]],
  ['an algorithm fewer', 'shared.issuers.main.algorithms', ['ES256'], [['issuer.algorithms', 'stronger']]],
  [
    'a key that lasts longer',
    'shared.clients.acme.keys.k1.notAfter',
    '2999-02-01',
    [['client.keys.k1.expiresAt', 'weaker']],
  ],
  ['a key for ever', 'shared.clients.acme.keys.k1.notAfter', undefined, [['client.keys.k1.expiresAt', 'weaker']]],
  ['another key', 'shared.clients.acme.keys.k2', { sha256: 'b'.repeat(64) }, [['client.keys.k2.present', 'weaker']]],
  ['a client from anywhere', 'shared.clients.acme.ipAllow', undefined, [['client.ipAllow', 'weaker']]],
  ['no address limit', 'gateway.addressLimit', undefined, [['gateway.addressLimit.present', 'weaker']]],
  [
    'a limit of refused credentials',
    'gateway.addressLimit.failedAuth',
    '30/1m',
    [['gateway.addressLimit.failedAuth', 'stronger']],
  ],
  ['a proxy more', 'gateway.trustedProxies', ['10.0.0.1'], [['gateway.trustedProxies', 'weaker']]],
  ['larger headers', 'gateway.limits', { headerBytes: '32KiB' }, [['gateway.limits.headerBytes', 'weaker']]],
  [
    'an admin token',
    'gateway.listeners',
    { admin: { token: '${secret:admin}' } },
    [['gateway.admin.token', 'stronger']],
  ],
  ['counters that let pass', 'gateway.store', { onStoreError: 'allow' }, [['gateway.store.onStoreError', 'weaker']]],
  [
    'a value hidden in the log',
    'gateway.observability',
    { accessLog: { redact: ['query.t'] } },
    [['gateway.redact', 'stronger']],
  ],
  [
    'another order of keys and a comment',
    'orders.routes',
    { 'POST /orders': Object.fromEntries(Object.entries(post).reverse()) },
    [],
  ],
]

const told = (changes: readonly Change[]) => changes.map(({ setting, direction }) => [setting, direction])

t.test('each change is told once, and which way it moves protection', async (t) => {
  const before = await planOf(t, base)
  const opposite: Record<Direction, Direction> = { weaker: 'stronger', stronger: 'weaker', other: 'other' }
  for (const [says, path, value, expected] of rows) {
    const after = await planOf(t, put(base, path, value))
    const found = difference(before, after)
    const changes = found.things.flatMap((thing) => [...thing.changes])
    t.same(told(changes).sort(), [...expected].sort(), says)
    t.equal(found.counts.weaker, expected.filter(([, direction]) => direction === 'weaker').length, `${says}: counted`)
    const back = difference(after, before).things.flatMap((thing) => [...thing.changes])
    t.same(
      told(back).sort(),
      expected.map(([setting, direction]) => [setting, opposite[direction]]).sort(),
      `${says}, undone`,
    )
    if (expected.length === 0) t.same(found.things, [], `${says}: no difference`)
    for (const { place } of changes) t.ok(place.line >= 1 && place.file !== '')
  }
})

t.test('a protection that only reports, and a page more, are told by themselves', async (t) => {
  const answers = await planOf(t, put(base, `${route}.response.schema`, { type: 'object' }))
  const reporting = await planOf(t, put(base, `${route}.response`, { schema: { type: 'object' }, mode: 'report' }))
  const changes = (a: Plan, b: Plan) => difference(a, b).things.flatMap((thing) => told(thing.changes))
  t.same(changes(answers, reporting), [['response.schema.mode', 'weaker']])
  const pages = (...origins: string[]) => planOf(t, put(base, `${route}.cors`, { origins }))
  t.same(changes(await pages('https://a.example'), await pages('https://a.example', 'https://b.example')), [
    ['cors.origins', 'weaker'],
  ])
  t.same(changes(await pages('https://a.example'), await pages('*')), [['cors.origins', 'weaker']])
})

t.test('what came, what went, and what is open', async (t) => {
  const open = { upstream: 'two', auth: 'none', reason: 'a test' }
  const before = await planOf(t, base)
  const after = await planOf(t, {
    ...put(base, 'shared.upstreams.three', { url: 'http://127.0.0.1:10' }),
    orders: {
      routes: { 'GET /health': open, 'GET /orders/{id}': { ...post, request: undefined, auth: { jwt: 'main' } } },
    },
  })
  const { things, counts } = difference(before, after)
  const brief = things.map(({ kind, name, change, direction }: ThingDifference) => [kind, name, change, direction])
  t.same(brief, [
    ['upstream', 'three', 'added', 'other'],
    ['route', 'GET /health', 'added', 'weaker'],
    ['route', 'GET /orders/{id}', 'added', 'other'],
    ['route', 'POST /orders', 'removed', 'other'],
  ])
  t.same(counts, { weaker: 1, stronger: 0, other: 3 })
})

t.test('a route beside a broader one is judged by what changes for its requests', async (t) => {
  const broad = { upstream: 'two', auth: { jwt: 'main' } }
  const narrow = { upstream: 'two', auth: { jwt: 'main', scopes: ['x'] } }
  const of = (routes: Json) => planOf(t, put(base, 'orders.routes', routes))
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['GET /orders/{id}', 'ANY /{rest+}', true],
    ['GET /orders/{id}', 'GET /orders/{rest+}', true],
    ['GET /orders/{id}', 'GET /{a}/{b}', true],
    ['GET /orders/new', 'GET /orders/{id}', true],
    ['GET /orders/{id}', 'ANY /orders/{id}', true],
    ['GET /orders/{rest+}', 'GET /{all+}', true],
    ['GET /orders/{id}', 'POST /{rest+}', false],
    ['GET /orders/{id}', 'GET /orders', false],
    ['GET /orders', 'GET /orders/{rest+}', false],
    ['GET /orders/{id}', 'GET /orders/new', false],
    ['GET /orders/{rest+}', 'GET /orders/{id}', false],
  ]
  for (const [id, other, isTaken] of rows) {
    const both = await of({ [id]: narrow, [other]: broad })
    const alone = await of({ [other]: broad })
    const [gone] = difference(both, alone).things
    const [come] = difference(alone, both).things
    t.equal(gone?.beside, isTaken ? other : undefined, `${id} beside ${other}`)
    t.equal(gone?.direction, isTaken ? 'weaker' : 'other')
    t.equal(come?.direction, isTaken ? 'stronger' : 'other')
    // A route for every method takes bodies as well.
    const changes = (gone?.changes ?? []).filter(({ setting }) => setting !== 'request.acceptsBody')
    t.same(told(changes), isTaken ? [['auth.scopes', 'weaker']] : [])
    t.same([gone?.name, gone?.change, come?.name, come?.change], [id, 'removed', id, 'added'])
  }
  const most = await of({ 'GET /a/{x}': narrow, 'ANY /a/{x}': broad, 'ANY /{rest+}': broad })
  const less = await of({ 'GET /a/b': narrow, 'GET /a/{x}': narrow, 'ANY /a/{x}': broad, 'ANY /{rest+}': broad })
  t.match(difference(less, most).things, [{ name: 'GET /a/b', beside: 'GET /a/{x}', direction: 'other', changes: [] }])
})

t.test('a route that loses its auth is told as that alone', async (t) => {
  const before = await planOf(t, base)
  const opened = { ...(put({ post }, 'post.forward', undefined)['post'] as Json), auth: 'none', reason: 'x y z' }
  const limits = { ip: post.rateLimit.ip }
  const after = await planOf(t, put(base, route, { ...opened, rateLimit: limits, concurrency: undefined }))
  const settings = difference(before, after).things.flatMap(({ changes }) => told(changes))
  t.match(
    settings.filter(([setting]) => String(setting).startsWith('auth')),
    [['auth.open', 'weaker']],
  )
})

t.test('a parameter of another name is the same route', async (t) => {
  const of = (name: string): Json =>
    put(base, 'orders.routes', { [`GET /orders/{${name}}`]: { upstream: 'two', auth: { jwt: 'main', scopes: ['x'] } } })
  const { things } = difference(await planOf(t, of('id')), await planOf(t, of('order')))
  t.match(things, [
    { name: 'GET /orders/{order}', change: 'changed', changes: [{ setting: 'id', direction: 'other' }] },
  ])
  t.equal(things.length, 1)
})

t.test('a stage that nobody taught the table is still told', async (t) => {
  const before = await planOf(t, base)
  const [first] = before.routes
  if (first === undefined) throw new Error('a route')
  const step = {
    stage: 'replay',
    slot: 'replay',
    phase: 'body',
    mode: 'enforce',
    settings: { rememberMs: 1 },
    declaredAt: first.declaredAt,
  } as const
  const withStep = (settings: object): Plan => ({
    ...before,
    routes: [{ ...first, steps: [...first.steps, { ...step, settings }] } satisfies RoutePlan],
  })
  const changes = (a: Plan, b: Plan) => difference(a, b).things.flatMap((thing) => told(thing.changes))
  t.same(changes(before, withStep({ rememberMs: 1 })), [['replay.present', 'stronger']])
  t.same(changes(withStep({ rememberMs: 1 }), before), [['replay.present', 'weaker']])
  t.same(changes(withStep({ rememberMs: 1 }), withStep({ rememberMs: 2, of: { id: 'x' } })), [
    ['replay.rememberMs', 'other'],
    ['replay.of.id', 'other'],
  ])
})

t.test('a schema rewritten from top to bottom is one change', async (t) => {
  const fields = (count: number, maximum: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, { type: 'integer', maximum }]))
  const of = (maximum: number) => put(base, `${route}.request.body.properties`, fields(30, maximum))
  const { things } = difference(await planOf(t, of(1)), await planOf(t, of(2)))
  t.match(things, [{ changes: [{ setting: 'request.body: /', direction: 'weaker' }] }])
})

t.test('ten thousand routes are compared in a moment', async (t) => {
  const plan = await planOf(t, base)
  const [first] = plan.routes
  if (first === undefined) throw new Error('a route')
  const many = (mode: 'enforce' | 'report'): Plan => ({
    ...plan,
    routes: Array.from({ length: 10_000 }, (_, i) => ({
      ...first,
      id: `POST /r${i}`,
      match: { method: 'POST', segments: [{ literal: `r${i}` }] },
      steps: first.steps.map((step) => (step.stage === 'inspect' ? { ...step, mode } : step)),
    })),
  })
  const started = performance.now()
  const { counts } = difference(many('enforce'), many('report'))
  t.equal(counts.weaker, 10_000)
  t.ok(performance.now() - started < 10_000)
})

t.test('where nobody can say, nothing is claimed', (t) => {
  t.equal(directionOf('something.new', 1, 2), 'other')
  t.equal(directionOf('request.types', ['a', 'b'], ['b', 'c']), 'other')
  t.equal(directionOf('inspect.profile', 'api', 'unheard-of'), 'other')
  t.equal(directionOf('rateLimit.x.rate', { quota: 1, windowMs: 1 }, undefined), 'other')
  t.end()
})

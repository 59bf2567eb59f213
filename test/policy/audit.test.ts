import t from 'tap'
import { ruleTables } from '../../src/policy/audit/audit.js'
import { type AuditCode, auditCodes, catalog } from '../../src/policy/audit/catalog.js'
import { patchLines } from '../../src/policy/audit/patch.js'
import { risks } from '../../src/policy/audit/risks.js'
import { parseText } from '../../src/policy/files.js'
import { Memory } from '../../src/policy/memory.js'
import { Source } from '../../src/policy/source.js'
import { auditOf, type Files, over, patched, routeOf, sound } from './audit-folder.js'

/** What is unwise, and the nearest thing that is not. `mends: false` where only the operator can know the mend. */
interface Row {
  readonly code: AuditCode
  readonly says: string
  readonly change: Files
  readonly harmless: Files
  readonly message?: RegExp
  readonly mends?: false
}

const gateway = (change: Files[string]): Files => ({ 'gateway.yaml': change })
const shared = (change: Files[string]): Files => ({ 'shared.yaml': change })
const post = (change: Files[string]): Files => routeOf('POST /orders', change)
const get = (change: Files[string]): Files => routeOf('GET /orders/{id}', change)
const stock = (change: Files[string]): Files => routeOf('GET /stock', change)
const soon = '2098-06-20'
const open = {
  auth: 'none',
  reason: 'a test',
  rateLimit: { 'per-client': null, 'per-ip': { partitionKey: 'ip', quota: 9, window: '1m' } },
}
const exception = (until: string) => ({
  inspect: { exceptions: { note: { rule: 'sqli', at: 'body:/note', owner: 'me', until } } },
})

const rows: readonly Row[] = [
  {
    code: 'audit.open-write',
    says: 'everyone may change something',
    change: post(open),
    harmless: get(open),
    message: /Everyone may call POST \/orders/,
  },
  {
    code: 'audit.open-write',
    says: 'ANY holds the writing methods too',
    change: routeOf('ANY /any', { upstream: 'fn', ...open, request: { contentType: ['image/png'] } }),
    harmless: routeOf('OPTIONS /any', { upstream: 'fn', ...open }),
  },
  {
    code: 'audit.write-without-scopes',
    says: 'any token may write',
    change: post({ auth: { scopes: null } }),
    harmless: post({ auth: { scopes: null, claims: { role: 'clerk' } } }),
  },
  {
    code: 'audit.read-without-scopes',
    says: 'any token may read',
    change: get({ auth: { scopes: null } }),
    harmless: get({ auth: { scopes: ['x'] } }),
  },
  {
    code: 'audit.claim-unverified',
    says: 'an address that nobody proved',
    change: post({ forward: { claims: { email: 'x-email' } } }),
    harmless: post({ forward: { claims: { email: 'x-email' } }, auth: { claims: { email_verified: true } } }),
  },
  {
    code: 'audit.claim-self-chosen',
    says: 'a name that callers choose',
    change: post({ forward: { claims: { preferred_username: 'x-user' } } }),
    harmless: post({ forward: { claims: { sub: 'x-user', plan: 'x-plan' } } }),
  },
  {
    code: 'audit.ip-allow-wide',
    says: 'an allow-list of everyone',
    change: post({ ip: { allow: ['0.0.0.0/0'] } }),
    harmless: post({ ip: { allow: ['10.0.0.0/8', '203.0.113.0/24', '2001:db8::/32'] } }),
    mends: false,
    message: /every IPv4 address/,
  },
  {
    code: 'audit.ip-allow-wide',
    says: 'a key for half of the internet',
    change: shared({ clients: { acme: { ipAllow: ['128.0.0.0/1'] } } }),
    harmless: shared({ clients: { acme: { ipAllow: ['203.0.113.0/24'] } } }),
    mends: false,
    message: /2147483648 addresses/,
  },
  {
    code: 'audit.token-age-unbounded',
    says: 'tokens without a greatest age',
    change: shared({ issuers: { main: { maxTokenAge: null } } }),
    harmless: shared({ issuers: { main: { maxTokenAge: '1h' } } }),
  },
  {
    code: 'audit.token-type-absent',
    says: 'tokens without a type',
    change: shared({ issuers: { main: { tokenTypes: ['at+jwt', 'absent'] } } }),
    harmless: shared({ issuers: { main: { tokenTypes: ['at+jwt'] } } }),
  },
  {
    code: 'audit.key-without-end',
    says: 'a key for ever',
    change: shared({ clients: { acme: { keys: { k1: { notAfter: null } } } } }),
    harmless: shared({ clients: { acme: { keys: { k1: { notAfter: '2099-12-31' } } } } }),
  },
  {
    code: 'audit.key-expires-soon',
    says: 'the last key of a client ends',
    change: shared({ clients: { acme: { keys: { k1: { notAfter: soon } } } } }),
    harmless: shared({
      clients: { acme: { keys: { k1: { notAfter: soon }, k2: { sha256: 'a'.repeat(64), notAfter: '2099-01-01' } } } },
    }),
    mends: false,
    message: /ends after 2098-06-20/,
  },
  {
    code: 'audit.body-schema-missing',
    says: 'a body of any shape',
    change: post({ request: { body: null } }),
    harmless: post({ request: { body: null, contentType: ['image/png'] } }),
  },
  {
    code: 'audit.body-schema-missing',
    says: 'a body on a method that usually has none',
    change: stock({ request: { contentType: ['application/json'] } }),
    harmless: stock({ request: { maxBytes: '1KiB' } }),
  },
  {
    code: 'audit.body-schema-open',
    says: 'fields that nobody named',
    change: { 'schemas/order.json': { additionalProperties: null } },
    harmless: { 'schemas/order.json': { additionalProperties: null, unevaluatedProperties: false } },
  },
  {
    code: 'audit.body-schema-open',
    says: 'a schema that admits everything',
    change: post({ request: { body: true } }),
    harmless: post({ request: { body: { type: 'array', maxItems: 3, items: { type: 'integer' } } } }),
  },
  {
    code: 'audit.body-schema-unbounded',
    says: 'a pattern on a text of any length',
    change: { 'schemas/order.json': { properties: { sku: { pattern: '^[a-z]+$' } } } },
    harmless: { 'schemas/order.json': { properties: { sku: { pattern: '^[a-z]+$', maxLength: 40 } } } },
    message: /^\/sku is held against a pattern/,
  },
  {
    code: 'audit.body-schema-unbounded',
    says: 'distinct items without number, deep in the schema',
    change: {
      'schemas/order.json': {
        properties: { a: { type: 'array', items: { $ref: '#/$defs/b' } } },
        $defs: { b: { type: 'array', uniqueItems: true, items: { type: 'integer' } } },
      },
    },
    harmless: {
      'schemas/order.json': {
        properties: { a: { type: 'array', items: { $ref: '#/$defs/b' } } },
        $defs: { b: { type: 'array', uniqueItems: true, maxItems: 9, items: { type: 'integer' } } },
      },
    },
  },
  {
    code: 'audit.body-schema-unbounded',
    says: 'a pattern in a schema of the route',
    change: post({
      request: { body: { type: 'array', maxItems: 5, items: { type: 'string', pattern: '^(a|b*)$' } } },
    }),
    harmless: post({
      request: { body: { type: 'array', maxItems: 5, items: { type: 'string', pattern: '^[a-z]{2}-[0-9]{1,9}$' } } },
    }),
  },
  {
    code: 'audit.schemas-off',
    says: 'schemas written and switched off',
    change: post({ request: { mode: 'off' } }),
    harmless: stock({ request: { mode: 'off' } }),
  },
  {
    code: 'audit.parameter-unchecked',
    says: 'any text in a path',
    change: get({ request: { path: null } }),
    harmless: get({ request: { path: { id: { type: 'integer', pattern: null } } } }),
    message: /\{id\} of GET/,
  },
  {
    code: 'audit.inspect-off',
    says: 'no inspection',
    change: post({ inspect: { mode: 'off' } }),
    harmless: post({ inspect: { profile: 'strict' } }),
  },
  {
    code: 'audit.body-over-platform',
    says: 'more than Lambda takes',
    change: post({ request: { maxBytes: '7MiB' } }),
    harmless: post({ request: { maxBytes: '6MiB' } }),
    message: /7MiB are accepted; AWS Lambda takes 6MiB/,
  },
  {
    code: 'audit.body-over-platform',
    says: 'bytes that grow as base64',
    change: post({ request: { maxBytes: '5MiB', body: null, contentType: ['image/png'] } }),
    harmless: get({ request: { maxBytes: '50MiB', contentType: ['image/png'] } }),
    message: /takes 4608KiB of bytes that are no text/,
  },
  {
    code: 'audit.target-over-platform',
    says: 'longer URLs than Azure takes',
    change: gateway({ limits: { targetBytes: '8KiB' } }),
    harmless: gateway({ limits: { targetBytes: '4KiB' } }),
  },
  {
    code: 'audit.limit-missing',
    says: 'no limit at all',
    change: post({ rateLimit: null }),
    harmless: stock({ rateLimit: { 'per-client': { window: 'day' } } }),
  },
  {
    code: 'audit.limit-missing',
    says: 'no limit on what is open',
    change: get({ ...open, rateLimit: null }),
    harmless: get(open),
    message: /one caller may call it/,
  },
  {
    code: 'audit.client-limit-missing',
    says: 'known callers, limited by address alone',
    change: post({ rateLimit: { 'per-client': { partitionKey: 'ip' } } }),
    harmless: get(open),
  },
  {
    code: 'audit.address-limit-missing',
    says: 'an address may try without end',
    change: gateway({ addressLimit: null }),
    harmless: gateway({ addressLimit: { quota: 5 } }),
  },
  {
    code: 'audit.timeout-over-platform',
    says: 'longer than Azure answers',
    change: stock({ timeout: { total: '231s' } }),
    harmless: stock({ timeout: { total: '230s' } }),
    message: /may take 231s; Azure Functions ends it after 230s/,
  },
  {
    code: 'audit.timeout-over-platform',
    says: 'longer than Lambda answers, from a default',
    change: { 'orders.yaml': { defaults: { timeout: { total: '16m' } } } },
    harmless: get({ timeout: { total: '60m' } }),
    message: /ends it after 15m|ends it after 230s/,
  },
  {
    code: 'audit.timeout-off',
    says: 'answers without end, as many as one likes',
    change: get({ timeout: { total: 'off' } }),
    harmless: get({ timeout: { total: 'off' }, concurrency: { partitionKey: 'jwt.sub', quota: 2 } }),
  },
  {
    code: 'audit.capacity-one-client',
    says: 'one caller takes what all may',
    change: over(
      shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 1 } } } }),
      post({
        rateLimit: {
          'per-client': { quota: 11, window: '1s' },
          all: { partitionKey: 'route', quota: 20, window: '1s' },
        },
      }),
    ),
    harmless: over(
      shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 2 } } } }),
      post({ rateLimit: { 'per-client': { quota: 11, window: '1s' } } }),
    ),
    message: /gives one caller 11 calls a second; AWS Lambda runs 10/,
  },
  {
    code: 'audit.capacity-sum',
    says: 'the limits together admit more than is reserved',
    change: over(
      shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 1 } } } }),
      over(
        post({ rateLimit: { all: { partitionKey: 'route', quota: 8, window: '1s' } } }),
        stock({ upstream: 'lambda', rateLimit: { 'per-client': { quota: 3, window: '1s' } } }),
      ),
    ),
    harmless: over(
      shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 1 } } } }),
      over(
        post({ rateLimit: { all: { partitionKey: 'route', quota: 7, window: '1s' } } }),
        stock({ upstream: 'lambda', rateLimit: { 'per-client': { quota: 3, window: '1s' } } }),
      ),
    ),
    mends: false,
    message: /its 2 routes admit 11 calls a second to lambda; AWS Lambda runs 10: 1 reserved × 10/,
  },
  {
    code: 'audit.capacity-unbounded',
    says: 'nothing bounds all callers together',
    change: shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 20 } } } }),
    harmless: over(
      shared({ upstreams: { lambda: { capacity: { reservedConcurrency: 20 } } } }),
      post({ rateLimit: { all: { partitionKey: 'route', quota: 200, window: '1s' } } }),
    ),
  },
  {
    code: 'audit.limits-per-process',
    says: 'counters in memory where others may stand beside it',
    change: gateway({ listeners: { public: { address: '0.0.0.0:8080' } }, trustedProxies: [] }),
    harmless: gateway({ listeners: { public: { address: '127.0.0.1:8080' } } }),
    mends: false,
  },
  {
    code: 'audit.upstream-open',
    says: 'a function URL for everybody',
    change: shared({ upstreams: { lambda: { auth: 'none' } } }),
    harmless: shared({ upstreams: { fn: { auth: 'none' } } }),
    message: /lambda is on AWS Lambda/,
  },
  {
    code: 'audit.upstream-plain-http',
    says: 'plain http to another machine',
    change: shared({ upstreams: { fn: { url: 'http://orders.internal:8080' } } }),
    harmless: shared({ upstreams: { fn: { url: 'http://orders.internal:8080', insecure: 'the same pod' } } }),
  },
  {
    code: 'audit.issuer-plain-http',
    says: 'keys over plain http, with a reason',
    change: shared({ issuers: { main: { issuer: 'http://id.internal/', insecure: 'the same pod' } } }),
    harmless: shared({ issuers: { main: { issuer: 'http://127.0.0.1:8091/' } } }),
  },
  {
    code: 'audit.authorization-over-http',
    says: 'credentials over plain http',
    change: over(
      shared({ upstreams: { fn: { url: 'http://orders.internal:8080', insecure: 'the same pod' } } }),
      get({ forward: { authorization: 'keep' } }),
    ),
    harmless: get({ forward: { authorization: 'keep' } }),
  },
  {
    code: 'audit.admin-open',
    says: 'the admin listener for everybody',
    change: gateway({ listeners: { admin: { address: '0.0.0.0:9090' } } }),
    harmless: gateway({
      listeners: { admin: { address: '0.0.0.0:9090', token: '${secret:admin}' } },
      secrets: { admin: { env: 'ADMIN' } },
    }),
  },
  {
    code: 'audit.proxies-unknown',
    says: 'nobody says what stands in front',
    change: gateway({ listeners: { public: { address: '0.0.0.0:8080' } } }),
    harmless: gateway({ listeners: { public: { address: '0.0.0.0:8080' } }, trustedProxies: ['10.0.0.0/8'] }),
  },
  {
    code: 'audit.proxies-wide',
    says: 'a continent of proxies',
    change: gateway({ trustedProxies: ['34.0.0.0/8'] }),
    harmless: gateway({ trustedProxies: ['172.16.0.0/12', '10.0.0.0/8', '35.191.0.0/16', 'fd00::/8'] }),
    mends: false,
  },
  {
    code: 'audit.cors-any-origin',
    says: 'every page may use what it knows',
    change: stock({ cors: { origins: ['*'] } }),
    harmless: over(get({ ...open, cors: { origins: ['*'] } }), post({ cors: { origins: ['https://shop.example'] } })),
    mends: false,
  },
  {
    code: 'audit.errors-pass',
    says: 'stack traces leave, from a default',
    change: { 'orders.yaml': { defaults: { response: { errors: 'pass' } } } },
    harmless: { 'orders.yaml': { defaults: { response: { errors: 'mask' } } } },
  },
  {
    code: 'audit.security-headers-off',
    says: 'no security headers',
    change: stock({ response: { headers: { security: 'off' } } }),
    harmless: stock({ response: { headers: { security: 'basic' } } }),
  },
  {
    code: 'audit.report-mode',
    says: 'inspect only reports',
    change: post({ inspect: { mode: 'report' } }),
    harmless: post({ inspect: { mode: 'enforce' } }),
  },
  {
    code: 'audit.report-mode',
    says: 'schemas only report',
    change: post({ request: { mode: 'report' } }),
    harmless: post({ request: { mode: 'enforce' } }),
  },
  {
    code: 'audit.report-mode',
    says: 'a limit only reports',
    change: post({ rateLimit: { 'per-client': { mode: 'report' } } }),
    harmless: post({ rateLimit: { 'per-client': { mode: 'enforce' } } }),
    message: /The limit "per-client" only reports/,
  },
  {
    code: 'audit.report-mode',
    says: 'a shared limit only reports',
    change: over(
      shared({ rateLimits: { all: { partitionKey: 'route', quota: 9, window: '1s', mode: 'report' } } }),
      post({ rateLimit: { all: 'all' } }),
    ),
    harmless: over(
      shared({ rateLimits: { all: { partitionKey: 'route', quota: 9, window: '1s' } } }),
      post({ rateLimit: { all: 'all' } }),
    ),
  },
  {
    code: 'audit.exception-ends-soon',
    says: 'an exception about to end',
    change: post(exception(soon)),
    harmless: post(exception('2098-12-31')),
    mends: false,
  },
  {
    code: 'audit.secret-in-policy',
    says: 'a key in a header',
    change: post({ forward: { headers: { set: { 'x-key': `AKIA${'Z3K9Q7'.repeat(3)}` } } } }),
    harmless: post({ forward: { headers: { set: { 'x-shop': 'europe-west-production-blue' } } } }),
    mends: false,
    message: /looks like an AWS access key \(sha256:[0-9a-f]{8}…\)/,
  },
  {
    code: 'audit.unused',
    says: 'an upstream that nobody calls',
    change: shared({ upstreams: { old: { url: 'https://old.example.com' } } }),
    harmless: over(
      shared({ upstreams: { old: { url: 'https://old.example.com' } } }),
      routeOf('GET /old', { upstream: 'old', ...open }),
    ),
  },
  {
    code: 'audit.unused',
    says: 'a client whose keys live on',
    change: stock({
      auth: { apiKey: null, jwt: 'main', scopes: ['x'] },
      rateLimit: { 'per-client': { partitionKey: 'jwt.sub' } },
    }),
    harmless: stock({ auth: { apiKey: ['acme'] } }),
  },
  {
    code: 'audit.unused',
    says: 'a shared limit that no route names',
    change: shared({ rateLimits: { all: { partitionKey: 'route', quota: 9, window: '1s' } } }),
    harmless: over(
      shared({ rateLimits: { all: { partitionKey: 'route', quota: 9, window: '1s' } } }),
      post({ rateLimit: { all: 'all' } }),
    ),
  },
  {
    code: 'audit.waiver-expired',
    says: 'a waiver past its day',
    change: gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-06-14') } } }),
    harmless: over(
      gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-06-15') } } }),
      post({ inspect: { mode: 'off' } }),
    ),
  },
  {
    code: 'audit.waiver-expired',
    says: 'a waiver until a day that does not exist',
    change: gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-02-30') } } }),
    harmless: over(
      gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-07-30') } } }),
      post({ inspect: { mode: 'off' } }),
    ),
    message: /a day that does not exist: 2098-02-30/,
  },
  {
    code: 'audit.waiver-unused',
    says: 'a waiver of nothing',
    change: gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-12-31') } } }),
    harmless: over(
      gateway({ audit: { waivers: { w: waiver('audit.inspect-off', '2098-12-31') } } }),
      post({ inspect: { mode: 'off' } }),
    ),
  },
]

function waiver(code: AuditCode, until: string, at?: string) {
  return { code, reason: 'a test of waivers', owner: 'me', until, ...(at !== undefined && { at }) }
}

t.test('a sound set has no finding, no warning and a hundred points', async (t) => {
  const { audit: judged, problems } = await auditOf(t, over(sound, gateway({ limits: { targetBytes: '4KiB' } })))
  t.same(problems, [])
  t.same(judged?.findings, [])
  t.equal(judged?.score.points, 100)
})

// Azure takes shorter URLs than the gateway by default; nearly every row is about something else.
const base = over(sound, gateway({ limits: { targetBytes: '4KiB' } }))

for (const { code, says, change, harmless, message, mends } of rows) {
  t.test(`${code}: ${says}`, async (t) => {
    const { audit: judged, problems } = await auditOf(t, over(base, change))
    t.same(problems, [], 'the set is accepted')
    const found = judged?.findings.filter((each) => each.code === code && each.waiver === null) ?? []
    const [first] = found
    t.ok(first, 'it is found')
    if (first === undefined) return
    if (message !== undefined) t.match(first.message, message)
    t.match(first.message, /\.$/)
    t.match(first.hint, /[.?]$/)
    t.equal(first.severity, catalog[code].severity)
    t.ok(first.place.line > 1 || first.place.file === 'gateway.yaml' || first.place.column > 0, 'it has a place')
    t.ok((judged?.score.points ?? 100) < 100 || first.severity === 'note', 'it costs points')

    const twin = await auditOf(t, over(base, harmless))
    t.same(
      twin.problems.map(({ message: text }) => text),
      [],
      'the harmless twin is accepted',
    )
    t.same(
      twin.audit?.findings.filter((each) => each.code === code && each.waiver === null),
      [],
      'and is not found',
    )

    t.equal(
      found.some(({ patches }) => patches.length > 0),
      mends !== false || code === 'audit.upstream-open',
    )
    if (mends === false) return
    const mended = await auditOf(
      t,
      patched(
        over(base, change),
        found.flatMap(({ patches }) => patches),
      ),
    )
    t.same(
      mended.problems.map(({ message: text }) => text),
      [],
      'the patched set is accepted',
    )
    t.same(
      mended.audit?.findings.filter((each) => each.code === code).map(({ message: text }) => text),
      [],
      'the patch mends it',
    )
  })
}

t.test('every code of the catalog has a rule, and every rule a row above', async (t) => {
  const ruled = ruleTables.flatMap((table) => [...Object.keys(table.routes), ...Object.keys(table.set)])
  t.same([...ruled, 'audit.waiver-expired', 'audit.waiver-unused'].sort(), [...auditCodes].sort())
  const tried = new Set(rows.map(({ code }) => code))
  t.same(
    auditCodes.filter((code) => !tried.has(code)),
    [],
  )
  for (const code of auditCodes) {
    const { about, risks: named } = catalog[code]
    t.match(about, /^[A-Z].*\.$/)
    t.ok(named.length > 0 && named.every((risk) => risk in risks), `${code} names risks that exist`)
  }
})

t.test('one value that many routes inherit is one finding, with a patch for all of them', async (t) => {
  const { audit: judged } = await auditOf(t, over(base, { '_defaults.yaml': { response: { errors: 'pass' } } }))
  const found = judged?.findings ?? []
  t.equal(found.length, 1)
  t.match(found[0], { place: { file: '_defaults.yaml' }, subjects: { length: 3 } })
  t.match(found[0]?.patches, [{ file: 'orders.yaml' }])
  t.equal(patchLines(found[0]?.patches[0] ?? { file: '', merge: {} }).length, 7)
})

t.test('patches are YAML that reads back as what they merge', async (t) => {
  let count = 0
  for (const { change, code } of rows) {
    const { audit: judged } = await auditOf(t, over(base, change))
    for (const patch of judged?.findings.flatMap(({ patches }) => patches) ?? []) {
      const text = patchLines(patch).join('\n')
      const source = new Source('patch.yaml', text)
      const node = parseText({ source, sha256: text }, new Memory(), ({ message }) =>
        t.fail(`${code}: ${message}\n${text}`),
      )
      t.same(node?.value, patch.merge, text)
      count++
    }
  }
  t.ok(count > 40, `${count} patches`)
})

t.test('a waiver takes what it names, and nothing else', async (t) => {
  const off = over(base, over(post({ inspect: { mode: 'off' } }), get({ inspect: { mode: 'off' } })))
  const judged = async (at?: string) => {
    const waivers = { w: waiver('audit.inspect-off', '2098-12-31', at) }
    const { audit: found } = await auditOf(t, over(off, gateway({ audit: { waivers } })))
    return { open: found?.findings.filter((each) => each.waiver === null), points: found?.score.points, found }
  }
  const everywhere = await judged()
  t.same(everywhere.open, [])
  t.equal(everywhere.points, 100)
  t.match(everywhere.found?.findings[0]?.waiver, { name: 'w', owner: 'me', reason: 'a test of waivers' })
  const one = await judged('POST /orders')
  t.same(
    one.open?.map(({ subjects }) => subjects),
    [['GET /orders/{id}']],
  )
  t.same((await judged('orders.yaml')).open, [])
  t.match((await judged('GET /stock')).open?.map(({ code }) => code).sort(), [
    'audit.inspect-off',
    'audit.inspect-off',
    'audit.waiver-unused',
  ])
})

t.test('a waiver without owner, reason or day is refused, and so is one of a code that does not exist', async (t) => {
  for (const key of ['owner', 'reason', 'until', 'code'] as const) {
    const waivers = { w: { ...waiver('audit.inspect-off', '2098-12-31'), [key]: null } }
    const { plan, problems } = await auditOf(t, over(base, gateway({ audit: { waivers } })))
    t.equal(plan, null)
    t.match(problems, [{ severity: 'error', message: new RegExp(key) }])
  }
  const misspelt = { w: { ...waiver('audit.inspect-off', '2098-12-31'), code: 'audit.inspect-of' } }
  const { plan, problems } = await auditOf(t, over(base, gateway({ audit: { waivers: misspelt } })))
  t.equal(plan, null)
  t.match(JSON.stringify(problems), /audit\.inspect-off/)
})

t.test('waivers change nothing that a gateway does', async (t) => {
  const waivers = { w: waiver('audit.inspect-off', '2098-12-31') }
  const without = await auditOf(t, base)
  const withOne = await auditOf(t, over(base, gateway({ audit: { waivers } })))
  t.equal(withOne.plan?.fingerprint, without.plan?.fingerprint)
})

t.test('the score falls with the share of routes, and never below nothing', async (t) => {
  const many = (count: number): Files => ({
    'more.yaml': {
      routes: Object.fromEntries(
        Array.from({ length: count }, (_, i) => [
          `GET /more-${i}`,
          {
            upstream: 'fn',
            auth: { jwt: 'main', scopes: ['x'] },
            rateLimit: { c: { partitionKey: 'jwt.sub', quota: 9, window: '1m' } },
            ...(i === 0 && { inspect: { mode: 'off' } }),
          },
        ]),
      ),
    },
  })
  const points = async (files: Files) => (await auditOf(t, over(base, files))).audit?.score.points ?? -1
  // medium, 5 points: one of four routes costs a quarter of it, and one of a hundred no less.
  t.equal(await points(many(1)), 98)
  t.equal(await points(many(97)), 98)
  t.equal(await points({ '_defaults.yaml': { inspect: { mode: 'off' } } }), 95)
  const worst = await points({
    'gateway.yaml': {
      addressLimit: null,
      listeners: { public: { address: '0.0.0.0:1' }, admin: { address: '0.0.0.0:2' } },
      limits: null,
    },
    'shared.yaml': {
      upstreams: { lambda: { auth: 'none' }, azure: { auth: 'none' }, fn: { url: 'http://a.internal' } },
      issuers: { main: { maxTokenAge: null } },
    },
    '_defaults.yaml': { inspect: { mode: 'off' }, response: { errors: 'pass', headers: { security: 'off' } } },
    'orders.yaml': {
      routes: {
        'POST /orders': { ...open, rateLimit: null, request: { body: null } },
        'GET /orders/{id}': {
          auth: { jwt: 'main', scopes: null },
          rateLimit: null,
          request: null,
          forward: { authorization: 'keep' },
        },
      },
    },
  })
  t.ok(worst >= 0 && worst < 60, `${worst}`)
})

t.test('a refused set is not judged', async (t) => {
  const { audit: judged, plan } = await auditOf(t, over(base, post({ upstream: 'nowhere' })))
  t.equal(plan, null)
  t.equal(judged, null)
})

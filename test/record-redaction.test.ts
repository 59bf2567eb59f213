import t from 'tap'
import type { RoutePlan, Segment } from '../src/plan/plan.js'
import { lineFormat } from '../src/record/line.js'
import { maskSecrets } from '../src/record/mask.js'
import { createRecorder } from '../src/record/open-record.js'
import { createRedactor } from '../src/record/redact.js'
import { deny, type Evidence, type Identity } from '../src/stages/contract.js'

// Made for this test; they open nothing.
const jwt =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDAwMH0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZS1hdC1hbGw'
const opaque = 'vQ8f2Lk0ZsPw7Hn4Rt6Yb1Xc3Jm5Gd9A'
const hex = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
const base64 = 'k7Jd93hFq+0ZlPm/2xVtRb8wYcN4sGu1aEoQiT5v6XU='

function routeOf(segments: readonly Segment[]): RoutePlan {
  const declaredAt = { file: 'orders.yaml', line: 2, column: 3 }
  return { id: 'GET /x', match: { method: 'GET', segments }, body: 'streamed', steps: [], upstream: 'fn', declaredAt }
}

t.test('whatever looks like a credential is masked', async (t) => {
  const cases: readonly [string, string, string][] = [
    ['a JWT', jwt, '[masked]'],
    ['a JWT in a sentence', `token ${jwt} refused`, 'token [masked] refused'],
    ['a JWT without a signature', `${jwt.slice(0, jwt.lastIndexOf('.'))}.`, '[masked]'],
    ['the word after Bearer', 'Bearer abc', 'Bearer [masked]'],
    ['in any case', 'authorization was bEARER  s3cr3t', 'authorization was bEARER  [masked]'],
    ['the word after Basic', 'Basic dXNlcjpwYXNz', 'Basic [masked]'],
    ['an opaque token', `key ${opaque}.`, 'key [masked]'],
    ['hex of 256 bits', `"${hex}"`, '"[masked]"'],
    ['hex of 128 bits', hex.slice(0, 32), '[masked]'],
    ['base64 with slashes and padding', `k=${base64}`, 'k=[masked]'],
    ['an access key of AWS', 'AKIAIOSFODNN7EXAMPLE', '[masked]'],
    ['a token of GitHub', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[masked]'],
    ['a key of Stripe', 'sk_test_4eC39HqLyjWDarjt', '[masked]'],
    ['a webhook secret', 'whsec_MfKQ9r8GKYqrTwjU', '[masked]'],
    ['a key within a URL', 'https://x.test/AKIAIOSFODNN7EXAMPLE', 'https:[masked]'],
    ['a password in a query', 'user=a&password=hunter2&x=1', 'user=a&password=[masked]&x=1'],
    ['a password in JSON', '{"password": "hunter2", "n": 1}', '{"password": "[masked]", "n": 1}'],
    ['a token by name', 'token=abc', 'token=[masked]'],
    ['an API key by name', 'api_key: abc123', 'api_key: [masked]'],
    ['a percent-encoded equals sign', 'access_token%3Dabc', 'access_token%3D[masked]'],
    ['a private key', 'x -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----', 'x [masked]'],
  ]
  for (const [name, text, expected] of cases) t.equal(maskSecrets(text, false), expected, name)
})

t.test('what an operator needs to read stays readable', async (t) => {
  const texts = [
    '',
    'body:/items/0/note',
    "1' OR 1=1--",
    '550e8400-e29b-41d4-a716-446655440000',
    '550E8400-E29B-41D4-A716-446655440000',
    '01JD3ZK8M5Q9X2V7B4N6T1R0WS',
    'orders.yaml:14:5',
    'arn:aws:lambda:eu-west-1:111122223333:function:orders-production',
    '/var/task/node_modules/undici/lib/dispatcher/client-h1.js',
    'https://id.example.com/.well-known/openid-configuration',
    'connect ECONNREFUSED 127.0.0.1:9000',
    'the token has expired',
    'a-rather-long-but-quite-ordinary-slug-of-a-product-page-2026',
    'TypeError: Cannot read properties of undefined',
    'application/vnd.example.orders.v2+json',
    '2026-11-22T14:34:28.007Z',
    'x'.repeat(200),
    '1'.repeat(31),
    'page=2&sort=-created&fields=name',
  ]
  for (const text of texts) t.equal(maskSecrets(text, false), text)
})

t.test('masking takes time in proportion to the text', async (t) => {
  const kinds: readonly (readonly [string, (length: number) => string])[] = [
    ['one long run', (length) => 'a'.repeat(length)],
    ['many runs', (length) => 'a '.repeat(length / 2)],
    ['many names', (length) => 'password '.repeat(length / 9)],
    ['many equals signs', (length) => '='.repeat(length)],
    ['many dots', (length) => 'eyJ.'.repeat(length / 4)],
    ['many Bearers', (length) => 'Bearer '.repeat(length / 7)],
    ['many starts of keys', (length) => '-----BEGIN '.repeat(length / 11)],
  ]
  for (const [name, make] of kinds) {
    maskSecrets(make(20_000), false)
    const cost = (length: number): number => {
      const text = make(length)
      let best = Number.POSITIVE_INFINITY
      for (let i = 0; i < 5; i++) {
        // CPU time: what a busy machine gives to others in between is not counted.
        const started = process.cpuUsage()
        maskSecrets(text, false)
        best = Math.min(best, process.cpuUsage(started).user / 1_000)
      }
      return best
    }
    const ratio = cost(400_000) / Math.max(cost(20_000), 0.2)
    t.ok(ratio < 120, `${name}: 20 times the text costs ${ratio.toFixed(0)} times the time`)
  }
})

t.test('paths keep their shape and lose their secrets', async (t) => {
  const route = routeOf([{ literal: 'reset' }, { param: 'code' }, { rest: 'tail' }])
  const cases: readonly [string, readonly string[], string, RoutePlan | null, string][] = [
    ['an ordinary path', [], '/orders/4711/items', null, '/orders/4711/items'],
    [
      'a UUID',
      [],
      '/orders/550e8400-e29b-41d4-a716-446655440000',
      null,
      '/orders/550e8400-e29b-41d4-a716-446655440000',
    ],
    ['a JWT as a segment', [], `/reset/${jwt}/now`, null, '/reset/[masked]/now'],
    ['a key as a segment', [], `/t/${hex}`, null, '/t/[masked]'],
    ['a parameter of the redact list', ['path.code'], '/reset/1234/a/b', route, '/reset/[redacted]/a/b'],
    ['a rest of the redact list', ['path.tail'], '/reset/1234/a/b', route, '/reset/1234/[redacted]'],
    ['a parameter that is not on it', ['path.other'], '/reset/1234/a/b', route, '/reset/1234/a/b'],
    ['no route', ['path.code'], '/reset/1234/a/b', null, '/reset/1234/a/b'],
    ['a very long path', [], `/${'a/'.repeat(2_000)}`, null, `/${'a/'.repeat(511)}a…[4001 long]`],
    ['a very long segment', [], `/${'a'.repeat(2_000)}`, null, `/${'a'.repeat(1_023)}…[2001 long]`],
  ]
  for (const [name, selectors, path, of, expected] of cases) {
    t.equal(createRedactor(selectors).path(path, of), expected, name)
  }
})

t.test('evidence about a redacted place keeps the place and the rule alone', async (t) => {
  const redactor = createRedactor(['query.token', 'header.X-Pin', 'body:/card', 'jwt.email'])
  const cases: readonly [string, Evidence, Evidence][] = [
    [
      'by its place',
      { at: 'query.token', shown: 'abc', rule: 'sqli' },
      { at: 'query.token', shown: '[redacted]', rule: 'sqli' },
    ],
    ['in the other spelling', { at: 'query:token', shown: 'abc' }, { at: 'query:token', shown: '[redacted]' }],
    ['an item of it', { at: 'query.token[1]', shown: 'abc' }, { at: 'query.token[1]', shown: '[redacted]' }],
    ['another place', { at: 'query.tokens', shown: 'abc' }, { at: 'query.tokens', shown: 'abc' }],
    ['headers in any case', { field: 'header.x-PIN', found: '1' }, { field: 'header.x-PIN', found: '[redacted]' }],
    [
      'inside a body pointer',
      { at: 'body:/card/number', shown: '4' },
      { at: 'body:/card/number', shown: '[redacted]' },
    ],
    ['a pointer that only begins alike', { at: 'body:/cards', shown: '4' }, { at: 'body:/cards', shown: '4' }],
    ['by its key', { 'jwt.email': 'a@b', other: 'x' }, { 'jwt.email': '[redacted]', other: 'x' }],
    ['lists', { at: 'query.token', all: ['a', 'b'] }, { at: 'query.token', all: '[redacted]' }],
    [
      'numbers and flags stay',
      { at: 'query.token', length: 3, known: false, max: null },
      { at: 'query.token', length: 3, known: false, max: null },
    ],
    [
      'always: authorization',
      { at: 'header.Authorization', shown: 'x' },
      { at: 'header.Authorization', shown: '[redacted]' },
    ],
    ['always: cookies', { at: 'header.cookie', shown: 'x' }, { at: 'header.cookie', shown: '[redacted]' }],
    ['always: API keys', { at: 'header:x-api-key', shown: 'x' }, { at: 'header:x-api-key', shown: '[redacted]' }],
    [
      'as inspect says it',
      { at: 'query:/token', excerpt: 'ab****', detector: 'sqli' },
      { at: 'query:/token', excerpt: '[redacted]', detector: 'sqli' },
    ],
    ['by the name of a claim', { claim: 'email', found: 'a@b' }, { claim: 'email', found: '[redacted]' }],
    ['by the name of a header', { header: 'X-Pin', found: '1' }, { header: 'X-Pin', found: '[redacted]' }],
    ['another claim', { claim: 'plan', found: 'free' }, { claim: 'plan', found: 'free' }],
    ['an ordinary header', { at: 'header.accept', shown: 'x' }, { at: 'header.accept', shown: 'x' }],
  ]
  for (const [name, evidence, expected] of cases) t.same(redactor.evidence(evidence), expected, name)
})

t.test('evidence is bounded, and cut where one sees it', async (t) => {
  const redactor = createRedactor([])
  const words = 'word '.repeat(1_000)
  const kept = redactor.evidence({ shown: words, list: Array.from({ length: 100 }, () => words) })
  t.equal(kept['shown'], `${words.slice(0, 256)}…[5000 long]`)
  const list = kept['list'] as readonly string[] // it went in as a list
  t.equal(list.length, 17)
  t.equal(list[16], '[84 more]')
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i]))
  t.equal(Object.keys(redactor.evidence(many)).length, 24)
})

t.test('a secret that is cut in two is still masked', async (t) => {
  const redactor = createRedactor([])
  for (let before = 0; before < 1_100; before += 7) {
    const text = `${'x '.repeat(before / 2)}${opaque}${opaque}${' y'.repeat(600)}`
    const { shown } = redactor.evidence({ shown: text })
    for (let i = 0; i + 12 <= opaque.length; i += 4) {
      if (String(shown).includes(opaque.slice(i, i + 12))) t.fail(`a piece shows after ${before} characters`)
    }
  }
  t.equal(redactor.evidence({ shown: `${opaque} and more` })['shown'], '[masked] and more')
})

t.test('who called is told unless the policy says otherwise', async (t) => {
  const alice: Identity = {
    method: 'jwt',
    subject: 'alice',
    clientId: 'shop',
    plan: null,
    scopes: new Set(),
    claims: {},
  }
  const open = createRedactor([])
  t.same(open.client('203.0.113.9', alice), { address: '203.0.113.9', subject: 'alice', id: 'shop' })
  t.same(open.client('203.0.113.9', null), { address: '203.0.113.9' })
  t.same(open.client('203.0.113.9', { ...alice, method: 'none' }), { address: '203.0.113.9' })
  t.same(open.client('::1', { ...alice, clientId: null }), { address: '::1', subject: 'alice' })
  t.equal(open.client('::1', { ...alice, subject: 's'.repeat(5_000) }).subject?.length, 256 + '…[5000 long]'.length)
  t.same(createRedactor(['jwt.sub', 'client.id', 'ip']).client('203.0.113.9', alice), {
    address: '[redacted]',
    subject: '[redacted]',
    id: '[redacted]',
  })
})

t.test('planted secrets reach no line, wherever they were planted', async (t) => {
  const planted = [jwt, opaque, hex, base64, 'AKIAIOSFODNN7EXAMPLE', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a']
  const lines: string[] = []
  const formatLine = lineFormat()
  const recorder = createRecorder({
    plan: 'ab',
    redactor: createRedactor(['query.pin']),
    readers: [(record) => lines.push(formatLine(record), JSON.stringify(record))],
  })
  const declaredAt = { file: 'orders.yaml', line: 14, column: 5 }
  for (const secret of planted) {
    const path = secret.includes('/') ? '/' : `/reset/${secret}`
    const record = recorder.open({ id: 'R1', at: 0, method: 'GET', path, address: '::1', route: null })
    const evidence = {
      plain: secret,
      within: `before ${secret} after`,
      json: JSON.stringify({ key: secret }),
      bearer: `Bearer ${secret}`,
      list: [secret, `x=${secret}`],
    }
    const reason = { code: 'inspect.sqli', status: 403, sentence: 'An injection.' }
    record.add(
      { stage: 'inspect', slot: 'inspect', phase: 'body', mode: 'report', settings: null, declaredAt },
      deny(reason, evidence),
      1,
    )
    record.add(
      { stage: 'auth', slot: 'auth', phase: 'head', mode: 'enforce', settings: null, declaredAt },
      { outcome: 'allow', evidence },
      1,
    )
    record.refuse('http.malformed', { ...evidence, at: 'query.pin', pin: '1234-5678' })
    record.close({ status: 403, bytes: 0, micros: 1, aborted: false })
  }
  t.equal(lines.length, planted.length * 2)
  for (const secret of [...planted, '1234-5678']) {
    t.notOk(
      lines.some((line) => line.includes(secret)),
      `${secret.slice(0, 6)}… is nowhere`,
    )
  }
})

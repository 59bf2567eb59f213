import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { runPolicyTests, type TestRun } from '../../src/cli/policy-tests/run-tests.js'
import { parseText } from '../../src/policy/files.js'
import { Memory } from '../../src/policy/memory.js'
import { Source } from '../../src/policy/source.js'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'
import { postern, watched } from './command-line.js'

const routes = `
issuers:
  main: { issuer: https://id.shop.example, audience: shop-api }
upstreams:
  fn: { url: "https://fn.shop.example", auth: { header: { name: x-fn-key, value: "\${secret:fn_key}" } } }
clients:
  acme: { keys: { k1: { sha256: ${'a'.repeat(64)}, notAfter: 2030-12-31 } } }
routes:
  GET /items:
    upstream: fn
    auth: none
    reason: public
    rateLimit: { per-ip: { partitionKey: ip, quota: 2, window: 1m } }
  POST /orders:
    upstream: fn
    auth: { jwt: main, scopes: [orders:write] }
    inspect: { mode: report }
    request:
      body: { type: object, properties: { sku: { type: string, maxLength: 40 } }, additionalProperties: false }
  GET /stock:
    upstream: fn
    auth: { apiKey: [acme] }
    rateLimit: { plan: { partitionKey: client.id, quota: 3, window: month } }
`
const shared = { 'routes.yaml': routes.replace(/auth: \{ header: .* \} \}/, 'auth: none }') }

async function runOf(t: Test, tests: string, policies: Record<string, string> = shared): Promise<TestRun> {
  const run = await runPolicyTests(t.testdir({ ...policies, 'shop.test.yaml': tests }))
  if ('problems' in run) throw new Error(JSON.stringify(run.problems, null, 2))
  return run
}

const failuresOf = (run: TestRun) =>
  run.files.flatMap(({ outcomes }) =>
    outcomes
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ test, misses, nearest }) => ({ test, misses, nearest })),
  )

t.test('statuses, codes, lines, headers and what reached the function can be expected', async (t) => {
  const run = await runOf(
    t,
    `
as: { jwt: { sub: u1, scope: orders:write } }
send: { POST: /orders, body: { sku: a1 } }
tests:
  good:
    expect:
      status: 201
      code: none
      upstream: { name: fn, method: POST, target: /orders, header: { authorization: ~, x-forwarded-for: true }, body: { sku: a1 } }
  two a minute:
    send: { GET: /items }
    expect: { status: [200 x 2, 429], code: rate-limit.exceeded, origin: routes.yaml:13, header: { retry-after: 1..60 }, upstream: none }
  after a minute two more:
    send: { GET: /items }
    after: 61s
    expect: { status: [200 x 2, 429] }
  three a month for a key, and a month later three more:
    as: { apiKey: acme, key: k1 }
    send: { GET: /stock }
    expect: { status: [200 x 3, 429] }
  a month later:
    as: { apiKey: acme }
    after: 31d
    send: { GET: /stock }
    expect: { status: 200 }
  report mode tells and lets pass:
    send: { body: { sku: "x' OR 1=1 --" } }
    expect: { status: 201, reported: inspect.sqli }
  what is sent raw reaches the parser as it is:
    send: { raw: "GET /items HTTP/1.1\\nHost: a\\nHost: b\\n\\n" }
    expect: { status: 400, code: wire.host-invalid }
  the function may fail:
    answer: { status: 500, body: { stack: "at db.ts:12" } }
    expect: { status: 500, header: { content-type: /problem.json/ } }
  or hang:
    answer: { fault: timeout }
    expect: { status: 504, code: forward.timeout }
  a token of yesterday:
    as: { jwt: { sub: u1, iat: -25h, exp: -24h } }
    expect: { status: 401, code: auth.token-expired }
  a token for somebody else:
    as: { jwt: { sub: u1, aud: other-api } }
    expect: { status: 401, code: auth.token-audience }
  a token without a subject:
    as: { jwt: { sub: ~ } }
    expect: { status: 401, code: auth.token-claim-missing }
`,
  )
  t.same(
    failuresOf(run).map(({ test, misses }) => [test.name, misses]),
    [],
  )
  t.equal(run.passed, 12)
  t.same(run.coverage.neverCalled, [])
})

t.test('a test that fails says what it missed and the line nearest to the reason', async (t) => {
  const run = await runOf(
    t,
    `
send: { GET: /items }
tests:
  wrong status: { expect: { status: 204 } }
  wrong header: { expect: { header: { x-none: true, content-type: text/plain, ratelimit: ~ } } }
  wrong body: { as: { from: 192.0.2.7 }, expect: { body: { ok: false } } }
  limit earlier than thought: { expect: { status: 200 } }
  nowhere: { send: { GET: /item }, expect: { status: 200 } }
  no such client: { as: { apiKey: acne }, expect: { status: 200 } }
  no such limit: { as: { jwt: { scope: orders:write } }, send: { POST: /orders, body: {} }, expect: { status: [201, 429] } }
  mode is report: { as: { jwt: { scope: orders:write } }, send: { POST: /orders, body: { sku: "' OR 1=1 --" } }, expect: { code: inspect.sqli } }
`,
  )
  const failures = failuresOf(run)
  t.equal(failures.length, 8)
  const of = (name: string) => failures.find(({ test }) => test.name === name)
  t.match(of('wrong status')?.misses, [{ what: 'status', expected: '204', got: '200' }])
  t.equal(of('wrong header')?.misses.length, 3)
  t.match(of('wrong body')?.misses, [{ what: 'body/ok', expected: 'false', got: 'true' }])
  t.match(of('limit earlier than thought')?.nearest, { says: /rateLimit refused.*per-ip/, place: { line: 13 } })
  t.match(of('nowhere')?.nearest, {
    says: /No route has the path \/item\. The nearest is GET \/items/,
    place: { line: 9 },
  })
  t.match(of('no such client')?.misses, [{ got: /Client "acne" is not defined. Known clients: acme/ }])
  t.match(of('no such limit')?.nearest, { says: /has no rateLimit/ })
  t.match(of('mode is report')?.nearest, { says: /would have refused with inspect.sqli, but is in report mode/ })
})

t.test('a file may set its clock: keys and tokens are judged by it', async (t) => {
  const run = await runOf(
    t,
    `
clock: 2030-12-31T23:30:00Z
as: { apiKey: acme }
send: { GET: /stock }
tests:
  on its last day a key is good: { expect: { status: 200 } }
  the day after it is not: { after: 31m, expect: { status: 401, code: auth.key-expired, body: { code: auth.invalid } } }
`,
  )
  t.same(failuresOf(run), [])
})

t.test('rules that no test made refuse are named once, wherever they guard', async (t) => {
  const run = await runOf(t, 'tests: { one: { send: { GET: /items }, expect: { status: [200 x 2, 429] } } }')
  t.same(run.coverage.neverCalled, ['POST /orders', 'GET /stock'])
  const names = run.coverage.neverHit.map(({ name }) => name)
  t.notOk(names.includes('rateLimit.per-ip'), 'it was seen at work')
  t.ok(names.includes('rateLimit.plan') && names.includes('auth'))
})

t.test('mistakes in a test file are refused with their line, before any test runs', async (t) => {
  const rows: readonly (readonly [string, string, number])[] = [
    ['tests: { a: { send: { GET: / }, expct: {} } }', 'test.key-unknown', 1],
    ['tests: { a: { send: { GET: / }, expect: { stauts: 1 } } }', 'test.key-unknown', 1],
    ['tests:\n  a: { send: { GET: / } }', 'test.expect-missing', 2],
    ['tests:\n  a: { expect: { status: 200 } }', 'test.send-missing', 2],
    ['send: { GTE: / }\ntests: { a: { expect: { status: 200 } } }', 'test.key-unknown', 1],
    ['tests: { a: { send: { GET: /, POST: / }, expect: { status: 200 } } }', 'test.method-twice', 1],
    ['tests: { a: { send: { GET: / }, times: 3, expect: { status: [200, 429] } } }', 'test.status-count', 1],
    ['tests: { a: { send: { GET: / }, times: -1, expect: { status: 200 } } }', 'test.times-malformed', 1],
    ['tests: { a: { send: { GET: / }, after: soon, expect: { status: 200 } } }', 'test.duration-unreadable', 1],
    ['tests: { a: { send: { GET: / }, expect: { status: ok } } }', 'test.status-malformed', 1],
    ['clock: later\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }', 'test.clock-unreadable', 1],
    ['as: { jwt: {} }', 'test.none', 1],
    [
      'as: { jwt: {}, apiKey: acme }\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }',
      'test.key-misplaced',
      1,
    ],
    ['as: { from: here }\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }', 'test.value-type', 1],
    ['as: { apiKey: 7 }\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }', 'test.value-type', 1],
    ['send: { raw: "GET / HTTP/1.1", GET: / }\ntests: { a: { expect: { status: 200 } } }', 'test.key-misplaced', 1],
    ['send: { GET: /, header: x }\ntests: { a: { expect: { status: 200 } } }', 'test.value-type', 1],
    ['answer: { status: 99 }\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }', 'test.status-malformed', 1],
    ['answer: { fault: sleepy }\ntests: { a: { send: { GET: / }, expect: { status: 200 } } }', 'test.fault-unknown', 1],
    ['tests: { a: { send: { GET: / }, expect: {} } }', 'test.expect-missing', 1],
    ['tests: { a: { send: { GET: / }, expect: { origin: here } } }', 'test.origin-malformed', 1],
    ['tests: [', 'policy.yaml-syntax', 1],
  ]
  for (const [text, code, line] of rows) {
    const run = await runPolicyTests(t.testdir({ ...shared, 'shop.test.yaml': text }))
    t.ok('problems' in run, text)
    if (!('problems' in run)) continue
    t.match(run.problems[0]?.code, code === 'policy.yaml-syntax' ? /^policy\.yaml/ : code, text)
    t.match(run.problems[0]?.place, { file: 'shop.test.yaml', line }, text)
  }
  const policies = { 'gateway.yaml': 'secrets: { fn_key: { env: NOT_SET_ANYWHERE } }' }
  t.equal(
    (await runOf(t, 'tests: { a: { send: { GET: /items }, expect: { status: 200 } } }', { ...shared, ...policies }))
      .passed,
    1,
    'no secret is needed',
  )
})

t.test('the example policies pass their own tests, and every rule but the monthly quota is seen at work', async (t) => {
  const { code, out } = await postern(['test', 'policies'])
  t.equal(code, 0, out)
  t.match(out, /^\d+ passed in 3 files, \d+ ms$/m)
  t.match(out, /never made to refuse rateLimit\.plan shared\.yaml:\d+$/m)
  t.match(out.trimEnd().split('\n').at(-1), /passed/, 'the summary is the last line')
})

t.test('the schema for editors takes what the reader takes, and describes every key', async (t) => {
  const { code, out } = await postern(['schema', '--tests'])
  t.equal(code, 0)
  const schema = JSON.parse(out)
  const validate = new Ajv({ strict: false }).compile(schema)
  const memory = new Memory()
  for (const name of readdirSync('policies').filter((each) => each.endsWith('.test.yaml'))) {
    const source = new Source(name, readFileSync(join('policies', name), 'utf8'))
    const value = parseText({ source, sha256: name }, memory, ({ message }) => t.fail(message))?.value
    t.ok(validate(value), `${name}: ${JSON.stringify(validate.errors)}`)
  }
  t.notOk(validate({ tests: { a: { expect: { stauts: 1 } } } }), 'a slip is underlined')
  t.notOk(validate({ tests: { a: { send: { GET: '/' } } } }))
  const undescribed = (part: unknown, path: string): string[] => {
    if (typeof part !== 'object' || part === null) return []
    const properties = Object.entries(Object(part).properties ?? {})
    const lacking = properties.filter(([, each]) => typeof Object(each).description !== 'string')
    const below = Object.entries(part).flatMap(([key, each]) => undescribed(each, `${path}/${key}`))
    return [...lacking.map(([key]) => `${path}/${key}`), ...below]
  }
  t.same(undescribed(schema, ''), [])
})

t.test('exit codes, JSON and JUnit tell the same', async (t) => {
  const folder = t.testdir({
    ...shared,
    'a.test.yaml':
      'send: { GET: /items }\ntests:\n  "a <b>": { expect: { status: 204 } }\n  c: { expect: { status: 200 } }\n',
  })
  const report = join(folder, 'report.xml')
  const { code, out } = await postern(['test', folder, '--json', '--junit', report])
  t.equal(code, 1)
  const facts = JSON.parse(out)
  t.match(facts, {
    ok: false,
    passed: 1,
    failed: 1,
    tests: [{ name: 'a <b>', outcome: 'failed', line: 3 }, { outcome: 'passed' }],
  })
  const xml = readFileSync(report, 'utf8')
  t.match(xml, /<testsuites name="postern test" tests="2" failures="1">/)
  t.match(xml, /name="a &lt;b&gt;".*\n?.*status: expected 204, got 200/)

  const human = await postern(['test', folder])
  t.equal(human.code, 1)
  t.match(human.out, /FAIL {2}a <b> {2}.*a\.test\.yaml:3\n {5}status {2}expected 204 {3}got 200/)
  t.equal((await postern(['test', t.testdir(shared)])).code, 1, 'a folder without tests proves nothing')
  t.equal((await postern(['test', folder, '--against', 'gopher://x'])).code, 2)
  t.equal((await postern(['test', folder, '--against', 'http://127.0.0.1:1'])).code, 1)
})

t.test('a running gateway can be asked instead; what only a rehearsal can know is skipped', async (t) => {
  const upstream = await startUpstream(t)
  const policies = {
    'routes.yaml': `upstreams: { fn: { url: "${upstream.url}" } }\nroutes:\n  GET /items: { upstream: fn, auth: none, reason: public }\n`,
  }
  const gateway = await startGateway(t, policies)
  const tests =
    'send: { GET: /items }\ntests:\n  a: { expect: { status: 200, body: { ok: true } } }\n  b: { after: 1m, expect: { status: 200 } }\n  c: { send: { GET: /nowhere }, expect: { status: 200 } }\n'
  const folder = t.testdir({ ...policies, 'a.test.yaml': tests })
  const { code, out } = await postern(['test', folder, '--against', gateway.url])
  t.equal(code, 1)
  t.match(out, /1 passed {2}1 failed {2}1 skipped/)
  t.match(out, /skip {2}b: needs the test clock/)
})

t.test('in watch mode a saved file runs the tests again', async (t) => {
  const folder = t.testdir({
    ...shared,
    'a.test.yaml': 'tests: { a: { send: { GET: /items }, expect: { status: 200 } } }\n',
  })
  const running = watched(t, ['test', folder, '--watch'])
  await running.until(/1 passed in 1 file/)
  const before = running.out().length
  writeFileSync(join(folder, 'a.test.yaml'), 'tests: { a: { send: { GET: /items }, expect: { status: 204 } } }\n')
  await running.until(/0 passed, 1 failed in 1 file/, before)
  running.child.kill('SIGINT')
  t.equal(await running.ended, 1)
})

t.test('500 policy tests take less than five seconds', async (t) => {
  const many = Array.from(
    { length: 500 },
    (_, i) => `  t${i}: { as: { jwt: { sub: u${i}, scope: orders:write } }, expect: { status: 201 } }`,
  )
  const run = await runOf(t, `send: { POST: /orders, body: { sku: a } }\ntests:\n${many.join('\n')}\n`)
  t.equal(run.passed, 500)
  t.ok(run.tookMs < 5_000, `${Math.round(run.tookMs)} ms`)
})

t.test('run --require-tests serves no set whose tests fail, at the start and at a reload', async (t) => {
  const good = 'tests: { a: { send: { GET: /items }, expect: { status: 200 } } }\n'
  const folder = t.testdir({ ...shared, 'a.test.yaml': good.replace('200', '204') })
  const flags = ['--require-tests', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0']
  const refused = await postern(['run', folder, ...flags])
  t.equal(refused.code, 1)
  t.match(refused.err, /a\.test\.yaml:1:\d+ {2}test\.failed[\s\S]*status: expected 204, got 200/)

  writeFileSync(join(folder, 'a.test.yaml'), good)
  const running = watched(t, ['run', folder, ...flags])
  await running.until(/"event":"started"/)
  writeFileSync(
    join(folder, 'routes.yaml'),
    readFileSync(join(folder, 'routes.yaml'), 'utf8').replace('GET /items', 'GET /things'),
  )
  await running.until(/"event":"reload-refused".*test\.failed/)
  writeFileSync(join(folder, 'a.test.yaml'), good.replace('/items', '/things'))
  await running.until(/"event":"reloaded"/)
  running.child.kill('SIGTERM')
  t.equal(await running.ended, 0)

  const none = await postern(['run', t.testdir(shared), ...flags])
  t.equal(none.code, 1)
  t.match(none.err, /test\.none/)
})

t.test('the policy tests shown in the documents pass on the example policies', async (t) => {
  const page = readFileSync('docs/policy-tests.md', 'utf8')
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = '']) => yaml)
  const shown = blocks.filter((yaml) => /^tests:/m.test(yaml))
  t.ok(shown.length > 0)
  const folder = t.testdir({})
  cpSync('policies', folder, { recursive: true, filter: (path) => !path.endsWith('.test.yaml') })
  for (const [i, yaml] of shown.entries()) writeFileSync(join(folder, `shown${i}.test.yaml`), yaml)
  const run = await runPolicyTests(folder)
  t.notOk('problems' in run && run.problems, 'no problem')
  if (!('problems' in run)) t.same(failuresOf(run), [])
})

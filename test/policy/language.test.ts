import { Ajv } from 'ajv'
import t from 'tap'
import { fingerprint } from '../../src/plan/fingerprint.js'
import { loadPolicy } from '../../src/policy/load.js'
import { Problems } from '../../src/policy/problems.js'
import { countProblems, renderProblems } from '../../src/policy/render.js'
import { policySchema } from '../../src/policy/schema.js'
import { stages } from '../../src/stages/all.js'
import type { Problem } from '../../src/values/problem.js'
import { fakeStages } from './fake-stages.js'
import { writeFolder } from './folder.js'

t.test('the schema of the language is draft-07, whole, and takes what the loader takes', async (t) => {
  const schema = policySchema(stages)
  const ajv = new Ajv({ strict: false, allErrors: true })
  t.ok(ajv.validateSchema(schema as object), 'it is a JSON Schema') // the composed schema is an object
  const validate = ajv.compile(schema as object) // as above
  const good = [
    {
      version: 1,
      listeners: { public: { address: '0.0.0.0:8080' } },
      guardrails: { 'request.maxBytes': { max: '6MiB' } },
    },
    { routes: { 'GET /a': { upstream: 'fn', auth: 'none', reason: 'a test' } } },
    { defaults: { rateLimit: { 'per-ip': 'off' } } },
    { request: { maxBytes: '1MiB' } },
  ]
  const bad = [
    { rotues: {} },
    { routes: { 'get /a': { upstream: 'fn' } } },
    { routes: { 'GET /a': { auth: 'none' } } },
    { upstreams: { fn: {} } },
    { version: 2 },
  ]
  for (const value of good) t.ok(validate(value), `${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`)
  for (const value of bad) t.notOk(validate(value), JSON.stringify(value))
})

t.test('every key of the language says what it is for', async (t) => {
  const silent: string[] = []
  const visit = (schema: unknown, path: string) => {
    if (schema === null || typeof schema !== 'object') return
    const { properties, ...rest } = schema as Record<string, unknown> // a schema is a map of keywords
    for (const [key, property] of Object.entries(Object(properties))) {
      const own = property as Record<string, unknown> // as above
      if (own['$ref'] === undefined && typeof own['description'] !== 'string') silent.push(`${path}.${key}`)
      visit(property, `${path}.${key}`)
    }
    for (const [keyword, value] of Object.entries(rest)) {
      if (keyword === 'definitions') for (const [name, each] of Object.entries(Object(value))) visit(each, name)
      else if (Array.isArray(value)) for (const each of value) visit(each, path)
      else if (keyword === 'additionalProperties' || keyword === 'items') visit(value, `${path}.*`)
    }
  }
  visit(policySchema(stages), '')
  t.same(silent, [])
})

t.test('a fingerprint says what is decided, not how it was written down', async (t) => {
  const text = (routes: string) => `upstreams:\n  fn: { url: "http://127.0.0.1:9000" }\nroutes:\n${routes}`
  const a = '  GET /a: { upstream: fn, auth: none, reason: a test }\n'
  const b = '  GET /b: { upstream: fn, auth: none, reason: a test }\n'
  const of = async (name: string, routes: string) => {
    const folder = t.testdir({ [name]: { 'orders.yaml': text(routes) } })
    return (await loadPolicy(`${folder}/${name}`, {}, fakeStages)).plan
  }
  const plan = await of('one', a + b)
  const same = await of('two', `\n# moved and turned around\n${b}${a}`)
  const other = await of('three', a + b.replace('GET', 'PUT'))
  t.match(plan?.fingerprint, /^[0-9a-f]{64}$/)
  t.equal(same?.fingerprint, plan?.fingerprint)
  t.not(other?.fingerprint, plan?.fingerprint)
  if (plan !== null) t.equal(fingerprint(plan), plan.fingerprint)
})

t.test('problems are shown as the conventions say: where, the line, what and how to mend', async (t) => {
  const base: Problem = {
    severity: 'error',
    code: 'rate-limit.rate-unreadable',
    message: 'A rate is a count, a slash and a window.',
    hint: 'Did you mean 10/1s?',
    place: { file: 'orders.yaml', line: 18, column: 20, length: 10 },
    frame: [{ line: 18, text: '       per-client: 10 per sec' }],
  }
  t.equal(
    renderProblems([base], { folder: 'policies' }),
    [
      'policies/orders.yaml:18:20  rate-limit.rate-unreadable',
      '   18 |        per-client: 10 per sec',
      '      |                    ^^^^^^^^^^',
      '  A rate is a count, a slash and a window. Did you mean 10/1s?',
    ].join('\n'),
  )
  const far: Problem = {
    ...base,
    severity: 'warning',
    place: { file: 'orders.yaml', line: 1, column: 5_001 },
    frame: [{ line: 1, text: `${'x'.repeat(5_000)}!${'y'.repeat(5_000)}` }],
  }
  const lines = renderProblems([far]).split('\n')
  t.match(lines[0], /\(warning\)$/)
  t.equal(lines[1]?.indexOf('!'), lines[2]?.indexOf('^'), 'the caret is below its character in a long line')
  t.ok((lines[1] ?? '').length < 140)
  t.match(renderProblems(Array(60).fill(base)), /… and 10 more problems\.$/)
  t.equal(countProblems([base, base, far]), '2 problems, 1 warning')
  t.equal(countProblems([far]), '1 warning')
  t.equal(countProblems([]), '0 problems')
})

t.test('a set that warns is still served', async (t) => {
  const folder = writeFolder(t, {
    'a.yaml': `upstreams:\n  fn: { url: "http://127.0.0.1:9000" }
clients:
  old: { keys: { k1: { sha256: ${'ab'.repeat(32)}, notAfter: 2001-01-31 } } }
routes:\n  GET /a: { upstream: fn, auth: none, reason: a test }\n`,
  })
  const { plan, problems } = await loadPolicy(folder, {}, fakeStages)
  t.same(
    problems.map(({ code, severity }) => [code, severity]),
    [['client.key-expired', 'warning']],
  )
  t.equal(plan?.clients['old']?.keys[0]?.expiresAt, Date.UTC(2001, 1, 1))
})

t.test('a warning never hides an error', async (t) => {
  const problems = new Problems()
  const at = { file: 'a.yaml', line: 1, column: 1 }
  const finding = { code: 'x.y', message: 'So it is.', at }
  problems.report({ ...finding, severity: 'warning' })
  t.notOk(problems.hasErrors)
  problems.reportOnce({ ...finding, message: 'Worse than that.' })
  t.ok(problems.hasErrors, 'though place and code are the same')
  problems.reportOnce({ ...finding, code: 'x.z' })
  problems.report({ ...finding, severity: 'warning' })
  const list = problems.list(() => undefined)
  t.same(
    list.map(({ severity, message }) => [severity, message]),
    [['error', 'Worse than that.']],
  )
})

t.test('beyond the cap problems are no longer kept, and still refuse the set', async (t) => {
  const problems = new Problems()
  for (let line = 1; line <= 3_000; line++) {
    problems.report({ code: 'x.y', message: 'So.', at: { file: 'a.yaml', line, column: 1 }, severity: 'warning' })
  }
  problems.report({ code: 'x.z', message: 'So.', at: { file: 'b.yaml', line: 1, column: 1 } })
  t.ok(problems.hasErrors)
  t.ok(
    problems.list(() => undefined).some(({ severity }) => severity === 'error'),
    'and an error is always among them',
  )
})

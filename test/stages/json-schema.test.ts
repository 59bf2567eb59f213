import t from 'tap'
import type { JsonSchema, SchemaPlan } from '../../src/plan/plan.js'
import { compileSchema, knownFormats, validatorOf } from '../../src/stages/json-schema.js'
import { hasUniqueItems, multipleOf } from '../../src/stages/json-schema-keywords.js'
import { planSchema, readSchema } from '../../src/stages/json-schema-plan.js'
import { seeded } from '../support/seeded.js'
import { makeScope } from '../support/stage-scope.js'

const route = { id: 'POST /', method: 'POST', segments: [] }

/** Reads a schema as a policy would, and gives its problems and a check of values. */
function read(schema: unknown, files: Readonly<Record<string, string>> = {}) {
  const world = makeScope(route, { 'main.json': JSON.stringify(schema, null, 2), ...files })
  const hash = planSchema(world.section('./main.json'), world.scope, 'request')
  return {
    findings: world.findings,
    codes: world.findings.map(({ code, at }) => `${code} ${at.file}:${at.line}`),
    plan: hash === undefined ? undefined : world.schemas[hash],
    check: (value: unknown) =>
      hash === undefined
        ? 'no schema'
        : (validatorOf(hash, world.tools)(value)?.map(({ at, rule }) => `${at} ${rule}`) ?? null),
  }
}

t.test('the three drafts work side by side, each by its own rules', async (t) => {
  const seven = read({
    $schema: 'http://json-schema.org/draft-07/schema#',
    definitions: { n: { type: 'number' } },
    items: [{ $ref: '#/definitions/n' }, { type: 'string' }],
    additionalItems: false,
  })
  t.equal(seven.check([1, 'a']), null)
  t.same(seven.check([1, 2]), ['/1 type'])
  t.same(seven.check([1, 'a', 1]), [' additionalItems'])

  const nineteen = read({
    $schema: 'https://json-schema.org/draft/2019-09/schema',
    $defs: { id: { $anchor: 'id', type: 'integer' } },
    properties: { a: { $ref: '#id' } },
    dependentRequired: { a: ['b'] },
    unevaluatedProperties: false,
  })
  t.equal(nineteen.check({}), null)
  t.same(nineteen.check({ a: 1 }), ['/b dependentRequired'])
  t.same(nineteen.check({ c: 1 }), [' unevaluatedProperties'])

  const twenty = read({ prefixItems: [{ type: 'integer' }], items: { type: 'string' } })
  t.equal(twenty.check([1, 'a']), null)
  t.same(twenty.check([1, 1]), ['/1 type'])
  t.equal(twenty.plan?.dialect, '2020-12')
})

t.test('words of OpenAPI, annotations and union types are no mistake', async (t) => {
  const lenient = read({
    type: 'object',
    title: 'Order',
    example: { a: 1 },
    externalDocs: { url: 'https://example.com' },
    discriminator: { propertyName: 'kind' },
    xml: { name: 'order' },
    'x-internal': true,
    properties: {
      a: { type: ['string', 'integer', 'null'], deprecated: true, readOnly: true },
      b: { type: 'string', nullable: true },
      c: { nullable: true, anyOf: [{ type: 'string' }] },
    },
  })
  t.same(lenient.findings, [])
  t.equal(lenient.check({ a: null, b: null, c: 'x' }), null)
  t.same(lenient.check({ b: 1 }), ['/b type'])
})

t.test('values are never changed: no coercion, no defaults, no removal', async (t) => {
  const { check } = read({
    properties: { n: { type: 'integer', default: 5 } },
    additionalProperties: false,
    $comment: 'plain',
  })
  const value = {}
  t.equal(check(value), null)
  t.same(value, {})
  t.same(check({ n: '5' }), ['/n type'])
  t.same(check({ m: 1 }), [' additionalProperties'], 'the caller’s own key is not repeated')
})

t.test('multipleOf means the decimals that were written', async (t) => {
  const rows: readonly [number, number, boolean][] = [
    [0.01, 19.99, true],
    [0.01, 19.999, false],
    [0.1, 0.3, true],
    [0.01, 1e15, true],
    [1e-7, 0.3, true],
    [3, 9, true],
    [3, -9, true],
    [3, 10, false],
    [0.5, 7.25, false],
    [1e300, 1e308, true],
    [1e-300, 1, true],
    [2, 1e21, true],
    [1, 1.5, false],
    [5e-324, 1.7976931348623157e308, true],
    [0.01, 0, true],
    [0.01, -0.07, true],
    [0.01, 1.005, false],
    [0.25, 1.75, true],
    [0.25, 1.8, false],
    [0.01, 9_999_999_999_999.99, true],
    [0.01, 9_999_999_999_999.994, false],
    [0.07, 0.21, true],
    [1.1, 3.3, true],
    [1e-23, 1e-22, true],
    [0.1, 1e-300, false],
    [0.01, Number.POSITIVE_INFINITY, false],
  ]
  for (const [divisor, value, expected] of rows) t.equal(multipleOf(divisor)(value), expected, `${value} by ${divisor}`)
  const random = seeded(7)
  for (let i = 0; i < 2_000; i++) {
    const places = Math.floor(random() * 6)
    const divisor = Math.ceil(random() * 40)
    const value = Math.floor(random() * 10 ** Math.ceil(random() * 9))
    const isMultiple = multipleOf(Number(`${divisor}e-${places}`))(Number(`${value}e-${places}`))
    if (isMultiple !== (value % divisor === 0)) t.fail(`${value} by ${divisor}, both e-${places}`)
  }
  const { check } = read({ multipleOf: 0.01 })
  t.equal(check(19.99), null)
  t.same(check(19.995), [' multipleOf'])
})

t.test('uniqueItems compares by value, in one pass', async (t) => {
  const rows: readonly [unknown[], boolean][] = [
    [[1, '1', true, null, 'true'], true],
    [[1, 1.0], false],
    [[0, -0], false],
    [
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      false,
    ],
    [[{ a: 1 }, { a: '1' }], true],
    [['{"a":1}', { a: 1 }, '[1]', [1]], true],
    [
      [
        [1, 2],
        [2, 1],
      ],
      true,
    ],
    [[[], []], false],
  ]
  for (const [items, expected] of rows) t.equal(hasUniqueItems(true, items), expected, JSON.stringify(items))
  const many = Array.from({ length: 60_000 }, (_, i) => ({ i }))
  const { check } = read({ type: 'array', uniqueItems: true })
  const started = performance.now()
  t.equal(check(many), null)
  t.ok(performance.now() - started < 1_000, 'where comparing each pair would take minutes')
})

t.test('an integer that a double cannot hold exactly is refused where the schema asks for integers', async (t) => {
  const { check } = read({
    properties: { id: { type: 'integer' }, big: { type: 'number' }, any: { type: ['integer', 'number'] } },
  })
  t.equal(check({ id: 9007199254740991, big: Number('9007199254740993'), any: 1e300 }), null)
  t.same(check({ id: Number('9007199254740993') }), ['/id exact-integer'])
  t.same(check({ id: 1e300 }), ['/id exact-integer'])
  t.same(check({ id: 1.5 }), ['/id type'])
})

t.test('names that every object inherits must be the value’s own', async (t) => {
  const { check } = read({ required: ['toString'], properties: { constructor: { type: 'string' } } })
  t.same(check({}), ['/toString required'])
  t.equal(check({ toString: 1 }), null)
})

t.test('references into sibling files are followed, also in circles, and into ids', async (t) => {
  const files = {
    'shared/address.json': JSON.stringify({
      $id: 'https://shop.example/address.json',
      $defs: { zip: { $anchor: 'zip', pattern: '^[0-9]{5}$' } },
      properties: { zip: { $ref: '#/$defs/zip' }, owner: { $ref: '../main.json' } },
    }),
    'shared/money.json': JSON.stringify({
      $id: 'money.json',
      definitions: { cents: { type: 'integer' } },
      type: 'object',
      properties: { cents: { $ref: '#/definitions/cents' } },
    }),
  }
  const world = read(
    {
      type: 'object',
      properties: {
        home: { $ref: './shared/address.json' },
        zip: { $ref: 'shared/address.json#/$defs/zip' },
        anchored: { $ref: 'shared/address.json#zip' },
        price: { $ref: 'shared/money.json' },
        cents: { $ref: 'shared/money.json#/definitions/cents' },
        child: { $ref: '#' },
        named: { $ref: 'https://shop.example/address.json' },
      },
    },
    files,
  )
  t.same(world.codes, [])
  t.equal(world.check({ home: { zip: '12345', owner: { cents: 1 } }, child: { child: { zip: '00000' } } }), null)
  t.same(world.check({ home: { zip: 'x' } }), ['/home/zip pattern'])
  t.same(world.check({ zip: 'x' }), ['/zip pattern'])
  t.same(world.check({ anchored: 'x' }), ['/anchored pattern'])
  t.same(world.check({ home: { owner: { price: { cents: 'x' } } } }), ['/home/owner/price/cents type'])
  t.same(world.check({ cents: 0.5 }), ['/cents type'])
  t.same(world.check({ named: { zip: 'x' } }), ['/named/zip pattern'])

  const beside = read(
    { $id: 'https://shop.example/v1/order.json', properties: { a: { $ref: 'https://shop.example/v1/part.json' } } },
    { 'part.json': '{"type":"string"}' },
  )
  t.same(beside.codes, [])
  t.same(beside.check({ a: 1 }), ['/a type'], 'a URL beside the schema’s own id is the file beside it')

  const part = makeScope(route, { 'all.json': '{"$defs":{"order":{"type":"object"}}}' })
  const hash = planSchema(part.section('./all.json#/$defs/order'), part.scope, 'request') ?? ''
  t.same(part.findings, [])
  t.equal(validatorOf(hash, part.tools)([])?.[0]?.rule, 'type', 'a file reference may name a part')
})

t.test('a schema that cannot be used is refused with its line', async (t) => {
  const rows: readonly [name: string, schema: unknown, code: string][] = [
    ['an unknown type', { type: 'objekt' }, 'request.schema-invalid main.json:2'],
    ['a keyword of the wrong shape', { properties: { a: { minimum: '1' } } }, 'request.schema-invalid main.json:4'],
    ['a list of schemas in 2020-12', { items: [{ type: 'string' }] }, 'request.schema-invalid main.json:2'],
    [
      'an unknown dialect',
      { $schema: 'http://json-schema.org/draft-04/schema#' },
      'request.schema-dialect main.json:2',
    ],
    ['a reference to nowhere', { $ref: '#/$defs/x' }, 'request.schema-ref-missing main.json:2'],
    ['a reference to an unknown anchor', { $ref: '#x' }, 'request.schema-invalid main.json:1'],
    ['a remote reference', { $ref: 'https://example.com/x.json' }, 'request.schema-ref-remote main.json:2'],
    ['a reference to a missing file', { $ref: './x.json' }, 'policy.file-missing main.json:2'],
    ['a reference to itself', { $ref: '#' }, 'request.schema-ref-endless main.json:2'],
    [
      'two that refer to one another',
      { allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { not: { $ref: '#' } } } },
      'request.schema-ref-endless main.json:4',
    ],
    ['an asynchronous schema', { $async: true }, 'request.schema-invalid main.json:2'],
    ['one id twice', { $defs: { a: { $id: 'x' }, b: { $id: 'x' } } }, 'request.schema-id-repeated main.json:7'],
    [
      'a pattern that runs away',
      { properties: { a: { pattern: '^(a+)+$' } } },
      'request.pattern-backtracks main.json:4',
    ],
    ['a pattern in a name', { patternProperties: { '^(a+)+$': true } }, 'request.pattern-backtracks main.json:3'],
    [
      'a pattern under an unknown word',
      { $ref: '#/components/a', components: { a: { pattern: '(a*)*b' } } },
      'request.pattern-backtracks main.json:5',
    ],
    ['a pattern that is none', { pattern: '(' }, 'request.pattern-invalid main.json:2'],
    ['a number', 5, 'request.schema-invalid main.json:1'],
  ]
  for (const [name, schema, code] of rows) {
    const { codes, plan } = read(schema)
    t.equal(codes[0], code, name)
    t.equal(plan, undefined, name)
  }
  const hint = read({ items: [{}] }).findings[0]?.hint
  t.match(hint, /prefixItems/)
})

t.test('what is probably a slip is warned of, and does not stop the policy', async (t) => {
  const { findings, plan } = read({ type: 'object', requierd: ['a'], properties: { a: { format: 'creditcard' } } })
  t.match(findings, [
    { code: 'request.schema-keyword-unknown', severity: 'warning', hint: 'Did you mean required?' },
    { code: 'request.schema-format-unknown', severity: 'warning' },
  ])
  t.ok(plan)
})

t.test('two schemas with one id do not know of each other', async (t) => {
  const a = compileSchema({ dialect: '2020-12', schema: { $id: 'https://x.example/a', type: 'string' }, refers: {} })
  const b = compileSchema({ dialect: '2020-12', schema: { $id: 'https://x.example/a', type: 'number' }, refers: {} })
  t.equal(a('x'), null)
  t.equal(b(1), null)
  t.same(b('x'), [{ at: '', rule: 'type' }])
})

t.test('a pattern is not run on a text that maxLength has refused', async (t) => {
  const { check, codes } = read({ type: 'string', maxLength: 200, pattern: '\\s+$' })
  t.same(codes, [])
  const started = performance.now()
  t.same(check(`${' '.repeat(200_000)}x`), [' maxLength'])
  t.ok(performance.now() - started < 200)
})

t.test('formats take the right values, and time in proportion to the text', async (t) => {
  const rows: readonly [format: string, good: readonly string[], bad: readonly string[]][] = [
    ['date', ['2026-02-28', '2028-02-29'], ['2026-02-29', '2026-2-8', 'x']],
    ['date-time', ['2026-11-22T10:00:00Z'], ['2026-11-22', '2026-11-22T25:00:00Z']],
    ['email', ['a.b@example.com'], ['a@', 'a b@example.com']],
    ['uuid', ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6'], ['f81d4fae']],
    ['ipv4', ['192.0.2.1'], ['192.0.2', '192.0.2.256', '0300.0.2.1']],
    ['ipv6', ['2001:db8::1', '::', '::ffff:192.0.2.1'], [':::', 'fe80::1%eth0', '1::2::3']],
    ['url', ['https://example.com/a?b#c', 'http://[::1]:8080'], ['javascript:alert(1)', 'https://', 'https://a b']],
    ['uri', ['urn:x:y', 'https://example.com'], ['example', 'a b']],
    ['byte', ['', 'YQ==', 'YWJj'], ['YQ', 'x\nYQ==']],
    ['hostname', ['a.example.com'], ['-a', 'a..b']],
    ['json-pointer', ['', '/a~1b'], ['a', '/~2']],
  ]
  for (const [format, good, bad] of rows) {
    const { check } = read({ type: 'string', format })
    for (const text of good) t.equal(check(text), null, `${format}: ${text}`)
    for (const text of bad) t.same(check(text), [' format'], `${format}: ${text}`)
  }
  const pieces = [
    ' ',
    'a',
    '1',
    'a.',
    '::',
    '%41',
    '-a',
    '@a.aa/a',
    '1:',
    '.1',
    '/',
    'a@',
    '{a}',
    '2026-11-22T10:00:00',
  ]
  for (const format of knownFormats) {
    const { check } = read({ format })
    for (const piece of pieces) {
      const text = piece.repeat(50_000 / piece.length)
      const started = performance.now()
      for (const prefix of ['', 'a@', 'ftp://', 'https://a', 'a:']) check(`${prefix}${text}\n`)
      const ms = performance.now() - started
      if (ms > 250) t.fail(`${format} takes ${ms} ms on ${piece} × ${text.length / piece.length}`)
    }
  }
})

t.test('one schema is compiled once for all its routes, and costs little when there are many', async (t) => {
  const world = makeScope(route, { 'a.json': '{"type":"object","properties":{"a":{"type":"integer"}}}' })
  const from = world.section('./a.json')
  const hashes = new Set<string | undefined>()
  let started = performance.now()
  for (let i = 0; i < 10_000; i++) hashes.add(planSchema(from, world.scope, 'request'))
  t.equal(hashes.size, 1)
  t.ok(performance.now() - started < 2_000)
  const [hash = ''] = hashes
  t.equal(validatorOf(hash, world.tools), validatorOf(hash, world.tools))

  started = performance.now()
  for (let i = 0; i < 100; i++) {
    readSchema(
      world.section(`{ type: object, properties: { a: { type: integer, minimum: ${i} } } }`),
      world.scope,
      'request',
    )
  }
  const each = (performance.now() - started) / 100
  t.ok(each < 20, `${each.toFixed(2)} ms for each of many different schemas`)
})

t.test('faults are few, and keys of the caller are cut short', async (t) => {
  const many: JsonSchema = { anyOf: Array.from({ length: 50 }, (_, i) => ({ required: [`k${i}`] })) }
  const plan: SchemaPlan = { dialect: '2020-12', schema: many, refers: {} }
  t.equal(compileSchema(plan)({})?.length, 20)
  const map = read({ additionalProperties: { type: 'integer' } })
  const [fault = ''] = map.check({ ['x'.repeat(1_000)]: 'y' }) ?? []
  t.ok(fault.length < 250)
  t.same(map.check({ 'a/b~c': 'y' }), ['/a~1b~0c type'])
})

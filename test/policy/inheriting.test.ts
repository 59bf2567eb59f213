import t from 'tap'
import { overlay } from '../../src/policy/inherit.js'
import { type MapNode, placeOf } from '../../src/policy/node.js'
import { parseYaml } from '../../src/policy/parse.js'
import { parseJson } from '../../src/policy/parse-json.js'
import type { Finding } from '../../src/policy/problems.js'
import { parseRouteKey } from '../../src/policy/route-key.js'
import { typePlain } from '../../src/policy/scalar.js'
import { rootSection } from '../../src/policy/section.js'
import { Source } from '../../src/policy/source.js'
import { formatPlace } from '../../src/values/place.js'

function read(file: string, text: string): MapNode {
  const findings: Finding[] = []
  const parse = file.endsWith('.json') ? parseJson : parseYaml
  const node = parse(new Source(file, text), (finding) => findings.push(finding))
  if (node?.kind !== 'map' || findings.length > 0) throw new Error(`${file} is no sound map: ${findings[0]?.message}`)
  return node
}

const builtIn = read(
  '(built-in)',
  'request: { maxBytes: 256KiB, structure: { depth: 20, keys: 2000 } }\ntimeout: { total: 10s }\n',
)

t.test('layers merge as the policy language says', async (t) => {
  const rows: readonly (readonly [what: string, below: string, above: string, expected: unknown])[] = [
    [
      'a map on a map merges key by key',
      'timeout: { total: 5s, idle: 1s }',
      'timeout: { total: 7s }',
      { timeout: { total: '7s', idle: '1s' } },
    ],
    [
      'maps merge at any depth',
      'request: { structure: { depth: 5 } }',
      'request: { structure: { keys: 9 } }',
      { request: { structure: { depth: 5, keys: 9 }, maxBytes: '256KiB' } },
    ],
    [
      'a list replaces a list',
      'response: { headers: { remove: [a, b] } }',
      'response: { headers: { remove: [c] } }',
      { response: { headers: { remove: ['c'] } } },
    ],
    [
      'a scalar replaces a map',
      'rateLimit: { p: { quota: 1 } }',
      'rateLimit: { p: shared }',
      { rateLimit: { p: 'shared' } },
    ],
    [
      'a map replaces a scalar',
      'rateLimit: { p: shared }',
      'rateLimit: { p: { quota: 1 } }',
      { rateLimit: { p: { quota: 1 } } },
    ],
    ['auth is replaced whole', 'auth: { jwt: main, scopes: [a] }', 'auth: { jwt: other }', { auth: { jwt: 'other' } }],
    [
      'a body schema is replaced whole',
      'request: { body: { type: object, required: [a] } }',
      'request: { body: { type: array } }',
      { request: { body: { type: 'array' }, maxBytes: '256KiB', structure: { depth: 20, keys: 2000 } } },
    ],
    [
      'one parameter is replaced whole, the others stay',
      'request: { query: { a: { type: string, maxLength: 5 }, b: { type: string } } }',
      'request: { query: { a: { type: integer } } }',
      {
        request: {
          query: { a: { type: 'integer' }, b: { type: 'string' } },
          maxBytes: '256KiB',
          structure: { depth: 20, keys: 2000 },
        },
      },
    ],
    [
      'off takes a limit away',
      'rateLimit: { a: { quota: 1 }, b: { quota: 2 } }',
      'rateLimit: { a: off }',
      { rateLimit: { b: { quota: 2 } } },
    ],
    [
      'off is a plain value elsewhere',
      'inspect: { mode: enforce }',
      'inspect: { mode: off }',
      { inspect: { mode: 'off' } },
    ],
    [
      '~ goes back to the built-in value',
      'timeout: { total: 5s }',
      'timeout: { total: ~ }',
      { timeout: { total: '10s' } },
    ],
    ['~ for a whole map goes back to the built-in map', 'timeout: { total: 5s, idle: 1s }', 'timeout: ~', {}],
    ['~ takes away what has no built-in value', 'auth: { jwt: main }', 'auth: ~', {}],
    [
      'null inside a schema is a value',
      'request: {}',
      'request: { body: { enum: [a, null], default: null } }',
      {
        request: {
          body: { enum: ['a', null], default: null },
          maxBytes: '256KiB',
          structure: { depth: 20, keys: 2000 },
        },
      },
    ],
    ['~ where nothing is inherited leaves nothing', 'cors: {}', 'forward: { path: ~ }', { cors: {}, forward: {} }],
    ['an empty layer changes nothing', 'auth: { jwt: main }', '{}', { auth: { jwt: 'main' } }],
  ]
  for (const [what, below, above, expected] of rows) {
    await t.test(what, async (t) => {
      const lower = overlay(builtIn, read('_defaults.yaml', below), builtIn, () => {})
      const merged = overlay(lower, read('orders.yaml', above), builtIn, () => {})
      t.same(merged.value, { ...builtIn.value, ...(expected as object) }) // each row is a policy, which is a map
    })
  }
})

t.test('every value knows where it was written, and what it overrode', async (t) => {
  const folder = overlay(builtIn, read('_defaults.yaml', 'timeout:\n  total: 5s\n  idle: 1s\n'), builtIn, () => {})
  const route = read('orders.yaml', 'timeout:\n  total: 7s\nrateLimit:\n  list: [a, b]\n')
  const policy = rootSection(overlay(folder, route, builtIn, () => {}))
  const at = (...path: (string | number)[]) => formatPlace(policy.get(...path).place)
  const keyAt = (...path: (string | number)[]) => formatPlace(policy.get(...path).keyPlace)

  t.equal(at('timeout', 'total'), 'orders.yaml:2:10')
  t.equal(keyAt('timeout', 'total'), 'orders.yaml:2:3')
  t.equal(at('timeout', 'idle'), '_defaults.yaml:3:9')
  t.equal(at('request', 'maxBytes'), '(built-in):1:22')
  t.equal(at('rateLimit', 'list', 1), 'orders.yaml:4:13')
  t.equal(keyAt('rateLimit', 'list', 1), 'orders.yaml:4:13', 'a list item has no key')
  t.equal(at('timeout', 'connect'), 'orders.yaml:1:1', 'what is absent points at the nearest that is written')
  t.equal(at('rateLimit', 'list', 7, 'x'), 'orders.yaml:4:3')
  t.equal(policy.get('nowhere', 'at', 'all').value, undefined)
  t.same(policy.get('timeout', 'total').place, { file: 'orders.yaml', line: 2, column: 10, length: 2 })

  const timeout = policy.node?.kind === 'map' ? policy.node.entries.get('timeout') : undefined
  const total = timeout?.node.kind === 'map' ? timeout.node.entries.get('total') : undefined
  const history: string[] = []
  for (let entry = total; entry !== undefined; entry = entry.overrode) history.push(formatPlace(placeOf(entry.node)))
  t.same(history, ['orders.yaml:2:10', '_defaults.yaml:2:10', '(built-in):2:19'])
})

t.test('plain scalars are typed by the YAML 1.2 core schema', async (t) => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['', null],
    ['~', null],
    ['null', null],
    ['NULL', null],
    ['nUll', 'nUll'],
    ['true', true],
    ['False', false],
    ['yes', 'yes'],
    ['off', 'off'],
    ['on', 'on'],
    ['no', 'no'],
    ['12', 12],
    ['-3', -3],
    ['+5', 5],
    ['0', 0],
    ['0x1F', 31],
    ['0o17', 15],
    ['1.5', 1.5],
    ['-1e3', -1000],
    ['.5', 0.5],
    ['1_000', '1_000'],
    ['30s', '30s'],
    ['10/1m', '10/1m'],
    ['64KiB', '64KiB'],
    ['2027-01-31', '2027-01-31'],
    ['1.2.3', '1.2.3'],
    ['-', '-'],
    ['+', '+'],
    ['.', '.'],
    ['12:30:45', '12:30:45'],
    ['0.1', 0.1],
  ]
  for (const [text, value] of rows) t.same(typePlain(text), { value }, JSON.stringify(text))
  for (const text of ['1e400', '.inf', '-.INF', '.nan', '9007199254740993', '0xFFFFFFFFFFFFFFFF']) {
    t.same(typePlain(text), { fault: 'number-too-large' }, text)
  }
  for (const text of ['0777', '-012']) t.same(typePlain(text), { fault: 'number-leading-zero' }, text)
})

t.test('JSON files are read strictly, with places', async (t) => {
  const node = read(
    'a.json',
    '{\n  "type": "object",\n  "enum": [1, -2.5e1, true, null, "a\\u0041\\ud83d\\ude00"],\n  "no": {}, "none": []\n}\n',
  )
  t.same(node.value, { type: 'object', enum: [1, -25, true, null, 'aA\u{1f600}'], no: {}, none: [] })
  t.equal(formatPlace(rootSection(node).get('enum', 4).place), 'a.json:3:35')
  for (const text of [
    '',
    '{',
    '{"a":1,}',
    '[1,]',
    '{"a" 1}',
    "{'a': 1}",
    '{"a": 01}',
    '{"a": +1}',
    '{"a": NaN}',
    '{"a": 1e999}',
    '{"a": "\t"}',
    '{"a": "\\x"}',
    '{} {}',
    '// no\n{}',
    '{"a": nul}',
    `${'['.repeat(100)}${']'.repeat(100)}`,
  ]) {
    const findings: Finding[] = []
    t.equal(
      parseJson(new Source('a.json', text), (finding) => findings.push(finding)),
      undefined,
      JSON.stringify(text.slice(0, 20)),
    )
    t.equal(findings[0]?.code, 'policy.json-broken')
  }
})

t.test('route keys are read into the one spelling that requests are compared in', async (t) => {
  const segmentsOf = (key: string) => {
    const parsed = parseRouteKey(key)
    return 'code' in parsed ? parsed.message : parsed.segments
  }
  t.same(segmentsOf('GET /'), [])
  t.same(segmentsOf('ANY /orders/{id}/lines'), [{ literal: 'orders' }, { param: 'id' }, { literal: 'lines' }])
  t.same(segmentsOf('GET /orders/'), [{ literal: 'orders' }, { literal: '' }])
  t.same(segmentsOf('GET /files/{rest+}'), [{ literal: 'files' }, { rest: 'rest' }])
  t.same(segmentsOf('GET /v1.2/~me/a:b@c,d=e'), [{ literal: 'v1.2' }, { literal: '~me' }, { literal: 'a:b@c,d=e' }])
  t.same(segmentsOf('GET /caf%c3%a9/%41%2c%20'), [{ literal: 'caf%C3%A9' }, { literal: 'A,%20' }])
})

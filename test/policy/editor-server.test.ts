import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { startLanguageServer } from '../support/language-server.js'

// What an editor makes of the schema, by the server that most editors use; the modeline in the first line of each file is
// all that it is told.
const server = await startLanguageServer(t)
const policies = resolve('policies')
let texts = 0

/** Opens a text beside the example policies; `|` marks the cursor. */
async function opened(text: string) {
  const whole = `# yaml-language-server: $schema=./.postern/schema.json\n${text}`
  const before = whole.slice(0, whole.includes('|') ? whole.indexOf('|') : 0).split('\n')
  const open = await server.open(join(policies, `text-${texts++}.yaml`), whole.replace('|', ''))
  return { ...open, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

t.test('the example policies name their schema and nothing in them is underlined', async (t) => {
  for (const name of readdirSync(policies).filter((each) => each.endsWith('.yaml'))) {
    const text = readFileSync(join(policies, name), 'utf8')
    t.match(text, /^# yaml-language-server: \$schema=\.\/\.postern\/\S+\.json\n/, name)
    const { diagnostics } = await server.open(join(policies, name), text)
    t.same(diagnostics, [], name)
  }
})

for (const [where, text, offered] of [
  ['at the top of a file', '|', ['routes', 'upstreams', 'issuers', 'clients', 'rateLimits', 'defaults']],
  ['in a route', 'routes:\n  GET /a:\n    |', ['upstream', 'auth', 'request', 'rateLimit', 'timeout']],
  ['in a limit', 'routes:\n  GET /a:\n    rateLimit:\n      per-ip:\n        |', ['partitionKey', 'quota', 'window']],
  ['in a limit of one line', 'routes:\n  GET /a:\n    rateLimit: { per-ip: { quota: 5, b| } }', ['burst']],
  ['after a key with a few values', 'routes:\n  GET /a:\n    inspect:\n      mode: |', ['enforce', 'report', '"off"']],
  ['in auth', 'routes:\n  GET /a:\n    auth:\n      |', ['jwt', 'apiKey', 'anyOf']],
  ['in an issuer', 'issuers:\n  main:\n    |', ['issuer', 'audience', 'algorithms', 'jwksUri']],
  ['in gateway.yaml', 'version: 1\nlimits:\n  |', ['headerBytes', 'requestTimeout', 'concurrentRequests']],
] as const) {
  t.test(`completion ${where} offers its keys and values, each with a word about it`, async (t) => {
    const { complete, line, column } = await opened(text)
    const found = await complete(line, column)
    for (const label of offered) {
      t.ok(found.has(label), `${label} among ${[...found.keys()].join(' ')}`)
      if (!text.includes('mode: |')) t.match(found.get(label), /\S+ \S+/, `${label} is explained`)
    }
  })
}

t.test('hovering a key says what it means', async (t) => {
  const route = 'routes:\n  POST /orders:\n'
  for (const [text, says] of [
    [`${route}    auth: { jwt: main, sco|pes: [orders:write] }`, /scope/i],
    [`${route}    req|uest: { maxBytes: 1MiB }`, /must look like/],
    [`${route}    rateLimit: { per-client: { partition|Key: jwt.sub } }`, /bucket|counted|selector/i],
    ['upstreams:\n  fn: { ur|l: "https://a.example" }', /http/i],
  ] as const) {
    const { hover, line, column } = await opened(text)
    t.match(await hover(line, column), says, text)
  }
})

t.test('a mistake is underlined where it stands, and what it should be is not', async (t) => {
  const route = 'upstreams:\n  fn: { url: "https://a.example" }\nroutes:\n  GET /a:\n    upstream: fn\n'
  for (const [wrong, right, says] of [
    ['    uath: none\n', '    auth: none\n', /uath/],
    ['    inspect: { mode: enforced }\n', '    inspect: { mode: enforce }\n', /enforce/],
    ['    timeout: { total: 5 sec }\n', '    timeout: { total: 5s }\n', /pattern|off|time/i],
    [
      '    rateLimit: { a: { qouta: 5 } }\n',
      '    rateLimit: { a: { quota: 5, window: 1m, partitionKey: ip } }\n',
      /qouta|quota/,
    ],
    ['    request: { maxBytes: lots }\n', '    request: { maxBytes: 1MiB }\n', /pattern|size|match/i],
  ] as const) {
    const found = await opened(route + wrong)
    t.equal(found.diagnostics[0]?.range.start.line, 6, wrong)
    t.match(found.diagnostics.map(({ message }) => message).join('\n'), says, wrong)
    t.same((await opened(route + right)).diagnostics, [], right)
  }
})

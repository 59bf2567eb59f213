import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCurlLine } from '../../src/cli/explain/curl-line.js'
import { factsOf } from '../../src/cli/explain/explain-code.js'
import { readRequestText } from '../../src/cli/explain/request-text.js'
import { changesFor } from '../../src/cli/explain/smallest-change.js'
import { startConsole } from '../../src/console/server.js'
import { auditCodes } from '../../src/policy/audit/catalog.js'
import { lineFormat } from '../../src/record/line.js'
import { createRecent } from '../../src/record/recent.js'
import { startGateway } from '../support/gateway.js'
import { makeKey, mint } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'
import { postern } from './command-line.js'

const routes = `
issuers:
  main: { issuer: https://id.shop.example, audience: shop-api }
upstreams:
  fn: { url: "https://fn.shop.example/base" }
defaults:
  request: { maxBytes: 32KiB }
routes:
  POST /orders:
    upstream: fn
    auth: { jwt: main, scopes: [orders:write] }
    rateLimit: { per-ip: off, per-user: { partitionKey: jwt.sub, quota: 2, window: 1m } }
    request:
      maxBytes: 1KiB
      body: { type: object, properties: { note: { type: string } } }
  GET /items/{id}:
    upstream: fn
    auth: none
    reason: public
    inspect: ~
  GET /items/new: { upstream: fn, auth: none, reason: public }
  ANY /{rest+}: { upstream: fn, auth: none, reason: all the rest }
`
const folderOf = (t: { testdir(files: Record<string, string>): string }) =>
  t.testdir({
    'gateway.yaml': 'guardrails: { request.maxBytes: { max: 1MiB } }\nsecrets: { unset: { env: NOT_SET_ANYWHERE } }\n',
    '_defaults.yaml':
      'inspect: { mode: enforce, profile: strict }\nrateLimit: { per-ip: { partitionKey: ip, quota: 5, window: 1m } }\n',
    'shop.yaml': routes,
  })

t.test('what is inspected, by what, and why the rest is not', async (t) => {
  const policies = t.testdir({
    'a.yaml': `upstreams: { fn: { url: "https://fn.shop.example" } }
routes:
  POST /a:
    upstream: fn
    auth: none
    reason: a test
    request: { body: { type: object, properties: { kind: { enum: [a, b] }, note: { type: string } } } }
    inspect:
      fields: { "body:/text": markdown }
      detectors: { ldap: off }
      exceptions: { note: { rule: sqli, at: "body:/note", owner: ana, until: 2099-01-01 } }
`,
  })
  const { out } = await postern(['explain', 'POST', '/a', '--policies', policies])
  t.match(out, /Inspection\n {2}not inspected, for the schema leaves no room: body:\/kind\n/)
  t.match(out, /body:\/text holds markdown: without what such text trips/)
  t.match(out, /body:\/note without sqli: exception note/)
  t.match(out, /detectors that do not deny: ldap off/)
})

t.test('every value of a route has its line, and what it took the place of', async (t) => {
  const policies = folderOf(t)
  const { code, out } = await postern(['explain', 'POST', '/orders', '--policies', policies])
  t.equal(code, 0, out)
  const line = (path: string) => out.split('\n').find((each) => each.trimStart().startsWith(`${path} `)) ?? ''
  t.match(out, /^POST \/orders {2}shop\.yaml:9:3/)
  t.match(
    out,
    /request\.maxBytes +1KiB +shop\.yaml:14\n +instead of 32KiB \(shop\.yaml:7\)\n +instead of 256KiB \(built-in\)\n +guardrail \{ max: 1MiB \} \(gateway\.yaml:1\) kept/,
  )
  t.match(line('inspect.profile'), /strict +_defaults\.yaml:1 {2}instead of api \(built-in\)/)
  t.match(line('rateLimit.per-ip'), /switched off +shop\.yaml:12/)
  t.match(out, /upstream +fn +shop\.yaml:10\s+→ https:\/\/fn\.shop\.example\/base \(shop\.yaml:5\)/)
  t.match(out, /\{ jwt: main, scopes: \[orders:write\] \} +shop\.yaml:11\s+→ https:\/\/id\.shop\.example/)
  t.match(out, /1 wire[\s\S]*2 auth[\s\S]*3 rateLimit +per-user[\s\S]*– the body is read here –[\s\S]*4 request/)

  const reset = await postern(['explain', 'GET /items/7', '-p', policies])
  t.match(reset.out, /inspect\.profile +api +built-in/)
  t.match(reset.out, /inspect +set back to the built-in value +shop\.yaml:20/)
})

t.test('routes that might have taken the request say why they did not', async (t) => {
  const policies = folderOf(t)
  const { out } = await postern(['explain', 'GET', '/items/new', '-p', policies])
  t.match(out, /^GET \/items\/new/)
  t.match(out, /GET \/items\/new +wins/)
  t.match(out, /GET \/items\/\{id\} +less specific: a parameter where the winner has a literal \(segment 2\)/)
  t.match(out, /ANY \/\{rest\+\} +less specific: the rest of the path/)

  const json = JSON.parse((await postern(['explain', 'GET', '/items/new', '-p', policies, '--json'])).out)
  t.equal(json.route.plan.id, 'GET /items/new')
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['GET', '/a/../b', /400 wire\.target-ambiguous/],
    ['GET', '/', /404 route\.not-found/],
  ]
  for (const [method, path, expected] of rows) {
    const { code, out: said } = await postern(['explain', method, path, '-p', policies])
    t.equal(code, 1)
    t.match(said, expected)
  }
  t.equal((await postern(['explain', 'orders'])).code, 2)
  t.equal((await postern(['explain'])).code, 2)
  t.match((await postern(['explain', 'GET', '/', '-p', join(policies, 'nowhere')])).out, /policy\.folder-missing/)
})

t.test('a request is judged offline: a verdict per stage, the line, masked evidence, and the way out', async (t) => {
  const policies = folderOf(t)
  const http =
    'POST /orders HTTP/1.1\nHost: shop.example\nContent-Type: application/json\n\n{"note":"secret words x\' OR 1=1 --"}\n'
  const explain = (input: string, ...flags: string[]) =>
    postern(['explain', '--request', '-', '-p', policies, ...flags], { input })

  const anonymous = await explain(http)
  t.equal(anonymous.code, 1)
  t.match(anonymous.out, /1 auth +DENY {2}auth\.missing {2}shop\.yaml:11:5\n +11 \| +auth: \{ jwt/)
  t.match(anonymous.out, /4 inspect +not reached/)
  t.match(anonymous.out, /note: Content-Length: \d+ was added/)
  t.match(anonymous.out, /no change is suggested/, 'auth is never loosened')

  const known = await explain(http, '--as', '{ jwt: { sub: ada, scope: orders:write } }')
  t.match(known.out, /1 auth +allow {2}ada/)
  t.match(known.out, /4 inspect +DENY {2}inspect\.sqli {2}_defaults\.yaml:1/)
  t.match(known.out, /at "body:\/note"/)
  t.notMatch(known.out, /secret words/, 'what else stands in the field is not shown')
  t.match(known.out, /=> 403 inspect\.denied \(exactly: inspect\.sqli\)\. With inspect in report mode it would pass\./)
  t.match(known.out, /rule: sqli, at: "body:\/note"/)

  const good = await explain("curl 'http://localhost:8080/items/7?x=1' -H 'X-Api-Key: k'")
  t.equal(good.code, 0)
  t.match(good.out, /=> 200 would be forwarded to fn: GET \/base\/items\/7\?x=1/)
  const json = JSON.parse((await explain(http, '--json')).out)
  t.match(json, { status: 401, record: { code: 'auth.missing' } })
})

t.test('a token is judged by its claims, and by its signature once the keys are given', async (t) => {
  const policies = folderOf(t)
  const key = await makeKey('RS256', 'k1')
  const token = (claims: Record<string, unknown>) =>
    mint('https://id.shop.example', key, Date.now(), { claims: { aud: 'shop-api', scope: 'orders:write', ...claims } })
  const keys = join(policies, 'keys.json')
  writeFileSync(keys, JSON.stringify({ keys: [key.jwk] }))
  const explain = async (text: string, ...flags: string[]) =>
    (
      await postern(['explain', '-r', '-', '-p', policies, ...flags], {
        input: `curl localhost/orders -H 'Authorization: Bearer ${text}' --json '{}'`,
      })
    ).out

  const unchecked = await explain(await token({}))
  t.match(unchecked, /note: The signature of the token was not checked: the keys of main are not at hand/)
  t.match(unchecked, /1 auth +allow {2}u1/)
  t.match(await explain(await token({ exp: 1_000 })), /auth\.token-expired/)
  t.match(await explain(await token({ exp: undefined })), /auth\.token-claim-missing/)
  t.match(await explain(await token({ aud: 'other' })), /auth\.token-audience/)
  t.match(await explain(await token({ scope: 'orders:read' })), /auth\.scope-missing/)
  t.match(await explain(await token({ iss: 'https://evil.example' })), /auth\.token-issuer/)

  const checked = await explain(await token({}), '--keys', `main=${keys}`)
  t.notMatch(checked, /note:/)
  t.match(checked, /1 auth +allow {2}u1/)
  const forged = (await token({})).replace(/.{8}$/, 'AAAAAAAA')
  t.match(await explain(forged, '--keys', `main=${keys}`), /auth\.token-signature/)
  t.equal((await postern(['explain', '-r', keys, '-p', policies, '--keys', 'nobody=x'])).code, 2)
})

t.test('no change is suggested for what no policy lets pass, nor for who may call', (t) => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['wire.malformed', /itself is at fault/],
    ['request.json-duplicate-key', /itself is at fault/],
    ['request.query-encoding', /itself is at fault/],
    ['request.query-invalid', /change the schema/],
    ['request.body-too-large', /request\.maxBytes/],
    ['auth.scope-missing', /no change is suggested/],
    ['ip.denied', /no change is suggested/],
    ['concurrency.exceeded', /concurrency\.quota/],
    ['forward.unreachable', /function is at fault/],
  ]
  for (const [code, expected] of rows) t.match(changesFor(code).join(), expected, code)
  t.end()
})

t.test('curl lines are read as a shell and curl would', (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ['curl localhost:8080', { method: 'GET', target: '/' }],
    ["curl -sS -XPUT 'http://a/b?c=d#e' -d x", { method: 'PUT', target: '/b?c=d', body: 'x' }],
    ['curl a/b --json \'{"x": 1}\'', { method: 'POST', body: '{"x": 1}' }],
    ['curl a -d a=1 -d b=2', { body: 'a=1&b=2' }],
    ['curl -G a/s -d q=1', { method: 'GET', target: '/s?q=1', body: undefined }],
    ['curl a/../b', { target: '/../b' }],
    ['curl \\\n  -H "X-A: \\"q\\"" \\\n  http://h:1/p', { target: '/p' }],
    ['curl -I a/x', { method: 'HEAD' }],
    ['curl --data-urlencode "q=a b" a', { body: 'q=a%20b' }],
  ]
  for (const [line, expected] of rows) t.match(readCurlLine(line), expected, line)
  t.same(readCurlLine('curl -u a:b h/').headers.find(([name]) => name === 'Authorization')?.[1], 'Basic YTpi')
  for (const wrong of ['curl', "curl 'a", 'curl a b', 'curl a -d @file', 'curl a -H', 'wget a']) {
    t.throws(() => readCurlLine(wrong), { name: 'CurlFault' }, wrong)
  }
  t.match(readRequestText('GET / HTTP/1.1\nHost: a').bytes.toString(), /^GET \/ HTTP\/1\.1\r\nHost: a\r\n\r\n$/)
  t.match(readRequestText('\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n').bytes.toString(), /^GET/)
  t.end()
})

t.test('every code that this build can say has a meaning, offline', async (t) => {
  const sources = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('src/cli'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  const codes = new Set(
    sources.flatMap((text) => [...text.matchAll(/code: '([a-z-]+\.[a-z-]+)'/g)].map(([, code = '']) => code)),
  )
  t.ok(codes.size > 150, `${codes.size} codes`)
  for (const code of [...codes, ...auditCodes]) t.ok(factsOf(code).length > 0, code)

  const { out, code } = await postern(['explain', 'auth.token-expired'])
  t.equal(code, 0)
  t.match(
    out,
    /401 Unauthorized, from the stage auth\n {2}The token has expired\.\n {2}Callers see the coarser code auth\.invalid/,
  )
  t.match((await postern(['explain', 'inspect.denied'])).out, /inspect\.sqli/)
  t.match((await postern(['explain', 'orders.key-unknown'])).out, /nothing is ever ignored/)
  const unknown = await postern(['explain', 'auth.token-expird'])
  t.equal(unknown.code, 1)
  t.match(unknown.err, /Did you mean auth\.token-expired\?/)
})

t.test('why: a decision is found at the admin listener or in the log, and explained', async (t) => {
  const upstream = await startUpstream(t)
  const folder = { 'shop.yaml': routes.replace(/https:\/\/fn[^"]*/, upstream.url) }
  const gateway = await startGateway(t, folder)
  const answer = await gateway.get('/items/7?q=x%27%20OR%201=1--')
  const record = await gateway.recordOf(answer)
  const policies = t.testdir(folder)
  const log = join(policies, 'gateway.log')
  writeFileSync(log, `not json\n{"time":"x","event":"started"}\n${lineFormat()(record)}`)

  const { code, out } = await postern(['why', record.id, '--log', log, '-p', policies])
  t.equal(code, 0)
  t.match(out, /GET \/items\/7 {2}→ {2}403 inspect\.sqli/)
  t.match(out, /inspect +DENY {2}inspect\.sqli {2}\(built-in\)/)
  t.match(out, /rule: sqli, at: "query:\/q"/)
  t.match(out, /forward +not reached/)

  const refused = await gateway.recordOf(await gateway.post('/orders', {}))
  writeFileSync(log, lineFormat()(refused))
  const auth = await postern(['why', refused.id, '--log', log, '-p', policies])
  t.match(auth.out, /401 auth\.missing/)
  t.match(auth.out, /no change is suggested/)

  const recent = createRecent()
  recent.read(record)
  const status = () => ({ ready: true, draining: false, plan: null, loadedAt: null, refused: null, restartNeeded: [] })
  const admin = await startConsole({
    host: '127.0.0.1',
    port: 0,
    token: () => null,
    status,
    metrics: { text: async () => '' },
    recent,
  })
  t.teardown(() => admin.close())
  const at = `127.0.0.1:${admin.address.port}`
  t.match((await postern(['why', record.id, '--admin', at, '-p', policies])).out, /1 auth +allow {2}shop\.yaml:\d+/)
  t.equal((await postern(['why', refused.id, '--admin', at])).code, 1)

  const unknown = await postern(['why', '01AAAAAAAAAAAAAAAAAAAAAAAA', '--log', log])
  t.equal(unknown.code, 1)
  t.match(unknown.err, /has no record of/)
  t.equal((await postern(['why', 'a b'])).code, 2)
  t.match((await postern(['why', record.id, '--log', join(policies, 'none')])).err, /cannot be read/)
  t.match((await postern(['why', record.id, '--admin', '127.0.0.1:1'])).err, /No gateway answers/)
})

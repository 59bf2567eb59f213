import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import { HopKeys } from '../../src/state/hop-keys.js'
import { startGateway, type TestGateway } from '../support/gateway.js'
import { makeKey, startIssuer, testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

const clock = testClock()

/** What a function does with a token of ours: keys from /jwks, then issuer and audience. */
async function judged(gateway: TestGateway, token: string, audience: string, issuer = 'postern') {
  const keys = createLocalJWKSet(gateway.state.hopKeys.jwks() as unknown as JSONWebKeySet) // RFC 7517 section 5
  const currentDate = new Date(clock.now())
  return (
    await jwtVerify(token, keys, { issuer, audience, algorithms: ['ES256'], typ: 'postern-hop+jwt', currentDate })
  ).payload
}

t.test('a function can tell that a call came through the gateway, and for whom', async (t) => {
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const upstream = await startUpstream(t)
  const apiKey = newApiKey()
  const routes = (hop: string) => `
issuers: { main: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } } }
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${apiKey.sha256} } } } }
routes:
  GET /hop: { upstream: fn, auth: { jwt: main }, forward: { hopToken: ${hop} } }
  GET /key: { upstream: fn, auth: { apiKey: [acme] }, forward: { hopToken: { header: X-Hop, audience: shop } } }
  GET /open: { upstream: fn, auth: none, reason: a test, forward: { hopToken: {} } }
  GET /plain: { upstream: fn, auth: { jwt: main } }
`
  const gateway = await startGateway(t, routes('{ claims: [plan, realm.roles, absent] }'), { clock })
  const claims = { plan: 'pro', realm: { roles: ['clerk'] }, client_id: 'shop', email: 'a@b.test' }
  const bearer = { authorization: `Bearer ${await issuer.mint(clock.now(), { claims })}` }
  const last = () => upstream.requests.at(-1)?.headers ?? {}

  const answer = await gateway.get('/hop', { ...bearer, 'x-postern-token': 'forged', X_Postern_Token: 'forged' })
  t.equal(answer.status, 200)
  const token = String(last()['x-postern-token'])
  const payload = await judged(gateway, token, upstream.url)
  t.same(payload, {
    iss: 'postern',
    aud: upstream.url,
    iat: clock.now() / 1000,
    exp: clock.now() / 1000 + 60,
    jti: answer.headers['x-request-id'],
    sub: 'u1',
    method: 'jwt',
    client_id: 'shop',
    claims: { plan: 'pro', 'realm.roles': ['clerk'] },
  })
  await t.rejects(judged(gateway, token, 'http://other.test'), 'no other function may take it')
  t.notOk(JSON.stringify(await gateway.recordOf(answer)).includes(token), 'no record holds it')

  await gateway.get('/key', { 'x-api-key': apiKey.key, 'x-hop': 'forged' })
  t.match(await judged(gateway, String(last()['x-hop']), 'shop'), { sub: 'acme', client_id: 'acme', method: 'apiKey' })
  await gateway.get('/open')
  t.notOk('sub' in (await judged(gateway, String(last()['x-postern-token']), upstream.url)), 'nobody is nobody')
  await gateway.get('/plain', { ...bearer, 'x-postern-token': token })
  t.notOk('x-postern-token' in last(), 'a route without it hands no copy on')

  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  process.env['POSTERN_TEST_HOP'] = String(pem)
  await gateway.reload({
    'gateway.yaml': `
secrets: { hop: { env: POSTERN_TEST_HOP } }
hopToken: { issuer: "https://gw.test", life: 10s, keys: ["\${secret:hop}"] }
`,
    'routes.yaml': routes('{}'),
  })
  await gateway.get('/hop', bearer)
  const shared = String(last()['x-postern-token'])
  const { exp = 0, iat = 0 } = await judged(gateway, shared, upstream.url, 'https://gw.test')
  t.equal(exp - iat, 10)
  t.ok(await judged(gateway, token, upstream.url), 'what was signed before the reload is still known')
  const twin = new HopKeys(() => clock.now())
  twin.use([String(pem)], 60_000)
  t.equal(decodeProtectedHeader(shared).kid, twin.jwks().keys[0]?.['kid'], 'replicas with one key have one name for it')
})

t.test('a key of our own is published a whole turn before it signs, and an hour after', async (t) => {
  let now = 1_800_000_000_000
  const keys = new HopKeys(() => now)
  keys.use([], 86_400_000)
  const kids = () => keys.jwks().keys.map(({ kid }) => kid)
  const first = keys.current.kid
  const [, second] = kids()
  t.same(kids(), [first, second])
  t.notOk(JSON.stringify(keys.jwks()).includes('"d"'), 'no private part leaves')
  now += 86_399_999
  t.equal(keys.current.kid, first)
  now += 1
  t.equal(keys.current.kid, second, 'the next signs')
  t.equal(kids().length, 3)
  t.equal(kids().at(-1), first, 'the last is known on')
  now += 3_600_000
  t.notOk(kids().includes(first), 'for an hour')
  now -= 10 * 86_400_000
  t.type(keys.current.kid, 'string', 'a clock that was set back does no harm')
})

t.test('claims reach the function as text that cannot be anything else, and no caller can write them', async (t) => {
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
issuers: { main: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } } }
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /claims: { upstream: fn, auth: { jwt: main }, forward: { claims: { sub: X-User, name: X-Name, groups: X-Groups } } }
  GET /keep: { upstream: fn, auth: { jwt: main }, forward: { authorization: keep } }
  GET /move: { upstream: fn, auth: { jwt: main }, forward: { authorization: "move:X-Caller" } }
  GET /drop: { upstream: fn, auth: { jwt: main } }
`,
    { clock },
  )
  const last = () => upstream.requests.at(-1)?.headers ?? {}
  const rows: readonly [claim: unknown, header: string | undefined][] = [
    ['Ann Lee', 'Ann Lee'],
    ['Zoë', 'Zo%C3%AB'],
    ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin%3A%201'],
    ['100%', '100%25'],
    [' blank', '%20blank'],
    ['\u202eevil', '%E2%80%AEevil'],
    ['', ''],
    [7, '7'],
    [true, 'true'],
    [{ a: 1 }, undefined],
    [null, undefined],
    [['a,b', 'c'], 'a%2Cb,c'],
  ]
  for (const [claim, header] of rows) {
    const token = await issuer.mint(clock.now(), { claims: { name: claim, jti: JSON.stringify(claim) } })
    const answer = await gateway.get('/claims', { authorization: `Bearer ${token}` })
    t.equal(answer.status, 200)
    t.equal(last()['x-name'], header, JSON.stringify(claim))
  }
  const authorization = `Bearer ${await issuer.mint(clock.now())}`
  const spellings = ['X-Name', 'x-name', 'X-NAME', 'X_Name', 'x_name', 'X-Groups', 'X-User', 'x_user']
  for (const name of spellings) {
    await gateway.get('/claims', { authorization, [name]: 'admin', connection: `keep-alive, ${name}, x-user` })
    t.notOk(JSON.stringify(last()).includes('admin'), `${name} of a caller`)
    t.equal(last()['x-user'], 'u1', `${name}: ours arrives`)
  }
  await gateway.get('/keep', { authorization })
  t.equal(last()['authorization'], authorization)
  await gateway.get('/move', { authorization, 'x-caller': 'forged' })
  t.match(last(), { 'x-caller': authorization, authorization: undefined })
  await gateway.get('/drop', { authorization })
  t.notOk(JSON.stringify(last()).includes(authorization))
})

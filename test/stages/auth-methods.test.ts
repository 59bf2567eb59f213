import t from 'tap'
import { tokenReader } from '../../src/gateway/tools/jwt-token.js'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import type { JwtMethod, StepUp } from '../../src/stages/auth/settings.js'
import type { Identity, Verdict } from '../../src/stages/contract.js'
import { makeExchange } from '../support/exchange.js'
import { part } from '../support/forge.js'
import { startGateway } from '../support/gateway.js'
import { issuerPlan, makeKey, startIssuer, testClock } from '../support/issuer.js'
import { tokenCheck } from '../support/token-check.js'
import { startUpstream } from '../support/upstream.js'

const clock = testClock()
const nowSeconds = clock.now() / 1000

/** What a route that asks for this says to a good token with these claims. */
function judge(asked: Partial<JwtMethod>, claims: Readonly<Record<string, unknown>>, paths = ['roles']): Verdict {
  const identity: Identity = { method: 'jwt', subject: 'u1', clientId: null, plan: null, scopes: new Set(), claims }
  const issuers = { main: issuerPlan({ keys: { kind: 'discovery' }, roles: paths }) }
  const check = tokenCheck(asked, { verify: () => ({ valid: true, identity }) }, { clock, issuers })
  const verdict = check(makeExchange({ headers: ['Authorization', 'Bearer good'] }))
  if (verdict instanceof Promise) throw new Error('a known token is judged at once')
  return verdict
}

const code = (verdict: Verdict) => (verdict.outcome === 'deny' ? verdict.reason.code : 'allow')

t.test('one of the roles is enough, and only where the issuer keeps them', (t) => {
  const keycloak = ['realm_access.roles', 'resource_access.shop.roles']
  const rows: readonly [says: string, claims: Record<string, unknown>, paths: string[], allowed: boolean][] = [
    ['a list', { roles: ['clerk', 'other'] }, ['roles'], true],
    ['the second of the roles', { roles: ['admin'] }, ['roles'], true],
    ['one text', { roles: 'clerk' }, ['roles'], true],
    ['a text of several', { roles: 'other clerk' }, ['roles'], true],
    ['in Keycloak’s realm', { realm_access: { roles: ['clerk'] } }, keycloak, true],
    ['in Keycloak’s client', { resource_access: { shop: { roles: ['clerk'] } } }, keycloak, true],
    ['under a URL', { 'https://x.test/roles': ['clerk'] }, ['/https:~1~1x.test~1roles'], true],
    ['Cognito’s groups', { 'cognito:groups': ['clerk'] }, ['cognito:groups'], true],
    ['none', {}, ['roles'], false],
    ['another', { roles: ['cler'] }, ['roles'], false],
    ['in other letters', { roles: ['Clerk'] }, ['roles'], false],
    ['with a comma', { roles: 'clerk,other' }, ['roles'], false],
    ['a map', { roles: { clerk: true } }, ['roles'], false],
    ['a list in a list', { roles: [['clerk']] }, ['roles'], false],
    ['in the wrong claim', { roles: ['clerk'] }, keycloak, false],
    ['of another client of Keycloak', { resource_access: { mail: { roles: ['clerk'] } } }, keycloak, false],
    ['a name of every object', {}, ['constructor.name'], false],
  ]
  for (const [says, claims, paths, allowed] of rows) {
    const verdict = judge({ roles: ['clerk', 'admin'] }, claims, paths)
    t.equal(code(verdict), allowed ? 'allow' : 'auth.role-missing', says)
  }
  const denied = judge({ roles: ['admin'] }, { roles: ['clerk'] })
  t.match(denied, {
    reason: { status: 403, shown: 'auth.forbidden' },
    evidence: { needed: ['admin'], claim: ['roles'], found: ['[clerk]'] },
    headers: ['www-authenticate', 'Bearer realm="api", error="insufficient_scope"'],
  })
  t.end()
})

t.test('who signed in too long ago, or too weakly, is told how to sign in', (t) => {
  const mfa: StepUp = { acr: ['urn:mfa', 'urn:hw'], amr: [], maxAgeMs: 300_000 }
  const good = { acr: 'urn:hw', auth_time: nowSeconds - 300 }
  const rows: readonly [says: string, asked: StepUp, claims: Record<string, unknown>, allowed: boolean][] = [
    ['both right', mfa, good, true],
    ['the last moment, by our clock and the skew', mfa, { ...good, auth_time: nowSeconds - 330 }, true],
    ['a moment later', mfa, { ...good, auth_time: nowSeconds - 331 }, false],
    ['a clock a little ahead', mfa, { ...good, auth_time: nowSeconds + 30 }, true],
    ['a time to come', mfa, { ...good, auth_time: nowSeconds + 31 }, false],
    ['no time', mfa, { acr: 'urn:hw' }, false],
    ['a time as text', mfa, { ...good, auth_time: String(nowSeconds) }, false],
    ['another context', mfa, { ...good, acr: 'urn:pwd' }, false],
    ['a list of contexts', mfa, { ...good, acr: ['urn:hw'] }, false],
    ['no context', mfa, { auth_time: nowSeconds }, false],
    ['all methods', { acr: null, amr: ['pwd', 'otp'], maxAgeMs: null }, { amr: ['otp', 'pwd', 'x'] }, true],
    ['one method of two', { acr: null, amr: ['pwd', 'otp'], maxAgeMs: null }, { amr: ['pwd'] }, false],
    ['methods as text', { acr: null, amr: ['pwd'], maxAgeMs: null }, { amr: 'pwd' }, false],
    ['no methods', { acr: null, amr: ['pwd'], maxAgeMs: null }, {}, false],
  ]
  for (const [says, stepUp, claims, allowed] of rows) {
    t.equal(code(judge({ stepUp }, claims)), allowed ? 'allow' : 'auth.step-up-needed', says)
  }
  t.match(judge({ stepUp: mfa }, { ...good, acr: 'urn:pwd' }), {
    reason: { status: 401 },
    headers: [
      'www-authenticate',
      'Bearer realm="api", error="insufficient_user_authentication", acr_values="urn:mfa urn:hw", max_age="300"',
    ],
    evidence: { claim: 'acr', rule: 'oneOf urn:mfa | urn:hw', found: 'urn:pwd' },
  })
  t.equal(
    code(judge({ stepUp: mfa, scopes: ['orders:write'] }, {})),
    'auth.scope-missing',
    'nobody is sent to sign in who may not call anyway',
  )
  t.end()
})

t.test('a key written with escapes is read as others read it, whatever was read before', (t) => {
  const header = part({ alg: 'RS256', typ: 'JWT' })
  const read = (claims: string) =>
    tokenReader({ issuer: 'i', algorithms: ['RS256'], tokenTypes: ['jwt'] })(`${header}.${part(claims)}.AA`)
  // These teach an engine that guesses keys a key which ends in an escape.
  for (let i = 0; i < 50; i++) read('{"iss":"i","rol\\\\":"x","role":"y"}')
  t.match(read('{"iss":"i","rol\\u0065":"admin"}'), { claims: { iss: 'i', role: 'admin' } })
  t.match(read('{"iss":"i","https:\\/\\/x.test\\/plan":"pro"}'), { claims: { 'https://x.test/plan': 'pro' } })
  t.match(read('{"iss":"i","a\\nb":1}'), { fault: 'token-malformed' }, 'a key that only an escape can write')
  t.match(read('{"iss":"i","a":"x\\ny"}'), { claims: { a: 'x\ny' } }, 'in a value it may stand')
  t.match(read('{"iss":"i","a":1,"\\u0061":2}'), { fault: 'token-malformed' }, 'one name in two spellings')
  t.end()
})

t.test('a route of several methods takes either credential, and hands none of them on', async (t) => {
  const key = await makeKey('ES256', 'k1')
  const issuer = await startIssuer(t, [key])
  const upstream = await startUpstream(t)
  const apiKey = newApiKey()
  const gateway = await startGateway(
    t,
    `
issuers: { main: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } } }
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${apiKey.sha256} } } } }
routes:
  GET /either: { upstream: fn, auth: { anyOf: [{ jwt: main, scopes: [orders:read] }, { apiKey: [acme] }] } }
  GET /strong: { upstream: fn, auth: { jwt: main, stepUp: { acr: [urn:mfa], maxAge: 5m } } }
  GET /clerks: { upstream: fn, auth: { jwt: main, roles: [clerk] } }
`,
    { clock },
  )
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const token = await issuer.mint(clock.now())
  const withKey = { 'x-api-key': apiKey.key }
  const rows: readonly [says: string, headers: Record<string, string>, status: number, code: string | undefined][] = [
    ['a token', bearer(token), 200, undefined],
    ['a key', withKey, 200, undefined],
    ['both', { ...bearer(token), ...withKey }, 200, undefined],
    ['neither', {}, 401, 'auth.missing'],
    ['a bad token beside a good key', { ...bearer('x.y.z'), ...withKey }, 401, 'auth.token-malformed'],
    ['a bad key beside a good token', { ...bearer(token), 'x-api-key': 'pst_no' }, 401, 'auth.key-unknown'],
  ]
  for (const [says, headers, status, code] of rows) {
    const before = upstream.requests.length
    const answer = await gateway.get('/either', headers)
    t.equal(answer.status, status, says)
    t.equal((await gateway.recordOf(answer)).code, code, says)
    t.equal(upstream.requests.length - before, status === 200 ? 1 : 0, `${says}: what was refused was not forwarded`)
    const sent = upstream.requests.at(-1)?.headers ?? {}
    t.notOk('authorization' in sent || 'x-api-key' in sent, `${says}: the function sees no credential`)
  }
  const weak = await gateway.get('/strong', bearer(token))
  t.equal(weak.status, 401)
  t.match(weak.headers['www-authenticate'], /insufficient_user_authentication", acr_values="urn:mfa", max_age="300"/)
  t.match(weak.json, { code: 'auth.step-up-needed' })
  const strong = await issuer.mint(clock.now(), { claims: { acr: 'urn:mfa', auth_time: nowSeconds - 10 } })
  t.equal((await gateway.get('/strong', bearer(strong))).status, 200)
  t.equal((await gateway.get('/clerks', bearer(token))).status, 403)
  const clerk = await issuer.mint(clock.now(), { claims: { roles: ['clerk'] } })
  t.equal((await gateway.get('/clerks', bearer(clerk))).status, 200)
})

t.test('a client that knows the address alone learns which issuers are believed, if the policy tells', async (t) => {
  const upstream = await startUpstream(t)
  const routes = `
issuers:
  main: { issuer: "https://id.test", audience: a, jwksUri: "http://127.0.0.1:9/jwks" }
  other: { issuer: "https://other.test", audience: a, jwksUri: "http://127.0.0.1:9/jwks", dpop: required }
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${newApiKey().sha256} } } } }
routes:
  GET /orders: { upstream: fn, auth: { jwt: main } }
  GET /either: { upstream: fn, auth: { anyOf: [{ jwt: main }, { apiKey: [acme] }] } }
  ANY /{rest+}: { upstream: fn, auth: none, reason: a test }
`
  const told = (asked: string) => ({ 'gateway.yaml': `protectedResource: { ${asked} }\n`, 'routes.yaml': routes })
  const gateway = await startGateway(
    t,
    told('resource: "https://api.test/v1/", issuers: [main], scopes: ["orders:read"]'),
  )
  const path = '/.well-known/oauth-protected-resource/v1'
  const answer = await gateway.get(path)
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'application/json')
  t.equal(answer.headers['access-control-allow-origin'], '*')
  t.same(answer.json, {
    resource: 'https://api.test/v1/',
    authorization_servers: ['https://id.test'],
    bearer_methods_supported: ['header'],
    scopes_supported: ['orders:read'],
  })
  t.match(await gateway.recordOf(answer), { outcome: 'answered', route: null })
  const head = await gateway.send('HEAD', path)
  t.match(head, { status: 200, text: '' })
  t.equal(upstream.requests.length, 0, 'a route that takes every path does not hide it')
  await gateway.send('POST', path)
  t.equal(upstream.requests.length, 1, 'and what is no question is no business of it')
  const bearer = 'Bearer realm="api", resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"'
  t.equal((await gateway.get('/orders')).headers['www-authenticate'], bearer)
  t.match((await gateway.get('/either')).headers['www-authenticate'], `${bearer}, ApiKey realm="api"`)
  const bad = await gateway.get('/orders', { authorization: 'Bearer x' })
  t.match(bad.headers['www-authenticate'], /error="invalid_token", resource_metadata="https:/)

  await gateway.reload(told('resource: "https://api.test"'))
  const all = await gateway.get('/.well-known/oauth-protected-resource')
  t.match(all.json, { authorization_servers: ['https://id.test', 'https://other.test'] })
  t.notOk('scopes_supported' in (all.json ?? {}), 'no scope is told that the policy does not tell')
  await gateway.reload({ 'gateway.yaml': 'version: 1\n', 'routes.yaml': routes })
  await gateway.get('/.well-known/oauth-protected-resource')
  t.equal(upstream.requests.length, 2, 'without it the path is like any other')
  t.equal((await gateway.get('/orders')).headers['www-authenticate'], 'Bearer realm="api"')
})

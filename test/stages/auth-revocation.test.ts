import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import type { Identity } from '../../src/stages/contract.js'
import { createRevocationFile } from '../../src/state/revocation-file.js'
import { type RevocationNotice, Revocations } from '../../src/state/revocations.js'
import { type Revocation, readRevocation } from '../../src/values/revocation.js'
import { postern } from '../cli/command-line.js'
import { startGateway } from '../support/gateway.js'
import { send } from '../support/http.js'
import { makeKey, startIssuer } from '../support/issuer.js'
import { startRedis } from '../support/redis.js'
import { startServing } from '../support/serving.js'
import { startUpstream } from '../support/upstream.js'

const now = 1_800_000_000_000

function revocation(asked: Readonly<Record<string, unknown>>, at = now): Revocation {
  const read = readRevocation({ forMs: 60_000, ...asked }, at)
  if (typeof read === 'string') throw new Error(read)
  return read
}

function identity(claims: Readonly<Record<string, unknown>>, clientId: string | null = null): Identity {
  return { method: 'jwt', subject: String(claims['sub'] ?? 'u1'), clientId, plan: null, scopes: new Set(), claims }
}

/** Settles when it holds, within the second that is promised. */
async function soon(holds: () => boolean | Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (!(await holds())) {
    if (performance.now() - started > 5_000) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return performance.now() - started
}

t.test('a revocation covers what it names, and the nearest other goes on', async (t) => {
  const rows: readonly [
    says: string,
    asked: Record<string, unknown>,
    who: Identity,
    issuer: string | null,
    is: boolean,
  ][] = [
    ['a token', { token: 'j1' }, identity({ jti: 'j1' }), 'main', true],
    ['another token', { token: 'j1' }, identity({ jti: 'j2' }), 'main', false],
    ['a token without a name', { token: 'j1' }, identity({}), 'main', false],
    ['a token of the issuer', { token: 'j1', issuer: 'main' }, identity({ jti: 'j1' }), 'main', true],
    ['a token of another issuer', { token: 'j1', issuer: 'main' }, identity({ jti: 'j1' }), 'other', false],
    ['a subject', { subject: 'u1' }, identity({ sub: 'u1' }), 'main', true],
    ['another subject', { subject: 'u1' }, identity({ sub: 'U1' }), 'main', false],
    ['a client', { client: 'shop' }, identity({}, 'shop'), 'main', true],
    ['another client', { client: 'shop' }, identity({}, 'shop2'), 'main', false],
    ['a client of no name', { client: 'shop' }, identity({}), 'main', false],
    ['an API key’s client', { client: 'acme' }, identity({ sub: 'acme' }, 'acme'), null, true],
    ['an API key by a subject', { subject: 'acme' }, identity({ sub: 'acme' }), null, false],
    ['a kind for another', { subject: 'j1' }, identity({ jti: 'j1', sub: 'u2' }), 'main', false],
    ['issued before', { subject: 'u1', issuedBefore: now }, identity({ sub: 'u1', iat: now / 1000 - 1 }), 'main', true],
    ['issued after', { subject: 'u1', issuedBefore: now }, identity({ sub: 'u1', iat: now / 1000 }), 'main', false],
    ['issued nobody knows when', { subject: 'u1', issuedBefore: now }, identity({ sub: 'u1' }), 'main', true],
  ]
  for (const [says, asked, who, issuer, is] of rows) {
    let time = now
    const revocations = new Revocations(() => time)
    t.equal(revocations.covers(who, issuer), null, `${says}: before`)
    await revocations.add(revocation(asked))
    t.equal(revocations.covers(who, issuer) !== null, is, says)
    time = now + 60_000
    t.equal(revocations.covers(who, issuer), null, `${says}: its time is over`)
  }
  for (const wrong of [
    {},
    [],
    'x',
    { token: 'a', subject: 'b' },
    { token: '' },
    { token: 7 },
    { token: 'a', forMs: 0 },
    { token: 'a', forMs: 1e99 },
    { token: 'a', forMs: Number.NaN },
    { token: 'a', issuer: '' },
    { token: 'a', issuedBefore: 'x' },
    { token: 'a', what: 1 },
    { token: 'x'.repeat(1_025) },
  ]) {
    const asked = typeof wrong === 'object' && !Array.isArray(wrong) ? { forMs: 1, ...wrong } : wrong
    t.type(readRevocation(asked, now), 'string', JSON.stringify(wrong).slice(0, 60))
  }
})

t.test('a file keeps revocations over a restart, and several processes share it', async (t) => {
  const path = join(t.testdir(), 'revoked.jsonl')
  const notices: RevocationNotice[] = []
  const open = async () => {
    const revocations = new Revocations(
      () => Date.now(),
      (notice) => notices.push(notice),
    )
    t.teardown(() => revocations.close())
    await revocations.follow(createRevocationFile(path))
    return revocations
  }
  const one = await open()
  const other = await open()
  const u1 = revocation({ subject: 'u1' }, Date.now())
  t.same(await one.add(u1), { stored: true })
  t.equal(statSync(path).mode & 0o077, 0, 'nobody else may read or write it')
  t.ok((await soon(() => other.list().length === 1)) < 1_000, 'the other process knows within a second')
  t.match((await open()).list(), [u1], 'and so does one that starts later')
  t.equal(await other.remove(u1.id), true)
  t.equal(await other.remove(u1.id), false)
  await soon(() => one.list().length === 0)

  await one.add(revocation({ subject: 'u2' }, Date.now()))
  appendFileSync(path, '{"kind":"sub')
  await soon(() => one.stats().isStale && other.stats().isStale)
  t.equal(one.list().length, 1, 'a file that cannot be read revokes no revocation')
  t.match(notices, [{ level: 'warn', message: /line 4 of .+ is no revocation/ }])
  writeFileSync(path, readFileSync(path, 'utf8').replace('{"kind":"sub', ''))
  await soon(() => !one.stats().isStale && !other.stats().isStale)
})

t.test('replicas of one Redis hear of a revocation within a second, and an outage loses none', async (t) => {
  const redis = await startRedis(t)
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const key = newApiKey()
  const files = {
    'gateway.yaml': `store: { redis: { url: "${redis.url}", commandTimeout: 200ms } }\n`,
    'routes.yaml': `
issuers: { main: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } } }
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${key.sha256} } } } }
routes:
  GET /: { upstream: fn, auth: { jwt: main } }
  GET /key: { upstream: fn, auth: { apiKey: [acme] } }
`,
  }
  const [one, two] = [await startGateway(t, files), await startGateway(t, files)]
  const token = await issuer.mint(Date.now(), { claims: { jti: 'j1' } })
  const bearer = { authorization: `Bearer ${token}` }
  const first = await one.get('/', bearer)
  t.equal(first.status, 200, JSON.stringify((await one.recordOf(first)).code))
  t.equal((await two.get('/', bearer)).status, 200)
  const j1 = revocation({ token: 'j1', issuer: 'main' }, Date.now())
  t.same(await one.state.revocations.add(j1), { stored: true })
  const here = await one.get('/', bearer)
  t.equal(here.status, 401, 'at once where it was said, though the token was remembered')
  t.match(here.json, { code: 'auth.invalid' })
  t.match(here.headers['www-authenticate'], /error="invalid_token"/)
  t.match(await one.recordOf(here), { code: 'auth.revoked', evidence: { revoked: 'token' } })
  const took = await soon(async () => (await two.get('/', bearer)).status === 401)
  t.ok(took < 1_000, `${Math.round(took)} ms elsewhere`)
  const fresh = await issuer.mint(Date.now(), { claims: { jti: 'j2' } })
  t.equal((await two.get('/', { authorization: `Bearer ${fresh}` })).status, 200, 'another token goes on')

  const withKey = { 'x-api-key': key.key }
  t.equal((await two.get('/key', withKey)).status, 200)
  await redis.kill()
  await soon(() => one.state.revocations.stats().isStale && two.state.revocations.stats().isStale)
  t.same(await one.state.revocations.add(revocation({ client: 'acme' }, Date.now())), { stored: false })
  t.equal((await one.get('/key', withKey)).status, 401, 'holds here, store or no store')
  t.equal((await two.get('/', bearer)).status, 401, 'what is known holds on')
  await redis.start()
  await soon(async () => (await two.get('/key', withKey)).status === 401)
  t.equal((await two.get('/', bearer)).status, 401, 'a store that forgot is told again')
  t.equal(two.state.revocations.list().length, 2)
  t.equal(await two.state.revocations.remove(j1.id), true)
  t.equal((await two.get('/', bearer)).status, 200, 'taken back')
  await soon(async () => (await one.get('/', bearer)).status === 200)
})

t.test('an operator revokes by the command line, and nobody does without the token', async (t) => {
  const upstream = await startUpstream(t)
  const key = newApiKey()
  const secrets = t.testdir({ admin: 'only-for-this-test' })
  const serving = await startServing(t, {
    'gateway.yaml': `
listeners: { admin: { token: "\${secret:admin}" } }
secrets: { admin: { file: "${join(secrets, 'admin')}" } }
`,
    'routes.yaml': `
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${key.sha256} } } } }
routes: { GET /: { upstream: fn, auth: { apiKey: [acme] } } }
`,
  })
  const admin = `127.0.0.1:${serving.adminPort}`
  const call = async () =>
    (await send(`http://127.0.0.1:${serving.port}`, 'GET', '/', { headers: { 'x-api-key': key.key } })).status
  const revoke = async (token: string | undefined, ...words: readonly string[]) => {
    const env = token === undefined ? {} : { POSTERN_ADMIN_TOKEN: token }
    const { code, out, err } = await postern(['revoke', ...words, '--admin', admin], { env })
    return { code, said: out + err }
  }
  t.equal(await call(), 200)
  for (const token of [undefined, '', 'wrong']) {
    const refused = await revoke(token, '--client', 'acme')
    t.match(refused, { code: 1, said: /asks for its token/ }, String(token))
  }
  t.equal(await call(), 200)
  t.match(await revoke('only-for-this-test'), { code: 2, said: /Name one of --token/ })
  const done = await revoke('only-for-this-test', '--client', 'acme', '--for', '8h')
  t.match(done, { code: 0, said: /Revoked until .+in this process alone/s })
  t.equal(await call(), 401)
  const list = await revoke('only-for-this-test', '--list', '--json')
  const [first] = JSON.parse(list.said) as readonly { readonly id: string }[] // as the command prints it
  t.match(first, { kind: 'client', value: 'acme', issuer: null })
  t.match(await revoke('only-for-this-test', '--undo', String(first?.id)), { code: 0 })
  t.equal(await call(), 200)
  t.match(await revoke('only-for-this-test', '--list'), { code: 0, said: /Nothing is revoked/ })
})

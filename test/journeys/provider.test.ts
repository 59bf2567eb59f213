import { X509Certificate } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import Provider from 'oidc-provider'
import t from 'tap'
import { makeCertificate, type TestCertificate } from '../support/certificates.js'
import { startGateway } from '../support/gateway.js'
import { makeKey, type SigningKey, testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

type Test = Parameters<typeof startUpstream>[0] & { teardown(end: () => unknown): unknown }

const insecure = { [oauth.allowInsecureRequests]: true }
const authority = makeCertificate({ name: 'clients', isAuthority: true })
const certificate = makeCertificate({ name: 'shop', by: authority, dns: ['shop.example'] })
const another = makeCertificate({ name: 'kiosk', by: authority, dns: ['kiosk.example'] })
const rawOf = ({ cert }: TestCertificate) => new X509Certificate(cert).raw
const shown = (shower: TestCertificate) => ({ 'client-cert': `:${rawOf(shower).toString('base64')}:` })

/** Answers in the provider's stead when it returns true. */
type Hook = (request: IncomingMessage, response: ServerResponse) => boolean

/** A certified OpenID provider on a port of loopback: JWT and opaque tokens, introspection, DPoP and bound certificates. */
async function startProvider(t: Test, keys: readonly SigningKey[]) {
  let provider: Provider
  const hook: { answer: Hook } = { answer: () => false }
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    if (!hook.answer(request, response)) provider.callback()(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server's address is an object
  const client = (id: string, more = {}) => ({
    client_id: id,
    client_secret: 'only-for-this-test',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    ...more,
  })
  const build = async (signing: readonly SigningKey[]) => {
    const jwks = await Promise.all(
      signing.map(async ({ kid, alg, privateKey }) => ({ ...(await exportJWK(privateKey)), kid, alg, use: 'sig' })),
    )
    return new Provider(url, {
      jwks: { keys: jwks },
      cookies: { keys: ['only for this test'] },
      clients: [
        client('shop'),
        client('bank', { tls_client_certificate_bound_access_tokens: true }),
        client('postern', { grant_types: [] }),
      ],
      scopes: ['orders:read', 'orders:write'],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true },
        dPoP: { enabled: true },
        mTLS: {
          enabled: true,
          certificateBoundAccessTokens: true,
          getCertificate: () => new X509Certificate(certificate.cert),
        },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:orders-api',
          getResourceServerInfo: (_context: unknown, resource: string) => ({
            scope: 'orders:read orders:write',
            audience: 'orders-api',
            accessTokenTTL: 36_000,
            ...(resource === 'urn:opaque-api'
              ? { accessTokenFormat: 'opaque' }
              : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
          }),
        },
      },
    })
  }
  provider = await build(keys)
  const discovered = await oauth.processDiscoveryResponse(
    new URL(url),
    await oauth.discoveryRequest(new URL(url), insecure),
  )
  const tokenOf = async (id: string, parameters: Record<string, string>, DPoP?: oauth.DPoPHandle) => {
    const asking = { client_id: id }
    const answer = await oauth.clientCredentialsGrantRequest(
      discovered,
      asking,
      oauth.ClientSecretBasic('only-for-this-test'),
      parameters,
      { ...insecure, ...(DPoP && { DPoP }) },
    )
    return await oauth.processClientCredentialsResponse(discovered, asking, answer)
  }
  return {
    url,
    hook,
    paths,
    async token(parameters: Record<string, string> = {}, id = 'shop'): Promise<string> {
      return (await tokenOf(id, { scope: 'orders:read', ...parameters })).access_token
    },
    bound: (DPoP: oauth.DPoPHandle) => tokenOf('shop', { scope: 'orders:read' }, DPoP),
    async revoke(token: string) {
      const body = new URLSearchParams({ token })
      const authorization = `Basic ${Buffer.from('shop:only-for-this-test').toString('base64')}`
      return (await fetch(`${url}/token/revocation`, { method: 'POST', headers: { authorization }, body })).status
    },
    async rotate(next: readonly SigningKey[]) {
      provider = await build(next)
    },
  }
}

/** The gateway in front of a function, behind a proxy on loopback. */
async function start(t: Test, more = '', keys?: readonly SigningKey[], answer: Hook = () => false) {
  const provider = await startProvider(t, keys ?? [await makeKey('ES256', 'one')])
  provider.hook.answer = answer
  const upstream = await startUpstream(t)
  const clock = testClock(Date.now())
  process.env['POSTERN_TEST_INTROSPECTION'] = 'only-for-this-test'
  const gateway = await startGateway(
    t,
    {
      'gateway.yaml': `
version: 1
trustedProxies: [127.0.0.0/8]
secrets: { introspection: { env: POSTERN_TEST_INTROSPECTION } }
`,
      'routes.yaml': `
issuers:
  main:
    issuer: "${provider.url}"
    audience: orders-api
    tokenTypes: [at+jwt]
    introspection: { clientId: postern, clientSecret: "\${secret:introspection}", cache: 10s }
    ${more}
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /orders: { upstream: fn, auth: { jwt: main, scopes: [orders:read] } }
  POST /orders: { upstream: fn, auth: { jwt: main, scopes: [orders:write] } }
  GET /opaque: { upstream: fn, auth: { introspection: main, scopes: [orders:read] } }
`,
    },
    { clock },
  )
  const call = async (token: string, path = '/orders', headers = {}) => {
    const before = upstream.requests.length
    const started = performance.now()
    const answer = await gateway.get(path, { authorization: `Bearer ${token}`, ...headers })
    const { code = null } = await gateway.recordOf(answer)
    const ms = performance.now() - started
    return { status: answer.status, headers: answer.headers, code, ms, reached: upstream.requests.length > before }
  }
  return { provider, upstream, clock, gateway, call }
}

const passed = { status: 200, reached: true }

t.test('its tokens open what they may open; a rotation refuses nobody, and a removed key is dead', async (t) => {
  const [one, two] = [await makeKey('ES256', 'one'), await makeKey('ES256', 'two')]
  const { provider, clock, call, gateway } = await start(t, '', [one])
  const token = await provider.token()
  t.equal(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).typ, 'at+jwt')
  t.match(await call(token), passed)
  const post = await gateway.send('POST', '/orders', { headers: { authorization: `Bearer ${token}` } })
  t.match(post, { status: 403, json: { code: 'auth.scope-missing' } })
  await provider.rotate([two, one])
  const rotated = await provider.token()
  const both = await Promise.all(Array.from({ length: 50 }, (_, i) => call(i % 2 === 0 ? token : rotated)))
  t.ok(
    both.every(({ status }) => status === 200),
    'old and new tokens pass, side by side',
  )
  await provider.rotate([two])
  clock.advance(60_000)
  await call(`${await provider.token()}x`)
  const fetches = provider.paths.filter((path) => path === '/jwks').length
  for (let i = 0; i < 200; i++) await call(withKid(token, `invented-${i}`))
  t.ok(provider.paths.filter((path) => path === '/jwks').length - fetches <= 1, 'two hundred invented keys, one fetch')
  t.match(await call(token), { status: 401, code: 'auth.token-key-unknown', reached: false }, 'the removed key is dead')
  t.match(await call(rotated), passed)
})

t.test('opaque tokens are looked up, and die with their revocation', async (t) => {
  const { provider, clock, call } = await start(t)
  const token = await provider.token({ resource: 'urn:opaque-api' })
  t.notMatch(token, /\./)
  t.match(await call(token, '/opaque'), passed)
  const asked = provider.paths.filter((path) => path.includes('introspection')).length
  t.match(await call(token, '/opaque'), passed)
  t.equal(provider.paths.filter((path) => path.includes('introspection')).length, asked, 'once for a while')
  t.match(await call('nobodys-token', '/opaque'), { status: 401, code: 'auth.token-inactive', reached: false })
  t.equal(await provider.revoke(token), 200)
  clock.advance(10_000)
  t.match(await call(token, '/opaque'), { status: 401, code: 'auth.token-inactive', reached: false })
})

t.test('a client library of others proves its key to the provider and to us, nonce and all', async (t) => {
  const host = 'http://127.0.0.1'
  for (const nonce of ['', ', nonce: 1m']) {
    const { provider, gateway, clock, upstream } = await start(t, `dpop: { mode: required${nonce} }`)
    const keyPair = await oauth.generateKeyPair('ES256')
    // Its clock is the machine's; the gateway's stands still between two steps of the test.
    const DPoP = oauth.DPoP({}, keyPair)
    const granted = await provider.bound(DPoP)
    t.equal(granted.token_type, 'dpop')
    const target = new URL(`${host}:${new URL(gateway.url).port}/orders`)
    const ask = () =>
      oauth.protectedResourceRequest(granted.access_token, 'GET', target, undefined, null, { ...insecure, DPoP })
    const call = () => ask().catch((error) => (oauth.isDPoPNonceError(error) ? ask() : Promise.reject(error)))
    for (let i = 0; i < 3; i++) t.equal((await call()).status, 200, `${nonce} ${i}`)
    clock.advance(60_001)
    const later = oauth.DPoP({ [oauth.clockSkew]: 60 }, keyPair)
    const again = () =>
      oauth.protectedResourceRequest(granted.access_token, 'GET', target, undefined, null, { ...insecure, DPoP: later })
    const answer = await again().catch((error) => (oauth.isDPoPNonceError(error) ? again() : Promise.reject(error)))
    t.equal(answer.status, 200)
    t.notOk(upstream.requests.at(-1)?.headers['dpop'])
    const bearer = await gateway.get('/orders', { authorization: `Bearer ${granted.access_token}` })
    t.equal(bearer.status, 401, 'and as a bearer token it is nothing')
    const thief = oauth.DPoP({ [oauth.clockSkew]: 60 }, await oauth.generateKeyPair('ES256'))
    await t.rejects(
      oauth.protectedResourceRequest(granted.access_token, 'GET', target, undefined, null, {
        ...insecure,
        DPoP: thief,
      }),
      { cause: [{ scheme: 'dpop', parameters: { error: 'invalid_dpop_proof' } }] },
      'nor is it with another key',
    )
  }
})

t.test('a token that the provider bound to a certificate needs that certificate', async (t) => {
  const { provider, call } = await start(t)
  const token = await provider.token({}, 'bank')
  const { cnf } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  t.ok(cnf['x5t#S256'], 'the provider did bind it')
  t.match(await call(token, '/orders', shown(certificate)), passed)
  t.match(await call(token), { status: 401, code: 'auth.token-bound', reached: false })
  t.match(await call(token, '/orders', shown(another)), { status: 401, code: 'auth.token-bound', reached: false })
  const opaque = await provider.token({ resource: 'urn:opaque-api' }, 'bank')
  t.match(await call(opaque, '/opaque', shown(certificate)), passed, 'as introspection tells it, too')
  t.match(await call(opaque, '/opaque', shown(another)), { status: 401, code: 'auth.token-bound', reached: false })
})

t.test('while the provider is away known keys go on serving, and what is unknown waits for nobody', async (t) => {
  const { provider, clock, call } = await start(t, 'keySet: { timeout: 500ms, staleIfError: 1h }')
  const token = await provider.token()
  const unseen = await provider.token()
  t.match(await call(token), passed)
  provider.hook.answer = (_, response) => {
    response.destroy()
    return true
  }
  clock.advance(61_000)
  t.match(await call(token), passed)
  t.match(await call(unseen), passed, 'a new token of a known key')
  const unknown = await call(withKid(token, 'new'))
  t.match(unknown, { status: 503, code: 'auth.issuer-unavailable', reached: false })
  t.match(unknown.headers['retry-after'], /^[1-9]\d*$/)
  const before = provider.paths.length
  for (let i = 0; i < 50; i++) t.equal((await call(withKid(token, `new-${i}`))).status, 503)
  t.ok(provider.paths.length - before <= 1, 'the provider is left alone meanwhile')
  provider.hook.answer = () => false
  clock.advance(31_000)
  t.match(await call(unseen), passed)
})

/** How a hostile or broken provider answers. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void

t.test('whatever a provider answers, callers get 503 at once and tokens pass when it is itself again', async (t) => {
  const at =
    (prefix: string, answer: Answer): Hook =>
    (request, response) => {
      if (!(request.url ?? '').startsWith(prefix)) return false
      answer(request, response)
      return true
    }
  const onKeys = (answer: Answer) => at('/jwks', answer)
  const onDiscovery = (answer: Answer) => at('/.well-known/', answer)
  const rows: readonly [says: string, answer: Hook, isFresh?: true][] = [
    ['nothing, ever', onKeys(() => {})],
    ['a head and no body', onKeys((_, response) => response.writeHead(200).flushHeaders())],
    ['a body without end', onKeys((_, response) => endless(response))],
    ['a byte at a time', onKeys((_, response) => dripping(response))],
    ['500', onKeys((_, response) => response.writeHead(500).end('{"keys":[]}'))],
    ['a page', onKeys((_, response) => response.end('<html>maintenance</html>'))],
    ['nothing at all', onKeys((_, response) => response.end())],
    ['no keys', onKeys((_, response) => json(response, { keys: [] }))],
    ['keys that are none', onKeys((_, response) => json(response, { keys: [1, null, { kty: 'oct', k: 'AAAA' }] }))],
    ['a list', onKeys((_, response) => json(response, []))],
    ['a redirect', onKeys((_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end())],
    ['a broken connection', onKeys((_, response) => response.destroy())],
    ['no discovery', onDiscovery((_, response) => response.writeHead(404).end()), true],
    ['discovery that never comes', onDiscovery(() => {}), true],
    [
      'the discovery of another issuer',
      onDiscovery((_, response) => json(response, { issuer: 'https://evil.test', jwks_uri: 'https://evil.test/jwks' })),
      true,
    ],
    [
      'keys in a file of ours',
      onDiscovery(({ headers }, response) =>
        json(response, { issuer: `http://${headers.host}`, jwks_uri: 'file:///etc/passwd' }),
      ),
      true,
    ],
  ]
  const settings = 'keySet: { timeout: 500ms, cooldown: 10s, maxAge: 20s, staleIfError: 1s }'
  const lasting = await start(t, settings)
  for (const [says, answer, isFresh] of rows) {
    const { provider, call, clock } = isFresh ? await start(t, settings, undefined, answer) : lasting
    const token = await provider.token()
    provider.hook.answer = answer
    // The keys in hand are too old for anybody by now.
    clock.advance(30_000)
    const refused = await call(token)
    t.match(refused, { status: 503, code: 'auth.issuer-unavailable', reached: false }, `${says}: ${refused.status}`)
    t.ok(refused.ms < 2_000, `${says}: after ${Math.round(refused.ms)} ms`)
    t.match((await call('x.y.z')).status, 401, 'a bad token stays a bad token')
    provider.hook.answer = () => false
    clock.advance(11_000)
    t.match(await call(token), passed, `${says}: and after it`)
  }
})

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

/** The token under another `kid`: what an inventor of keys sends. */
function withKid(token: string, kid: string): string {
  const [head = '', body, signature] = token.split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString())
  return `${Buffer.from(JSON.stringify({ ...header, kid })).toString('base64url')}.${body}.${signature}`
}

function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, 0x20)
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

function dripping(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 50)
  response.on('close', () => clearInterval(timer))
}

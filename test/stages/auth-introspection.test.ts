import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import t from 'tap'
import type { TestGateway } from '../support/gateway.js'
import { startGateway } from '../support/gateway.js'
import { testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

type Test = Parameters<typeof startGateway>[0]

const audience = 'orders-api'
/** Name and secret as RFC 6749 §2.3.1 has them shown: each form-encoded, then Basic. */
const basic = `Basic ${Buffer.from('postern:only%2Dfor%2Dthis%2Dtest').toString('base64')}`

async function listen(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server's address is an object
}

/** An issuer that answers about tokens as the test says, and counts the questions. */
async function startAsked(t: Test) {
  const questions: string[] = []
  const asked = {
    url: '',
    questions,
    /** What it says of a token; undefined: what `answer` does. */
    says: (_token: string): unknown => ({ active: false }),
    answer: null as ((request: IncomingMessage, response: ServerResponse, token: string) => void) | null,
  }
  asked.url = await listen(t, (request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ issuer: asked.url, introspection_endpoint: `${asked.url}/introspect` }))
      return
    }
    let body = ''
    request.on('data', (piece: Buffer) => {
      body += piece.toString()
    })
    request.on('end', () => {
      const form = new URLSearchParams(body)
      const token = form.get('token') ?? ''
      questions.push(token)
      if (asked.answer !== null) return asked.answer(request, response, token)
      const isOurs = request.headers.authorization === basic && form.get('token_type_hint') === 'access_token'
      response.statusCode = isOurs ? 200 : 401
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(asked.says(token)))
    })
  })
  return asked
}

async function open(t: Test, issuer: string, routes: (upstream: string) => string, more = '') {
  process.env['POSTERN_TEST_ASK'] = 'only-for-this-test'
  const clock = testClock()
  const upstream = await startUpstream(t)
  const files = {
    'gateway.yaml': 'secrets: { ask: { env: POSTERN_TEST_ASK } }\n',
    'routes.yaml': `
issuers:
  main:
    issuer: "${issuer}"
    audience: ${audience}
    keySet: { timeout: 1s, cooldown: 2s, maxBytes: 64KiB }
    introspection: { clientId: postern, clientSecret: "\${secret:ask}", cache: 10s }
${more}
upstreams: { fn: { url: "${upstream.url}" } }
routes:
${routes('fn')}
`,
  }
  return { clock, upstream, gateway: await startGateway(t, files, { clock }) }
}

const reads = (fn: string) => `  GET /: { upstream: ${fn}, auth: { introspection: main, scopes: [orders:read] } }`
const ask = (gateway: TestGateway, token: string) => gateway.get('/', { authorization: `Bearer ${token}` })

t.test('what the issuer says of a token is judged as the claims of a JWT are', async (t) => {
  const issuer = await startAsked(t)
  const { clock, gateway, upstream } = await open(t, issuer.url, reads)
  const now = clock.now() / 1000
  const good = { active: true, iss: issuer.url, aud: audience, sub: 'u1', exp: now + 300, scope: 'orders:read' }
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
  const rows: readonly [says: string, answer: unknown, status: number, code: string | undefined][] = [
    ['a good token', good, 200, undefined],
    ['several audiences', { ...good, aud: ['x', audience] }, 200, undefined],
    ['no issuer, as RFC 7662 allows', without('iss'), 200, undefined],
    ['a token of a machine', { ...without('sub'), client_id: 'batch' }, 200, undefined],
    ['a bearer token, in small letters', { ...good, token_type: 'bearer' }, 200, undefined],
    ['a kind of our list', { ...good, typ: 'at+jwt' }, 200, undefined],
    ['not active', { active: false }, 401, 'auth.token-inactive'],
    ['not active, with good claims', { ...good, active: false }, 401, 'auth.token-inactive'],
    ['another issuer', { ...good, iss: 'https://other.test' }, 401, 'auth.token-issuer'],
    ['another audience', { ...good, aud: 'billing' }, 401, 'auth.token-audience'],
    ['no audience', without('aud'), 401, 'auth.token-claim-missing'],
    ['no end', without('exp'), 401, 'auth.token-claim-missing'],
    ['an end that is text', { ...good, exp: String(now + 300) }, 401, 'auth.token-claim-unreadable'],
    ['past its end', { ...good, exp: now - 31 }, 401, 'auth.token-expired'],
    ['not begun', { ...good, nbf: now + 31 }, 401, 'auth.token-not-yet-valid'],
    ['issued tomorrow', { ...good, iat: now + 86_400 }, 401, 'auth.token-issued-in-future'],
    ['nobody’s', without('sub'), 401, 'auth.token-claim-missing'],
    ['a scope of another type', { ...good, scope: 7 }, 401, 'auth.token-claim-unreadable'],
    ['a lesser scope', { ...good, scope: 'orders' }, 403, 'auth.scope-missing'],
    ['a refresh token', { ...good, token_use: 'refresh_token' }, 401, 'auth.token-type'],
    ['Keycloak’s refresh token', { ...good, typ: 'Refresh' }, 401, 'auth.token-type'],
    ['an ID token', { ...good, typ: 'ID' }, 401, 'auth.token-type'],
    ['a kind that is no text', { ...good, token_type: 1 }, 401, 'auth.token-type'],
    ['active as text', { ...good, active: 'true' }, 503, 'auth.issuer-unavailable'],
    ['nothing', {}, 503, 'auth.issuer-unavailable'],
    ['a list', [good], 503, 'auth.issuer-unavailable'],
  ]
  for (const [i, [says, answer, status, code]] of rows.entries()) {
    issuer.says = (token) => (token.startsWith('other') ? { active: false } : answer)
    const before = upstream.requests.length
    const said = await ask(gateway, `t${i}`)
    t.equal(said.status, status, says)
    t.equal((await gateway.recordOf(said)).code, code, says)
    t.equal(upstream.requests.length - before, status === 200 ? 1 : 0, `${says}: the function`)
    if (status === 401) t.match(said.json, { code: 'auth.invalid' }, 'one text for all causes')
    if (status === 503) t.match(said.headers['retry-after'], /^[1-9]/)
    // An answer in between, so that three bad ones are no outage.
    await ask(gateway, `other${i}`)
  }
  const before = issuer.questions.length
  for (const token of ['a b', 'ü', 'x'.repeat(8_200), '"', 'a,b', '']) {
    t.equal((await ask(gateway, encodeURI(token) === token ? token : 'a"b')).status, 401)
  }
  t.equal(issuer.questions.length, before, 'nobody is asked about what is no token')
})

t.test('an answer is remembered for a while, and each token is asked about once at a time', async (t) => {
  const issuer = await startAsked(t)
  const { clock, gateway } = await open(t, issuer.url, reads)
  const end = clock.now() / 1000 + 5
  const good = { active: true, aud: audience, sub: 'u1', exp: end + 300, scope: 'orders:read' }
  issuer.says = (token) => (token === 'bad' ? { active: false } : token === 'short' ? { ...good, exp: end } : good)
  const many = await Promise.all(Array.from({ length: 50 }, () => ask(gateway, 'one')))
  t.ok(many.every(({ status }) => status === 200))
  t.equal(issuer.questions.length, 1, 'fifty at once are one question')
  await ask(gateway, 'bad')
  await ask(gateway, 'bad')
  t.equal(issuer.questions.length, 2, 'a refusal is remembered too')
  issuer.says = () => ({ active: false })
  clock.advance(9_999)
  t.equal((await ask(gateway, 'one')).status, 200, 'within its time')
  clock.advance(1)
  t.equal((await ask(gateway, 'one')).status, 401, 'revoked meanwhile, and noticed')
  issuer.says = () => ({ ...good, exp: end })
  clock.advance(20_000)
  t.equal((await ask(gateway, 'short')).status, 200, 'within the skew after its end')
  clock.advance(5_000)
  t.equal((await ask(gateway, 'short')).status, 401, 'never beyond it, whatever the time of an answer')
})

t.test('an issuer that cannot be asked is an outage: known tokens pass, new ones are told when to come', async (t) => {
  const issuer = await startAsked(t)
  const { clock, gateway, upstream } = await open(t, issuer.url, reads)
  const good = { active: true, aud: audience, sub: 'u1', exp: clock.now() / 1000 + 300, scope: 'orders:read' }
  issuer.says = () => good
  t.equal((await ask(gateway, 'known')).status, 200)
  const faults: readonly [string, NonNullable<typeof issuer.answer>][] = [
    ['500', (_, response) => response.writeHead(500).end()],
    ['401', (_, response) => response.writeHead(401).end()],
    ['a redirect', (_, response) => response.writeHead(307, { location: `${issuer.url}/elsewhere` }).end()],
    ['a cut answer', (_, response) => response.destroy()],
    ['no JSON', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')],
    ['another type', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{"active":true}')],
    [
      'no end of bytes',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const more = (): void => {
          while (response.write(' '.repeat(16_384)));
        }
        response.on('drain', more)
        response.on('error', () => {})
        more()
      },
    ],
    ['silence', () => {}],
  ]
  for (const [says, answer] of faults) {
    issuer.answer = answer
    const started = performance.now()
    const said = await ask(gateway, `new-${says.replaceAll(' ', '-')}`)
    t.equal(said.status, 503, says)
    t.match(said.json, { code: 'auth.issuer-unavailable' }, says)
    t.match(said.headers['retry-after'], /^[1-9]\d*$/, says)
    t.ok(performance.now() - started < 2_000, `${says}: within 2 s`)
    t.equal((await ask(gateway, 'known')).status, 200, `${says}: what is remembered passes`)
    issuer.answer = null
    await ask(gateway, `between-${says.replaceAll(' ', '-')}`)
  }
  issuer.answer = (_, response) => response.writeHead(500).end()
  for (let i = 0; i < 3; i++) await ask(gateway, `down-${i}`)
  const before = issuer.questions.length
  const flood = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(gateway, `flood-${i}`)))
  t.ok(flood.every(({ status }) => status === 503))
  t.equal(issuer.questions.length, before, 'an issuer that is down is left alone for a while')
  t.match(gateway.state.introspections.stats(), [{ issuer: 'main', failing: true, spared: 200 }])
  issuer.answer = null
  clock.advance(2_000)
  t.equal((await ask(gateway, 'back')).status, 200, 'and asked again')
  t.match(gateway.state.introspections.stats(), [{ failing: false }])
  t.equal(upstream.requests.length > 0, true)
})

t.test('beside JWT and API keys, an opaque token goes to the issuer that is asked', async (t) => {
  const issuer = await startAsked(t)
  const elsewhere = `  other: { issuer: "https://other.test", audience: ${audience}, jwksUri: "http://127.0.0.1:9/jwks", keySet: { timeout: 1s } }`
  const { clock, gateway } = await open(
    t,
    issuer.url,
    (fn) => `  GET /: { upstream: ${fn}, auth: { anyOf: [{ jwt: other }, { introspection: main }] } }`,
    elsewhere,
  )
  issuer.says = () => ({ active: true, aud: audience, sub: 'u1', exp: clock.now() / 1000 + 300 })
  t.equal((await ask(gateway, 'opaque')).status, 200)
  t.same(issuer.questions, ['opaque'])
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const theirs = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iss: 'https://other.test' })}.AAAA`
  t.equal((await ask(gateway, theirs)).status, 503, 'its own issuer is down')
  t.same(issuer.questions, ['opaque'], 'and nobody else is shown it')
})

t.test('a certified provider is asked about its opaque tokens, and knows which it has revoked', async (t) => {
  const url = await listen(t, (request, response) => provider.callback()(request, response))
  const client = {
    client_secret: 'only-for-this-test',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }
  const provider = new Provider(url, {
    cookies: { keys: ['only for this test'] },
    clients: [
      { ...client, client_id: 'shop' },
      { ...client, client_id: 'postern' },
    ],
    scopes: ['orders:read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:orders-api',
        getResourceServerInfo: () => ({
          scope: 'orders:read',
          audience,
          accessTokenTTL: 300,
          accessTokenFormat: 'opaque',
        }),
      },
    },
  })
  const post = async (path: string, form: Record<string, string>) =>
    await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('shop:only-for-this-test').toString('base64')}` },
      body: new URLSearchParams(form),
    })
  process.env['POSTERN_TEST_ASK'] = 'only-for-this-test'
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, {
    'gateway.yaml': 'secrets: { ask: { env: POSTERN_TEST_ASK } }\n',
    'routes.yaml': `
issuers:
  main:
    issuer: "${url}"
    audience: ${audience}
    keySet: { timeout: 20s }
    introspection: { clientId: postern, clientSecret: "\${secret:ask}", cache: 1ms }
upstreams: { fn: { url: "${upstream.url}" } }
routes:
${reads('fn')}
`,
  })
  const minted = (await (await post('/token', { grant_type: 'client_credentials', scope: 'orders:read' })).json()) as {
    readonly access_token: string
  } // RFC 6749 §5.1
  const first = await ask(gateway, minted.access_token)
  t.equal(first.status, 200)
  t.match(await gateway.recordOf(first), { client: { subject: 'shop', id: 'shop' } })
  t.equal((await ask(gateway, 'invented')).status, 401)
  await post('/token/revocation', { token: minted.access_token })
  await new Promise((resolve) => setTimeout(resolve, 5))
  const revoked = await ask(gateway, minted.access_token)
  t.equal(revoked.status, 401)
  t.equal((await gateway.recordOf(revoked)).code, 'auth.token-inactive')
})

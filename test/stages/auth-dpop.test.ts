import { createHash } from 'node:crypto'
import t from 'tap'
import { postern } from '../cli/command-line.js'
import { writeFolder } from '../policy/folder.js'
import { startGateway } from '../support/gateway.js'
import { harmlessUrls, type Proven, proofFor, proofKit, proofRows } from '../support/hostile-proofs.js'
import { makeKey, startIssuer, testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

type Test = Parameters<typeof startUpstream>[0]

const kit = proofKit('ES256')
const other = proofKit('ES256')
const url = 'http://gateway.test/bound'

/** A gateway whose issuer binds its tokens, and calls on its wire. */
async function start(t: Test & { teardown(end: () => unknown): unknown }, dpop: string, extra = '') {
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const upstream = await startUpstream(t)
  const clock = testClock()
  const gateway = await startGateway(
    t,
    {
      'routes.yaml': `
issuers:
  main: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s }, dpop: ${dpop} }
  again: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s }, dpop: ${dpop} }
  plain: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } }
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  ANY /bound: { upstream: fn, auth: { jwt: main } }
  GET /bound/%C3%A4/{id}: { upstream: fn, auth: { jwt: main } }
  GET /scoped: { upstream: fn, auth: { jwt: main, scopes: [orders:write] } }
  GET /plain: { upstream: fn, auth: { jwt: plain } }
  GET /either: { upstream: fn, auth: { anyOf: [{ jwt: main, scopes: [orders:write] }, { jwt: main, scopes: [orders:read] }, { jwt: again }] } }
  GET /kept: { upstream: fn, auth: { jwt: main }, forward: { authorization: keep } }
`,
      'gateway.yaml': `version: 1\n${extra}`,
    },
    { clock },
  )
  const port = Number(new URL(gateway.url).port)
  const mint = (claims: Record<string, unknown>) =>
    issuer.mint(clock.now(), { claims: { exp: 1_800_090_000, ...claims } })
  const bound = { cnf: { jkt: kit.thumbprint } }
  const token = await mint(bound)
  const asked = (changes: Partial<Proven> = {}): Proven => ({
    kit,
    other,
    token,
    otherToken: 'another',
    now: clock.now() / 1000,
    url,
    method: 'GET',
    ...changes,
  })
  const call = async (headers: readonly string[], path = '/bound', method = 'GET', host = 'gateway.test') => {
    const before = upstream.requests.length
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...headers]
    const { answers } = await converse(port, Buffer.from(message(lines)))
    const [answer] = answers
    const id = /\r\nx-request-id: (\S+)/i.exec(answer?.head ?? '')?.[1] ?? ''
    const { code = null } = await gateway.recordOf({ headers: { 'x-request-id': id } } as never) // all that is looked at
    const { head = '', status = 0, body = '' } = answer ?? {}
    return { status, head, body, code, reached: upstream.requests.length > before }
  }
  const show = (proof: string | readonly string[], shown = token) => [
    `Authorization: DPoP ${shown}`,
    ...(typeof proof === 'string' ? [`DPoP: ${proof}`] : proof),
  ]
  return { issuer, upstream, clock, gateway, mint, token, bound, asked, call, show }
}

const required = '{ mode: required, publicUrls: ["http://gateway.test"] }'

t.test(`of ${proofRows.length} hostile proofs none opens a route, and each harmless twin does`, async (t) => {
  const { asked, call, show, token } = await start(t, required)
  const wrong: string[] = []
  for (const { says, hostile, twin, code } of proofRows) {
    const refused = await call(show(hostile(asked())))
    if (refused.reached || refused.status !== 401 || refused.code !== code) {
      wrong.push(`${says}: ${refused.status} ${refused.code} instead of ${code}`)
    } else if (
      !/\r\nwww-authenticate: DPoP realm="api", error="invalid_dpop_proof", algs="ES256 /i.test(refused.head)
    ) {
      wrong.push(`${says}: ${refused.head}`)
    } else if (JSON.parse(refused.body).code !== 'auth.invalid') wrong.push(`${says}: ${refused.body}`)
    const passed = await call(show((twin ?? proofFor)(asked())))
    if (!passed.reached || passed.status !== 200) wrong.push(`twin of ${says}: ${passed.status} ${passed.code}`)
  }
  t.same(wrong, [])
  t.match(await call(show(proofFor(asked()))), { status: 200, reached: true }, 'the plain good one')
  t.match(await call([`Authorization: DPoP ${token}`]), { status: 401, code: 'auth.proof-missing', reached: false })
})

t.test('a proof is for one request, however its URL is written', async (t) => {
  const { asked, call, show, upstream } = await start(t, required)
  for (const [says, edit] of harmlessUrls) {
    const proof = proofFor(asked(), { htu: edit(new URL(url)) })
    t.match(await call(show(proof)), { status: 200, reached: true }, says)
  }
  t.match(await call(show(proofFor(asked())), '/bound?q=1'), { status: 200 }, 'a query of the request is no part of it')
  const umlaut = '/bound/%C3%A4/7'
  const proof = (path: string) => proofFor(asked({ url: `http://gateway.test${path}` }))
  t.match(await call(show(proof(umlaut)), umlaut), { status: 200 })
  t.match(await call(show(proof('/bound/%c3%a4/7')), umlaut), { status: 200 }, 'hex digits of either case')
  t.match(await call(show(proof('/bound/%C3%A4/8')), umlaut), {
    status: 401,
    code: 'auth.proof-request',
    reached: false,
  })
  t.match(await call(show(proofFor(asked({ method: 'POST' }))), '/bound', 'POST'), { status: 200, reached: true })
  t.match(await call(show(proofFor(asked())), '/bound', 'POST'), { status: 401, reached: false })
  t.notOk(upstream.requests.at(-1)?.headers['dpop'], 'the proof stays here')
  t.match(await call(show(proofFor(asked({ url: 'http://gateway.test/kept' }))), '/kept'), { status: 200 })
  t.ok(upstream.requests.at(-1)?.headers['dpop'], 'unless the function shall have the credential')
})

t.test('a bound token is nobody’s bearer token, and an unbound one is no proof', async (t) => {
  const both = await start(t, '{ mode: optional, publicUrls: ["http://gateway.test"] }')
  const { asked, call, show, token, mint } = both
  const free = await mint({})
  const freeProof = () => proofFor(asked({ token: free }))
  const bearer = (text: string) => [`Authorization: Bearer ${text}`]
  const refused: readonly [string, readonly string[], string, string?][] = [
    ['bound, as Bearer', bearer(token), 'auth.token-bound'],
    ['bound, as Bearer with its proof', [...bearer(token), `DPoP: ${proofFor(asked())}`], 'auth.token-bound'],
    ['bound, where proofs are not known', bearer(token), 'auth.token-bound', '/plain'],
    ['bound with a proof, where proofs are not known', show(proofFor(asked())), 'auth.scheme-unsupported', '/plain'],
    ['unbound, as DPoP', show(freeProof(), free), 'auth.token-unbound'],
    ['unbound, as DPoP without proof', show([], free), 'auth.token-unbound'],
    ['a proof in place of the token', show(proofFor(asked()), proofFor(asked())), 'auth.token-type'],
    ['the token in place of the proof', show(token), 'auth.proof-type'],
    ['the proof in a query', show([]), 'auth.proof-missing', `/bound?dpop=${proofFor(asked())}`],
    ['the proof with an underscore', show([`D_PoP: ${proofFor(asked())}`]), 'auth.proof-missing'],
    ['the proof in a cookie', show([`Cookie: DPoP=${proofFor(asked())}`]), 'auth.proof-missing'],
    ['two tokens', [...show(proofFor(asked())), ...bearer(free)], 'wire.header-repeated'],
    [
      'a scheme that begins like ours',
      [`Authorization: DPoPx ${token}`, `DPoP: ${proofFor(asked())}`],
      'auth.scheme-unsupported',
    ],
    ['a scheme without a token', ['Authorization: DPoP', `DPoP: ${proofFor(asked())}`], 'auth.token-malformed'],
    ['bound to a key in another way', bearer(await mint({ cnf: { jwk: kit.jwk } })), 'auth.token-bound'],
    ['bound to a key by name', bearer(await mint({ cnf: { kid: 'k' } })), 'auth.token-bound'],
    ['bound to a number', bearer(await mint({ cnf: { jkt: 1 } })), 'auth.token-bound'],
    ['bound to nothing', bearer(await mint({ cnf: {} })), 'auth.token-bound'],
    ['bound to null', bearer(await mint({ cnf: null })), 'auth.token-bound'],
    ['bound to a text', bearer(await mint({ cnf: kit.thumbprint })), 'auth.token-bound'],
    ['bound to a certificate', bearer(await mint({ cnf: { 'x5t#S256': kit.thumbprint } })), 'auth.token-bound'],
    [
      'bound to another key',
      show(proofFor(asked({ token: await mint({ cnf: { jkt: other.thumbprint } }) }))),
      'auth.proof-token',
    ],
  ]
  for (const [says, headers, code, path] of refused) {
    const answer = await call(headers, path)
    t.match(answer, { code, reached: false }, says)
    t.ok([400, 401].includes(answer.status), `${says}: ${answer.status}`)
  }
  const two = await call(show([`DPoP: ${proofFor(asked())}`, `DPoP: ${proofFor(asked())}`]))
  t.match(two, { status: 400, code: 'auth.credentials-repeated', reached: false }, 'two proofs')
  const elsewhere = await mint({ cnf: { jkt: other.thumbprint } })
  t.match(await call(show(proofFor(asked({ token: elsewhere })), elsewhere)), {
    status: 401,
    code: 'auth.proof-key-other',
  })
  t.match(await call(show(proofFor(asked({ token: elsewhere, kit: other })), elsewhere)), {
    status: 200,
    reached: true,
  })
  t.match(await call(bearer(free)), { status: 200, reached: true }, 'unbound, as Bearer, where proofs are optional')
  t.match(await call(bearer(free), '/plain'), { status: 200, reached: true })
  t.match(
    await call([`authorization: dpop ${token}`, `dpop: ${proofFor(asked())}`]),
    { status: 200 },
    'names without case',
  )
})

t.test('every challenge says what to bring, by the scheme that came', async (t) => {
  const optional = await start(t, 'optional')
  const algs = 'algs="ES256 ES384 EdDSA PS256 RS256"'
  t.match(
    (await optional.call([])).head,
    new RegExp(`Bearer realm="api"\r\nwww-authenticate: DPoP realm="api", ${algs}`, 'i'),
  )
  const strict = await start(t, '{ mode: required, algorithms: [ES256] }')
  t.match((await strict.call([])).head, /www-authenticate: DPoP realm="api", algs="ES256"\r\n/i)
  t.notMatch((await strict.call([])).head, /Bearer/)
  const free = await strict.mint({})
  const bearer = await strict.call([`Authorization: Bearer ${free}`])
  t.match(bearer, { status: 401, code: 'auth.scheme-unsupported', reached: false }, 'required means required')
  const { asked, show, call } = strict
  const scoped = await call(show(proofFor(asked({ url: 'http://gateway.test/scoped' }))), '/scoped')
  t.match(scoped, {
    status: 403,
    head: /www-authenticate: DPoP realm="api", error="insufficient_scope", scope="orders:write", algs="ES256"\r\n/i,
    reached: false,
  })
  const expired = await strict.mint({ exp: 1 })
  t.match(
    (await call(show(proofFor(asked({ token: expired })), expired))).head,
    /DPoP realm="api", error="invalid_token", algs/i,
  )
})

t.test('a proof serves once, however it is written, and no sooner than it has ended is it forgotten', async (t) => {
  const { asked, call, show, clock } = await start(t, required)
  const proof = proofFor(asked(), { iat: asked().now + 30 })
  t.match(await call(show(proof)), { status: 200, reached: true })
  t.match(await call(show(proof)), { status: 401, code: 'auth.proof-replayed', reached: false })
  t.match(await call(show(malleable(proof))), { status: 401, code: 'auth.proof-replayed' }, 'its other signature')
  const again = proofFor(asked(), {
    jti: JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()).jti,
  })
  t.match(await call(show(again)), { status: 401, code: 'auth.proof-replayed' }, 'another proof of the same name')
  for (let step = 0; step < 12; step++) {
    clock.advance(9_990)
    t.match(await call(show(proof)), { status: 401, code: 'auth.proof-replayed' })
    t.match(await call(show(proofFor(asked()))), { status: 200 })
  }
  clock.advance(150)
  t.match(await call(show(proof)), { status: 401, code: 'auth.proof-time' }, 'and then it is too old')
})

t.test('several methods may judge a proof, which serves once all the same', async (t) => {
  const { asked, call, show, mint, bound } = await start(t, required)
  const proof = proofFor(asked({ url: 'http://gateway.test/either' }))
  t.match(await call(show(proof), '/either'), { status: 200, reached: true }, 'the second method admits')
  t.match(await call(show(proof), '/either'), { status: 401, code: 'auth.proof-replayed', reached: false })
  const token = await mint({ ...bound, scope: 'other' })
  const other = proofFor(asked({ url: 'http://gateway.test/either', token }))
  t.match(await call(show(other, token), '/either'), { status: 200 }, 'and so does the third, of another issuer entry')
})

t.test('of two hundred copies of a proof that come at once, one passes', async (t) => {
  const { asked, call, show } = await start(t, required)
  const proof = proofFor(asked())
  const answers = await Promise.all(Array.from({ length: 200 }, () => call(show(proof))))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ code }) => code === 'auth.proof-replayed').length, 199)
})

t.test('with a nonce a proof made beforehand is good for nothing', async (t) => {
  const strict = await start(
    t,
    '{ mode: required, publicUrls: ["http://gateway.test"], nonce: 5m }',
    'addressLimit: { quota: 100000, window: 1m, failedAuth: 2/1m }',
  )
  const { asked, call, show, clock, gateway } = strict
  const nonceOf = ({ head }: { head: string }) => /\r\ndpop-nonce: (\S+)\r\n/i.exec(`${head}\r\n`)?.[1]
  const first = await call(show(proofFor(asked())))
  t.match(first, { status: 401, code: 'auth.proof-nonce', reached: false })
  t.match(first.head, /DPoP realm="api", error="use_dpop_nonce"/i)
  const nonce = nonceOf(first)
  t.ok(nonce)
  const good = await call(show(proofFor(asked(), { nonce })))
  t.match(good, { status: 200, reached: true })
  t.notOk(nonceOf(good), 'a nonce in its prime is not told again')
  for (const wrong of ['', nonce?.slice(1), `${nonce}x`, 1, null, [nonce], 'é'.repeat(32)]) {
    t.match(await call(show(proofFor(asked(), { nonce: wrong }))), {
      status: 401,
      code: 'auth.proof-nonce',
      reached: false,
    })
  }
  clock.advance(300_000)
  const later = await call(show(proofFor(asked(), { nonce })))
  t.match(later, { status: 200, reached: true }, 'the nonce before still serves')
  const next = nonceOf(later)
  t.ok(next && next !== nonce, 'and the next one is told')
  clock.advance(300_000)
  t.match(await call(show(proofFor(asked(), { nonce }))), { status: 401, code: 'auth.proof-nonce' })
  await gateway.reload({})
  t.match(await call(show(proofFor(asked(), { nonce: next }))), { status: 200 }, 'a reload forgets no nonce')
  const forged = await call(show(proofFor(asked({ kit: { ...kit, sign: other.sign } }), { nonce: next })))
  t.match(forged, { status: 401, code: 'auth.proof-signature' }, 'who has not the key is told no nonce')
  t.notOk(nonceOf(forged))
})

t.test('behind a proxy the URL is the one that the client sees', async (t) => {
  const trusted = await start(t, 'required', 'trustedProxies: [127.0.0.0/8]')
  const { asked, show, call } = trusted
  const outside = asked({ url: 'https://api.example.com/bound' })
  const says = ['X-Forwarded-Proto: https', 'X-Forwarded-Host: api.example.com']
  t.match(await call([...says, ...show(proofFor(outside))]), { status: 200, reached: true })
  t.match(await call(show(proofFor(outside))), { status: 401, code: 'auth.proof-request', reached: false })
  t.match(
    await call(['X-Forwarded-Host: api.example.com', ...show(proofFor(outside))]),
    { status: 401 },
    'http is not https',
  )
  const strangers = await start(t, 'required')
  const answer = await strangers.call([...says, ...strangers.show(proofFor({ ...outside, token: strangers.token }))])
  t.match(answer, { status: 401, reached: false }, 'a stranger cannot say so')
  const named = await start(
    t,
    '{ mode: required, publicUrls: ["https://api.example.com/v1", "https://alt.example.com"] }',
  )
  for (const [base, status] of [
    ['https://api.example.com/v1', 200],
    ['https://alt.example.com', 200],
    ['https://api.example.com', 401],
    ['http://gateway.test', 401],
  ] as const) {
    const proof = proofFor(named.asked({ url: `${base}/bound` }))
    t.match(await named.call(named.show(proof)), { status }, base)
  }
  const relayed = proofFor(named.asked({ url: 'https://evil.test/bound' }))
  t.match(
    await named.call(named.show(relayed), '/bound', 'GET', 'evil.test'),
    { status: 401 },
    'a proof that another host relays',
  )
})

t.test('keys of every kind of the list prove, and weak ones do not', async (t) => {
  const { mint, asked, call, show } = await start(t, required)
  const tried: readonly [string, ReturnType<typeof proofKit>, number][] = [
    ['EdDSA', proofKit('EdDSA'), 200],
    ['RSA of 2048 bits', proofKit('RS256'), 200],
    ['RSA of 1024 bits', proofKit('RS256', 1024), 401],
  ]
  for (const [says, each, status] of tried) {
    const token = await mint({ cnf: { jkt: each.thumbprint } })
    t.match(await call(show(proofFor(asked({ kit: each, token })), token)), { status, reached: status === 200 }, says)
  }
})

/** The second signature that everybody can make of an ECDSA one: s becomes n - s. */
function malleable(proof: string): string {
  const [head, body, signature = ''] = proof.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
  return `${head}.${body}.${Buffer.concat([bytes.subarray(0, 32), other]).toString('base64url')}`
}

t.test('the published examples name their keys and tokens as we do', async (t) => {
  // RFC 7638 section 3.1, RFC 8037 appendix A.3, RFC 9449 sections 6.1 and 7.1
  const { thumbprintOf } = await import('../../src/gateway/tools/dpop-key.js')
  const rsa = {
    kty: 'RSA',
    n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
    e: 'AQAB',
    alg: 'RS256',
    kid: '2011-04-29',
  }
  const ed = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
  const ec = {
    kty: 'EC',
    crv: 'P-256',
    x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
    y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
  }
  t.same(thumbprintOf(rsa), { thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' })
  t.same(thumbprintOf(ed), { thumbprint: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' })
  t.same(thumbprintOf(ec), { thumbprint: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' })
  const ath = createHash('sha256').update('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU').digest('base64url')
  t.equal(ath, 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo')
})

t.test('a policy test proves its caller’s key, and explain does so too', async (t) => {
  const folder = writeFolder(t, {
    'routes.yaml': `
issuers:
  main:
    issuer: https://id.example.com/
    audience: orders-api
    dpop: { mode: required, publicUrls: ["https://api.example.com/v1"], nonce: 5m }
upstreams: { fn: { url: "http://127.0.0.1:9" } }
routes:
  GET /orders: { upstream: fn, auth: { jwt: main } }
`,
    'routes.test.yaml': `
as: { jwt: { sub: u1 } }
send: { GET: "/orders?page=2" }
tests:
  a caller with its key passes: { expect: { status: 200 } }
  and again, with a proof of its own: { expect: { status: 200 } }
  a token without a key is refused: { as: { jwt: { sub: u1, cnf: null } }, expect: { status: 401, code: auth.scheme-unsupported } }
  a token of another key is refused: { as: { jwt: { sub: u1, cnf: { jkt: other } } }, expect: { status: 401, code: auth.proof-key-other } }
`,
  })
  const tested = await postern(['test', folder])
  t.equal(tested.code, 0, tested.out)
  const input = 'GET /orders?page=2 HTTP/1.1\r\nHost: gateway.test\r\n\r\n'
  const explained = await postern(['explain', '-r', '-', '-p', folder, '--as', '{ jwt: { sub: u1 } }'], { input })
  t.equal(explained.code, 0, explained.out)
})

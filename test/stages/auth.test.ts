import t from 'tap'
import type { ClientPlan, IssuerPlan } from '../../src/plan/plan.js'
import { hashApiKey, newApiKey } from '../../src/stages/auth/api-key.js'
import { checkAny } from '../../src/stages/auth/check-any.js'
import { checkApiKey } from '../../src/stages/auth/check-api-key.js'
import { claimPath, readClaimRules } from '../../src/stages/auth/claim-rules.js'
import { fixedKeys } from '../../src/stages/auth/issuer-keys.js'
import { reasonForFault, reasons } from '../../src/stages/auth/reasons.js'
import { auth } from '../../src/stages/auth/stage.js'
import type { Identity, Scope, Section, TokenResult, Verdict } from '../../src/stages/contract.js'
import { makeExchange } from '../support/exchange.js'
import { issuerPlan, makeKey, testClock } from '../support/issuer.js'
import { jwtMethod, nothingRevoked as revocations, tokenCheck } from '../support/token-check.js'

const clock = testClock()
const place = { file: 'orders.yaml', line: 4, column: 5 }

const identity: Identity = {
  method: 'jwt',
  subject: 'u1',
  clientId: null,
  plan: null,
  scopes: new Set(['orders:read', 'orders:write']),
  claims: {
    sub: 'u1',
    email_verified: true,
    level: 3,
    plan: 'pro',
    amr: ['pwd', 'mfa'],
    email: 'somebody.with.a.rather.long.name@example.com',
    nothing: null,
    realm: { roles: ['admin'] },
    'https://shop.example/tenant': 't1',
    'a.b': 'dotted',
  },
}

/** A verifier that knows one token, and notes what it was asked. */
function verifierOf(token: string, result: TokenResult = { valid: true, identity }) {
  const asked: string[] = []
  return {
    asked,
    verify(given: string): TokenResult {
      asked.push(given)
      return given === token ? result : { valid: false, fault: 'token-malformed' }
    },
  }
}

const noRules = { scopes: [], claims: [] }
const code = (verdict: Verdict | Promise<Verdict>) =>
  verdict instanceof Promise ? 'a promise' : verdict.outcome === 'deny' ? verdict.reason.code : 'allow'
const headersOf = (verdict: Verdict | Promise<Verdict>) =>
  verdict instanceof Promise || verdict.outcome === 'allow' ? [] : (verdict.headers ?? [])

t.test('a token is taken from the one Authorization header and from nowhere else', async (t) => {
  const missing = 'auth.missing'
  const repeated = 'auth.credentials-repeated'
  const scheme = 'auth.scheme-unsupported'
  const rows: readonly [string, readonly string[], string][] = [
    ['as it should be', ['Authorization', 'Bearer good'], 'allow'],
    ['in small letters', ['authorization', 'bearer good'], 'allow'],
    ['in capitals', ['AUTHORIZATION', 'BEARER good'], 'allow'],
    ['with two blanks', ['Authorization', 'Bearer  good'], 'allow'],
    ['beside other headers', ['Host', 'x', 'Authorization', 'Bearer good', 'Cookie', 'a=b'], 'allow'],
    ['beside an API key', ['Authorization', 'Bearer good', 'X-Api-Key', 'k'], 'allow'],
    ['not at all', [], missing],
    ['in X-Authorization', ['X-Authorization', 'Bearer good'], missing],
    ['in Proxy-Authorization', ['Proxy-Authorization', 'Bearer good'], missing],
    ['in a cookie', ['Cookie', 'access_token=good; Authorization=Bearer good'], missing],
    ['in X-Access-Token', ['X-Access-Token', 'good'], missing],
    ['twice', ['Authorization', 'Bearer good', 'Authorization', 'Bearer good'], repeated],
    ['twice, in two spellings', ['Authorization', 'Bearer good', 'aUTHORIZATION', 'Bearer x'], repeated],
    ['twice, the first empty', ['Authorization', '', 'Authorization', 'Bearer good'], repeated],
    ['twice, the second of another scheme', ['Authorization', 'Bearer good', 'Authorization', 'Basic eDp5'], repeated],
    ['three times', ['Authorization', 'a', 'Host', 'x', 'Authorization', 'b', 'Authorization', 'c'], repeated],
    ['as an empty header', ['Authorization', ''], scheme],
    ['without a scheme', ['Authorization', 'good'], scheme],
    ['by Basic', ['Authorization', 'Basic eDp5'], scheme],
    ['by DPoP', ['Authorization', 'DPoP good'], scheme],
    ['by a scheme that begins like ours', ['Authorization', 'Bearers good'], scheme],
    ['glued to the scheme', ['Authorization', 'Bearergood'], scheme],
    ['after a colon', ['Authorization', 'Bearer: good'], scheme],
    ['after a tab', ['Authorization', 'Bearer\tgood'], scheme],
    ['after a comma', ['Authorization', 'Bearer,good'], scheme],
    ['with a long s in the scheme', ['Authorization', 'Bearerſ good'], scheme],
    ['as the scheme alone', ['Authorization', 'Bearer'], 'auth.token-malformed'],
    ['with a second scheme after it', ['Authorization', 'Bearer good, Basic eDp5'], 'auth.token-malformed'],
    ['as a parameter', ['Authorization', 'Bearer token="good"'], 'auth.token-malformed'],
    ['twice by scheme', ['Authorization', 'Bearer Bearer good'], 'auth.token-malformed'],
  ]
  for (const [says, headers, expected] of rows) {
    const check = tokenCheck(noRules, verifierOf('good'))
    t.equal(code(check(makeExchange({ headers }))), expected, says)
  }
  const inQuery = makeExchange({ query: 'access_token=good&Authorization=Bearer%20good' })
  t.equal(code(tokenCheck(noRules, verifierOf('good'))(inQuery)), missing, 'in the query')
  const inBody = makeExchange({ hasBody: true, body: Buffer.from('access_token=good') })
  t.equal(code(tokenCheck(noRules, verifierOf('good'))(inBody)), missing, 'in the body')
})

t.test('an ambiguous credential is never looked at', async (t) => {
  const verifier = verifierOf('good')
  const check = tokenCheck(noRules, verifier)
  check(makeExchange({ headers: ['Authorization', 'Bearer good', 'Authorization', 'Bearer good'] }))
  check(makeExchange({ headers: ['Authorization', 'Basic good'] }))
  t.same(verifier.asked, [])
  check(makeExchange({ headers: ['Authorization', 'Bearer good'] }))
  t.same(verifier.asked, ['good'])
})

t.test('challenges say what RFC 6750 has them say, and nothing of why', async (t) => {
  const challenge = (parameters: string) => ['www-authenticate', `Bearer realm="api"${parameters}`]
  const bearer = ['Authorization', 'Bearer good']
  const answer = (
    headers: readonly string[],
    result?: TokenResult,
    asked: Parameters<typeof tokenCheck>[0] = noRules,
  ) => tokenCheck(asked, verifierOf('good', result))(makeExchange({ headers }))

  t.same(headersOf(answer([])), challenge(''), 'no error code where there was no credential')
  t.same(headersOf(answer(['Authorization', 'Basic x'])), challenge(''))
  t.same(headersOf(answer([...bearer, ...bearer])), challenge(', error="invalid_request"'))
  for (const fault of ['token-expired', 'token-signature', 'token-audience', 'token-key-unknown', 'unheard-of']) {
    const verdict = answer(bearer, { valid: false, fault })
    t.same(headersOf(verdict), challenge(', error="invalid_token"'), `${fault} looks like any other`)
    t.match(verdict, { reason: { status: 401, shown: 'auth.invalid' } })
  }
  t.same(
    headersOf(answer(bearer, undefined, { scopes: ['orders:read', 'orders:delete'], claims: [] })),
    challenge(', error="insufficient_scope", scope="orders:read orders:delete"'),
  )
  t.same(
    headersOf(answer(bearer, undefined, { scopes: [], claims: readRules({ level: 4 }) })),
    challenge(', error="insufficient_scope"'),
  )
})

t.test('an issuer that cannot be asked is nobody’s fault: 503, with the time to come back', async (t) => {
  const check = tokenCheck(
    noRules,
    verifierOf('good', { valid: false, fault: 'issuer-unavailable', retryAfterSeconds: 7.2 }),
  )
  const verdict = check(makeExchange({ headers: ['Authorization', 'Bearer good'] }))
  t.match(verdict, { reason: { status: 503, code: 'auth.issuer-unavailable' } })
  t.same(headersOf(verdict), ['retry-after', '8'], 'rounded up')
})

t.test('a verifier that must wait is waited for, one that fails fails the step', async (t) => {
  const waiting = tokenCheck(noRules, { verify: async () => ({ valid: true, identity }) })
  const exchange = makeExchange({ headers: ['Authorization', 'Bearer good'] })
  t.match(await waiting(exchange), { outcome: 'allow' })
  t.equal(exchange.identity, identity)
  const broken = tokenCheck(noRules, { verify: () => Promise.reject(new Error('broken')) })
  await t.rejects(Promise.resolve(broken(makeExchange({ headers: ['Authorization', 'Bearer good'] }))), /broken/)
})

t.test('every scope that is asked for must be there, whole', async (t) => {
  const rows: readonly [readonly string[], string][] = [
    [[], 'allow'],
    [['orders:read'], 'allow'],
    [['orders:write', 'orders:read'], 'allow'],
    [['orders:delete'], 'auth.scope-missing'],
    [['orders:read', 'orders:delete'], 'auth.scope-missing'],
    [['orders'], 'auth.scope-missing'],
    [['orders:'], 'auth.scope-missing'],
    [['ORDERS:READ'], 'auth.scope-missing'],
    [['orders:read orders:write'], 'auth.scope-missing'],
    [['*'], 'auth.scope-missing'],
  ]
  for (const [scopes, expected] of rows) {
    const exchange = makeExchange({ headers: ['Authorization', 'Bearer good'] })
    const verdict = tokenCheck({ scopes, claims: [] }, verifierOf('good'))(exchange)
    t.equal(code(verdict), expected, scopes.join(' '))
    t.equal(exchange.identity, identity, 'the record knows who was turned away')
    if (expected !== 'allow') t.match(verdict, { reason: { status: 403 }, evidence: { needed: scopes } })
  }
})

const sectionOf = (value: unknown): Section => ({
  value,
  place,
  keyPlace: place,
  get(...path) {
    let found: unknown = value
    for (const step of path) found = typeof found === 'object' && found !== null ? Reflect.get(found, step) : undefined
    return { ...sectionOf(found), place: { ...place, length: path.length }, keyPlace: place }
  },
})
const readRules = (claims: unknown) => readClaimRules(sectionOf(claims))

t.test('claims are what the route asks for, by value and by type', async (t) => {
  const rows: readonly [unknown, boolean][] = [
    [{ email_verified: true }, true],
    [{ email_verified: 'true' }, false],
    [{ email_verified: 1 }, false],
    [{ email_verified: false }, false],
    [{ level: 3 }, true],
    [{ level: '3' }, false],
    [{ plan: 'pro' }, true],
    [{ plan: 'Pro' }, false],
    [{ plan: 'pr' }, false],
    [{ plan: { equals: 'pro' } }, true],
    [{ plan: { oneOf: ['free', 'pro'] } }, true],
    [{ plan: { oneOf: ['free'] } }, false],
    [{ amr: { contains: 'mfa' } }, true],
    [{ amr: { contains: 'mf' } }, false],
    [{ amr: { contains: 'otp' } }, false],
    [{ amr: 'mfa' }, false],
    [{ amr: { oneOf: ['mfa'] } }, false],
    [{ plan: { contains: 'pro' } }, true],
    [{ plan: { contains: 'p' } }, false],
    [{ plan: { exists: true } }, true],
    [{ absent: { exists: true } }, false],
    [{ absent: { exists: false } }, true],
    [{ plan: { exists: false } }, false],
    [{ nothing: { exists: true } }, false],
    [{ nothing: { exists: false } }, true],
    [{ absent: 'x' }, false],
    [{ constructor: { exists: true } }, false],
    [{ '__proto__.x': { exists: true } }, false],
    [{ 'amr.length': 2 }, false],
    [{ 'plan.length': 3 }, false],
    [{ 'realm.roles': { contains: 'admin' } }, true],
    [{ 'realm.roles': { contains: 'root' } }, false],
    [{ '/realm/roles': { contains: 'admin' } }, true],
    [{ '/realm/roles/0': 'admin' }, true],
    [{ '/https:~1~1shop.example~1tenant': 't1' }, true],
    [{ '/https:~1~1shop.example~1tenant': 't2' }, false],
    [{ '/a.b': 'dotted' }, true],
    [{ plan: 'pro', level: 3 }, true],
    [{ plan: 'pro', level: 4 }, false],
    [{ amr: { contains: 'mfa', exists: false } }, false],
  ]
  for (const [claims, holds] of rows) {
    const check = tokenCheck({ scopes: [], claims: readRules(claims) }, verifierOf('good'))
    const verdict = check(makeExchange({ headers: ['Authorization', 'Bearer good'] }))
    t.equal(code(verdict), holds ? 'allow' : 'auth.claim-mismatch', JSON.stringify(claims))
    if (!holds) t.match(verdict, { reason: { status: 403, shown: 'auth.forbidden' } })
  }
  t.same(claimPath('/a~1b/c~0d'), ['a/b', 'c~d'], 'a JSON pointer')
})

t.test('evidence names the claims the policy names, and shows no free text', async (t) => {
  const evidence = (claims: unknown) => {
    const verdict = tokenCheck(
      { scopes: [], claims: readRules(claims) },
      verifierOf('good'),
    )(makeExchange({ headers: ['Authorization', 'Bearer good'] }))
    return verdict instanceof Promise || verdict.outcome === 'allow' ? {} : verdict.evidence
  }
  t.same(evidence({ plan: { oneOf: ['free', 'gold'] } }), { claim: 'plan', rule: 'oneOf free | gold', found: 'pro' })
  t.same(evidence({ amr: { contains: 'otp' } }), { claim: 'amr', rule: 'contains otp', found: '[pwd, mfa]' })
  t.same(evidence({ email: 'x' }), { claim: 'email', rule: 'equals x', found: 'a text of 44 characters' })
  t.same(evidence({ absent: { exists: true } }), { claim: 'absent', rule: 'exists true', found: 'absent' })
  t.same(evidence({ realm: 'x' }), { claim: 'realm', rule: 'equals x', found: 'an object' })
})

const acme = newApiKey()
const rotated = newApiKey()
const globex = newApiKey()
const clients: Record<string, ClientPlan> = {
  acme: {
    name: 'acme',
    plan: 'partner',
    keys: [
      { name: 'old', sha256: acme.sha256, expiresAt: clock.now() + 1_000, declaredAt: place },
      { name: 'new', sha256: rotated.sha256, expiresAt: null, declaredAt: place },
    ],
    ipAllow: ['203.0.113.0/24', '2001:db8::/32'],
    declaredAt: place,
  },
  globex: {
    name: 'globex',
    plan: null,
    keys: [{ name: 'only', sha256: globex.sha256, expiresAt: null, declaredAt: place }],
    ipAllow: [],
    declaredAt: place,
  },
}

t.test('an API key is known by its digest, in the one X-Api-Key header', async (t) => {
  const inside = '203.0.113.7'
  const rows: readonly [string, readonly string[], string, string][] = [
    ['the key', ['X-Api-Key', acme.key], inside, 'allow'],
    ['the next key beside it', ['x-api-key', rotated.key], inside, 'allow'],
    ['from IPv6', ['X-Api-Key', acme.key], '2001:db8::1', 'allow'],
    ['no key', [], inside, 'auth.missing'],
    ['a key as a bearer', ['Authorization', `Bearer ${acme.key}`], inside, 'auth.missing'],
    ['a key in another spelling of the header', ['X_Api_Key', acme.key], inside, 'auth.missing'],
    ['two keys', ['X-Api-Key', acme.key, 'X-API-KEY', rotated.key], inside, 'auth.credentials-repeated'],
    ['the same key twice', ['X-Api-Key', acme.key, 'X-Api-Key', acme.key], inside, 'auth.credentials-repeated'],
    ['two keys in one header', ['X-Api-Key', `${acme.key}, ${rotated.key}`], inside, 'auth.key-unknown'],
    ['an empty key', ['X-Api-Key', ''], inside, 'auth.key-malformed'],
    ['a key of kilobytes', ['X-Api-Key', 'x'.repeat(5_000)], inside, 'auth.key-malformed'],
    ['an invented key', ['X-Api-Key', newApiKey().key], inside, 'auth.key-unknown'],
    ['the digest as key', ['X-Api-Key', acme.sha256], inside, 'auth.key-unknown'],
    ['a key less its last letter', ['X-Api-Key', acme.key.slice(0, -1)], inside, 'auth.key-unknown'],
    ['a key in capitals', ['X-Api-Key', acme.key.toUpperCase()], inside, 'auth.key-unknown'],
    ['a key with a blank', ['X-Api-Key', `${acme.key} `], inside, 'auth.key-unknown'],
    ['a name of every object', ['X-Api-Key', '__proto__'], inside, 'auth.key-unknown'],
    ['from elsewhere', ['X-Api-Key', acme.key], '198.51.100.1', 'auth.client-address'],
    ['from elsewhere by IPv6', ['X-Api-Key', acme.key], '2001:db9::1', 'auth.client-address'],
    ['from no address', ['X-Api-Key', acme.key], 'unknown', 'auth.client-address'],
    ['of another client', ['X-Api-Key', globex.key], inside, 'auth.client-not-admitted'],
  ]
  const check = checkApiKey(['acme'], { clients, clock, revocations })
  for (const [says, headers, address, expected] of rows) {
    const verdict = check(makeExchange({ headers, address }))
    t.equal(code(verdict), expected, says)
    t.notOk(JSON.stringify(verdict).includes('pst_'), 'no key in what is said of it')
    if (expected === 'auth.missing' || expected === 'auth.key-unknown') {
      t.same(headersOf(verdict), ['www-authenticate', 'ApiKey realm="api"'])
    }
  }
  t.equal(
    code(check(makeExchange({ query: `api_key=${acme.key}&x-api-key=${acme.key}` }))),
    'auth.missing',
    'in the query',
  )

  const exchange = makeExchange({ headers: ['X-Api-Key', acme.key], address: inside })
  check(exchange)
  t.match(exchange.identity, { method: 'apiKey', subject: 'acme', clientId: 'acme', plan: 'partner' })

  const later = testClock(clock.now() + 1_000)
  const onTheDay = checkApiKey(['acme'], { clients, clock: later, revocations })
  t.equal(code(onTheDay(makeExchange({ headers: ['X-Api-Key', acme.key], address: inside }))), 'auth.key-expired')
  t.equal(code(onTheDay(makeExchange({ headers: ['X-Api-Key', rotated.key], address: inside }))), 'allow')
})

t.test('with several methods, whatever is presented must be good', async (t) => {
  const iss = (name: string) =>
    `x.${Buffer.from(JSON.stringify({ iss: `https://${name}.test` })).toString('base64url')}.${name}`
  const known = (subject: string, scopes: string[] = []): TokenResult => ({
    valid: true,
    identity: { ...identity, subject, scopes: new Set(scopes) },
  })
  const answers: Record<string, TokenResult> = { [iss('a')]: known('of a', ['read']), [iss('b')]: known('of b') }
  const asked: string[] = []
  const issuers = {
    a: issuerPlan({ name: 'a', issuer: 'https://a.test', keys: { kind: 'discovery' } }),
    b: issuerPlan({ name: 'b', issuer: 'https://b.test', keys: { kind: 'discovery' } }),
    slow: issuerPlan({ name: 'slow', issuer: 'https://a.test', keys: { kind: 'discovery' } }),
  }
  const tools = {
    clients,
    clock,
    issuers,
    proofVerifier: () => {
      throw new Error('none of these issuers asks for proofs')
    },
    trusts: () => false,
    revocations,
    resourceMetadata: null,
    introspector: () => verifierOf('none'),
    verifier: (name: string) => ({
      verify(token: string) {
        asked.push(name)
        const own = token.endsWith(`.${name === 'slow' ? 'a' : name}`) ? answers[token] : undefined
        const result = own ?? ({ valid: false, fault: 'token-signature' } as const)
        return name === 'slow' ? Promise.resolve(result) : result
      },
    }),
  }
  const jwt = (issuer: string, ...scopes: string[]) => jwtMethod({ issuer, scopes })
  const key = { method: 'apiKey', clients: ['globex'] } as const
  const token = (name: string) => ['Authorization', `Bearer ${iss(name)}`]
  const goodKey = ['X-Api-Key', globex.key]
  const rows: readonly [string, Parameters<typeof checkAny>[0], readonly string[], string][] = [
    ['a token', [jwt('a'), key], token('a'), 'of a'],
    ['a key', [jwt('a'), key], goodKey, 'globex'],
    ['both', [jwt('a'), key], [...token('a'), ...goodKey], 'of a'],
    ['both, the key first', [key, jwt('a')], [...token('a'), ...goodKey], 'globex'],
    ['both, and waiting', [key, jwt('slow')], [...token('a'), ...goodKey], 'globex'],
    ['neither', [jwt('a'), key], [], 'auth.missing'],
    ['a bad token and a good key', [jwt('a'), key], [...token('x'), ...goodKey], 'auth.token-signature'],
    ['a bad token and a good key, the key first', [key, jwt('a')], [...token('x'), ...goodKey], 'auth.token-signature'],
    ['a good token and a bad key', [jwt('a'), key], [...token('a'), 'X-Api-Key', 'bad'], 'auth.key-unknown'],
    [
      'a good token and two keys',
      [jwt('a'), key],
      [...token('a'), ...goodKey, ...goodKey],
      'auth.credentials-repeated',
    ],
    [
      'two tokens and a good key',
      [jwt('a'), key],
      [...token('a'), ...token('a'), ...goodKey],
      'auth.credentials-repeated',
    ],
    [
      'another scheme and a good key',
      [jwt('a'), key],
      ['Authorization', 'Basic x', ...goodKey],
      'auth.scheme-unsupported',
    ],
    ['a token of the first issuer', [jwt('a'), jwt('b')], token('a'), 'of a'],
    ['a token of the second issuer', [jwt('a'), jwt('b')], token('b'), 'of b'],
    ['a token of neither', [jwt('a'), jwt('b')], token('c'), 'auth.token-signature'],
    ['no token at all', [jwt('a'), jwt('b')], [], 'auth.missing'],
    ['nothing that can be read', [jwt('a'), jwt('b')], ['Authorization', 'Bearer x.x.x'], 'auth.token-signature'],
    ['a key where none is taken', [jwt('a'), jwt('b')], [...token('a'), 'X-Api-Key', 'bad'], 'of a'],
    ['the second condition of one issuer', [jwt('a', 'admin'), jwt('a', 'read')], token('a'), 'of a'],
    ['neither condition of one issuer', [jwt('a', 'admin'), jwt('a', 'write')], token('a'), 'auth.scope-missing'],
    ['the second condition, after waiting', [jwt('slow', 'admin'), jwt('a', 'read')], token('a'), 'of a'],
    [
      'neither condition, after waiting',
      [jwt('slow', 'admin'), jwt('slow', 'write')],
      token('a'),
      'auth.scope-missing',
    ],
    ['keys of either entry', [key, { method: 'apiKey', clients: ['acme'] }], goodKey, 'globex'],
  ]
  for (const [says, methods, headers, expected] of rows) {
    const exchange = makeExchange({ headers })
    const verdict = await checkAny(methods, tools)(exchange)
    t.equal(verdict.outcome === 'allow' ? exchange.identity?.subject : code(verdict), expected, says)
  }
  asked.length = 0
  await checkAny([jwt('a'), jwt('b')], tools)(makeExchange({ headers: token('b') }))
  t.same(asked, ['b'], 'a token is shown to nobody but the issuer it names')
  t.notOk(checkAny([jwt('a'), jwt('b'), key], tools)(makeExchange({ headers: token('b') })) instanceof Promise)
  const neither = checkAny([jwt('a'), key], tools)(makeExchange())
  t.same(headersOf(neither), ['www-authenticate', 'Bearer realm="api"', 'www-authenticate', 'ApiKey realm="api"'])
})

t.test('of two clients with one key neither is known', async (t) => {
  const shared = { ...clients, initech: { ...clients['globex'], name: 'initech' } as ClientPlan } // the same plan, renamed
  const check = checkApiKey(['globex', 'initech'], { clients: shared, clock, revocations })
  t.equal(code(check(makeExchange({ headers: ['X-Api-Key', globex.key] }))), 'auth.key-unknown')
  t.equal(
    code(
      checkApiKey(['globex'], { clients, clock, revocations })(makeExchange({ headers: ['X-Api-Key', globex.key] })),
    ),
    'allow',
  )
})

t.test('new keys are marked, random and kept as digests', async (t) => {
  const { key, sha256 } = newApiKey()
  t.match(key, /^pst_[A-Za-z0-9_-]{43}$/)
  t.match(sha256, /^[0-9a-f]{64}$/)
  t.equal(hashApiKey(key), sha256)
  t.not(newApiKey().key, key)
  t.equal(
    hashApiKey('abc'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    'FIPS 180-2, appendix B.1',
  )
})

type Reported = Parameters<Scope['report']>[0]

function resolve(policy: unknown, issuers: Record<string, IssuerPlan> = {}) {
  const reported: Reported[] = []
  const scope = {
    route: { id: 'GET /', method: 'GET', segments: [] },
    issuers,
    clients,
    report: (problem: Reported) => reported.push(problem),
    keep: <T>(_key: string, make: () => T) => make(),
  } as unknown as Scope // the rest is not asked for by this stage
  return { planned: auth.resolve(sectionOf(policy), scope), reported }
}

t.test('a policy becomes plain settings', async (t) => {
  const issuers = { main: issuerPlan({ keys: { kind: 'discovery' } }) }
  t.match(resolve({ auth: 'none', reason: 'public catalog' }).planned, [
    { slot: 'auth', mode: 'enforce', settings: { method: 'none' } },
  ])
  const { planned, reported } = resolve(
    { auth: { jwt: 'main', scopes: ['a'], claims: { plan: 'pro', amr: { contains: 'mfa' } } } },
    issuers,
  )
  t.same(reported, [])
  t.same(planned[0]?.settings, {
    method: 'jwt',
    issuer: 'main',
    scopes: ['a'],
    claims: [
      { claim: 'plan', path: ['plan'], condition: { kind: 'equals', value: 'pro' } },
      { claim: 'amr', path: ['amr'], condition: { kind: 'contains', value: 'mfa' } },
    ],
    roles: [],
    stepUp: null,
  })
  t.same(JSON.parse(JSON.stringify(planned)), planned, 'a plan can be printed and read back')
  t.match(
    resolve({ auth: { anyOf: [{ jwt: 'main', scopes: ['a'] }, { apiKey: ['acme'] }] } }, issuers).planned[0]?.settings,
    {
      method: 'anyOf',
      methods: [
        { method: 'jwt', issuer: 'main', scopes: ['a'], claims: [] },
        { method: 'apiKey', clients: ['acme'] },
      ],
    },
  )
  t.same(resolve({ auth: { apiKey: ['acme', 'globex'] } }).planned[0]?.settings, {
    method: 'apiKey',
    clients: ['acme', 'globex'],
  })
})

t.test('names that point nowhere are refused at their place, with what was meant', async (t) => {
  const main = issuerPlan({ keys: { kind: 'discovery' } })
  const rows: readonly [string, unknown, string, RegExp][] = [
    ['a slip in an issuer', { jwt: 'mian' }, 'auth.issuer-unknown', /Did you mean main\?/],
    ['no such issuer', { jwt: 'zzzzzz' }, 'auth.issuer-unknown', /Known issuers: main\./],
    ['a name of every object', { jwt: 'constructor' }, 'auth.issuer-unknown', /Known issuers/],
    ['a slip in a client', { apiKey: ['acme', 'globx'] }, 'auth.client-unknown', /Did you mean globex\?/],
    ['two methods', { jwt: 'main', apiKey: ['acme'] }, 'auth.method-count', /jwt, introspection, apiKey and mtls/],
    ['no method', { scopes: ['a'] }, 'auth.method-count', /jwt, introspection, apiKey and mtls/],
    ['scopes of a key', { apiKey: ['acme'], scopes: ['a'] }, 'auth.key-without-claims', /Remove scopes/],
    ['claims of a key', { apiKey: ['acme'], claims: { a: 1 } }, 'auth.key-without-claims', /Remove claims/],
    [
      'an unknown issuer among several',
      { anyOf: [{ jwt: 'main' }, { jwt: 'mian' }] },
      'auth.issuer-unknown',
      /Did you mean main\?/,
    ],
    ['several beside one', { jwt: 'main', anyOf: [{ jwt: 'main' }] }, 'auth.method-count', /Methods are/],
    ['several in several', { anyOf: [{ anyOf: [] }, { jwt: 'main' }] }, 'auth.method-count', /Methods are/],
    [
      'conditions beside several',
      { anyOf: [{ jwt: 'main' }], scopes: ['a'] },
      'auth.conditions-misplaced',
      /into the entry/,
    ],
    [
      'a URL as claim',
      { jwt: 'main', claims: { 'https://x.test/plan': 'a' } },
      'auth.claim-name-ambiguous',
      /"\/https:~1~1x\.test~1plan"/,
    ],
  ]
  for (const [says, value, expected, hint] of rows) {
    const { reported } = resolve({ auth: value }, { main })
    t.match(reported, [{ code: expected, hint }], says)
  }
  t.equal(resolve({ auth: { apiKey: ['nobody'] } }).reported[0]?.at.length, 1, 'at the very name')
  t.same(resolve({}).planned, [], 'a route without auth is nothing this stage could open')
})

t.test('keys that cannot protect are refused before traffic arrives', async (t) => {
  const rsa = await makeKey('RS256', 'k')
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const hmac = { kind: 'secret', secret: [{ secret: 'hmac' }] } as const
  const long = 'x'.repeat(32)
  const rows: readonly [string, Partial<IssuerPlan> & Pick<IssuerPlan, 'keys'>, string | undefined, RegExp | number][] =
    [
      ['a PEM', { keys: { kind: 'publicKey', pem } }, undefined, 1],
      ['a PEM after other text', { keys: { kind: 'publicKey', pem: `a note\n${pem}` } }, undefined, 1],
      ['a private PEM', { keys: { kind: 'publicKey', pem: privatePem } }, undefined, /private key/],
      ['no PEM', { keys: { kind: 'publicKey', pem: 'x' } }, undefined, /no public key/],
      [
        'an RSA key for EdDSA',
        { algorithms: ['EdDSA'], keys: { kind: 'publicKey', pem } },
        undefined,
        /holds a key for RS256, .+ are EdDSA/,
      ],
      [
        'HS256 beside a PEM',
        { algorithms: ['RS256', 'HS256'], keys: { kind: 'publicKey', pem } },
        undefined,
        /cannot stand beside public keys/,
      ],
      [
        'HS256 beside a key set',
        { algorithms: ['HS256'], keys: { kind: 'discovery' } },
        undefined,
        /cannot stand beside public keys/,
      ],
      ['a secret', { algorithms: ['HS256'], keys: hmac }, long, 1],
      ['a secret for HS512 that is too short', { algorithms: ['HS512'], keys: hmac }, long, /at least 64/],
      ['a short secret', { algorithms: ['HS256'], keys: hmac }, 'secret', /6 bytes/],
      ['no secret', { algorithms: ['HS256'], keys: hmac }, '', /0 bytes/],
      ['a secret for RS256', { keys: hmac }, long, /HS256, HS384 or HS512 alone/],
      ['a secret for both', { algorithms: ['HS256', 'RS256'], keys: hmac }, long, /alone/],
      ['a PEM as a secret', { algorithms: ['HS256'], keys: hmac }, pem, /PEM or JWK/],
      ['a JWK as a secret', { algorithms: ['HS256'], keys: hmac }, JSON.stringify(rsa.jwk), /PEM or JWK/],
      ['a pinned set', { keys: { kind: 'jwks', json: JSON.stringify({ keys: [rsa.jwk] }) } }, undefined, 1],
      ['a pinned set without a key', { keys: { kind: 'jwks', json: '{"keys":[]}' } }, undefined, /empty/],
      [
        'a pinned set of bad keys',
        { keys: { kind: 'jwks', json: '{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}' } },
        undefined,
        /a: a symmetric key/,
      ],
      ['a pinned file that is no set', { keys: { kind: 'jwks', json: '[]' } }, undefined, /no JWK set/],
      ['a pinned file that is no JSON', { keys: { kind: 'jwks', json: '{' } }, undefined, /no JSON/],
    ]
  for (const [says, changes, secret, expected] of rows) {
    const keys = fixedKeys(issuerPlan(changes), secret)
    if (typeof expected === 'number') t.equal(keys.length, expected, says)
    else t.match(keys, expected, says)
  }
  const broken = issuerPlan({ keys: { kind: 'publicKey', pem: privatePem } })
  t.match(resolve({ auth: { jwt: 'main' } }, { main: broken }).reported, [
    { code: 'auth.issuer-keys-unusable', at: broken.declaredAt },
  ])
})

t.test('every fault of a verifier has its code, and all of them look alike to the caller', async (t) => {
  for (const { code: exact } of Object.values(reasons)) {
    t.equal(reasonForFault(exact.slice('auth.'.length)).code, exact)
  }
  t.equal(reasonForFault('never heard of').code, 'auth.token-invalid')
  for (const reason of Object.values(reasons).filter(({ code: exact }) => exact.startsWith('auth.token-'))) {
    t.match(reason, { status: 401, shown: 'auth.invalid' }, reason.code)
  }
})

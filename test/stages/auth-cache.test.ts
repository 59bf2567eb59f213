import Fastify from 'fastify'
import t from 'tap'
import { createVerifiers } from '../../src/gateway/tools/jwt.js'
import type { IssuerPlan } from '../../src/plan/plan.js'
import type { TokenResult } from '../../src/stages/contract.js'
import { createKeySets } from '../../src/state/key-sets.js'
import { createVerifiedTokens } from '../../src/state/verified-tokens.js'
import { Secret } from '../../src/values/secret.js'
import { compact, hs256 } from '../support/forge.js'
import { issuerPlan, makeKey, startIssuer, testClock } from '../support/issuer.js'

type Test = { teardown(end: () => unknown): unknown }
type Valid = Extract<TokenResult, { valid: true }>

const first = await makeKey('ES256', 'k1')
const second = await makeKey('ES256', 'k2')
const secret = 'a shared secret of at least 32 bytes, made for this test'

/** What outlives a reload, and a way to build one generation after another on it. */
function start(t: Test) {
  const clock = testClock()
  const keySets = createKeySets({ clock, timers: false })
  const verifiedTokens = createVerifiedTokens()
  t.teardown(() => keySets.close())
  return {
    clock,
    keySets,
    verifiedTokens,
    async generation(issuer: IssuerPlan) {
      const fastify = Fastify()
      t.teardown(() => fastify.close())
      const vault = new Map([['hmac', new Secret(secret)]])
      const verifiers = createVerifiers({ issuers: { main: issuer }, fastify, vault, keySets, verifiedTokens, clock })
      await fastify.ready()
      return { verifier: verifiers('main'), close: () => fastify.close() }
    },
  }
}

const result = (subject: string): Valid => ({
  valid: true,
  identity: { method: 'jwt', subject, clientId: null, plan: null, scopes: new Set(), claims: {} },
})

t.test('a returning token is answered at once with the same identity', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, generation } = start(t)
  const { verifier } = await generation(issuer.plan())
  const token = await issuer.mint(clock.now())
  const fresh = await verifier.verify(token)
  t.match(fresh, { valid: true, identity: { subject: 'u1', scopes: new Set(['orders:read']) } })
  const again = verifier.verify(token)
  t.notOk(again instanceof Promise, 'without a promise')
  t.equal(again, fresh, 'the very same result')
})

t.test('a remembered token dies with its exp, not a moment later', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, generation } = start(t)
  const { verifier } = await generation(issuer.plan())
  const token = await issuer.mint(clock.now(), { claims: { exp: clock.now() / 1000 + 10 } })
  t.match(await verifier.verify(token), { valid: true })
  clock.advance(39_999)
  t.match(verifier.verify(token), { valid: true }, 'the last moment of exp and skew, remembered')
  clock.advance(1)
  t.match(await verifier.verify(token), { valid: false, fault: 'token-expired' })
})

t.test('a token is looked at anew after a minute, and after the clock was set back', async (t) => {
  const cache = createVerifiedTokens().scope('a')
  const kept = result('u1')
  cache.keep('token', kept, 1_000_000, 9_000_000, 1)
  t.equal(cache.get('token', 1_000_000, 1), kept)
  t.equal(cache.get('token', 1_059_999, 1), kept)
  t.equal(cache.get('token', 1_060_000, 1), undefined)
  t.equal(cache.get('token', 999_999, 1), undefined)
  t.equal(cache.get('token', 1_000_000, 2), undefined, 'nor with other keys')
  t.equal(cache.get('toke', 1_000_000, 1), undefined, 'nor another token')
})

t.test('tokens of one issuer are no tokens of another', async (t) => {
  const tokens = createVerifiedTokens()
  const kept = result('u1')
  tokens.scope('a').keep('token', kept, 0, 9_000_000, 1)
  t.equal(tokens.scope('a').get('token', 0, 1), kept, 'the same digest after a reload finds it')
  t.equal(tokens.scope('b').get('token', 0, 1), undefined)
})

t.test('a removed key takes its remembered tokens with it, and no valid token is refused meanwhile', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, generation } = start(t)
  const { verifier } = await generation(issuer.plan())
  const old = await issuer.mint(clock.now())
  await verifier.verify(old)
  issuer.keys = [second, first]
  const fresh = await issuer.mint(clock.now())
  const both = await Promise.all(Array.from({ length: 200 }, (_, i) => verifier.verify(i % 2 === 0 ? old : fresh)))
  t.ok(
    both.every(({ valid }) => valid),
    'while both keys are published, both tokens pass',
  )
  issuer.keys = [second]
  clock.advance(31_000)
  await verifier.verify(await issuer.mint(clock.now(), { header: { kid: 'invented' } }))
  t.match(await verifier.verify(old), { valid: false, fault: 'token-key-unknown' }, 'gone with its key')
  t.match(await verifier.verify(fresh), { valid: true })
})

t.test('with the issuer down known tokens pass, new ones of a known key too, and then it is 503', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, generation } = start(t)
  const plan = issuer.plan({ keySet: { ...issuer.plan().keySet, maxAgeMs: 60_000, staleIfErrorMs: 60_000 } })
  const { verifier } = await generation(plan)
  const life = { exp: clock.now() / 1000 + 3_600 }
  const token = await issuer.mint(clock.now(), { claims: life })
  await verifier.verify(token)
  issuer.answer = (_, response) => {
    response.destroy()
    return true
  }
  clock.advance(61_000)
  t.match(await verifier.verify(token), { valid: true })
  t.match(await verifier.verify(await issuer.mint(clock.now())), { valid: true }, 'a new token of the old key')
  const unknown = await verifier.verify(await issuer.mint(clock.now(), { header: { kid: 'k9' } }))
  t.match(unknown, { valid: false, fault: 'issuer-unavailable', retryAfterSeconds: 30 }, 'whose fault, nobody can say')
  const malformed = await verifier.verify('not a token')
  t.match(malformed, { valid: false, fault: 'token-malformed' }, 'a bad token stays a bad token')
  clock.advance(60_000)
  t.match(await verifier.verify(token), { valid: false, fault: 'issuer-unavailable' }, 'no key serves for ever')
  issuer.answer = () => false
  clock.advance(30_000)
  t.match(await verifier.verify(token), { valid: true })
})

t.test('a forged token costs its second and later tries no signature check', async (t) => {
  const { clock, generation } = start(t)
  const pem = first.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const plan = issuerPlan({ keys: { kind: 'publicKey', pem } })
  const { verifier } = await generation(plan)
  const claims = { iss: plan.issuer, aud: 'orders-api', sub: 'u1', exp: clock.now() / 1000 + 300 }
  const forged = compact({ alg: 'ES256', typ: 'JWT' }, claims, () => Buffer.alloc(64, 1))
  const once = await verifier.verify(forged)
  t.match(once, { valid: false, fault: 'token-signature' })
  t.equal(verifier.verify(forged), once, 'the same answer, remembered')
  clock.advance(60_000)
  t.not(verifier.verify(forged), once, 'for a minute')
})

t.test('a token that is early is not remembered as bad', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, generation } = start(t)
  const { verifier } = await generation(issuer.plan())
  const token = await issuer.mint(clock.now(), { claims: { nbf: clock.now() / 1000 + 40 } })
  t.match(await verifier.verify(token), { valid: false, fault: 'token-not-yet-valid' })
  clock.advance(10_000)
  t.match(await verifier.verify(token), { valid: true })
})

t.test('what is remembered is bounded in bytes, whatever arrives', async (t) => {
  const maxBytes = 1024 * 1024
  const tokens = createVerifiedTokens({ maxBytes })
  const cache = tokens.scope('a')
  let worst = 0
  for (let i = 0; i < 20_000; i++) {
    cache.keep(`${i}-${'x'.repeat(700)}`, result('u'), 0, 9_000_000, 1)
    if (i % 100 === 0) worst = Math.max(worst, tokens.stats().bytes)
  }
  t.ok(worst <= maxBytes, `${worst} bytes`)
  t.ok(tokens.stats().entries > 100, 'the newest are there')
  t.ok(cache.get(`19999-${'x'.repeat(700)}`, 0, 1))
  for (let i = 0; i < 20_000; i++) cache.keepRefused(`forged ${i}`, { valid: false, fault: 'token-signature' }, 0, 1)
  t.ok(cache.refused('forged 19999', 0, 1), 'of the bad ones a few thousand digests are kept')
  t.notOk(cache.refused('forged 0', 0, 1))
})

t.test('one bound holds for all issuers together, and the tokens of a quiet one make room', async (t) => {
  const maxBytes = 512 * 1024
  const tokens = createVerifiedTokens({ maxBytes })
  const quiet = tokens.scope('quiet')
  for (let i = 0; i < 100; i++) quiet.keep(`quiet ${i}`, result('u'), 0, 9_000_000, 1)
  t.ok(quiet.get('quiet 0', 0, 1))
  const busy = Array.from({ length: 5 }, (_, i) => tokens.scope(`busy ${i}`))
  for (let i = 0; i < 5_000; i++) busy[i % 5]?.keep(`${i}`, result('u'), 0, 9_000_000, 1)
  t.ok(tokens.stats().bytes <= maxBytes, `${tokens.stats().bytes} bytes`)
  t.notOk(quiet.get('quiet 0', 0, 1))
  quiet.keep('again', result('u'), 0, 9_000_000, 1)
  t.ok(quiet.get('again', 0, 1), 'and it may come back')
})

t.test('a token in steady use outlives those that come once', async (t) => {
  const tokens = createVerifiedTokens({ maxBytes: 512 * 1024 })
  const cache = tokens.scope('a')
  const kept = result('regular')
  cache.keep('regular', kept, 0, 9_000_000, 1)
  for (let i = 0; i < 2_000; i++) {
    cache.keep(`once ${i}`, result('u'), 0, 9_000_000, 1)
    if (i % 20 === 0 && cache.get('regular', 0, 1) !== kept) t.fail(`lost after ${i}`)
  }
  t.equal(cache.get('regular', 0, 1), kept)
})

t.test('a reload keeps verified tokens while their issuer stays as it was', async (t) => {
  const { clock, generation } = start(t)
  const plan = issuerPlan({ algorithms: ['HS256'], keys: { kind: 'secret', secret: [{ secret: 'hmac' }] } })
  const claims = { iss: plan.issuer, aud: 'orders-api', sub: 'u1', exp: clock.now() / 1000 + 300 }
  const token = compact({ alg: 'HS256', typ: 'JWT' }, claims, hs256(secret))
  const before = await generation(plan)
  const kept = before.verifier.verify(token)
  const same = await generation({ ...plan, declaredAt: { file: 'moved.yaml', line: 7, column: 1 } })
  await before.close()
  t.equal(same.verifier.verify(token), kept, 'remembered over the reload')
  const stricter = await generation({ ...plan, audience: { claim: 'aud', oneOf: ['billing-api'] } })
  t.match(stricter.verifier.verify(token), { valid: false, fault: 'token-audience' }, 'a stricter issuer looks anew')
})

t.test(
  'a token must not live longer than its issuer may let it, and names its audience where the policy says',
  async (t) => {
    const { clock, generation } = start(t)
    const plan = issuerPlan({
      algorithms: ['HS256'],
      keys: { kind: 'secret', secret: [{ secret: 'hmac' }] },
      audience: { claim: 'client_id', oneOf: ['shop', 'kiosk'] },
      tokenTypes: ['absent', 'jwt'],
      maxTokenAgeMs: 3_600_000,
    })
    const { verifier } = await generation(plan)
    const now = clock.now() / 1000
    const base = { iss: plan.issuer, sub: 'u1', iat: now, exp: now + 3_600, client_id: 'kiosk' }
    const rows: readonly [string, Record<string, unknown>, string | null][] = [
      ['an hour', {}, null],
      ['an hour and a second', { exp: now + 3_601 }, 'token-life-too-long'],
      ['an hour, issued in the past', { iat: now - 60, exp: now + 3_600 }, 'token-life-too-long'],
      ['no iat', { iat: undefined }, 'token-claim-missing'],
      ['another client', { client_id: 'web' }, 'token-audience'],
      ['no client', { client_id: undefined, aud: 'shop' }, 'token-claim-missing'],
      ['scopes as Entra ID writes them', { scp: 'a b' }, null],
      ['scopes as Okta writes them', { scp: ['a', 'b'] }, null],
    ]
    for (const [says, changes, fault] of rows) {
      const answer = verifier.verify(compact({ alg: 'HS256' }, { ...base, ...changes }, hs256(secret)))
      if (fault !== null) t.match(answer, { valid: false, fault }, says)
      else t.match(answer, { valid: true, identity: { clientId: 'kiosk' } }, says)
    }
    const scoped = verifier.verify(compact({ alg: 'HS256' }, { ...base, scp: ['a', 'b'] }, hs256(secret)))
    t.match(scoped, { identity: { scopes: new Set(['a', 'b']) } })
  },
)

t.test('a token that names no key is tried with a few, never with many', async (t) => {
  const keys = await Promise.all(Array.from({ length: 5 }, (_, i) => makeKey('ES256', `k${i}`)))
  const [one] = keys
  const issuer = await startIssuer(t, keys.slice(0, 4))
  const { clock, generation } = start(t)
  const { verifier } = await generation(issuer.plan())
  const unnamed = (key = one) => issuer.mint(clock.now(), { header: { kid: undefined }, ...(key && { key }) })
  t.match(await verifier.verify(await unnamed()), { valid: true }, 'four keys are tried')
  t.match(await verifier.verify(await unnamed(keys[3])), { valid: true })
  t.match(await verifier.verify(await unnamed(keys[4])), { valid: false, fault: 'token-signature' })
  issuer.keys = keys
  await verifier.verify(await issuer.mint(clock.now(), { header: { kid: 'k4' }, ...(keys[4] && { key: keys[4] }) }))
  t.match(await verifier.verify(await unnamed()), { valid: false, fault: 'token-key-ambiguous' }, 'five are not')
  t.match(await verifier.verify(await issuer.mint(clock.now())), { valid: true }, 'with its name each is found')
})

t.test('an issuer whose keys cannot protect admits nobody', async (t) => {
  const { clock, keySets, verifiedTokens } = start(t)
  const plan = issuerPlan({ algorithms: ['HS256'], keys: { kind: 'secret', secret: [{ secret: 'hmac' }] } })
  const claims = { iss: plan.issuer, aud: 'orders-api', sub: 'u1', exp: clock.now() / 1000 + 300 }
  for (const [text, admits] of [
    ['short', false],
    [secret, true],
  ] as const) {
    const fastify = Fastify()
    const vault = new Map([['hmac', new Secret(text)]])
    const verifiers = createVerifiers({ issuers: { main: plan }, fastify, vault, keySets, verifiedTokens, clock })
    await fastify.ready()
    const token = compact({ alg: 'HS256', typ: 'JWT' }, claims, hs256(text))
    if (admits) t.match(verifiers('main').verify(token), { valid: true })
    else t.throws(() => verifiers('main').verify(token), /issuer main .* at least 32/)
    t.throws(() => verifiers('nobody'), /not in the plan/)
    await fastify.close()
  }
})

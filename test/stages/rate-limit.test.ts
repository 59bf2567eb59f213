import t from 'tap'
import type { Deny, Exchange, Identity, LimitDecision, Tools, Verdict } from '../../src/stages/contract.js'
import { rateLimit } from '../../src/stages/rate-limit/stage.js'
import { compileSelector } from '../../src/stages/selectors.js'
import { Counters } from '../../src/state/counters.js'
import { parseSelector } from '../../src/values/selector.js'
import { makeExchange } from '../support/exchange.js'
import { makeScope } from '../support/stage-scope.js'

const route = { id: 'GET /shops/{shop}', method: 'GET', segments: [{ literal: 'shops' }, { param: 'shop' }] }
const shared = `
rateLimits:
  partner-plan: { partitionKey: client.id, quota: 3, window: month }
  per-shop: { partitionKey: path.shop, quota: 5, window: 1h, mode: report }
`

/** What the stage plans and reports for the policy of one route. */
function resolve(text: string) {
  const { scope, findings, section } = makeScope(route)
  const declared = section(shared, 'shared.yaml').get('rateLimits')
  const rateLimits = Object.fromEntries(['partner-plan', 'per-shop'].map((name) => [name, declared.get(name)]))
  const planned = rateLimit.resolve(section(text), { ...scope, rateLimits })
  return { planned, findings }
}

/** The steps of one route's policy, on counters that a reload keeps, and a clock that the test sets. */
function start(text: string, before?: { readonly clock: { now: number }; readonly counters: Counters }) {
  const clock = before?.clock ?? { now: Date.UTC(2026, 2, 10, 12) }
  const counters =
    before?.counters ??
    new Counters({ now: () => clock.now, monotonic: () => clock.now, seed: Buffer.from('rateseed') })
  const { planned, findings } = resolve(text)
  // A rate limit borrows the limiter alone.
  const steps = planned.map(({ settings, ...step }) => ({
    ...step,
    check: rateLimit.compile(settings, { limiter: counters } as unknown as Tools),
  }))
  return {
    clock,
    counters,
    steps,
    findings,
    /** The first denial of an enforced step, as the runner would find it; the exchange keeps what was announced. */
    ask(exchange: Exchange): Deny | null {
      for (const { check, mode } of steps) {
        const verdict = check(exchange) as Verdict // counters in memory answer at once
        if (verdict.outcome === 'deny' && mode === 'enforce') return verdict
      }
      return null
    },
  }
}

const caller = (over: Partial<Identity> = {}): Identity => ({
  method: 'jwt',
  subject: 'u1',
  clientId: null,
  plan: null,
  scopes: new Set(),
  claims: { sub: 'u1' },
  ...over,
})

const announced = ({ answerHeaders }: Exchange) =>
  Object.fromEntries(answerHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, answerHeaders[i + 1]]] : [])))

t.test('an address over its rate is told when to come back, and is let in then', (t) => {
  const { ask, clock } = start('rateLimit: { per-ip: { partitionKey: ip, quota: 2, window: 1m } }')
  t.equal(ask(makeExchange()), null)
  clock.now += 1500
  t.equal(ask(makeExchange()), null)
  const denied = ask(makeExchange())
  t.match(denied, {
    reason: {
      code: 'rate-limit.exceeded',
      status: 429,
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    },
    headers: ['Retry-After', '59'],
    evidence: { limit: 'per-ip', partitionKey: 'ip', quota: 2, windowMs: 60_000, retryAfterSeconds: 59 },
    declaredAt: { file: 'orders.yaml', line: 1, column: 14 },
  })
  t.equal(ask(makeExchange({ address: '192.0.2.2' })), null, 'another address loses nothing')
  clock.now += 58_499
  t.ok(ask(makeExchange()), 'a millisecond early')
  clock.now += 501
  t.equal(ask(makeExchange()), null, 'after exactly as long as told')
  t.end()
})

t.test('every answer says what is left, a refusal too', (t) => {
  const { ask, clock } = start(`
auth: { jwt: main }
rateLimit:
  per-ip: { partitionKey: ip, quota: 10, window: 1m }
  spike: { partitionKey: jwt.sub, quota: 20, window: 1s, burst: 1 }
  half: { partitionKey: jwt.sub, quota: 100, window: 500ms }
  monthly: { partitionKey: jwt.sub, quota: 1000, window: month }
  watched: { partitionKey: ip, quota: 1, window: 1m, mode: report }
`)
  const first = makeExchange({ identity: caller() })
  t.equal(ask(first), null)
  t.same(announced(first), {
    'RateLimit-Policy': '"per-ip";q=10;w=60, "spike";q=20;w=1, "half";q=100, "monthly";q=1000',
    RateLimit: '"per-ip";r=9;t=60, "spike";r=0;t=1, "half";r=99;t=1, "monthly";r=999;t=1857600',
  })
  const second = makeExchange({ identity: caller() })
  t.match(ask(second), { evidence: { limit: 'spike' }, headers: ['Retry-After', '1'] })
  t.match(
    announced(second)['RateLimit'],
    /"per-ip";r=8;t=60, "spike";r=0;t=1, "half";r=99/,
    'what was not spent is still there',
  )
  clock.now += 1000
  t.equal(ask(makeExchange({ identity: caller() })), null)
  t.end()
})

t.test('a limit is named in the fields exactly as the policy names it', (t) => {
  const { ask } = start('rateLimit: { Per.ip_1-x: { partitionKey: ip, quota: 2, window: 90s } }')
  const exchange = makeExchange()
  ask(exchange)
  t.equal(announced(exchange)['RateLimit-Policy'], '"Per.ip_1-x";q=2;w=90')
  t.end()
})

t.test('a refused call spends nothing of the other limits', (t) => {
  const { ask, clock } = start(`
rateLimit:
  second: { partitionKey: ip, quota: 1, window: 1s }
  minute: { partitionKey: ip, quota: 3, window: 1m }
`)
  for (let i = 0; i < 3; i++) {
    t.equal(ask(makeExchange()), null)
    for (let j = 0; j < 10; j++)
      t.match(ask(makeExchange()), { evidence: { limit: i < 2 || j < 0 ? 'second' : 'minute' } })
    clock.now += 1000
  }
  t.match(ask(makeExchange()), { evidence: { limit: 'minute' } }, 'three of three')
  t.end()
})

t.test('a call that a limit by client refuses takes nothing from a limit by address, which came before it', (t) => {
  const { ask, clock } = start(`
auth: { jwt: main }
rateLimit:
  address: { partitionKey: ip, quota: 3, window: 1m }
  client: { partitionKey: jwt.sub, quota: 1, window: 1s }
`)
  const exchange = () => makeExchange({ identity: caller() })
  for (let second = 0; second < 3; second++) {
    t.equal(ask(exchange()), null)
    for (let i = 0; i < 5; i++) t.match(ask(exchange()), { evidence: { limit: second < 2 ? 'client' : 'address' } })
    clock.now += 1000
  }
  t.end()
})

t.test('the line of the limit that was spent is the one a denial points at', (t) => {
  const { ask } = start(`
auth: { jwt: main }
rateLimit:
  wide: { partitionKey: jwt.sub, quota: 9, window: 1m }
  tight: { partitionKey: jwt.sub, quota: 1, window: 1h }
  plan: partner-plan
`)
  const exchange = () => makeExchange({ identity: caller({ clientId: 'acme' }) })
  ask(exchange())
  t.match(ask(exchange())?.declaredAt, { file: 'orders.yaml', line: 5, column: 3 })
  t.end()
})

t.test('limits by address stand before auth, all others after it', (t) => {
  const { planned } = resolve(`
auth: { jwt: main }
rateLimit:
  a: { partitionKey: ip, quota: 1, window: 1m }
  b: { partitionKey: [ip], quota: 1, window: 1m, mode: report }
  c: { partitionKey: [ip, header.x-tenant], quota: 1, window: 1m }
  d: { partitionKey: ip, tiers: { from: jwt.plan, free: 1/1m, default: free } }
  e: { partitionKey: ip, tiers: { from: header.x-plan, free: 1/1m, default: free } }
  f: { partitionKey: jwt.sub, quota: 1, window: 1m, mode: report }
  g: { partitionKey: route, quota: 1, window: 1m, mode: off }
`)
  t.same(
    planned.map(({ slot, mode, settings }) => [slot, mode, settings.limits.map(({ name }) => name).join()]),
    [
      ['rateLimit:address', 'enforce', 'a,e'],
      ['rateLimit:address', 'report', 'b'],
      ['rateLimit:client', 'enforce', 'c,d'],
      ['rateLimit:client', 'report', 'f'],
    ],
  )
  t.doesNotThrow(() => structuredClone(planned), 'a plan is plain data')
  t.end()
})

t.test('a limit in report mode refuses nobody, says nothing to callers and spends nothing of others', (t) => {
  const { ask, steps } = start(`
rateLimit:
  watched: { partitionKey: ip, quota: 1, window: 1m, mode: report }
  real: { partitionKey: ip, quota: 3, window: 1m }
`)
  const verdicts: string[] = []
  for (let i = 0; i < 3; i++) {
    const exchange = makeExchange()
    for (const { check, mode } of steps) verdicts.push(`${mode} ${(check(exchange) as Verdict).outcome}`) // as in `ask`
    t.notMatch(announced(exchange)['RateLimit'], /watched/)
  }
  t.same(verdicts, ['enforce allow', 'report allow', 'enforce allow', 'report deny', 'enforce allow', 'report deny'])
  t.match(ask(makeExchange()), { evidence: { limit: 'real' } })
  t.end()
})

t.test('one IPv6 owner has one counter, whatever address of the /64 it takes', (t) => {
  const { ask } = start('rateLimit: { per-ip: { partitionKey: ip, quota: 1, window: 1m } }')
  t.equal(ask(makeExchange({ address: '2001:db8::1' })), null)
  t.ok(ask(makeExchange({ address: '2001:db8::ffff:1' })))
  t.equal(ask(makeExchange({ address: '2001:db8:0:1::1' })), null)
  t.end()
})

t.test('a list of selectors counts by all of them together', (t) => {
  const { ask } = start('rateLimit: { pair: { partitionKey: [header.x-a, header.x-b], quota: 1, window: 1m } }')
  const of = (a: string, b: string) => ask(makeExchange({ headers: ['X-A', a, 'X-B', b] }))
  t.equal(of('1', '23'), null)
  t.equal(of('12', '3'), null, 'two values never run into one another')
  t.equal(of('1:1', '2'), null)
  t.ok(of('1', '23'))
  t.end()
})

t.test('whoever has no value shares one counter with all who have none', (t) => {
  const { ask } = start('rateLimit: { tenant: { partitionKey: header.x-tenant, quota: 1, window: 1m } }')
  t.equal(ask(makeExchange()), null)
  t.ok(ask(makeExchange({ address: '192.0.2.9' })))
  t.equal(ask(makeExchange({ headers: ['X-Tenant', 'a'] })), null)
  t.end()
})

t.test('tiers give each plan its rate, and who changes plan keeps its count', (t) => {
  const { ask } = start(`
auth: { jwt: main }
rateLimit:
  per-client: { partitionKey: jwt.sub, tiers: { from: jwt.plan, free: 2/1m, pro: 4/1m, default: free } }
`)
  const as = (sub: string, plan?: unknown) => {
    const exchange = makeExchange({ identity: caller({ claims: { sub, plan } }) })
    return { denied: ask(exchange) !== null, policy: announced(exchange)['RateLimit-Policy'] }
  }
  const free = { denied: false, policy: '"per-client";q=2;w=60' }
  const pro = { denied: false, policy: '"per-client";q=4;w=60' }
  t.same([as('a', 'free'), as('a', 'free'), as('a', 'free')], [free, free, { ...free, denied: true }])
  t.same(
    [as('a', 'pro'), as('a', 'pro'), as('a', 'pro')],
    [pro, pro, { ...pro, denied: true }],
    'two of four were spent',
  )
  t.same(as('b'), free, 'no plan: the default')
  t.same(as('c', 'gold'), free, 'an unknown plan: the default')
  t.same(as('d', ['pro']), free, 'a plan that is no text: the default')
  t.same(as('e', '__proto__'), free)
  t.end()
})

t.test('a shared limit is one counter for every route that names it', (t) => {
  const text = 'auth: { apiKey: [acme] }\nrateLimit: { plan: partner-plan }'
  const first = start(text)
  const exchange = () => makeExchange({ identity: caller({ method: 'apiKey', clientId: 'acme' }) })
  t.equal(first.steps.length, 1)
  t.equal(first.ask(exchange()), null)
  const other = start(text.replace('plan:', 'quota:'), first)
  t.equal(other.ask(exchange()), null)
  t.equal(first.ask(exchange()), null)
  t.match(other.ask(exchange()), {
    evidence: { limit: 'quota' },
    declaredAt: { file: 'shared.yaml', line: 3 },
    headers: ['Retry-After', String((Date.UTC(2026, 3, 1) - first.clock.now) / 1000)],
  })
  t.end()
})

t.test('a reload hands out no fresh allowance', (t) => {
  const text = 'rateLimit: { per-ip: { partitionKey: ip, quota: 1, window: 1m } }'
  const before = start(text)
  t.equal(before.ask(makeExchange()), null)
  t.ok(start(text, before).ask(makeExchange()))
  t.ok(start(text.replace('1m', '2m'), before).ask(makeExchange()), 'nor does another window')
  t.end()
})

t.test('count: forwarded gives back what never reached the function, and leaves the other limits alone', (t) => {
  const { ask } = start(`
rateLimit:
  real: { partitionKey: ip, quota: 1, window: 1m, count: forwarded }
  tries: { partitionKey: ip, quota: 3, window: 1m }
`)
  const turn = (reached: boolean) => {
    const exchange = makeExchange()
    const denied = ask(exchange)
    for (const release of exchange.releases) release(reached)
    return denied?.evidence['limit'] ?? 'let through'
  }
  t.same([turn(false), turn(true), turn(true), turn(true)], ['let through', 'let through', 'real', 'real'])
  const other = start('rateLimit: { tries: { partitionKey: ip, quota: 1, window: 1m } }')
  const exchange = makeExchange()
  other.ask(exchange)
  for (const release of exchange.releases) release(false)
  t.ok(other.ask(makeExchange()), 'without it, what a later stage refuses stays spent')
  t.end()
})

t.test('a call takes its cost, also of a limit that it shares with cheaper ones', (t) => {
  const cheap = start('rateLimit: { plan: partner-plan }')
  const dear = start('rateLimit: { plan: { shared: partner-plan, cost: 2 } }', cheap)
  const as = () => makeExchange({ identity: caller({ clientId: 'acme' }) })
  const exchange = as()
  t.equal(dear.ask(exchange), null)
  t.match(announced(exchange)['RateLimit'], /^"plan";r=1;/)
  t.match(dear.ask(as()), { reason: { code: 'rate-limit.exceeded' } }, 'two do not fit in one')
  t.equal(cheap.ask(as()), null, 'and one does')
  t.match(cheap.ask(as()), { reason: { code: 'rate-limit.exceeded' } })
  t.equal(cheap.ask(makeExchange({ identity: caller({ clientId: 'other' }) })), null)
  t.end()
})

t.test('older clients may be told of the limit that is nearest to its end, over both steps', (t) => {
  const limits =
    'rateLimit: { a: { partitionKey: ip, quota: 9, window: 1m }, b: { partitionKey: jwt.sub, quota: 3, window: 90s } }'
  const { ask } = start(`${limits}\nlegacyHeaders: x-ratelimit`)
  const exchange = makeExchange({ identity: caller() })
  t.equal(ask(exchange), null)
  t.match(announced(exchange), {
    'X-RateLimit-Limit': '3',
    'X-RateLimit-Remaining': '2',
    'X-RateLimit-Reset': '90',
  })
  t.equal(exchange.answerHeaders.filter((each) => each === 'X-RateLimit-Limit').length, 1)
  const other = start(`${limits.replace('quota: 9', 'quota: 2')}\nlegacyHeaders: x-ratelimit`)
  const second = makeExchange({ identity: caller() })
  t.equal(other.ask(second), null)
  t.match(announced(second), { 'X-RateLimit-Limit': '2', 'X-RateLimit-Remaining': '1', 'X-RateLimit-Reset': '60' })
  const silent = makeExchange({ identity: caller() })
  start(limits).ask(silent)
  t.notOk('X-RateLimit-Limit' in announced(silent), 'nobody else hears of them')
  t.end()
})

t.test('where nobody can say, the policy decides: 503, or past without a word about what is left', async (t) => {
  const { planned } = resolve('rateLimit: { per-ip: { partitionKey: ip, quota: 5, window: 1m } }')
  const [step] = planned
  if (step === undefined) throw new Error('no step')
  const checkOf = (decision: LimitDecision) =>
    // As in `start`.
    rateLimit.compile(step.settings, { limiter: { open: () => ({ take: () => decision }) } } as unknown as Tools)
  const refused = checkOf({ allowed: false, isUnavailable: true, states: [], refund() {} })
  t.match(await refused(makeExchange()), {
    outcome: 'deny',
    reason: { code: 'rate-limit.store-unavailable', status: 503 },
    headers: ['Retry-After', '1'],
  })
  const exchange = makeExchange()
  t.match(await checkOf({ allowed: true, states: [], refund() {} })(exchange), { outcome: 'allow' })
  t.same(exchange.answerHeaders, [])
})

t.test('a limiter that answers later is waited for', async (t) => {
  const { planned } = resolve('rateLimit: { per-ip: { partitionKey: ip, quota: 5, window: 1m } }')
  const counters = new Counters({ now: () => 0, monotonic: () => 0, seed: Buffer.from('rateseed') })
  const limiter: Tools['limiter'] = {
    open(specs) {
      const group = counters.open(specs)
      return { take: async (keys, quotas) => group.take(keys, quotas) }
    },
  }
  const [step] = planned
  // As in `start`.
  const check = step === undefined ? null : rateLimit.compile(step.settings, { limiter } as unknown as Tools)
  const exchange = makeExchange()
  t.match(await check?.(exchange), { outcome: 'allow' })
  t.equal(announced(exchange)['RateLimit'], '"per-ip";r=4;t=60')
})

t.test('what cannot be read is refused at its place, with what was probably meant', (t) => {
  const keyed = (rest: string) => `rateLimit: { x: { partitionKey: ip, ${rest} } }`
  const rows: readonly [text: string, code: string, column: number, hint?: string][] = [
    ['rateLimit: { x: 10 per sec }', 'rate-unreadable', 17, 'Did you mean 10/1s?'],
    ['rateLimit: { x: 10/sec }', 'rate-unreadable', 17, 'Did you mean 10/1s?'],
    ['rateLimit: { x: 10/min }', 'rate-unreadable', 17, 'Did you mean 10/1m?'],
    ['rateLimit: { x: 10 / 5 minutes }', 'rate-unreadable', 17, 'Did you mean 10/5m?'],
    ['rateLimit: { x: 10rps }', 'rate-unreadable', 17, 'Did you mean 10/1s?'],
    ['rateLimit: { x: 10r/s }', 'rate-unreadable', 17, 'Did you mean 10/1s?'],
    ['rateLimit: { x: 1000 a day }', 'rate-unreadable', 17, 'Did you mean 1000/day?'],
    ['rateLimit: { x: 10/fortnight }', 'rate-unreadable', 17],
    ['rateLimit: { x: 0/1m }', 'rate-unreadable', 17],
    ['rateLimit: { x: 10/0s }', 'rate-unreadable', 17],
    ['rateLimit: { x: 10/1m }', 'partition-key-missing', 17, 'Write { partitionKey: ip, quota: 10, window: 1m }.'],
    ['rateLimit: { x: partner-pln }', 'unknown', 17, 'Did you mean partner-plan?'],
    ['rateLimit: { x: anything }', 'unknown', 17],
    ['rateLimit: { x: constructor }', 'unknown', 17],
    ['rateLimit: { x: partner-plan, y: partner-plan }', 'shared-twice', 31],
    [keyed('quota: 10, window: minute'), 'rate-unreadable', 56, 'Did you mean 1m?'],
    [keyed('quota: 10, window: 60'), 'rate-unreadable', 56],
    [keyed('quota: 10'), 'amount-missing', 14],
    [keyed('window: 1m'), 'amount-missing', 14],
    [keyed('quota: 1, tiers: { from: jwt.plan, a: 1/1m, default: a }'), 'amount-twice', 37],
    [keyed('tiers: { from: jwt.plan, a: 1/1m, b: 2/min, default: a }'), 'rate-unreadable', 74, 'Did you mean 2/1m?'],
    [keyed('tiers: { from: jwt.plan, a: 1/1m, b: 2/1h, default: a }'), 'tier-window', 74],
    [keyed('tiers: { from: jwt.plan, free: 1/1m, default: fre }'), 'tier-unknown', 83, 'Did you mean free?'],
    [keyed('tiers: { from: body:/plan, a: 1/1m, default: a }'), 'selector-body', 52],
    [keyed('tiers: { from: plan, a: 1/1m, default: a }'), 'selector-unreadable', 52],
    [keyed('quota: 1, window: 1m, burst: 2, algorithm: fixed-window'), 'algorithm-conflict', 59],
    [keyed('quota: 1, window: day, burst: 2'), 'algorithm-conflict', 60],
    [keyed('quota: 1, window: day, algorithm: fixed-window'), 'algorithm-conflict', 60],
    ['rateLimit: { x: { partitionKey: ipp, quota: 1, window: 1m } }', 'selector-unreadable', 33, 'Did you mean ip?'],
    ['rateLimit: { x: { partitionKey: body:/a, quota: 1, window: 1m } }', 'selector-body', 33],
    ['rateLimit: { x: { partitionKey: [ip, jwt], quota: 1, window: 1m } }', 'selector-unreadable', 38],
    [
      'rateLimit: { x: { partitionKey: path.shp, quota: 1, window: 1m } }',
      'selector-unreadable',
      33,
      'Did you mean path.shop?',
    ],
  ]
  for (const [text, code, column, hint] of rows) {
    const { findings, planned } = resolve(text)
    t.match(
      findings.map((finding) => ({ code: finding.code, column: finding.at.column, hint: finding.hint })),
      [{ code: `rate-limit.${code}`, column }],
      text,
    )
    if (hint !== undefined) t.equal(findings[0]?.hint, hint, text)
    t.equal(findings.length, 1, `${text}: one problem`)
    t.ok(planned.every(({ settings }) => settings.limits.every(({ name }) => code === 'shared-twice' || name !== 'x')))
  }
  t.end()
})

t.test('the message for an unreadable rate says what a rate is', (t) => {
  const [finding] = resolve('rateLimit: { per-client: 10 per sec }').findings
  t.equal(finding?.message, 'A rate is a count, a slash and a window: 10/1s, 600/1m, 5000/1h.')
  t.equal(finding?.at.column, 26)
  t.end()
})

t.test('a key that nobody on the route can have is pointed out', (t) => {
  const warned = (auth: string, partitionKey: string) => {
    const { findings } = resolve(
      `auth: ${auth}\nrateLimit: { x: { partitionKey: ${partitionKey}, quota: 1, window: 1m } }`,
    )
    return findings.map(({ code, severity }) => `${severity} ${code}`).join()
  }
  const warning = 'warning rate-limit.key-never-known'
  t.equal(warned('none', 'jwt.sub'), warning)
  t.equal(warned('none', 'client.id'), warning)
  t.equal(warned('none', '[ip, client.plan]'), warning)
  t.equal(warned('{ apiKey: [acme] }', 'jwt.sub'), warning)
  t.equal(warned('none', 'ip'), '')
  t.equal(warned('none', 'header.x-tenant'), '')
  t.equal(warned('{ apiKey: [acme] }', 'client.id'), '')
  t.equal(warned('{ jwt: main }', 'jwt.sub'), '')
  t.end()
})

t.test('a limit that is off is not there', (t) => {
  for (const text of [
    'rateLimit: { x: off }',
    'rateLimit: off',
    'rateLimit: { x: { partitionKey: ip, quota: 1, window: 1m, mode: off } }',
    'rateLimit: {}',
    'auth: none',
  ]) {
    t.same(resolve(text), { planned: [], findings: [] }, text)
  }
  t.end()
})

t.test('a burst makes a token bucket, a calendar window a calendar quota, and else it slides', (t) => {
  const rows: readonly [string, object][] = [
    ['quota: 5, window: 1m', { algorithm: 'sliding-window', burst: null, calendar: null, windowMs: 60_000 }],
    ['quota: 5, window: 1m, burst: 2', { algorithm: 'token-bucket', burst: 2 }],
    ['quota: 5, window: 1m, algorithm: token-bucket', { algorithm: 'token-bucket', burst: null }],
    ['quota: 5, window: 1m, algorithm: fixed-window', { algorithm: 'fixed-window' }],
    ['quota: 5, window: day', { algorithm: 'calendar', calendar: 'day', windowMs: 86_400_000 }],
    [
      'tiers: { from: client.plan, a: 5/month, b: 9/month, default: a }',
      { algorithm: 'calendar', calendar: 'month', quota: 9 },
    ],
  ]
  for (const [text, limit] of rows) {
    const { planned } = resolve(`auth: { apiKey: [acme] }\nrateLimit: { x: { partitionKey: ip, ${text} } }`)
    t.match(planned[0]?.settings.limits[0], { bucket: 'GET /shops/{shop}#x', ...limit }, text)
  }
  t.end()
})

t.test('each selector finds its value, and nothing that objects inherit', (t) => {
  const claims = { sub: 'u1', n: 7, yes: true, nil: null, realm: { plan: 'pro' }, list: ['a', 'b'], 'https://x/y': 'z' }
  const exchange = makeExchange({
    address: '2001:db8::1',
    query: 'a=1&b=2&a=3&e=&p=a%2Bb+c',
    params: { shop: 'caf%C3%A9', bad: '%zz' },
    headers: ['X-Tenant', 't1', 'X-Two', 'a', 'x-two', 'b'],
    identity: caller({ clientId: 'acme', plan: 'gold', claims }),
    content: { kind: 'json', value: { note: 'hello', items: [{ sku: 'A1' }], deep: { n: 1 } } },
  })
  const rows: readonly [string, string | undefined][] = [
    ['ip', '2001:db8::1'],
    ['route', 'GET /'],
    ['client.id', 'acme'],
    ['client.plan', 'gold'],
    ['jwt.sub', 'u1'],
    ['jwt.n', '7'],
    ['jwt.yes', 'true'],
    ['jwt.nil', undefined],
    ['jwt.realm.plan', 'pro'],
    ['jwt.realm', undefined],
    ['jwt.list', undefined],
    ['jwt:/list/1', 'b'],
    ['jwt:/https:~1~1x~1y', 'z'],
    ['jwt.constructor.name', undefined],
    ['jwt.__proto__', undefined],
    ['jwt.sub.length', undefined],
    ['header.x-tenant', 't1'],
    ['header.X-Two', 'a, b'],
    ['header.none', undefined],
    ['header.constructor', undefined],
    ['query.a', '1,3'],
    ['query.b', '2'],
    ['query.e', ''],
    ['query.p', 'a+b c'],
    ['query.none', undefined],
    ['path.shop', 'café'],
    ['path.bad', '%zz'],
    ['path.constructor', undefined],
    ['body:/note', 'hello'],
    ['body:/items/0/sku', 'A1'],
    ['body:/deep', undefined],
    ['body:/deep/n', '1'],
    ['body:/none/at/all', undefined],
  ]
  const find = (text: string, of: Exchange) => {
    const result = parseSelector(text)
    return result.ok ? compileSelector(result.selector)(of) : 'unreadable'
  }
  for (const [text, value] of rows) t.equal(find(text, exchange), value, text)
  const nobody = makeExchange()
  for (const text of ['client.id', 'client.plan', 'jwt.sub', 'body:/note']) t.equal(find(text, nobody), undefined, text)
  const form = makeExchange({
    content: {
      kind: 'form',
      fields: [
        { name: 'a', value: '1' },
        { name: 'a', value: '2' },
      ],
    },
  })
  t.equal(find('body:/a', form), '1,2')
  t.equal(find('body:/a/0', form), undefined)
  const part = (name: string, text: string | null) => ({ name, text, fileName: null, contentType: null, bytes: 1 })
  const parts = makeExchange({ content: { kind: 'multipart', parts: [part('a', 'x'), part('b', null)] } })
  t.equal(find('body:/a', parts), 'x')
  t.equal(find('body:/b', parts), undefined)
  t.equal(find('body:/a', makeExchange({ content: { kind: 'text', text: 'a' } })), undefined)
  t.end()
})

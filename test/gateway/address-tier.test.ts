import Fastify from 'fastify'
import t from 'tap'
import { createAddressTier } from '../../src/gateway/address-tier.js'
import { createLimiter } from '../../src/gateway/tools/limiter.js'
import type { AddressLimitPlan, Plan } from '../../src/plan/plan.js'
import type { Deny } from '../../src/stages/contract.js'
import { Counters } from '../../src/state/counters.js'

const place = { file: 'gateway.yaml', line: 9, column: 1 }
const tight: AddressLimitPlan = {
  quota: 3,
  windowMs: 60_000,
  ipv6Prefix: 64,
  failedAuth: { quota: 2, windowMs: 10_000 },
  declaredAt: place,
}

const testCounters = (clock: { now: number }) =>
  new Counters({ now: () => clock.now, monotonic: () => clock.now, seed: Buffer.from('tierseed') })

/** A tier inside a real Fastify instance; `ask` sends a request through its onRequest. */
async function start(
  t: Tap,
  addressLimit: AddressLimitPlan | null,
  clock = { now: Date.UTC(2026, 2, 10, 12) },
  counters = testCounters(clock),
) {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  // The tier reads nothing else of a plan.
  const tier = await createAddressTier(fastify, { gateway: { addressLimit } } as unknown as Plan, counters)
  let last: Deny | null = null
  fastify.addHook('onRequest', async (request, reply) => {
    last = await tier.check(request, String(request.headers['x-address']))
    if (last !== null) reply.code(last.reason.status).send()
  })
  fastify.get('/', () => 'here')
  await fastify.ready()
  return {
    tier,
    clock,
    counters,
    async ask(address: string) {
      const { statusCode } = await fastify.inject({ url: '/', headers: { 'x-address': address } })
      return { statusCode, denial: last }
    },
  }
}

interface Tap {
  teardown(done: () => Promise<void>): void
}

t.test('an address is let through as often as the gateway allows, and told when to come back', async (t) => {
  const { ask, clock } = await start(t, tight)
  for (let i = 0; i < 3; i++) t.equal((await ask('192.0.2.1')).statusCode, 200)
  clock.now += 500
  for (let i = 0; i < 5; i++) {
    t.match(await ask('192.0.2.1'), {
      statusCode: 429,
      denial: {
        reason: { code: 'rate-limit.address-exceeded', status: 429 },
        headers: ['Retry-After', '60'],
        evidence: { quota: 3, windowMs: 60_000, retryAfterSeconds: 60 },
        declaredAt: place,
      },
    })
  }
  t.equal((await ask('192.0.2.2')).statusCode, 200, 'another address loses nothing')
  clock.now += 60_000
  t.equal((await ask('192.0.2.1')).statusCode, 200, 'after exactly as long as told')
})

t.test('an IPv6 owner is one address, whichever of its /64 it uses', async (t) => {
  const { ask } = await start(t, tight)
  const statuses: number[] = []
  for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8::3:4', '2001:db8::5', '2001:db8:0:1::5']) {
    statuses.push((await ask(address)).statusCode)
  }
  t.same(statuses, [200, 200, 200, 429, 200])
})

t.test('one owner of many networks has sixteen times the quota, and cannot fill the table with them', async (t) => {
  const { ask, counters, tier } = await start(t, tight)
  for (let i = 0; i < 48; i++) t.equal((await ask(`2001:db8:1:${i.toString(16)}::1`)).statusCode, 200)
  t.match(await ask('2001:db8:1:ffff::1'), {
    statusCode: 429,
    denial: { reason: { code: 'rate-limit.address-exceeded' }, evidence: { quota: 48 } },
  })
  for (let i = 100; i < 400; i++) tier.note(`2001:db8:1:${i.toString(16)}::1`)
  const keys = Object.fromEntries(counters.report().map((each) => [each.bucket, each.keys]))
  t.match(keys, { 'gateway#address': 48, 'gateway#site': 1 })
  t.equal((await ask('2001:db8:2::1')).statusCode, 200, 'another /48 loses nothing')
})

t.test('a wider IPv6 network may count as one address', async (t) => {
  const { ask } = await start(t, { ...tight, ipv6Prefix: 56 })
  const statuses: number[] = []
  for (const address of [
    '2001:db8::1',
    '2001:db8:0:1::1',
    '2001:db8:0:ff::1',
    '2001:db8:0:42::1',
    '2001:db8:0:100::1',
  ]) {
    statuses.push((await ask(address)).statusCode)
  }
  t.same(statuses, [200, 200, 200, 429, 200])
  const site = await start(t, { ...tight, ipv6Prefix: 48 })
  for (let i = 0; i < 3; i++) t.equal((await site.ask(`2001:db8:0:${i}::1`)).statusCode, 200)
  t.equal((await site.ask('2001:db8:0:9::1')).statusCode, 429)
})

t.test('requests that never reach Fastify count as well', async (t) => {
  const { ask, tier } = await start(t, tight)
  for (let i = 0; i < 2; i++) tier.note('192.0.2.1')
  t.equal((await ask('192.0.2.1')).statusCode, 200)
  t.equal((await ask('192.0.2.1')).statusCode, 429)
})

t.test('requests at the same moment are counted one by one', async (t) => {
  const { ask } = await start(t, tight)
  const addresses = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? '192.0.2.1' : '192.0.2.2'))
  const answers = await Promise.all(addresses.map((address) => ask(address)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 6, 'three of each')
})

t.test('after too many refused credentials an address may show no further ones for a while', async (t) => {
  const { tier, clock, ask } = await start(t, tight)
  t.equal(tier.failedAuthDenial('192.0.2.1'), null)
  tier.noteFailedAuth('192.0.2.1')
  t.equal(tier.failedAuthDenial('192.0.2.1'), null, 'one of two')
  tier.noteFailedAuth('192.0.2.1')
  for (let i = 0; i < 5; i++) {
    t.match(tier.failedAuthDenial('192.0.2.1'), {
      reason: { code: 'rate-limit.failed-auth', status: 429 },
      headers: ['Retry-After', '10'],
      declaredAt: place,
    })
  }
  t.equal(tier.failedAuthDenial('192.0.2.2'), null)
  t.equal((await ask('192.0.2.1')).statusCode, 200, 'whatever needs no credential still works')
  clock.now += 10_000
  t.equal(tier.failedAuthDenial('192.0.2.1'), null)
})

t.test('a reload hands no address a fresh allowance', async (t) => {
  const before = await start(t, tight)
  for (let i = 0; i < 3; i++) await before.ask('192.0.2.1')
  const after = await start(t, tight, before.clock, before.counters)
  t.equal((await after.ask('192.0.2.1')).statusCode, 429)
  const wider = await start(t, { ...tight, quota: 4 }, before.clock, before.counters)
  t.equal((await wider.ask('192.0.2.1')).statusCode, 200, 'a wider limit counts on: three of four')
  t.equal((await wider.ask('192.0.2.1')).statusCode, 429)
})

t.test('without an address limit nothing is counted and nobody refused', async (t) => {
  const { tier, ask, counters } = await start(t, null)
  for (let i = 0; i < 20; i++) t.equal((await ask('192.0.2.1')).statusCode, 200)
  for (let i = 0; i < 100; i++) {
    tier.note('192.0.2.1')
    tier.noteFailedAuth('192.0.2.1')
  }
  t.equal(tier.failedAuthDenial('192.0.2.1'), null)
  t.same(counters.report(), [])
  const noFailures = await start(t, { ...tight, failedAuth: null })
  for (let i = 0; i < 100; i++) noFailures.tier.noteFailedAuth('192.0.2.1')
  t.equal(noFailures.tier.failedAuthDenial('192.0.2.1'), null)
})

t.test('a limiter that only looks answers as the real one and takes nothing', async (t) => {
  const counters = testCounters({ now: 0 })
  const specs = [
    { bucket: 'x', algorithm: 'sliding-window', quota: 1, windowMs: 1000, calendar: null, burst: null, cost: 1 },
  ] as const
  const looking = createLimiter(counters, { isCounting: false }).open(specs)
  const counting = createLimiter(counters, { isCounting: true }).open(specs)
  for (let i = 0; i < 3; i++) t.match(await looking.take(['a'], [1]), { allowed: true })
  t.match(await counting.take(['a'], [1]), { allowed: true })
  t.match(await looking.take(['a'], [1]), { allowed: false, states: [{ exceeded: true, resetMs: 1000 }] })
})

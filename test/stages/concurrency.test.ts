import t from 'tap'
import { concurrency } from '../../src/stages/concurrency/stage.js'
import type { Tools, Verdict } from '../../src/stages/contract.js'
import { CountedSlots } from '../../src/state/slots.js'
import { makeExchange } from '../support/exchange.js'
import { makeScope } from '../support/stage-scope.js'

const route = { id: 'POST /orders', method: 'POST', segments: [{ literal: 'orders' }] }

function resolve(text: string) {
  const { scope, findings, section } = makeScope(route)
  return { planned: concurrency.resolve(section(text), scope), findings }
}

/** One caller's calls on a route with this policy. */
function start(text: string, slots = new CountedSlots()) {
  const [step] = resolve(text).planned
  if (step === undefined) throw new Error('nothing was planned')
  const check = concurrency.compile(step.settings, { slots } as unknown as Tools) // concurrency borrows the slots alone
  return (address: string) => {
    const exchange = makeExchange({ address })
    const verdict = check(exchange) as Verdict // slots answer at once
    return {
      verdict,
      done: (reached: boolean) => {
        for (const release of exchange.releases) release(reached)
      },
    }
  }
}

const policy = 'concurrency: { partitionKey: ip, quota: 2 }'

t.test('one call too many at once is refused, and the next is let in when one has ended', (t) => {
  const call = start(policy)
  const first = call('192.0.2.1')
  const second = call('192.0.2.1')
  t.same([first.verdict.outcome, second.verdict.outcome], ['allow', 'allow'])
  t.match(call('192.0.2.1').verdict, {
    outcome: 'deny',
    reason: { code: 'concurrency.exceeded', status: 429 },
    headers: ['Retry-After', '1'],
    evidence: { partitionKey: 'ip', quota: 2 },
  })
  t.equal(call('192.0.2.2').verdict.outcome, 'allow', 'another caller has slots of its own')
  first.done(true)
  t.equal(call('192.0.2.1').verdict.outcome, 'allow')
  t.equal(call('192.0.2.1').verdict.outcome, 'deny')
  t.end()
})

t.test('a slot comes back however the call ended, and only once', (t) => {
  const call = start(policy)
  for (let i = 0; i < 20; i++) {
    const one = call('192.0.2.1')
    t.equal(one.verdict.outcome, 'allow')
    one.done(i % 2 === 0)
    one.done(true)
  }
  const held = [call('192.0.2.1'), call('192.0.2.1')]
  held[0]?.done(false)
  held[0]?.done(false)
  t.equal(call('192.0.2.1').verdict.outcome, 'allow')
  t.equal(call('192.0.2.1').verdict.outcome, 'deny', 'giving back twice frees one slot')
  t.end()
})

t.test('calls under way still count after a reload', (t) => {
  const slots = new CountedSlots()
  const before = start(policy, slots)
  const held = [before('192.0.2.1'), before('192.0.2.1')]
  const after = start(policy.replace('2', '3'), slots)
  t.equal(after('192.0.2.1').verdict.outcome, 'allow', 'two of three')
  t.equal(after('192.0.2.1').verdict.outcome, 'deny')
  for (const one of held) one.done(true)
  t.equal(after('192.0.2.1').verdict.outcome, 'allow')
  t.end()
})

t.test('a policy plans one step, in its mode, or none', (t) => {
  const { planned } = resolve(`auth: none\n${policy.replace('2 }', '2, mode: report }')}`)
  t.match(planned, [
    {
      slot: 'concurrency',
      mode: 'report',
      settings: { bucket: 'POST /orders', quota: 2, partitionKey: [{ from: 'ip' }] },
      declaredAt: { line: 2, column: 1 },
    },
  ])
  for (const text of ['auth: none', 'concurrency: off', policy.replace('2 }', '2, mode: off }')]) {
    t.same(resolve(text), { planned: [], findings: [] }, text)
  }
  t.end()
})

t.test('a key that cannot be read is refused at its place', (t) => {
  for (const [key, code] of [
    ['jwt', 'concurrency.selector-unreadable'],
    ['[ip, body:/a]', 'concurrency.selector-body'],
    ['path.id', 'concurrency.selector-unreadable'],
  ] as const) {
    const { planned, findings } = resolve(`concurrency: { partitionKey: ${key}, quota: 2 }`)
    t.same(planned, [])
    t.match(findings, [{ code, at: { line: 1 } }], key)
  }
  t.end()
})

/** Calls of one caller on a route with a queue; each has a verdict at once, or later. */
function startQueue(text: string) {
  const [step] = resolve(text).planned
  if (step === undefined) throw new Error('nothing was planned')
  const check = concurrency.compile(step.settings, { slots: new CountedSlots() } as unknown as Tools) // as in `start`
  return () => {
    const exchange = makeExchange({ address: '192.0.2.1' })
    const verdict = check(exchange)
    return {
      isWaiting: verdict instanceof Promise,
      verdict: Promise.resolve(verdict),
      done: () => {
        for (const release of exchange.releases.splice(0)) release(true)
      },
    }
  }
}

t.test('a call beyond the quota waits for its turn, in the order of arrival, and no longer than it may', async (t) => {
  const call = startQueue('concurrency: { partitionKey: ip, quota: 1, queue: { size: 2, wait: 50ms } }')
  const first = call()
  t.match(await first.verdict, { outcome: 'allow' })
  const [second, third, fourth] = [call(), call(), call()]
  t.same(
    [first, second, third, fourth].map(({ isWaiting }) => isWaiting),
    [false, true, true, false],
  )
  t.match(await fourth.verdict, { outcome: 'deny', reason: { code: 'concurrency.queue-full', status: 503 } })
  first.done()
  t.match(await second.verdict, { outcome: 'allow' })
  t.match(await third.verdict, { outcome: 'deny', reason: { code: 'concurrency.queue-timeout', status: 503 } })
  t.equal(call().isWaiting, true, 'the place is still the second’s')
  second.done()
})

t.test('a caller who leaves the line gives its turn to the next, and every place comes back', async (t) => {
  const call = startQueue('concurrency: { partitionKey: ip, quota: 1, queue: { size: 4, wait: 10s } }')
  const first = call()
  const gone = call()
  const next = call()
  gone.done()
  first.done()
  t.match(await next.verdict, { outcome: 'allow' })
  t.match(await gone.verdict, { outcome: 'deny' })
  const late = call()
  next.done()
  // Its turn has come, and its caller has gone before anybody could tell.
  late.done()
  await late.verdict
  const last = call()
  t.equal(last.isWaiting, false, 'nothing is held by those who have gone')
  last.done()
})

t.test('in report mode nobody waits', async (t) => {
  const call = startQueue('concurrency: { partitionKey: ip, quota: 1, mode: report, queue: { size: 2, wait: 2s } }')
  const first = call()
  await first.verdict
  t.match(await call().verdict, { outcome: 'deny', reason: { code: 'concurrency.exceeded' } })
  first.done()
})

t.test('a queue that would hold callers for ever is refused', (t) => {
  for (const wait of ['0s', '61s', '1h']) {
    const { findings } = resolve(`concurrency: { partitionKey: ip, quota: 1, queue: { size: 2, wait: ${wait} } }`)
    t.match(findings, [{ code: 'concurrency.wait-unusable' }], wait)
  }
  t.same(resolve('concurrency: { partitionKey: ip, quota: 1, queue: { size: 2, wait: 60s } }').findings, [])
  t.end()
})

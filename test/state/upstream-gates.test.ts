import t from 'tap'
import type { UpstreamPlan } from '../../src/plan/plan.js'
import { RetryBudget } from '../../src/state/retry-budget.js'
import { type BreakerNotice, full, UpstreamGates } from '../../src/state/upstream-gates.js'

const declaredAt = { file: 'test.yaml', line: 1, column: 1 }
const breaker = { failurePercent: 50, minimumCalls: 4, windowMs: 1_000, openMs: 200, probes: 2 }
const plan = (changed: Partial<UpstreamPlan> = {}): UpstreamPlan => ({
  name: 'fn',
  origin: 'http://fn.test',
  basePath: '',
  auth: { kind: 'none' },
  reservedConcurrency: null,
  concurrency: 100,
  tls: null,
  breaker,
  declaredAt,
  ...changed,
})

/** A gate with a clock of its own, and what it told the operator. */
function start(changed: Partial<UpstreamPlan> = {}) {
  const clock = { now: 1_000 }
  const notices: BreakerNotice[] = []
  const gates = new UpstreamGates(
    () => clock.now,
    (notice) => notices.push(notice),
  )
  const gate = gates.acquire(plan(changed))
  /** One call from its start to the head of its answer; what `enter` said. */
  const call = (went: 'well' | 'ill' | 'unknown') => {
    const ticket = gate.enter()
    if (ticket < 0) return ticket
    if (went === 'well') gate.answered(ticket, 200)
    else gate.failed(ticket, went === 'ill')
    gate.leave()
    return ticket
  }
  return { clock, gates, gate, call, notices, states: () => notices.map(({ state }) => state) }
}

t.test('a function takes as many calls at once as it has places, and not one more', (t) => {
  const { gate } = start({ concurrency: 2, breaker: null })
  t.ok(gate.enter() >= 0)
  t.ok(gate.enter() >= 0)
  t.equal(gate.enter(), full)
  t.equal(gate.refusedFull, 1)
  gate.leave()
  t.ok(gate.enter() >= 0, 'a place that is given back is free')
  t.end()
})

t.test('a breaker opens at its share of failures, and not before it has seen enough calls', (t) => {
  const { call, gate, states } = start()
  for (const went of ['ill', 'ill', 'ill'] as const) t.ok(call(went) >= 0, 'three failures of three say nothing yet')
  t.ok(call('well') >= 0)
  t.same(states(), [], 'a success opens nothing')
  t.ok(call('ill') >= 0)
  t.same(states(), ['open'], 'four of five')
  t.equal(call('well'), -200, 'the next call is told when to come back')
  t.equal(gate.refusedOpen, 1)
  t.equal(gate.opened, 1)
  t.end()
})

t.test('failures that are spread thin, or long ago, open nothing', (t) => {
  const { call, clock, states } = start()
  for (let i = 0; i < 50; i++) {
    call(i % 3 === 2 ? 'ill' : 'well')
    clock.now += 10
  }
  t.same(states(), [], 'a third of the calls')
  clock.now += 2_000
  for (const went of ['ill', 'ill', 'ill'] as const) call(went)
  t.same(states(), [], 'what has left the window is forgotten')
  t.end()
})

t.test('what is no fault of the function counts neither way', (t) => {
  const { call, states } = start()
  for (let i = 0; i < 100; i++) call('unknown')
  t.same(states(), [])
  t.end()
})

t.test('after its pause a few calls try, and their success closes it', (t) => {
  const { call, gate, clock, states } = start()
  for (let i = 0; i < 4; i++) call('ill')
  clock.now += 199
  t.equal(call('well'), -1)
  clock.now += 1
  const first = gate.enter()
  const second = gate.enter()
  t.ok(first >= 0 && second >= 0, 'two probes')
  t.ok(gate.enter() < 0, 'and no third beside them')
  gate.answered(first, 200)
  t.ok(gate.enter() < 0, 'one success is not enough')
  gate.answered(second, 200)
  t.same(states(), ['open', 'half-open', 'closed'])
  t.ok(call('well') >= 0)
  for (let i = 0; i < 2; i++) call('ill')
  t.equal(states().at(-1), 'closed', 'what was counted before it opened is forgotten')
  t.end()
})

t.test('one failed probe opens it again, and a probe whose caller left makes room for another', (t) => {
  const { call, gate, clock, states } = start()
  for (let i = 0; i < 4; i++) call('ill')
  clock.now += 200
  const probe = gate.enter()
  gate.failed(gate.enter(), false)
  const another = gate.enter()
  t.ok(another >= 0)
  gate.failed(probe, true)
  t.same(states(), ['open', 'half-open', 'open'])
  gate.answered(another, 200)
  t.equal(states().length, 3, 'what a late probe says is about a state that has passed')
  t.equal(gate.enter(), -200)
  t.end()
})

t.test('a late answer of a call from before it opened closes nothing', (t) => {
  const { call, gate, clock, states } = start()
  const slow = [gate.enter(), gate.enter(), gate.enter()]
  for (let i = 0; i < 4; i++) call('ill')
  for (const ticket of slow) gate.answered(ticket, 200)
  clock.now += 200
  t.ok(gate.enter() >= 0)
  for (const ticket of slow) gate.failed(ticket, true)
  t.same(states(), ['open', 'half-open'])
  t.end()
})

t.test('503 and 504 of a platform are failures; errors of the function itself are not', (t) => {
  for (const [status, opens] of [
    [503, true],
    [504, true],
    [500, false],
    [502, false],
    [429, false],
    [404, false],
  ] as const) {
    const { gate, states } = start()
    for (let i = 0; i < 4; i++) gate.answered(gate.enter(), status)
    t.same(states(), opens ? ['open'] : [], String(status))
  }
  t.end()
})

t.test('answers that break off count as failures', (t) => {
  const { gate, states } = start()
  for (let i = 0; i < 4; i++) {
    const ticket = gate.enter()
    gate.answered(ticket, 200)
    gate.brokeOff(ticket)
  }
  t.same(states(), ['open'])
  t.end()
})

t.test('a reload changes settings and keeps what is known', (t) => {
  const { gates, gate, call, clock } = start({ concurrency: 1 })
  for (let i = 0; i < 4; i++) call('ill')
  t.equal(gates.acquire(plan({ concurrency: 3, breaker: { ...breaker, openMs: 1_000 } })), gate)
  gates.release(plan())
  t.equal(call('well'), -1_000, 'still open, for as long as the new policy says')
  clock.now += 1_000
  t.ok(gate.enter() >= 0)
  t.ok(gate.enter() >= 0, 'with the places of the new policy')
  t.not(gates.acquire(plan({ origin: 'http://other.test' })), gate, 'another origin is another function')
  gates.acquire(plan({ breaker: null }))
  t.ok(gate.enter() >= 0, 'a breaker that is gone refuses nobody')
  t.end()
})

t.test('a gate that no generation uses is forgotten', (t) => {
  const { gates, gate } = start()
  t.same(gates.all(), [gate])
  gates.acquire(plan())
  gates.release(plan())
  t.same(gates.all(), [gate])
  gates.release(plan())
  t.same(gates.all(), [])
  t.end()
})

t.test('retries are bounded by calls and by time', (t) => {
  const budget = new RetryBudget(1_000)
  let granted = 0
  while (budget.take(0, 1_000) && granted < 1_000) granted++
  t.equal(granted, 10, 'a few to begin with')
  t.notOk(budget.take(4, 1_000), 'four calls earn none')
  t.ok(budget.take(5, 1_000), 'five do')
  t.notOk(budget.take(5, 1_000))
  t.ok(budget.take(5, 1_100), 'and so does a tenth of a second')
  granted = 0
  while (budget.take(1_000_005, 1_100) && granted < 1_000) granted++
  t.equal(granted, 100, 'a million good calls save up no million retries')
  t.end()
})

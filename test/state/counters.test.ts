import t from 'tap'
import type { LimitSpec } from '../../src/stages/contract.js'
import { Counters } from '../../src/state/counters.js'
import { KeyHash } from '../../src/state/counters-hash.js'
import { pause, random, shapes } from '../support/call-times.js'

const minuteMs = 60_000
const dayMs = 86_400_000

const spec = (over: Partial<LimitSpec> = {}): LimitSpec => ({
  bucket: 'GET /#limit',
  algorithm: 'sliding-window',
  quota: 10,
  windowMs: minuteMs,
  calendar: null,
  burst: null,
  cost: 1,
  ...over,
})

/** Counters on a clock that the test sets, with a seed that makes a failure come again. */
function open(options: { maxKeys?: number; maxBytes?: number; at?: number } = {}) {
  const { at = Date.UTC(2026, 0, 31, 12), ...bounds } = options
  /** `set`: by how much somebody has set the wall clock. */
  const clock = { now: at, set: 0 }
  const counters = new Counters({
    now: () => clock.now + clock.set,
    monotonic: () => clock.now,
    seed: Buffer.from('seedseed'),
    ...bounds,
  })
  return { clock, counters }
}

/** How many of so many tries were allowed. */
function countAllowed(tries: number, take: (i: number) => boolean): number {
  let allowed = 0
  for (let i = 0; i < tries; i++) if (take(i)) allowed++
  return allowed
}

t.test('a sliding window admits no more than its quota in any window, and asks for no more than 2 % too much', (t) => {
  for (const [quota, windowMs] of shapes) {
    const limit = spec({ quota, windowMs })
    const next = random(quota * windowMs)
    const { clock, counters } = open()
    const group = counters.open([limit])
    let log: number[] = []
    let most = 0
    let worstExtra = 0
    let refusals = 0
    for (let i = 0; i < 12_000; i++) {
      clock.now += pause(next, limit)
      log = log.filter((at) => at > clock.now - windowMs)
      const { allowed, states } = group.take(['caller'], [quota])
      const [state] = states
      if (allowed) {
        log.push(clock.now)
        most = Math.max(most, log.length)
        continue
      }
      refusals++
      // When the exact log of the same admissions would let the next one in.
      const free = (log[log.length - quota] ?? Number.NEGATIVE_INFINITY) + windowMs
      worstExtra = Math.max(worstExtra, clock.now + (state?.resetMs ?? 0) - Math.max(free, clock.now))
    }
    t.equal(most, quota, `${quota} in ${windowMs} ms: the quota is reached and never passed`)
    t.ok(worstExtra <= windowMs * 0.02, `${quota} in ${windowMs} ms: ${worstExtra} ms too much at worst`)
    t.ok(refusals > 100, `${quota} in ${windowMs} ms: ${refusals} calls were refused on the way`)
  }
  t.end()
})

t.test('a token bucket decides as the exact bucket does', (t) => {
  const buckets = [
    ...shapes.map(([quota, windowMs]) => [quota, windowMs, Math.ceil(quota / 10)] as const),
    [20, 1000, 20] as const,
  ]
  for (const [quota, windowMs, burst] of buckets) {
    const limit = spec({ algorithm: 'token-bucket', quota, windowMs, burst })
    const next = random(quota + windowMs)
    const { clock, counters } = open()
    const group = counters.open([limit])
    let level = 0
    let at = clock.now
    let worst = 0
    const log: number[] = []
    for (let i = 0; i < 12_000; i++) {
      clock.now += pause(next, limit)
      level = Math.max(0, level - ((clock.now - at) * quota) / windowMs)
      at = clock.now
      const { allowed } = group.take(['caller'], [quota])
      const over = level + 1 - burst
      // How far the exact bucket was from deciding the same.
      worst = Math.max(worst, allowed ? over : -over)
      if (!allowed) continue
      level++
      log.push(clock.now)
    }
    t.ok(worst < 1e-3, `${quota} in ${windowMs} ms, burst ${burst}: off by ${worst} tokens at worst`)
    let first = 0
    const most = log.reduce((most, now, i) => {
      while ((log[first] ?? now) <= now - windowMs) first++
      return Math.max(most, i - first + 1)
    }, 0)
    t.ok(most <= quota + burst, `${quota} in ${windowMs} ms, burst ${burst}: ${most} in one window`)
  }
  t.end()
})

t.test('a fixed window begins with its first call and admits its quota once', (t) => {
  for (const [quota, windowMs] of shapes) {
    const limit = spec({ algorithm: 'fixed-window', quota, windowMs })
    const next = random(windowMs)
    const { clock, counters } = open()
    const group = counters.open([limit])
    let start = Number.NEGATIVE_INFINITY
    let count = 0
    let wrong = 0
    for (let i = 0; i < 12_000; i++) {
      clock.now += pause(next, limit)
      if (clock.now >= start + windowMs) count = 0
      const { allowed } = group.take(['caller'], [quota])
      if (allowed !== count < quota) wrong++
      if (count === 0) start = clock.now
      if (count < quota) count++
    }
    t.equal(wrong, 0, `${quota} in ${windowMs} ms`)
  }
  t.end()
})

t.test('a calendar quota begins anew with the day and the month in UTC', (t) => {
  const month = spec({ algorithm: 'calendar', calendar: 'month', windowMs: 30 * dayMs, quota: 2 })
  const day = spec({ bucket: 'day', algorithm: 'calendar', calendar: 'day', windowMs: dayMs, quota: 2 })
  for (const [limit, at, next] of [
    [month, Date.UTC(2026, 0, 31, 23, 59, 59, 999), Date.UTC(2026, 1, 1)],
    [month, Date.UTC(2028, 1, 29, 23), Date.UTC(2028, 2, 1)],
    [month, Date.UTC(2026, 11, 31), Date.UTC(2027, 0, 1)],
    [day, Date.UTC(2026, 1, 28, 12), Date.UTC(2026, 2, 1)],
  ] as const) {
    const { clock, counters } = open({ at })
    const group = counters.open([limit])
    t.ok(group.take(['a'], [2]).allowed)
    t.ok(group.take(['a'], [2]).allowed)
    const refused = group.take(['a'], [2])
    t.notOk(refused.allowed)
    t.equal(clock.now + (refused.states[0]?.resetMs ?? 0), next, 'the wait ends with the period')
    clock.now = next - 1
    t.notOk(group.take(['a'], [2]).allowed, 'not a millisecond earlier')
    clock.now = next
    t.ok(group.take(['a'], [2]).allowed)
  }
  t.end()
})

t.test(
  'a burst around the edge of a window: a sliding window admits 30 of 30, a bucket with burst 3 at most 33',
  (t) => {
    const admitted = (limit: LimitSpec, offsetMs: number) => {
      const { clock, counters } = open()
      const group = counters.open([limit])
      const start = clock.now
      group.take(['a'], [30]) // begins a window, for whoever counts from the first call
      let count = 0
      for (let i = 0; i < 500; i++) {
        clock.now = start + minuteMs - 250 + offsetMs + i
        if (group.take(['a'], [30]).allowed) count++
      }
      return count
    }
    for (const offset of [-30_000, -249, 0, 100, 249, 600]) {
      t.ok(admitted(spec({ quota: 30 }), offset) <= 30, `sliding window, ${offset} ms`)
      t.ok(
        admitted(spec({ quota: 30, algorithm: 'token-bucket', burst: 3 }), offset) <= 33,
        `token bucket, ${offset} ms`,
      )
    }
    t.equal(admitted(spec({ quota: 30, algorithm: 'fixed-window' }), 0), 59, 'what a fixed window does there')
    t.end()
  },
)

t.test('whoever waits exactly as long as told is admitted, and a millisecond earlier is not', (t) => {
  for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window', 'calendar'] as const) {
    for (const [quota, windowMs] of shapes) {
      const calendar = algorithm === 'calendar' ? 'day' : null
      const burst = algorithm === 'token-bucket' ? Math.ceil(quota / 3) : null
      const limit = spec({ algorithm, quota, windowMs: calendar === null ? windowMs : dayMs, calendar, burst })
      const next = random(quota)
      const { clock, counters } = open()
      const group = counters.open([limit])
      let early = 0
      let late = 0
      for (let i = 0; i < 3000; i++) {
        clock.now += pause(next, limit)
        const { allowed, states } = group.take(['a'], [quota])
        if (allowed) continue
        const wait = states[0]?.resetMs ?? 0
        clock.now += wait - 1
        if (group.look(['a'], [quota]).allowed) early++
        clock.now += 1
        if (!group.take(['a'], [quota]).allowed) late++
      }
      t.same({ early, late }, { early: 0, late: 0 }, `${algorithm}, ${quota} in ${windowMs} ms`)
    }
  }
  t.end()
})

t.test('a client that spends its quota at once waits one window for the next, not longer', (t) => {
  const { clock, counters } = open()
  const group = counters.open([spec({ quota: 10 })])
  for (let i = 0; i < 10; i++) t.ok(group.take(['a'], [10]).allowed)
  t.equal(group.take(['a'], [10]).states[0]?.resetMs, minuteMs)
  clock.now += minuteMs
  t.equal(
    countAllowed(10, () => group.take(['a'], [10]).allowed),
    10,
    'and then has all of it again',
  )
  t.end()
})

t.test('what is left counts down, and says when it grows', (t) => {
  const { clock, counters } = open()
  const group = counters.open([spec({ quota: 3 })])
  const state = () => {
    const [{ remaining, resetMs, exceeded } = { remaining: -1, resetMs: -1, exceeded: true }] = group.take(
      ['a'],
      [3],
    ).states
    return { remaining, resetMs, exceeded }
  }
  t.same(state(), { remaining: 2, resetMs: minuteMs, exceeded: false })
  clock.now += 10_000
  t.same(state(), { remaining: 1, resetMs: 50_000, exceeded: false })
  t.same(state(), { remaining: 0, resetMs: 50_000, exceeded: false })
  t.same(state(), { remaining: 0, resetMs: 50_000, exceeded: true })
  t.end()
})

t.test('a call takes from all limits of a group or from none', (t) => {
  const { clock, counters } = open()
  const tight = spec({ bucket: 'tight', quota: 1, windowMs: 1000 })
  const wide = spec({ bucket: 'wide', quota: 3 })
  const group = counters.open([wide, tight])
  t.ok(group.take(['a', 'a'], [3, 1]).allowed)
  for (let i = 0; i < 50; i++) {
    const { allowed, states } = group.take(['a', 'a'], [3, 1])
    t.notOk(allowed)
    t.match(states, [
      { exceeded: false, remaining: 2 },
      { exceeded: true, remaining: 0 },
    ])
  }
  clock.now += 1000
  t.match(group.take(['a', 'a'], [3, 1]), { allowed: true, states: [{ remaining: 1 }, { remaining: 0 }] })
  t.notOk(group.take(['a', 'a'], [3, 1]).allowed)
  t.ok(group.take(['b', 'b'], [3, 1]).allowed, 'another caller loses nothing')
  t.end()
})

t.test('looking takes nothing', (t) => {
  for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window', 'calendar'] as const) {
    const calendar = algorithm === 'calendar' ? 'day' : null
    const { counters } = open()
    const group = counters.open([spec({ algorithm, quota: 1, calendar })])
    for (let i = 0; i < 5; i++) t.ok(group.look(['a'], [1]).allowed, algorithm)
    t.ok(group.take(['a'], [1]).allowed)
    t.notOk(group.look(['a'], [1]).allowed)
    const other = group.look(['b'], [1])
    t.ok(group.take(['b'], [1]).allowed)
    other.refund()
    t.notOk(group.take(['b'], [1]).allowed, 'nor does it give anything back')
  }
  t.end()
})

t.test('what is given back can be taken again, once', (t) => {
  for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window', 'calendar'] as const) {
    const calendar = algorithm === 'calendar' ? 'day' : null
    const { clock, counters } = open()
    const group = counters.open([spec({ algorithm, quota: 2, calendar })])
    const first = group.take(['a'], [2])
    clock.now += 5
    const second = group.take(['a'], [2])
    t.notOk(group.take(['a'], [2]).allowed)
    first.refund()
    first.refund()
    t.ok(group.take(['a'], [2]).allowed, algorithm)
    t.notOk(group.take(['a'], [2]).allowed, 'the second refund gave nothing')
    const refused = group.take(['a'], [2])
    refused.refund()
    t.notOk(group.take(['a'], [2]).allowed, 'a refusal took nothing and gives nothing back')
    clock.now += 3 * dayMs
    t.ok(group.take(['a'], [2]).allowed)
    second.refund()
    t.ok(group.take(['a'], [2]).allowed)
    t.notOk(group.take(['a'], [2]).allowed, 'a call of an earlier window gives nothing to this one')
  }
  t.end()
})

t.test('refunds in any order never let more than the quota stand in one window', (t) => {
  for (const algorithm of ['sliding-window', 'token-bucket'] as const) {
    const burst = algorithm === 'token-bucket' ? 4 : null
    const limit = spec({ algorithm, quota: 8, windowMs: 1000, burst })
    const next = random(8)
    const { clock, counters } = open()
    const group = counters.open([limit])
    let standing: { readonly at: number; readonly refund: () => void }[] = []
    let most = 0
    for (let i = 0; i < 20_000; i++) {
      clock.now += pause(next, limit)
      standing = standing.filter(({ at }) => at > clock.now - limit.windowMs)
      const decision = group.take(['a'], [8])
      if (decision.allowed) standing.push({ at: clock.now, refund: () => decision.refund() })
      most = Math.max(most, standing.length)
      if (next() < 0.3) standing.splice(Math.floor(next() * standing.length), 1)[0]?.refund()
    }
    t.ok(most <= 8 + (burst ?? 0), `${algorithm}: ${most}`)
  }
  t.end()
})

t.test('a refund may go to some of the limits', (t) => {
  const { counters } = open()
  const group = counters.open([spec({ bucket: 'a', quota: 2 }), spec({ bucket: 'b', quota: 2 })])
  group.take(['x', 'x'], [2, 2]).refund([1])
  t.match(group.take(['x', 'x'], [2, 2]).states, [{ remaining: 0 }, { remaining: 1 }])
  t.end()
})

t.test('a client that changes tier keeps its count', (t) => {
  for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window', 'calendar'] as const) {
    const calendar = algorithm === 'calendar' ? 'day' : null
    const { counters } = open()
    const group = counters.open([spec({ algorithm, quota: 100, calendar })])
    for (let i = 0; i < 10; i++) t.ok(group.take(['a'], [10]).allowed)
    t.notOk(group.take(['a'], [10]).allowed, `${algorithm}: ten of ten`)
    t.match(group.take(['a'], [100]), { allowed: true, states: [{ remaining: 89 }] }, 'ten of a hundred')
    t.notOk(group.take(['a'], [10]).allowed, 'and back')
  }
  t.end()
})

t.test('a client that falls to a smaller tier is told honestly when it may come back', (t) => {
  const { clock, counters } = open()
  const group = counters.open([spec({ quota: 100 })])
  for (let i = 0; i < 50; i++) {
    group.take(['a'], [100])
    clock.now += 100
  }
  const wait = group.take(['a'], [10]).states[0]?.resetMs ?? 0
  clock.now += wait - 1
  t.notOk(group.look(['a'], [10]).allowed)
  clock.now += 1
  t.ok(group.take(['a'], [10]).allowed)
  t.end()
})

t.test('a clock that is set, forward or back, hands out nothing and locks nobody out', (t) => {
  const algorithms = ['sliding-window', 'token-bucket', 'fixed-window'] as const
  for (const [algorithm, set] of algorithms.flatMap((each) =>
    [-3_600_000, 3_600_000].map((by) => [each, by] as const),
  )) {
    const { clock, counters } = open()
    const burst = algorithm === 'token-bucket' ? 2 : null
    const group = counters.open([spec({ algorithm, quota: 2, burst })])
    group.take(['a'], [2])
    group.take(['a'], [2])
    clock.set += set
    const refused = group.take(['a'], [2])
    t.notOk(refused.allowed, `${algorithm}: still spent`)
    const wait = refused.states[0]?.resetMs ?? 0
    t.ok(wait <= minuteMs, `told to wait ${wait} ms, not an hour`)
    clock.now += wait
    t.ok(group.take(['a'], [2]).allowed, 'and after that it is free')
  }
  const { clock, counters } = open({ at: Date.UTC(2026, 4, 1, 0, 0, 1) })
  const day = counters.open([spec({ algorithm: 'calendar', calendar: 'day', windowMs: dayMs, quota: 1 })])
  day.take(['a'], [1])
  clock.set -= 5000
  t.notOk(day.take(['a'], [1]).allowed, 'back over midnight, the new day is still counted')
  clock.set += 5000
  t.notOk(day.take(['a'], [1]).allowed)
  clock.set += 90 * dayMs
  day.take(['a'], [1])
  clock.set -= 90 * dayMs
  t.ok(day.take(['a'], [1]).allowed, 'a clock that was months ahead blocks nobody until then')
  t.end()
})

t.test('a reload keeps the counts', (t) => {
  const { counters } = open()
  const before = counters.open([spec({ quota: 2 })])
  before.take(['a'], [2])
  before.take(['a'], [2])
  t.notOk(counters.open([spec({ quota: 2 })]).take(['a'], [2]).allowed)
  t.ok(
    counters.open([spec({ quota: 2, bucket: 'GET /other#limit' })]).take(['a'], [2]).allowed,
    'another limit has its own',
  )
  t.end()
})

t.test('a reload that changes a limit keeps what the counts still say', (t) => {
  const rows: readonly [string, LimitSpec, LimitSpec, number, boolean][] = [
    ['a larger quota', spec({ quota: 5 }), spec({ quota: 1000 }), 995, true],
    ['a smaller quota', spec({ quota: 300 }), spec({ quota: 4 }), 0, false],
    ['a longer window', spec({ quota: 5 }), spec({ quota: 6, windowMs: dayMs }), 1, true],
    ['a shorter window', spec({ quota: 5, windowMs: dayMs }), spec({ quota: 5 }), 0, false],
    [
      'another burst',
      spec({ algorithm: 'token-bucket', burst: 10 }),
      spec({ algorithm: 'token-bucket', burst: 6 }),
      1,
      true,
    ],
    ['another algorithm', spec({ quota: 5 }), spec({ quota: 5, algorithm: 'fixed-window' }), 5, true],
  ]
  for (const [name, before, after, left, allowed] of rows) {
    const { clock, counters } = open()
    const old = counters.open([before])
    for (let i = 0; i < 5; i++) old.take(['a'], [before.quota])
    const changed = counters.open([after])
    const seen = changed.look(['a'], [after.quota])
    t.equal(seen.allowed, allowed, name)
    t.equal((seen.states[0]?.remaining ?? -1) + (allowed ? 1 : 0), left, name)
    clock.now += after.windowMs
    t.ok(changed.take(['a'], [after.quota]).allowed, `${name}: free after its window`)
  }
  t.end()
})

t.test('a reload that changes a limit keeps the counts of every key, swept or not', (t) => {
  const { counters } = open()
  const before = counters.open([spec({ quota: 3 })])
  for (let i = 0; i < 5000; i++) before.take([`key-${i}`], [3])
  const after = counters.open([spec({ quota: 1000, windowMs: 2 * minuteMs })])
  for (let i = 0; i < 10; i++) counters.sweep()
  t.equal(
    countAllowed(5000, (i) => after.take([`key-${i}`], [1]).allowed),
    0,
    'each has spent one',
  )
  t.equal(
    countAllowed(5000, (i) => after.take([`key-${i}`], [2]).allowed),
    5000,
  )
  t.end()
})

t.test('keys that are alike meet nowhere, and nobody without the seed knows where', (t) => {
  const halves = (seed: string) => {
    const hash = new KeyHash(Buffer.from(seed))
    return (key: string) => {
      hash.of(key)
      return [hash.high, hash.low] as const
    }
  }
  const one = halves('seedseed')
  const seen = new Set<string>()
  const bits = new Array<number>(64).fill(0)
  for (let i = 0; i < 100_000; i++) {
    const [high, low] = one(`203.0.${i >> 8}.${i & 255}`)
    seen.add(`${high}.${low}`)
    for (let bit = 0; bit < 32; bit++) {
      bits[bit] = (bits[bit] ?? 0) + ((high >>> bit) & 1)
      bits[bit + 32] = (bits[bit + 32] ?? 0) + ((low >>> bit) & 1)
    }
  }
  t.equal(seen.size, 100_000, 'no two of 100,000 share a hash')
  t.ok(
    bits.every((count) => Math.abs(count - 50_000) < 1000),
    'every bit is set in half of them',
  )
  const near = ['', '\0', '\0\0', '\0\0\0', 'a', 'a\0', 'aa', 'aaa', 'aaaa', '\u0100', '\u0001', 'ab', 'ba']
  t.equal(new Set(near.map((key) => one(key).join())).size, near.length, 'nor do texts that differ in zeros or length')
  t.same(one('203.0.113.7'), one('203.0.113.7'))
  t.not(one('203.0.113.7').join(), halves('seedseee')('203.0.113.7').join())
  t.end()
})

t.test('a shorter window after a reload forgets what lies before it', (t) => {
  const { clock, counters } = open()
  const old = counters.open([spec({ quota: 5, windowMs: dayMs })])
  for (let i = 0; i < 5; i++) old.take(['a'], [5])
  clock.now += 3_600_000
  t.ok(counters.open([spec({ quota: 5 })]).take(['a'], [5]).allowed)
  t.end()
})

t.test('many keys, come and gone, are counted as exactly as one', (t) => {
  const { clock, counters } = open()
  const group = counters.open([spec({ algorithm: 'fixed-window', quota: 3, windowMs: 1000 })])
  const next = random(1)
  const model = new Map<string, { start: number; count: number }>()
  let wrong = 0
  for (let i = 0; i < 150_000; i++) {
    // Some 20,000 keys, a few of them hot; most die before they come again.
    const key = `key-${Math.floor(next() ** 3 * 20_000)}`
    if (i % 40 === 0) clock.now += 1
    const entry = model.get(key)
    const live = entry !== undefined && clock.now < entry.start + 1000 ? entry : { start: clock.now, count: 0 }
    if (group.take([key], [3]).allowed !== live.count < 3) wrong++
    if (live.count < 3) live.count++
    model.set(key, live)
  }
  t.equal(wrong, 0)
  const [report] = counters.report()
  t.ok((report?.keys ?? 0) < 20_000, `${report?.keys} places for keys that live a second`)
  t.end()
})

t.test('a million invented keys neither free a blocked client nor pass the bound on memory', (t) => {
  for (const limit of [spec({ quota: 100 }), spec({ algorithm: 'token-bucket', quota: 100, burst: 100 })]) {
    const { clock, counters } = open({ maxKeys: 100_000 })
    const group = counters.open([limit])
    t.equal(
      countAllowed(100, () => group.take(['blocked'], [100]).allowed),
      100,
    )
    let admitted = 0
    const started = performance.now()
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 100_000 === 0) t.notOk(group.take(['blocked'], [100]).allowed, `after ${i} keys`)
      if (group.take([`invented-${i}`], [100]).allowed) admitted++
    }
    const took = performance.now() - started
    const [report] = counters.report()
    t.equal(report?.keys, 100_000, `${limit.algorithm}: the bound`)
    const bound = limit.algorithm === 'token-bucket' ? 5e6 : 16e6
    t.ok((report?.bytes ?? 0) <= bound, `${limit.algorithm}: ${report?.bytes} bytes for 100,000 keys`)
    t.ok(admitted <= 100_000 + 100, 'the keys without a counter of their own share one')
    t.ok((report?.overflowed ?? 0) > 800_000, 'and that is seen')
    t.ok(took < 30_000, `${Math.round(took)} ms for a million keys`)
    clock.now += 3 * minuteMs
    t.ok(group.take(['blocked'], [100]).allowed, 'the blocked client is free when its time has come')
    t.equal(
      countAllowed(1000, (i) => group.take([`later-${i}`], [100]).allowed),
      1000,
      'and so is room',
    )
    for (let i = 0; i < 2000; i++) counters.sweep()
    const after = counters.report()[0]
    t.ok((after?.bytes ?? 0) < 2e6, `memory comes back: ${after?.bytes} bytes`)
  }
  t.end()
})

t.test('all limits together keep to the bound on memory', (t) => {
  const { counters } = open({ maxBytes: 1e6 })
  const groups = ['a', 'b', 'c'].map((bucket) => counters.open([spec({ bucket })]))
  for (let i = 0; i < 20_000; i++) for (const group of groups) group.take([`key-${i}`], [10])
  const bytes = counters.report().reduce((sum, report) => sum + report.bytes, 0)
  t.ok(bytes <= 1e6, `${bytes}`)
  t.ok(counters.report().every(({ overflowed }) => overflowed > 0))
  t.end()
})

t.test('a limit whose table is full says so once a minute', (t) => {
  const clock = { now: 0 }
  const heard: string[] = []
  const time = { now: () => clock.now, monotonic: () => clock.now }
  const counters = new Counters({ ...time, seed: Buffer.alloc(8), maxKeys: 2, onFull: (bucket) => heard.push(bucket) })
  const group = counters.open([spec({ bucket: 'full', quota: 1, windowMs: dayMs })])
  for (let i = 0; i < 2; i++) group.take([`caller ${i}`], [1])
  t.same(heard, [])
  for (let i = 0; i < 100; i++) group.take([`stranger ${i}`], [1])
  t.same(heard, ['full'])
  clock.now += minuteMs
  group.take(['one more'], [1])
  t.same(heard, ['full', 'full'])
  t.end()
})

t.test('a limit that nobody has called takes no memory', (t) => {
  const { counters } = open()
  for (let i = 0; i < 1000; i++) counters.open([spec({ bucket: `GET /${i}#limit` })])
  t.same(counters.report(), [])
  t.end()
})

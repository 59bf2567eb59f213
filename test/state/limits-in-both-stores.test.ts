import t, { type Test as Tap } from 'tap'
import type { LimitDecision, LimitGroup, LimitSpec } from '../../src/stages/contract.js'
import { Counters } from '../../src/state/counters.js'
import { SharedLimiter } from '../../src/state/store/shared-limiter.js'
import { Store } from '../../src/state/store/store.js'
import { parseStoreUrl } from '../../src/values/store-url.js'
import { pause, random, shapes } from '../support/call-times.js'
import { startRedis } from '../support/redis.js'

const minuteMs = 60_000
const dayMs = 86_400_000

type Row = readonly [name: string, judge: (limits: Limits, t: Tap) => Promise<void>]

/** A clock that the test sets, and limits that nobody has called. */
interface Limits {
  readonly clock: { now: number }
  open(...specs: readonly Partial<LimitSpec>[]): Opened
  /** Sets the clock that limits are counted by, as somebody might set that of the store. */
  readonly calls: number
}

interface Opened {
  take(keys: readonly string[], quotas?: readonly number[]): Promise<LimitDecision>
}

let buckets = 0

function limits(clock: { now: number }, calls: number, open: (specs: readonly LimitSpec[]) => LimitGroup): Limits {
  return {
    clock,
    calls,
    open(...given) {
      const specs = given.map((over) => spec({ bucket: `GET /${buckets++}#limit`, ...over }))
      const group = open(specs)
      return {
        take: async (keys, quotas = specs.map(({ quota }) => quota)) => await group.take(keys, quotas),
      }
    },
  }
}

const spec = (over: Partial<LimitSpec>): LimitSpec => ({
  bucket: '',
  algorithm: 'sliding-window',
  quota: 10,
  windowMs: minuteMs,
  calendar: null,
  burst: null,
  cost: 1,
  ...over,
})

const rows: readonly Row[] = [
  [
    'a sliding window admits no more than its quota in any window, and asks for no more than 2 % too much',
    async ({ clock, calls, open }, t) => {
      for (const [quota, windowMs] of shapes) {
        const { take } = open({ quota, windowMs })
        const next = random(quota * windowMs)
        let log: number[] = []
        let most = 0
        let worstExtra = 0
        // Enough to fill the quota a few times.
        for (let i = 0; i < Math.max(calls, quota * 4); i++) {
          clock.now += pause(next, { quota, windowMs })
          log = log.filter((at) => at > clock.now - windowMs)
          const { allowed, states } = await take(['caller'])
          if (allowed) {
            log.push(clock.now)
            most = Math.max(most, log.length)
            continue
          }
          const free = (log[log.length - quota] ?? Number.NEGATIVE_INFINITY) + windowMs
          worstExtra = Math.max(worstExtra, clock.now + (states[0]?.resetMs ?? 0) - Math.max(free, clock.now))
        }
        t.equal(most, quota, `${quota} in ${windowMs} ms: the quota is reached and never passed`)
        t.ok(worstExtra <= windowMs * 0.02, `${quota} in ${windowMs} ms: ${worstExtra} ms too much at worst`)
      }
    },
  ],
  [
    'a token bucket admits quota and burst in any window, and decides as the exact bucket does',
    async ({ clock, calls, open }, t) => {
      for (const [quota, windowMs] of shapes) {
        const burst = Math.ceil(quota / 10)
        const { take } = open({ algorithm: 'token-bucket', quota, windowMs, burst })
        const next = random(quota + windowMs)
        let log: number[] = []
        let most = 0
        let level = 0
        let at = clock.now
        let unlike = 0
        for (let i = 0; i < calls; i++) {
          clock.now += pause(next, { quota, windowMs })
          level = Math.max(0, level - ((clock.now - at) * quota) / windowMs)
          at = clock.now
          const { allowed } = await take(['caller'])
          // Where the exact bucket is within a thousandth of a token, either answer is right.
          if (Math.abs(level + 1 - burst) > 0.001 && allowed !== level + 1 <= burst) unlike++
          if (!allowed) continue
          level += 1
          log = [...log.filter((each) => each > clock.now - windowMs), clock.now]
          most = Math.max(most, log.length)
        }
        t.equal(unlike, 0, `${quota} in ${windowMs} ms`)
        t.ok(most <= quota + burst, `${most} of ${quota} + ${burst}`)
      }
    },
  ],
  [
    'a fixed window begins with its first call and admits its quota once',
    async ({ clock, open }, t) => {
      const { take } = open({ algorithm: 'fixed-window', quota: 2, windowMs: 1000 })
      clock.now += 500
      t.match(await take(['a']), { allowed: true, states: [{ remaining: 1, resetMs: 1000 }] })
      clock.now += 999
      t.match(await take(['a']), { allowed: true, states: [{ remaining: 0, resetMs: 1 }] })
      t.match(await take(['a']), { allowed: false, states: [{ exceeded: true, remaining: 0, resetMs: 1 }] })
      clock.now += 1
      t.match(await take(['a']), { allowed: true, states: [{ remaining: 1, resetMs: 1000 }] })
    },
  ],
  [
    'a calendar quota begins anew with the day and the month in UTC',
    async ({ clock, open }, t) => {
      const ends: readonly (readonly ['day' | 'month', at: number, next: number])[] = [
        ['day', Date.UTC(2026, 0, 31, 23, 59, 59, 1), Date.UTC(2026, 1, 1)],
        ['month', Date.UTC(2026, 0, 31, 23, 59, 59, 1), Date.UTC(2026, 1, 1)],
        ['month', Date.UTC(2026, 1, 1), Date.UTC(2026, 2, 1)],
        ['month', Date.UTC(2028, 1, 29, 12), Date.UTC(2028, 2, 1)],
        ['month', Date.UTC(2026, 11, 31), Date.UTC(2027, 0, 1)],
        ['month', Date.UTC(2100, 1, 28), Date.UTC(2100, 2, 1)],
        ['day', Date.UTC(2100, 1, 28), Date.UTC(2100, 2, 1)],
      ]
      for (const [calendar, at, next] of ends) {
        const { take } = open({
          algorithm: 'calendar',
          calendar,
          windowMs: calendar === 'day' ? dayMs : 30 * dayMs,
          quota: 1,
        })
        clock.now = at
        t.match(await take(['a']), { allowed: true, states: [{ remaining: 0, resetMs: next - at }] })
        t.match(await take(['a']), { allowed: false, states: [{ resetMs: next - at }] }, new Date(at).toISOString())
        clock.now = next
        t.ok((await take(['a'])).allowed)
      }
    },
  ],
  [
    'whoever waits exactly as long as told is admitted, and a millisecond earlier is not',
    async ({ clock, open }, t) => {
      const kinds: readonly Partial<LimitSpec>[] = [
        { quota: 7, windowMs: 10_000 },
        { quota: 200, windowMs: 10_000 },
        { algorithm: 'token-bucket', quota: 7, windowMs: 10_000, burst: 2 },
        { algorithm: 'fixed-window', quota: 7, windowMs: 10_000 },
        { algorithm: 'calendar', calendar: 'day', quota: 7, windowMs: dayMs },
        { quota: 7, windowMs: 10_000, cost: 3 },
        { algorithm: 'token-bucket', quota: 7, windowMs: 10_000, burst: 4, cost: 3 },
      ]
      for (const kind of kinds) {
        const { take } = open(kind)
        const next = random(7)
        let refusals = 0
        for (let i = 0; i < 600 && refusals < 12; i++) {
          clock.now += Math.round((next() * 10_000) / (kind.quota ?? 1) / 2)
          const { allowed, states } = await take(['a'])
          if (allowed) continue
          refusals++
          const wait = states[0]?.resetMs ?? 0
          if (wait > 1) {
            clock.now += wait - 1
            t.notOk((await take(['a'])).allowed, `${kind.algorithm ?? 'sliding-window'}: a millisecond early`)
            clock.now += 1
          } else clock.now += wait
          t.ok((await take(['a'])).allowed, `${kind.algorithm ?? 'sliding-window'}: after exactly ${wait} ms`)
        }
        t.ok(refusals > 0)
      }
    },
  ],
  [
    'a call takes its cost from all limits of a group, or nothing from any',
    async ({ clock, open }, t) => {
      for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window'] as const) {
        const burst = algorithm === 'token-bucket' ? 10 : null
        const { take } = open(
          { algorithm, quota: 10, burst, cost: 4 },
          { algorithm, quota: 3, windowMs: 1000, burst: burst === null ? null : 3, cost: 3 },
        )
        const key = `cost-${algorithm}`
        t.match(await take([key, key]), { allowed: true, states: [{ remaining: 6 }, { remaining: 0 }] })
        for (let i = 0; i < 5; i++) {
          t.match(await take([key, key]), { allowed: false, states: [{ exceeded: false }, { exceeded: true }] })
        }
        clock.now += 1000
        const second = await take([key, key])
        t.ok(second.allowed, `${algorithm}: refused calls took nothing from the first limit`)
        t.ok((second.states[0]?.remaining ?? 9) <= 3, 'and two calls took eight')
        clock.now += 1000
        t.match(await take([key, key]), { allowed: false, states: [{ exceeded: true }] }, 'four do not fit in two')
        t.ok((await take(['other', 'other'])).allowed, 'another caller loses nothing')
      }
    },
  ],
  [
    'what is given back can be taken again, once',
    async ({ clock, open }, t) => {
      for (const algorithm of ['sliding-window', 'token-bucket', 'fixed-window', 'calendar'] as const) {
        const calendar = algorithm === 'calendar' ? 'day' : null
        const { take } = open({ algorithm, calendar, quota: 2, burst: algorithm === 'token-bucket' ? 2 : null })
        clock.now += dayMs
        const first = await take(['a'])
        await take(['a'])
        t.notOk((await take(['a'])).allowed, `${algorithm}: two are gone`)
        first.refund()
        first.refund()
        t.ok((await take(['a'])).allowed, 'one came back')
        t.notOk((await take(['a'])).allowed, 'and not two')
      }
    },
  ],
  [
    'a client that changes tier keeps its count',
    async ({ open }, t) => {
      for (const algorithm of ['sliding-window', 'fixed-window', 'token-bucket'] as const) {
        const { take } = open({ algorithm, quota: 100, burst: null })
        for (let i = 0; i < 10; i++) t.ok((await take(['a'], [10])).allowed)
        t.notOk((await take(['a'], [10])).allowed, `${algorithm}: the small tier is spent`)
        t.match(await take(['a'], [100]), { allowed: true, states: [{ remaining: 89 }] }, 'the large one has the rest')
        t.notOk((await take(['a'], [10])).allowed)
      }
    },
  ],
  [
    'keys, limits and parts of keys never meet',
    async ({ open }, t) => {
      const one = open({ quota: 1 })
      const other = open({ quota: 1 })
      for (const key of ['', 'a', 'a}', '{a', '{', 'a:s', 'é', 'a\u0000b', '\ud800', 'x'.repeat(5000)]) {
        t.ok((await one.take([key])).allowed, JSON.stringify(key.slice(0, 10)))
        t.notOk((await one.take([key])).allowed)
        t.ok((await other.take([key])).allowed, 'another limit has not seen it')
      }
    },
  ],
]

for (const [name, judge] of rows) {
  t.test(`in memory: ${name}`, async (t) => {
    const clock = { now: Date.UTC(2026, 0, 31, 12) }
    const counters = new Counters({ now: () => clock.now, monotonic: () => clock.now, seed: Buffer.from('seedseed') })
    await judge(
      limits(clock, 4_000, (specs) => counters.open(specs)),
      t,
    )
  })
}

t.test('in Redis', async (t) => {
  const redis = await startRedis(t)
  for (const [name, judge] of rows) {
    t.test(name, async (t) => {
      redis.cli('flushall')
      const clock = { now: Date.UTC(2026, 0, 31, 12) }
      const time = { now: () => clock.now, monotonic: () => clock.now }
      const store = new Store()
      t.teardown(() => store.close())
      const node = parseStoreUrl(redis.url)
      if (node === null) throw new Error('no address')
      // A busy machine is no outage here.
      await store.use({ nodes: [node], isCluster: false, ca: null, prefix: 'test', commandTimeoutMs: 5_000 })
      const counters = new Counters({ ...time, seed: Buffer.from('seedseed') })
      const limiter = new SharedLimiter({ counters, store, clock: time, onStoreError: 'deny', storeNow: time.now })
      await judge(
        limits(clock, 400, (specs) => limiter.open(specs)),
        t,
      )
      t.equal(store.stats()?.failed, 0, 'every answer came from Redis')
    })
  }
})

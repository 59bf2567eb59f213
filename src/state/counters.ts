import type { LimitDecision, Limiter, LimitGroup, LimitSpec, LimitState } from '../stages/contract.js'
import { tokenBucket } from './counters-bucket.js'
import { KeyHash } from './counters-hash.js'
import type { Algorithm, Finding, Shape } from './counters-page.js'
import { slidingWindow } from './counters-sliding.js'
import { type Budget, Table } from './counters-table.js'
import { calendar, fixedWindow } from './counters-window.js'

const algorithms: { readonly [Name in LimitSpec['algorithm']]: Algorithm } = {
  'sliding-window': slidingWindow,
  'token-bucket': tokenBucket,
  'fixed-window': fixedWindow,
  calendar,
}

/** After so many takes one page is looked through for what is dead. */
const takesPerSweep = 1024

export interface CountersOptions {
  /** Epoch ms. May step back: the time that windows are measured in never does. */
  readonly now: () => number
  /** Eight random bytes, new at every start: whoever knows them can make keys collide. */
  readonly seed: Buffer
  /** Keys with a counter of their own, per limit; further ones share one. */
  readonly maxKeys?: number
  /** Memory of all limits together. */
  readonly maxBytes?: number
}

/** What a limit holds, for metrics. */
export interface BucketReport {
  readonly bucket: string
  readonly keys: number
  readonly bytes: number
  /** Takes that had to share one counter because the table was full: an alarm. */
  readonly overflowed: number
}

/** A group of limits whose answer is there at once. */
export interface CounterGroup extends LimitGroup {
  take(keys: readonly string[], quotas: readonly number[]): LimitDecision
  /** What `take` would say, without taking. */
  look(keys: readonly string[], quotas: readonly number[]): LimitDecision
}

/**
 * The counters of one process, in memory: they outlive generations, so a reload hands nobody a fresh allowance.
 *
 * Each limit has a table of its own under its bucket's name, so no key of one route can meet a key of another. When a
 * limit's quota, window or burst changes, its counts are kept as far as they say anything of the new limit; when its
 * algorithm changes, it starts anew.
 */
export class Counters implements Limiter {
  readonly #buckets = new Map<string, Bucket>()
  readonly #budget: Budget
  readonly #hash: KeyHash
  readonly #time: SteadyTime
  #takes = 0
  #sweeping: Iterator<() => void> | null = null

  constructor({ now, seed, maxKeys = 524_288, maxBytes = 256 * 1024 ** 2 }: CountersOptions) {
    this.#budget = { maxKeys, maxBytes, bytes: 0 }
    this.#hash = new KeyHash(seed)
    this.#time = new SteadyTime(now)
  }

  open(specs: readonly LimitSpec[]): CounterGroup {
    const buckets = specs.map((spec) => this.#bucket(spec))
    const sweep = () => {
      if (++this.#takes % takesPerSweep === 0) this.sweep()
    }
    return new Group(buckets, this.#hash, this.#time, sweep)
  }

  /** Looks through one page for what is dead. Takes do so now and then; an idle process may call it from a timer. */
  sweep(): void {
    this.#sweeping ??= this.#pages()
    const next = this.#sweeping.next()
    if (next.done === true) this.#sweeping = null
    else next.value()
  }

  report(): BucketReport[] {
    const reports: BucketReport[] = []
    for (const [bucket, { table }] of this.#buckets) {
      if (table !== null) reports.push({ bucket, keys: table.used, bytes: table.bytes, overflowed: table.overflowed })
    }
    return reports
  }

  #bucket(spec: LimitSpec): Bucket {
    const known = this.#buckets.get(spec.bucket)
    if (known?.reopen(spec) === true) return known
    const bucket = new Bucket(spec, this.#budget)
    this.#buckets.set(spec.bucket, bucket)
    return bucket
  }

  *#pages(): Generator<() => void> {
    for (const bucket of this.#buckets.values()) {
      for (let i = 0; i < (bucket.table?.pages ?? 0); i++) yield () => bucket.table?.sweep(i, bucket.timeOf(this.#time))
    }
  }
}

/** One limit's counts; the table is made with the first call, since most of a thousand routes are seldom called. */
class Bucket {
  readonly algorithm: Algorithm
  table: Table | null = null
  #shape: Shape
  readonly #budget: Budget

  constructor(spec: LimitSpec, budget: Budget) {
    this.algorithm = algorithms[spec.algorithm]
    this.#shape = this.algorithm.shape(spec)
    this.#budget = budget
  }

  /** Takes on the spec as it is now written; false when its counts say nothing of it. */
  reopen(spec: LimitSpec): boolean {
    if (algorithms[spec.algorithm] !== this.algorithm) return false
    const old = this.#shape.spec
    const same = old.quota === spec.quota && old.windowMs === spec.windowMs && old.burst === spec.burst
    if (same && old.calendar === spec.calendar) return true
    this.#shape = this.algorithm.shape(spec)
    this.table?.reshape(this.#shape)
    return true
  }

  opened(): Table {
    this.table ??= new Table(this.algorithm, this.#shape, this.#budget)
    return this.table
  }

  get largestQuota(): number {
    return this.#shape.spec.quota
  }

  timeOf(time: SteadyTime): number {
    return this.algorithm === calendar ? time.wall : time.steady
  }
}

class Group implements CounterGroup {
  readonly #buckets: readonly Bucket[]
  readonly #hash: KeyHash
  readonly #time: SteadyTime
  readonly #sweep: () => void
  readonly #finding: Finding = { allowed: true, remaining: 0, resetMs: 0 }

  constructor(buckets: readonly Bucket[], hash: KeyHash, time: SteadyTime, sweep: () => void) {
    this.#buckets = buckets
    this.#hash = hash
    this.#time = time
    this.#sweep = sweep
  }

  // Runs for every request; measured in bench/counters.ts.
  take(keys: readonly string[], quotas: readonly number[]): LimitDecision {
    const decision = this.#judge(keys, quotas, true)
    if (decision.allowed) {
      for (const state of decision.states) state.take()
    }
    this.#sweep()
    return decision
  }

  look(keys: readonly string[], quotas: readonly number[]): LimitDecision {
    return this.#judge(keys, quotas, false)
  }

  #judge(keys: readonly string[], quotas: readonly number[], isTaking: boolean): Decision {
    this.#time.read()
    const states: Taken[] = []
    let allowed = true
    let hashed: string | undefined
    for (let i = 0; i < this.#buckets.length; i++) {
      const bucket = this.#buckets[i] as Bucket // in range
      const key = keys[i] ?? ''
      if (key !== hashed) this.#hash.of(key)
      hashed = key
      const state = new Taken(bucket, this.#hash, Math.min(quotas[i] ?? 0, bucket.largestQuota), this.#time)
      state.judge(isTaking, this.#finding)
      if (state.exceeded) allowed = false
      states.push(state)
    }
    if (!allowed) for (const state of states) state.leave()
    return new Decision(allowed, states)
  }
}

class Decision implements LimitDecision {
  readonly allowed: boolean
  readonly states: readonly Taken[]
  #isRefunded = false

  constructor(allowed: boolean, states: readonly Taken[]) {
    this.allowed = allowed
    this.states = states
  }

  refund(limits?: readonly number[]): void {
    if (this.#isRefunded || !this.allowed) return
    this.#isRefunded = true
    this.states.forEach((state, i) => {
      if (limits?.includes(i) ?? true) state.giveBack()
    })
  }
}

/** One limit's part of a decision. */
class Taken implements LimitState {
  readonly quota: number
  remaining = 0
  resetMs = 0
  exceeded = false
  readonly #bucket: Bucket
  readonly #table: Table
  readonly #time: SteadyTime
  readonly #at: number
  readonly #high: number
  readonly #low: number
  #isShared = false

  constructor(bucket: Bucket, { high, low }: KeyHash, quota: number, time: SteadyTime) {
    this.quota = quota
    this.#bucket = bucket
    this.#table = bucket.opened()
    this.#time = time
    this.#at = bucket.timeOf(time)
    this.#high = high
    this.#low = low
  }

  judge(isTaking: boolean, finding: Finding): void {
    const table = this.#table
    if (this.quota < table.leastQuota) table.leastQuota = this.quota
    table.find(this.#high, this.#low, this.#at)
    // Where room is short it is settled now whether the key gets a counter of its own: the answer depends on it.
    if (table.entry === -1 && table.isTight && isTaking) {
      const before = table.overflowed
      table.insert(this.#high, this.#low, this.#at)
      this.#isShared = table.overflowed > before
    }
    table.algorithm.look(table.page, table.entry, this.quota, this.#at, finding)
    this.remaining = finding.remaining
    this.resetMs = finding.resetMs
    this.exceeded = !finding.allowed
  }

  /** Nothing is taken after all. */
  leave(): void {
    if (!this.exceeded) this.remaining++
  }

  /** Follows `judge` with nothing between that touches the table. */
  take(): void {
    const table = this.#table
    if (table.entry === -1) table.insert(this.#high, this.#low, this.#at)
    table.algorithm.add(table.page, table.entry, this.quota, this.#at)
  }

  giveBack(): void {
    const table = this.#table
    this.#time.read()
    const now = this.#bucket.timeOf(this.#time)
    if (this.#isShared) table.findOverflow(now)
    else table.find(this.#high, this.#low, now)
    if (table.entry !== -1) table.algorithm.remove(table.page, table.entry, this.quota, this.#at, now)
  }
}

/**
 * Two readings of one clock: the wall's time for calendars, and a time that never steps back for windows. When the wall
 * clock steps back, windows go on from where they were, at the same pace: nobody is locked out for an hour.
 */
class SteadyTime {
  wall = 0
  steady = Number.NEGATIVE_INFINITY
  readonly #now: () => number
  #ahead = 0

  constructor(now: () => number) {
    this.#now = now
  }

  read(): void {
    this.wall = Math.floor(this.#now())
    const next = this.wall + this.#ahead
    if (next < this.steady) this.#ahead = this.steady - this.wall
    this.steady = Math.max(next, this.steady)
  }
}

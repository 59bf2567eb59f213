import type { Limiter, LimitSpec } from '../stages/contract.js'
import { type CounterGroup, Group } from './counters-group.js'
import { KeyHash } from './counters-hash.js'
import { CountedLimit, SteadyTime } from './counters-limit.js'
import type { Budget } from './counters-table.js'

/** After so many takes one page is looked through for what is dead. */
const takesPerSweep = 1024

export interface CountersOptions {
  /** Epoch ms, for calendars; may be set. */
  readonly now: () => number
  /** Ms that only run, for windows. */
  readonly monotonic: () => number
  /** Eight random bytes, new at every start: whoever knows them can make keys collide. */
  readonly seed: Buffer
  /** Keys with a counter of their own, per limit; further ones share one. */
  readonly maxKeys?: number
  /** Memory of all limits together. */
  readonly maxBytes?: number
  /** Hears, at most once a minute for each limit, that its table is full: new keys share one counter. */
  readonly onFull?: (bucket: string) => void
}

/** What a limit holds, for metrics. */
export interface BucketReport {
  readonly bucket: string
  readonly keys: number
  readonly bytes: number
  /** Takes that had to share one counter because the table was full: an alarm. */
  readonly overflowed: number
}

/**
 * The counters of one process, in memory: they outlive generations, so a reload hands nobody a fresh allowance.
 *
 * Each limit has a table of its own under its bucket's name, so no key of one route can meet a key of another. When a
 * limit's quota, window or burst changes, its counts are kept as far as they say anything of the new limit; when its
 * algorithm changes, it starts anew.
 */
export class Counters implements Limiter {
  readonly #limits = new Map<string, CountedLimit>()
  readonly #budget: Budget
  readonly #hash: KeyHash
  readonly #time: SteadyTime
  #takes = 0
  #sweeping: Iterator<() => void> | null = null

  constructor({ now, monotonic, seed, maxKeys = 524_288, maxBytes = 256 * 1024 ** 2, onFull }: CountersOptions) {
    this.#budget = { maxKeys, maxBytes, bytes: 0, ...(onFull !== undefined && { onFull }) }
    this.#hash = new KeyHash(seed)
    this.#time = new SteadyTime(now, monotonic)
  }

  open(specs: readonly LimitSpec[]): CounterGroup {
    const members = specs.map((spec) => ({ limit: this.#limit(spec), cost: spec.cost }))
    const sweep = () => {
      if (++this.#takes % takesPerSweep === 0) this.sweep()
    }
    return new Group(members, this.#hash, this.#time, sweep)
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
    for (const [bucket, { table }] of this.#limits) {
      if (table !== null) reports.push({ bucket, keys: table.used, bytes: table.bytes, overflowed: table.overflowed })
    }
    return reports
  }

  #limit(spec: LimitSpec): CountedLimit {
    const known = this.#limits.get(spec.bucket)
    if (known?.reopen(spec) === true) return known
    known?.table?.release()
    const limit = new CountedLimit(spec, this.#budget)
    this.#limits.set(spec.bucket, limit)
    return limit
  }

  *#pages(): Generator<() => void> {
    for (const limit of this.#limits.values()) {
      for (let i = 0; i < (limit.table?.pages ?? 0); i++) yield () => limit.table?.sweep(i, limit.timeOf(this.#time))
    }
  }
}

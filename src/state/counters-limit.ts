import type { LimitSpec } from '../stages/contract.js'
import { tokenBucket } from './counters-bucket.js'
import type { Algorithm, Shape } from './counters-page.js'
import { slidingWindow } from './counters-sliding.js'
import { type Budget, Table } from './counters-table.js'
import { calendar, fixedWindow } from './counters-window.js'

const algorithms: { readonly [Name in LimitSpec['algorithm']]: Algorithm } = {
  'sliding-window': slidingWindow,
  'token-bucket': tokenBucket,
  'fixed-window': fixedWindow,
  calendar,
}

/** One limit and its counts; the table is made with the first call, since most of a thousand routes are seldom called. */
export class CountedLimit {
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

/**
 * Two readings of one clock: the wall's time for calendars, and a time that never steps back for windows. When the wall
 * clock steps back, windows go on from where they were, at the same pace: nobody is locked out for an hour.
 */
export class SteadyTime {
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

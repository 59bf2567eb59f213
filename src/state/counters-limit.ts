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

  /** The most that one caller can have in use at once. */
  capacity(quota: number): number {
    const { spec } = this.#shape
    return spec.algorithm === 'token-bucket' ? (spec.burst ?? quota) : quota
  }

  timeOf(time: { readonly wall: number; readonly steady: number }): number {
    return this.algorithm === calendar ? time.wall : time.steady
  }
}

/**
 * Two clocks: the wall's for calendars, and one that only runs for windows. Whoever sets the wall clock, forward or
 * back, hands nobody a fresh allowance in a window and locks nobody out.
 */
export class SteadyTime {
  /** Epoch ms. */
  wall = 0
  /** Ms since some start; never steps back. */
  steady = 0
  readonly #now: () => number
  readonly #monotonic: () => number

  constructor(now: () => number, monotonic: () => number) {
    this.#now = now
    this.#monotonic = monotonic
  }

  read(): void {
    this.wall = Math.floor(this.#now())
    this.steady = Math.floor(this.#monotonic())
  }
}

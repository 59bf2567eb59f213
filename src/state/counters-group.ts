import type { LimitDecision, LimitGroup, LimitState } from '../stages/contract.js'
import type { KeyHash } from './counters-hash.js'
import type { CountedLimit, SteadyTime } from './counters-limit.js'
import type { Finding } from './counters-page.js'
import type { Table } from './counters-table.js'

/** A group of limits whose answer is there at once. */
export interface CounterGroup extends LimitGroup {
  take(keys: readonly string[], quotas: readonly number[]): LimitDecision
  /** What `take` would say, without taking. */
  look(keys: readonly string[], quotas: readonly number[]): LimitDecision
  /** Learns what a shared store has answered, so that these counters can stand in for it. */
  mirror(keys: readonly string[], quotas: readonly number[], states: readonly LimitState[]): void
  /** Gives back in these counters what `mirror` taught them of a call. */
  unlearn(keys: readonly string[], quotas: readonly number[], limits: readonly number[], at: Instant): void
  /** How much of each quota is in use. */
  used(keys: readonly string[], quotas: readonly number[]): number[]
}

/** One moment on both clocks. */
export interface Instant {
  readonly wall: number
  readonly steady: number
}

/** A limit of a group, and what one call of this group takes from it. */
export interface Member {
  readonly limit: CountedLimit
  readonly cost: number
}

/** Limits that are taken together: all of them, or none. */
export class Group implements CounterGroup {
  readonly #members: readonly Member[]
  readonly #hash: KeyHash
  readonly #time: SteadyTime
  readonly #sweep: () => void
  readonly #finding: Finding = { allowed: true, remaining: 0, resetMs: 0 }

  constructor(members: readonly Member[], hash: KeyHash, time: SteadyTime, sweep: () => void) {
    this.#members = members
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

  mirror(keys: readonly string[], quotas: readonly number[], states: readonly LimitState[]): void {
    this.#time.read()
    this.#members.forEach(({ limit }, i) => {
      const state = states[i]
      if (state === undefined) return
      const quota = Math.min(quotas[i] ?? 0, limit.largestQuota)
      const used = limit.capacity(quota) - state.remaining
      if (used <= 0) return
      this.#hash.of(keys[i] ?? '')
      limit.opened().raise(this.#hash, quota, used, state.resetMs, limit.timeOf(this.#time))
    })
    this.#sweep()
  }

  unlearn(keys: readonly string[], quotas: readonly number[], limits: readonly number[], at: Instant): void {
    this.#time.read()
    for (const i of limits) {
      const { limit, cost } = this.#members[i] as Member // positions come from `open`
      this.#hash.of(keys[i] ?? '')
      const quota = Math.min(quotas[i] ?? 0, limit.largestQuota)
      limit.opened().giveBack(this.#hash, quota, cost, limit.timeOf(at), limit.timeOf(this.#time))
    }
  }

  used(keys: readonly string[], quotas: readonly number[]): number[] {
    this.#time.read()
    return this.#members.map(({ limit }, i) => {
      this.#hash.of(keys[i] ?? '')
      return limit.opened().usage(this.#hash, Math.min(quotas[i] ?? 0, limit.largestQuota), limit.timeOf(this.#time))
    })
  }

  #judge(keys: readonly string[], quotas: readonly number[], isTaking: boolean): Decision {
    this.#time.read()
    const states: Taken[] = []
    let allowed = true
    let hashed: string | undefined
    for (let i = 0; i < this.#members.length; i++) {
      const { limit, cost } = this.#members[i] as Member // in range
      const key = keys[i] ?? ''
      if (key !== hashed) this.#hash.of(key)
      hashed = key
      const state = new Taken(limit, cost, this.#hash, Math.min(quotas[i] ?? 0, limit.largestQuota), this.#time)
      state.judge(isTaking, this.#finding)
      if (state.exceeded) allowed = false
      states.push(state)
    }
    if (!allowed) for (const state of states) state.leave()
    return new Decision(allowed, states, isTaking && allowed)
  }
}

class Decision implements LimitDecision {
  readonly allowed: boolean
  readonly states: readonly Taken[]
  /** Whether there is something to give back. */
  #isTaken: boolean

  constructor(allowed: boolean, states: readonly Taken[], isTaken: boolean) {
    this.allowed = allowed
    this.states = states
    this.#isTaken = isTaken
  }

  refund(limits?: readonly number[]): void {
    if (!this.#isTaken) return
    this.#isTaken = false
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
  readonly #limit: CountedLimit
  readonly #cost: number
  readonly #table: Table
  readonly #time: SteadyTime
  readonly #at: number
  readonly #high: number
  readonly #low: number
  #isShared = false

  constructor(limit: CountedLimit, cost: number, { high, low }: KeyHash, quota: number, time: SteadyTime) {
    this.quota = quota
    this.#limit = limit
    this.#cost = cost
    this.#table = limit.opened()
    this.#time = time
    this.#at = limit.timeOf(time)
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
    table.algorithm.look(table.page, table.entry, this.quota, this.#cost, this.#at, finding)
    this.remaining = finding.remaining
    this.resetMs = finding.resetMs
    this.exceeded = !finding.allowed
  }

  /** Nothing is taken after all. */
  leave(): void {
    if (!this.exceeded) this.remaining += this.#cost
  }

  /** Follows `judge` with nothing between that touches the table. */
  take(): void {
    const table = this.#table
    if (table.entry === -1) table.insert(this.#high, this.#low, this.#at)
    table.algorithm.add(table.page, table.entry, this.quota, this.#cost, this.#at)
  }

  giveBack(): void {
    const table = this.#table
    this.#time.read()
    const now = this.#limit.timeOf(this.#time)
    if (this.#isShared) table.findOverflow(now)
    else table.find(this.#high, this.#low, now)
    if (table.entry !== -1) table.algorithm.remove(table.page, table.entry, this.quota, this.#cost, this.#at, now)
  }
}

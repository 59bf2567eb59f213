import { hash } from 'node:crypto'
import type { Clock, LimitDecision, Limiter, LimitGroup, LimitSpec, LimitState } from '../../stages/contract.js'
import type { Counters } from '../counters.js'
import type { CounterGroup, Instant } from '../counters-group.js'
import { refundScript } from './limit-scripts.js'
import type { OutageMemory, Owed } from './outage-memory.js'
import type { RedisLink } from './redis-link.js'
import type { Store } from './store.js'
import { type Reply, TakeQueue } from './take-queue.js'

/** Up to this quota a sliding window is an exact log of its calls; beyond it, fifty sub-windows. */
const exactQuota = 64
const partsOfWindow = 50

const letters = { 'sliding-window': 's', 'token-bucket': 'b', 'fixed-window': 'f' } as const

export interface SharedLimiterOptions {
  /** Counters of this process: they learn every answer of the store, and stand in for it. */
  readonly counters: Counters
  readonly store: Store
  readonly clock: Clock
  readonly onStoreError: 'local' | 'allow' | 'deny'
  /** For tests: what the store shall take for its clock. */
  readonly storeNow?: () => number
}

/**
 * Limits that hold over all processes of one store. One round trip for all limits of a call, none for a caller of whom it
 * is known that it must wait; and while the store does not answer, what the policy says.
 */
export class SharedLimiter implements Limiter {
  readonly #options: SharedLimiterOptions
  #queue: { readonly link: RedisLink; readonly takes: TakeQueue } | null = null

  constructor(options: SharedLimiterOptions) {
    this.#options = options
  }

  open(specs: readonly LimitSpec[]): LimitGroup {
    const { counters, store, clock, onStoreError, storeNow } = this.#options
    return new SharedGroup(specs, {
      local: counters.open(specs),
      store,
      clock,
      onStoreError,
      storeNow: storeNow ?? null,
      queueOf: (link) => this.#queueOf(link),
    })
  }

  #queueOf(link: RedisLink): TakeQueue {
    if (this.#queue?.link !== link) {
      this.#queue = { link, takes: new TakeQueue(link, this.#options.storeNow ?? null) }
    }
    return this.#queue.takes
  }
}

interface Parts {
  readonly local: CounterGroup
  readonly store: Store
  readonly clock: Clock
  readonly onStoreError: 'local' | 'allow' | 'deny'
  readonly storeNow: (() => number) | null
  queueOf(link: RedisLink): TakeQueue
}

/** One call on its way: its keys, quotas, and the counters in the store that they lead to. */
interface Call {
  readonly keys: readonly string[]
  readonly quotas: readonly number[]
  readonly counters: readonly string[]
}

class SharedGroup implements LimitGroup {
  readonly #specs: readonly SharedSpec[]
  readonly #parts: Parts
  readonly #memory: OutageMemory

  constructor(specs: readonly LimitSpec[], parts: Parts) {
    this.#specs = specs.map(sharedSpec)
    this.#parts = parts
    this.#memory = parts.store.memory
  }

  take(keys: readonly string[], quotas: readonly number[]): LimitDecision | Promise<LimitDecision> {
    const { link } = this.#parts.store
    const call = { keys, quotas, counters: this.#countersOf(keys, link?.settings.prefix ?? '') }
    const remembered = this.#remembered(call)
    if (remembered !== null) return remembered
    if (link === null || !link.isUp) return this.#without(call)
    return this.#ask(link, call).catch(() => this.#without(call))
  }

  /** The names of a call's counters: one hash slot for each client, and no text of a caller's in them. */
  #countersOf(keys: readonly string[], prefix: string): string[] {
    let last: string | undefined
    let digest = ''
    return this.#specs.map(({ letter, bucket }, i) => {
      const key = keys[i] ?? ''
      if (key !== last) digest = hash('sha256', key, 'base64url').slice(0, 22)
      last = key
      return `${prefix}:{${digest}}:${letter}:${bucket}`
    })
  }

  /** The refusal of a caller who has been told to wait, and has not. */
  #remembered({ keys, quotas, counters }: Call): LimitDecision | null {
    const now = this.#parts.clock.monotonic()
    let isRefused = false
    const refusals = this.#specs.map(({ cost }, i) => {
      const refusal = this.#memory.refusal(counters[i] ?? '', quotas[i] ?? 0, cost, now)
      if (refusal !== null) isRefused = true
      return refusal
    })
    if (!isRefused) return null
    this.#memory.counts.remembered++
    const { states } = this.#parts.local.look(keys, quotas)
    return {
      allowed: false,
      states: states.map(({ quota, remaining, resetMs }, i) => {
        const refusal = refusals[i]
        if (refusal == null) return { quota, remaining, resetMs, exceeded: false }
        return { quota, remaining: refusal.remaining, resetMs: Math.ceil(refusal.until - now), exceeded: true }
      }),
      refund() {},
    }
  }

  async #ask(link: RedisLink, call: Call): Promise<LimitDecision> {
    const { keys, counters } = call
    const owed = this.#memory.owesNothing ? null : counters.map((counter) => this.#memory.settle(counter))
    const args = this.#arguments(link, call, owed)
    const queue = this.#parts.queueOf(link)
    const isOneClient = !link.settings.isCluster || keys.every((key) => key === keys[0])
    try {
      const reply = await (isOneClient ? queue.take(counters, args.flat()) : this.#oneByOne(link, call, args))
      return this.#answered(link, call, reply)
    } catch (error) {
      for (const [i, each] of owed?.entries() ?? []) {
        if (each !== null) this.#memory.owe(counters[i] ?? '', each.amount, each.at)
      }
      throw error
    }
  }

  /**
   * A cluster holds different clients in different places, which no script reaches at once: such limits are asked one
   * after the other, and what was taken is given back when a later one refuses.
   */
  async #oneByOne(link: RedisLink, call: Call, args: readonly (readonly (string | number)[])[]): Promise<Reply> {
    const whole: number[] = [1, 0]
    const taken: { readonly at: number; readonly limit: number }[] = []
    const queue = this.#parts.queueOf(link)
    for (const [i, counter] of call.counters.entries()) {
      const reply = await queue.take([counter], args[i] ?? [])
      const [allowed = 0, at = 0, remaining = 0, resetMs = 0, exceeded = 0] = reply
      whole[1] = at
      whole.push(remaining, resetMs, exceeded)
      if (allowed === 1) taken.push({ at, limit: i })
      else whole[0] = 0
    }
    if (whole[0] === 0) {
      for (const { at, limit } of taken) {
        const left = 2 + limit * 3
        whole[left] = (whole[left] ?? 0) + (this.#specs[limit]?.cost ?? 0)
        await this.#refundAt(link, call, [limit], at)
      }
    }
    return whole
  }

  #arguments(
    link: RedisLink,
    { keys, quotas, counters }: Call,
    owed: readonly (Owed | null)[] | null,
  ): (string | number)[][] {
    const now = this.#parts.clock.monotonic()
    // A store that has lost its memory learns from ours, for as long as ours can mean anything.
    const teaches = this.#specs.map(
      ({ windowMs }, i) =>
        link.mayHaveLost && now - link.upSince < windowMs && this.#memory.mayTeach(counters[i] ?? '', link.upSince),
    )
    const used = owed !== null || teaches.includes(true) ? this.#parts.local.used(keys, quotas) : null
    return this.#specs.map((spec, i) => {
      const quota = Math.min(quotas[i] ?? 0, spec.quota)
      const inUse = used?.[i] ?? 0
      const unsaid = owed?.[i] ?? null
      const more = unsaid === null ? 0 : Math.min(unsaid.amount, inUse)
      const age = unsaid === null ? 0 : Math.max(0, Math.floor(now - unsaid.at))
      const least = teaches[i] === true ? inUse - more : 0
      const extra = spec.letter === 'b' ? (spec.burst ?? quota) : spec.stepMs
      return [spec.letter, quota, spec.windowMs, extra, spec.cost, least, more, age]
    })
  }

  #answered(link: RedisLink, call: Call, reply: Reply): LimitDecision {
    const { clock, local } = this.#parts
    const steady = clock.monotonic()
    const allowed = reply[0] === 1
    const states: LimitState[] = this.#specs.map((spec, i) => ({
      quota: Math.min(call.quotas[i] ?? 0, spec.quota),
      remaining: reply[2 + i * 3] ?? 0,
      resetMs: reply[3 + i * 3] ?? 0,
      exceeded: reply[4 + i * 3] === 1,
    }))
    local.mirror(call.keys, call.quotas, states)
    if (!allowed) this.#remember(call, states, steady)
    const at = { wall: clock.now(), steady }
    const takenAt = reply[1] ?? 0
    let isTaken = allowed
    return {
      allowed,
      states,
      refund: (limits) => {
        if (!isTaken) return
        isTaken = false
        this.#refund(link, call, limits ?? call.counters.map((_, i) => i), takenAt, at)
      },
    }
  }

  #remember({ counters, quotas }: Call, states: readonly LimitState[], now: number): void {
    states.forEach(({ exceeded, resetMs, remaining }, i) => {
      if (!exceeded) return
      const refusal = { until: now + resetMs, quota: quotas[i] ?? 0, cost: this.#specs[i]?.cost ?? 1, remaining }
      this.#memory.refused(counters[i] ?? '', refusal, now)
    })
  }

  #refund(link: RedisLink, call: Call, limits: readonly number[], takenAt: number, at: Instant): void {
    this.#parts.local.unlearn(call.keys, call.quotas, limits, at)
    for (const i of limits) this.#memory.forgive(call.counters[i] ?? '')
    const isOneClient = !link.settings.isCluster || limits.every((i) => call.keys[i] === call.keys[limits[0] ?? 0])
    // What cannot be given back now stays spent: never too much, at worst a little too little.
    for (const some of isOneClient ? [limits] : limits.map((i) => [i])) {
      this.#refundAt(link, call, some, takenAt).catch(() => {})
    }
  }

  async #refundAt(link: RedisLink, call: Call, limits: readonly number[], takenAt: number): Promise<void> {
    const args = limits.flatMap((i) => {
      const { letter, windowMs, stepMs, cost, quota } = this.#specs[i] as SharedSpec // positions come from `open`
      return [letter, Math.min(call.quotas[i] ?? 0, quota), windowMs, stepMs, cost]
    })
    const { storeNow } = this.#parts
    await link.run(
      refundScript,
      limits.map((i) => call.counters[i] ?? ''),
      [storeNow === null ? '' : storeNow(), takenAt, ...args],
    )
  }

  /** What the policy says of a store that does not answer. */
  #without(call: Call): LimitDecision {
    const { onStoreError, local } = this.#parts
    const memory = this.#memory
    memory.counts[onStoreError]++
    if (onStoreError === 'allow') return { allowed: true, states: [], refund() {} }
    if (onStoreError === 'deny') return { allowed: false, isUnavailable: true, states: [], refund() {} }
    const decision = local.take(call.keys, call.quotas)
    if (!decision.allowed) return decision
    const at = this.#parts.clock.monotonic()
    const owe = (limit: number, sign: 1 | -1): void =>
      memory.owe(call.counters[limit] ?? '', sign * (this.#specs[limit]?.cost ?? 1), at)
    const all = call.counters.map((_, i) => i)
    for (const i of all) owe(i, 1)
    return {
      allowed: true,
      states: decision.states,
      refund(limits) {
        decision.refund(limits)
        for (const i of limits ?? all) owe(i, -1)
      },
    }
  }
}

interface SharedSpec extends LimitSpec {
  readonly letter: 's' | 'b' | 'f' | 'd' | 'm'
  /** Sliding window: length of its sub-windows in the store. */
  readonly stepMs: number
}

function sharedSpec(spec: LimitSpec): SharedSpec {
  const letter = spec.algorithm === 'calendar' ? (spec.calendar === 'month' ? 'm' : 'd') : letters[spec.algorithm]
  const stepMs = spec.quota <= exactQuota ? 1 : Math.max(1, Math.floor(spec.windowMs / partsOfWindow))
  return { ...spec, letter, stepMs }
}

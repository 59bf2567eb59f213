import type { UpstreamPlan } from '../plan/plan.js'
import { Breaker, type BreakerState } from './breaker.js'
import { RetryBudget } from './retry-budget.js'
import { Spread } from './spread.js'

/** The breaker of a function changed its state. */
export interface BreakerNotice {
  readonly upstream: string
  readonly state: BreakerState
  readonly level: 'info' | 'warn'
  readonly message: string
}

/** A call may not go: every place is taken. */
export const full = Number.NEGATIVE_INFINITY

/** Answers by which something before the function says that it cannot be reached now. RFC 9110 sections 15.6.4 and 15.6.5 */
const unavailable = 503
const gatewayTimeout = 504

/**
 * What stands between the gateway and one function: places for calls under way, a breaker where the policy has one, and
 * the budget of retries. Hot: without a breaker a call costs two additions.
 */
export class UpstreamGate {
  readonly name: string
  readonly origin: string
  /** Where calls end that ran out of time, with those of all other functions. */
  readonly expiries: Spread
  inFlight = 0
  calls = 0
  retries = 0
  /** Retries that the budget did not allow. */
  retriesRefused = 0
  /** Calls refused because every place was taken, or while the breaker was open. */
  refusedFull = 0
  refusedOpen = 0
  capacity = 0
  breaker: Breaker | null = null
  opened = 0
  readonly #budget: RetryBudget
  readonly #now: () => number
  readonly #notify: (notice: BreakerNotice) => void

  constructor(plan: UpstreamPlan, now: () => number, notify: (notice: BreakerNotice) => void, expiries: Spread) {
    this.expiries = expiries
    this.name = plan.name
    this.origin = plan.origin
    this.#now = now
    this.#notify = notify
    this.#budget = new RetryBudget(now())
    this.adopt(plan)
  }

  /** Settings of another generation; what is under way stays counted. */
  adopt({ concurrency, breaker }: UpstreamPlan): void {
    this.capacity = concurrency
    if (breaker === null) this.breaker = null
    else if (this.breaker !== null) this.breaker.adopt(breaker)
    else this.breaker = new Breaker(breaker, (state) => this.#changed(state))
  }

  /** The ticket of a call that may go, which must `leave`; `full`, or below zero the ms until the next may go. */
  enter(): number {
    if (this.inFlight >= this.capacity) {
      this.refusedFull++
      return full
    }
    const ticket = this.breaker === null ? 0 : this.breaker.admit(this.#now())
    if (ticket < 0) {
      this.refusedOpen++
      return ticket
    }
    this.inFlight++
    this.calls++
    return ticket
  }

  /** The call is over: nothing of it flows any more. */
  leave(): void {
    this.inFlight--
  }

  /** The head of an answer is there. */
  answered(ticket: number, status: number): void {
    this.breaker?.settle(ticket, status !== unavailable && status !== gatewayTimeout, this.#now())
  }

  /** No answer came; `isItsFault` is false where the caller, or its body, was the reason. */
  failed(ticket: number, isItsFault: boolean): void {
    this.breaker?.settle(ticket, isItsFault ? false : null, this.#now())
  }

  /** The answer broke off after its head. */
  brokeOff(ticket: number): void {
    this.breaker?.brokeOff(ticket, this.#now())
  }

  /** Takes one retry from the budget, if there is one. */
  takeRetry(): boolean {
    // What is sent again earns nothing.
    const granted = this.#budget.take(this.calls - this.retries, this.#now())
    if (granted) this.retries++
    else this.retriesRefused++
    return granted
  }

  #changed(state: BreakerState): void {
    if (state === 'open') this.opened++
    const messages = {
      open: 'too many of its calls fail: it is not called for now',
      'half-open': 'a few calls go, to see whether it works again',
      closed: 'it works again',
    } as const
    this.#notify({
      upstream: this.name,
      state,
      level: state === 'open' ? 'warn' : 'info',
      message: messages[state],
    })
  }
}

/** The gates of all functions, by name and origin; they outlive reloads, as the calls do. */
export class UpstreamGates {
  readonly #gates = new Map<string, { readonly gate: UpstreamGate; users: number }>()
  readonly #expiries = new Spread()
  readonly #now: () => number
  readonly #notify: (notice: BreakerNotice) => void

  constructor(now: () => number, notify: (notice: BreakerNotice) => void = () => {}) {
    this.#now = now
    this.#notify = notify
  }

  /** The gate of a function, counted as used until `release`; the newest plan's settings hold. */
  acquire(plan: UpstreamPlan): UpstreamGate {
    const known = this.#gates.get(keyOf(plan))
    if (known !== undefined) {
      known.users++
      known.gate.adopt(plan)
      return known.gate
    }
    const gate = new UpstreamGate(plan, this.#now, this.#notify, this.#expiries)
    this.#gates.set(keyOf(plan), { gate, users: 1 })
    return gate
  }

  release(plan: UpstreamPlan): void {
    const known = this.#gates.get(keyOf(plan))
    if (known !== undefined && --known.users === 0) this.#gates.delete(keyOf(plan))
  }

  all(): readonly UpstreamGate[] {
    return [...this.#gates.values()].map(({ gate }) => gate)
  }
}

/** The same name with another origin is another function. */
function keyOf({ name, origin }: UpstreamPlan): string {
  return `${name} ${origin}`
}

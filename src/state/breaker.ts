import type { BreakerPlan } from '../plan/plan.js'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** The window is counted in so many slices; the oldest is forgotten as a whole. */
const slices = 10

/**
 * Stops calling a function that fails, and finds out with a few calls when it works again. Times are ms of a monotonic
 * clock. A call is told apart by its ticket: what comes back after the state has changed says nothing about the new one.
 */
export class Breaker {
  #settings: BreakerPlan
  readonly #onChange: (state: BreakerState) => void
  #state: BreakerState = 'closed'
  /** Grows with every change of state. */
  #ticket = 0
  #openedAt = 0
  readonly #calls = new Uint32Array(slices)
  readonly #failures = new Uint32Array(slices)
  #slice = 0
  #sliceBegan = 0
  #probesOut = 0
  #probesWell = 0

  constructor(settings: BreakerPlan, onChange: (state: BreakerState) => void) {
    this.#settings = settings
    this.#onChange = onChange
  }

  get state(): BreakerState {
    return this.#state
  }

  /** New settings after a reload; what was counted, and an open state, stay. */
  adopt(settings: BreakerPlan): void {
    this.#settings = settings
  }

  /** The ticket of a call that may go; below zero, the ms until the next may. */
  admit(now: number): number {
    if (this.#state === 'closed') return this.#ticket
    if (this.#state === 'open') {
      const left = this.#openedAt + this.#settings.openMs - now
      if (left > 0) return -left
      this.#change('half-open')
      this.#probesOut = 0
      this.#probesWell = 0
    }
    if (this.#probesOut + this.#probesWell >= this.#settings.probes) return -this.#settings.openMs
    this.#probesOut++
    return this.#ticket
  }

  /** Tells how a call went; null where that says nothing about the function, as when the caller left. */
  settle(ticket: number, wentWell: boolean | null, now: number): void {
    if (ticket !== this.#ticket) return
    if (this.#state === 'half-open') {
      this.#probesOut--
      if (wentWell === false) this.#open(now)
      else if (wentWell === true && ++this.#probesWell >= this.#settings.probes) this.#close()
      return
    }
    if (wentWell === null) return
    this.#advance(now)
    this.#count(this.#calls)
    if (!wentWell) this.#countFailure(now)
  }

  /** A call that was told to have gone well broke off later. */
  brokeOff(ticket: number, now: number): void {
    if (ticket !== this.#ticket || this.#state !== 'closed') return
    this.#advance(now)
    this.#countFailure(now)
  }

  #countFailure(now: number): void {
    this.#count(this.#failures)
    const { minimumCalls, failurePercent } = this.#settings
    const calls = sum(this.#calls)
    if (calls >= minimumCalls && sum(this.#failures) * 100 >= calls * failurePercent) this.#open(now)
  }

  #count(counts: Uint32Array): void {
    counts[this.#slice] = (counts[this.#slice] ?? 0) + 1
  }

  /** Forgets the slices that have left the window. */
  #advance(now: number): void {
    const sliceMs = this.#settings.windowMs / slices
    const passed = Math.floor((now - this.#sliceBegan) / sliceMs)
    if (passed <= 0) return
    this.#sliceBegan += passed * sliceMs
    for (let i = 0; i < Math.min(passed, slices); i++) {
      this.#slice = (this.#slice + 1) % slices
      this.#calls[this.#slice] = 0
      this.#failures[this.#slice] = 0
    }
  }

  #open(now: number): void {
    this.#openedAt = now
    this.#change('open')
  }

  #close(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
    this.#change('closed')
  }

  #change(state: BreakerState): void {
    this.#ticket++
    this.#state = state
    this.#onChange(state)
  }
}

function sum(counts: Uint32Array): number {
  let all = 0
  for (let i = 0; i < slices; i++) all += counts[i] ?? 0
  return all
}

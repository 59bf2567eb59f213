const tickMs = 100

/**
 * How late the event loop runs. Two late ticks in a row mean overload; a single one may be a policy that is being
 * compiled, or the garbage collector.
 */
export class LoopDelay {
  readonly #limitMs: number
  readonly #timer: NodeJS.Timeout
  #expected = performance.now() + tickMs
  #lateTicks = 0
  /** Ms by which the last tick was late. */
  lastMs = 0

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#timer.unref()
  }

  get isOverloaded(): boolean {
    return this.#lateTicks >= 2
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    this.lastMs = Math.max(0, now - this.#expected)
    this.#expected = now + tickMs
    this.#lateTicks = this.lastMs > this.#limitMs ? this.#lateTicks + 1 : 0
  }
}

/** For every so many calls, one may be sent again. */
const callsPerRetry = 5
/** And beside these so many in a second, so that a function with few callers has retries too. */
const perSecond = 10
/** What can be saved up: a function that was well for an hour is not asked twice as often for the next. */
const most = 100

/**
 * How often calls of one function may be sent again. Without a bound, retries double the load of a function just when it
 * has too much already. Nothing is counted for a call that is not retried.
 */
export class RetryBudget {
  #credit = perSecond
  #calls = 0
  #at: number

  /** @param now ms of a monotonic clock. */
  constructor(now: number) {
    this.#at = now
  }

  /**
   * Takes one retry, if there is one.
   * @param calls how many calls the function has had in all.
   * @param now ms of a monotonic clock.
   */
  take(calls: number, now: number): boolean {
    const earned = (calls - this.#calls) / callsPerRetry + ((now - this.#at) / 1_000) * perSecond
    this.#credit = Math.min(most, this.#credit + earned)
    this.#calls = calls
    this.#at = now
    if (this.#credit < 1) return false
    this.#credit--
    return true
  }
}

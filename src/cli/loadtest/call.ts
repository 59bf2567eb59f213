/** One call of a load test. Times are ms on one monotonic clock; it was judged at some moment between the two. */
export interface Call {
  /** Who called: position in the list of callers. */
  readonly caller: number
  readonly sentAt: number
  readonly answeredAt: number
  /** `other`: neither let through nor refused by a limit of the route; it proves nothing. */
  readonly outcome: 'admitted' | 'refused' | 'other'
  /** 0: no answer came. */
  readonly status: number
  /** Of the problem document; empty where there is none. */
  readonly code: string
  /** Names of limits that have nothing left, by the answer's RateLimit field. */
  readonly spent: readonly string[]
  /** Seconds the answer asks the caller to wait; null where it says nothing. */
  readonly retryAfter: number | null
}

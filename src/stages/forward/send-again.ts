import type { Answer, Exchange, OutgoingRequest, SendFault, Upstream } from '../contract.js'
import { isRepeatable, isWorthAnother, pauseBefore, type RetrySettings } from './retry.js'

/** How a call ended that may have been sent more than once. */
export interface Sent {
  readonly outcome: Answer | SendFault
  readonly attempts: number
  /** One more try was worth it, and the budget of the function had none left. */
  readonly isBudgetSpent: boolean
}

/**
 * Sends a call again whose first try failed, for as long as that is worth it: within the attempts of its route, the time
 * that it may take in all, and what the function's budget of retries still holds.
 * @param elapsed ms since the first try began.
 */
export async function sendAgain(
  settings: RetrySettings,
  upstream: Upstream,
  request: OutgoingRequest,
  exchange: Exchange,
  first: SendFault,
  elapsed: () => number,
): Promise<Sent> {
  let fault = first
  for (let attempt = 2; ; attempt++) {
    const failed = (isBudgetSpent = false): Sent => ({ outcome: fault, attempts: attempt - 1, isBudgetSpent })
    if (attempt > settings.attempts || !isWorthAnother(settings, fault) || !isRepeatable(settings, exchange)) {
      return failed()
    }
    const pauseMs = pauseBefore(attempt, Math.random)
    const { timeouts } = request
    const leftMs = timeouts.totalMs === null ? null : timeouts.totalMs - elapsed() - pauseMs
    if (leftMs !== null && leftMs <= 0) return failed()
    if (!upstream.takeRetry()) return failed(true)
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    const outcome = await upstream.send({ ...request, timeouts: { ...timeouts, totalMs: leftMs } }, exchange)
    if (!('fault' in outcome)) return { outcome, attempts: attempt, isBudgetSpent: false }
    fault = outcome
  }
}

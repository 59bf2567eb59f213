import { serializeItem } from 'structured-headers'
import type { Exchange, LimitState } from '../contract.js'

/**
 * One member of RateLimit-Policy: `"per-client";q=10;w=60`. A window that is no whole number of seconds, or has no fixed
 * length, is left out. draft-ietf-httpapi-ratelimit-headers-11, RFC 9651
 */
export function policyItem(name: string, quota: number, windowMs: number, hasFixedWindow: boolean): string {
  const parameters = new Map([['q', quota]])
  if (hasFixedWindow && windowMs % 1000 === 0) parameters.set('w', windowMs / 1000)
  return serializeItem(name, parameters)
}

/** The name as a structured field's string, and what every member of RateLimit begins with. */
export function stateStart(name: string): string {
  return `${serializeItem(name)};r=`
}

/** One member of RateLimit: `"per-client";r=3;t=17`. Runs for every request: two numbers need no library. */
export function stateItem(start: string, state: LimitState): string {
  return `${start}${state.remaining};t=${secondsUp(state.resetMs)}`
}

/** Whole seconds, rounded up, so that waiting exactly so long is long enough. */
export function secondsUp(ms: number): number {
  return Math.ceil(ms / 1000)
}

/** Adds members to a list field of the answer, whose limits may come in two steps. */
export function addToField(exchange: Exchange, name: string, members: string): void {
  const { answerHeaders } = exchange
  for (let i = 0; i < answerHeaders.length; i += 2) {
    if (answerHeaders[i] === name) {
      answerHeaders[i + 1] += `, ${members}`
      return
    }
  }
  answerHeaders.push(name, members)
}

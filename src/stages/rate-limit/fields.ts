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

const legacyNames = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const

/**
 * The three headers that came before the fields, as @fastify/rate-limit and others write them; they have room for one
 * limit: the one with the least left, over both steps of a route.
 */
export function addLegacyHeaders(exchange: Exchange, states: readonly LimitState[]): void {
  let tightest: LimitState | undefined
  for (const state of states) if (tightest === undefined || state.remaining < tightest.remaining) tightest = state
  if (tightest === undefined) return
  const { answerHeaders } = exchange
  const values = [tightest.quota, tightest.remaining, secondsUp(tightest.resetMs)]
  const at = answerHeaders.indexOf(legacyNames[1])
  // An earlier step of the route has spoken; it keeps the word where it has less left.
  if (at !== -1 && Number(answerHeaders[at + 1]) <= tightest.remaining) return
  const start = at === -1 ? answerHeaders.length : at - 2
  legacyNames.forEach((name, i) => {
    answerHeaders[start + i * 2] = name
    answerHeaders[start + i * 2 + 1] = String(values[i])
  })
}

import type { Call } from './call.js'
import type { TestedLimit } from './tested-limit.js'

/** More was let through between two moments than a limit allows, whenever in between each call was judged. */
export interface Excess {
  readonly limit: TestedLimit
  /** Calls that came through, all sent and answered within the span. */
  readonly admitted: number
  /** Calls that the limit allows in such a span. */
  readonly allowed: number
  readonly fromMs: number
  readonly toMs: number
}

/** Sliding windows may ask for up to two percent of the window longer than an exact log would. */
const windowSlack = 1.02
/** Of a call. */
const bucketSlack = 0.05
/** Limiters count in whole milliseconds, and round at both ends. */
const clockMs = 2

/**
 * The worst excess of one counter, or null. Each call counts from when it was sent to when it was answered, so neither the
 * network nor a busy machine can be mistaken for a limit that is too wide.
 * @param calls admitted ones, all of one counter.
 */
export function excessOf(limit: TestedLimit, calls: readonly Call[]): Excess | null {
  const spans = spansOf(calls)
  if (limit.algorithm === 'token-bucket') return bucketExcess(limit, spans)
  // A fixed window lets twice its quota through around its edge; that is what it promises.
  const edges = limit.algorithm === 'fixed-window' || limit.algorithm === 'calendar' ? 2 : 1
  return windowExcess(limit, spans, edges)
}

interface Span {
  /** The earliest that this call or any behind it was sent. */
  readonly from: number
  readonly to: number
}

/** In order of their answers, so that calls next to each other lie between the `from` of the first and the `to` of the last. */
function spansOf(calls: readonly Call[]): readonly Span[] {
  const sorted = [...calls].sort((a, b) => a.answeredAt - b.answeredAt)
  let from = Number.POSITIVE_INFINITY
  return sorted
    .reverse()
    .map(({ sentAt, answeredAt }) => {
      from = Math.min(from, sentAt)
      return { from, to: answeredAt }
    })
    .reverse()
}

function windowExcess(limit: TestedLimit, spans: readonly Span[], edges: number): Excess | null {
  const allowed = Math.floor((limit.quota / limit.cost) * edges)
  let worst: Excess | null = null
  let first = 0
  spans.forEach(({ to }, last) => {
    while (to - (spans[first]?.from ?? to) >= limit.windowMs - clockMs && first < last) first++
    const admitted = last - first + 1
    if (admitted <= Math.max(allowed, worst?.admitted ?? 0)) return
    worst = { limit, admitted, allowed, fromMs: spans[first]?.from ?? to, toMs: to }
  })
  return worst
}

/** No span may hold more than the burst and what flowed in meanwhile. */
function bucketExcess(limit: TestedLimit, spans: readonly Span[]): Excess | null {
  const perMs = limit.quota / limit.windowMs / limit.cost
  const burst = limit.burst / limit.cost
  let worst: Excess | null = null
  let most = burst + bucketSlack
  let lowest = Number.POSITIVE_INFINITY
  let first = 0
  spans.forEach(({ from, to }, i) => {
    const before = i - perMs * from
    if (before < lowest) {
      lowest = before
      first = i
    }
    const over = i + 1 - perMs * to - lowest
    if (over <= most) return
    most = over
    const fromMs = spans[first]?.from ?? from
    const allowed = Math.floor(burst + perMs * (to - fromMs))
    worst = { limit, admitted: i + 1 - first, allowed, fromMs, toMs: to }
  })
  return worst
}

/** Says of refused calls whether a limit may have been spent when they were judged. */
export type MayBeSpent = (refused: Call) => boolean

/**
 * What the admitted calls of one counter say of the refused ones. A call that was on its way at the same time counts
 * against the caller: only a refusal that nothing can explain is called wrong.
 * @param knownFrom the counter is unknown before: it may have been in use. -Infinity: it was unused.
 */
export function refusalsExplained(
  limit: TestedLimit,
  calls: readonly Call[],
  knownFrom: number,
  epochOffset: number,
): MayBeSpent {
  const sent = calls.map(({ sentAt }) => sentAt).sort((a, b) => a - b)
  const answered = calls.map(({ answeredAt }) => answeredAt).sort((a, b) => a - b)
  /** Admitted calls that may have counted between two moments. */
  const between = (from: number, to: number): number => below(sent, to) - below(answered, from)
  const quota = limit.quota / limit.cost
  if (limit.algorithm === 'token-bucket') return bucketMayBeSpent(limit, sent, answered, knownFrom)
  if (limit.algorithm === 'calendar') {
    if (knownFrom !== Number.NEGATIVE_INFINITY) return () => true
    const startOf = (at: number) => periodStart(at + epochOffset, limit.calendar ?? 'day') - epochOffset
    return ({ sentAt, answeredAt }) => between(startOf(sentAt), answeredAt) + 1 > quota
  }
  const reach = limit.windowMs * (limit.algorithm === 'sliding-window' ? windowSlack : 1)
  return ({ sentAt, answeredAt }) => sentAt - reach < knownFrom || between(sentAt - reach, answeredAt) + 1 > quota
}

function bucketMayBeSpent(
  limit: TestedLimit,
  sent: readonly number[],
  answered: readonly number[],
  knownFrom: number,
): MayBeSpent {
  const perMs = limit.quota / limit.windowMs / limit.cost
  const burst = limit.burst / limit.cost
  // The level after each answer, when every call took its token as late as it can have.
  const levels: number[] = []
  let level = knownFrom === Number.NEGATIVE_INFINITY ? burst : 0
  let at = knownFrom === Number.NEGATIVE_INFINITY ? (answered[0] ?? 0) : knownFrom
  for (const answer of answered) {
    level = Math.min(burst, level + perMs * Math.max(0, answer - at)) - 1
    at = Math.max(at, answer)
    levels.push(level)
  }
  return ({ sentAt, answeredAt }) => {
    const done = below(answered, sentAt)
    const last = answered[done - 1]
    const start = knownFrom === Number.NEGATIVE_INFINITY ? burst : Math.max(0, perMs * (sentAt - knownFrom))
    const then = last === undefined ? start : (levels[done - 1] ?? 0) + perMs * (sentAt - last)
    const underWay = below(sent, answeredAt) - done
    return Math.min(burst, then) - underWay < 1 + bucketSlack
  }
}

/** How many of the sorted numbers are less than a bound. */
function below(sorted: readonly number[], bound: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < bound) low = middle + 1
    else high = middle
  }
  return low
}

/** The start of the day or month, UTC, in epoch ms. */
export function periodStart(at: number, calendar: 'day' | 'month'): number {
  const date = new Date(at)
  return calendar === 'day' ? date.setUTCHours(0, 0, 0, 0) : Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

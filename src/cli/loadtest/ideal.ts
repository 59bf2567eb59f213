import type { Call } from './call.js'
import type { Caller } from './callers.js'
import { periodStart } from './proofs.js'
import type { TestedLimit } from './tested-limit.js'

/** What an exact limiter would have done with the calls of a run. */
export interface Ideal {
  /** Of all calls that are no `other`. */
  readonly admitted: number
  /** One per call, in the order of the calls; false for `other`. */
  readonly admits: readonly boolean[]
}

/** One counter, exact: it remembers every call. Written apart from the gateway's own, whose faults it must not share. */
interface Counter {
  hasRoom(at: number): boolean
  take(at: number): void
}

/**
 * Plays the calls through exact limiters, each at the middle of the time in which it was judged: all limits of the route
 * admit a call, or none spends.
 */
export function playIdeal(
  calls: readonly Call[],
  callers: readonly Caller[],
  limits: readonly TestedLimit[],
  epochOffset: number,
): Ideal {
  const counters = new Map<string, Counter>()
  const counterOf = (limit: TestedLimit, index: number, caller: Caller): Counter => {
    const key = `${index}\n${limit.keyOf(caller)}`
    const known = counters.get(key) ?? exact(limit, epochOffset)
    counters.set(key, known)
    return known
  }
  const middle = ({ sentAt, answeredAt }: Call): number => (sentAt + answeredAt) / 2
  const admits: boolean[] = calls.map(() => false)
  let admitted = 0
  const order = calls.map((call, i) => ({ call, i })).sort((a, b) => middle(a.call) - middle(b.call))
  for (const { call, i } of order) {
    const caller = callers[call.caller]
    if (caller === undefined || call.outcome === 'other') continue
    const at = middle(call)
    const asked = limits.map((limit, index) => counterOf(limit, index, caller))
    if (!asked.every((counter) => counter.hasRoom(at))) continue
    for (const counter of asked) counter.take(at)
    admits[i] = true
    admitted++
  }
  return { admitted, admits }
}

function exact(limit: TestedLimit, epochOffset: number): Counter {
  if (limit.algorithm === 'token-bucket') return exactBucket(limit)
  if (limit.algorithm === 'sliding-window') return exactLog(limit)
  return exactWindow(limit, epochOffset)
}

function exactLog({ quota, cost, windowMs }: TestedLimit): Counter {
  const log: number[] = []
  let oldest = 0
  return {
    hasRoom(at) {
      while (oldest < log.length && (log[oldest] ?? 0) <= at - windowMs) oldest++
      return (log.length - oldest + 1) * cost <= quota
    },
    take(at) {
      log.push(at)
    },
  }
}

function exactBucket({ quota, cost, windowMs, burst }: TestedLimit): Counter {
  let tokens = burst
  let filledAt = Number.NEGATIVE_INFINITY
  const fill = (at: number): void => {
    if (filledAt !== Number.NEGATIVE_INFINITY) tokens = Math.min(burst, tokens + ((at - filledAt) * quota) / windowMs)
    filledAt = at
  }
  return {
    hasRoom(at) {
      fill(at)
      return tokens >= cost
    },
    take() {
      tokens -= cost
    },
  }
}

function exactWindow({ quota, cost, windowMs, calendar }: TestedLimit, epochOffset: number): Counter {
  let startedAt = Number.NEGATIVE_INFINITY
  let used = 0
  const isOver = (at: number): boolean =>
    calendar === null
      ? at >= startedAt + windowMs
      : periodStart(at + epochOffset, calendar) !== periodStart(startedAt + epochOffset, calendar)
  return {
    hasRoom: (at) => (startedAt === Number.NEGATIVE_INFINITY || isOver(at) ? 0 : used) + cost <= quota,
    take(at) {
      if (startedAt === Number.NEGATIVE_INFINITY || isOver(at)) {
        startedAt = at
        used = 0
      }
      used += cost
    },
  }
}

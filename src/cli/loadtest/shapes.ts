import { atOnce, ratePerSecond, type TestedLimit } from './tested-limit.js'

/** A call to be made, in ms from the start. */
export interface Due {
  readonly at: number
  readonly caller: number
}

/** How the load comes. Each asks more than the limit allows, or nothing is proven. */
export const shapes = ['steady', 'burst', 'edge', 'ramp', 'noisy'] as const
export type Shape = (typeof shapes)[number]

export const shapeWords: Readonly<Record<Shape, string>> = {
  steady: 'all that is allowed at once, and a fifth more, then evenly at the offered rate',
  burst: 'all that is allowed and half as much again at once, twice a window',
  edge: 'once a little before a window ends, once a little after',
  ramp: 'from nothing to twice the offered rate',
  noisy: 'one caller at fifty times its limit, the others at half of theirs',
}

/** What a test asks for, resolved. */
export interface LoadPlan {
  readonly limit: TestedLimit
  readonly shape: Shape
  readonly durationMs: number
  /** How many times what the limit allows. */
  readonly offered: number
  /** Callers beside the first, each at half of what it may have. */
  readonly quiet: number
  /** Calls a second that a quiet caller makes: half of what the tightest limit of the route allows it. */
  readonly quietPerSecond: number
  /** Calls a second that the sender makes at the most. */
  readonly mostPerSecond: number
}

/** The times of all calls, sorted. The first caller makes the load; the others ask quietly meanwhile. */
export function schedule(plan: LoadPlan): readonly Due[] {
  const due = loud(plan).map((at) => ({ at, caller: 0 }))
  for (let caller = 1; caller <= plan.quiet; caller++) due.push(...quietly(plan, caller))
  return due.filter(({ at }) => at < plan.durationMs).sort((a, b) => a.at - b.at)
}

function loud({ limit, shape, durationMs, offered, mostPerSecond }: LoadPlan): readonly number[] {
  const perMs = Math.min(ratePerSecond(limit) * (shape === 'noisy' ? 50 : offered), mostPerSecond) / 1000
  const once = atOnce(limit)
  const { windowMs } = limit
  switch (shape) {
    case 'steady':
    case 'noisy': {
      const herd = spread(0, Math.ceil(once * 1.2) + 2, mostPerSecond)
      const even = Array.from({ length: Math.floor(durationMs * perMs) }, (_, i) => (i + 1) / perMs)
      return [...herd, ...even]
    }
    case 'burst': {
      const size = Math.ceil(once * 1.5) + 2
      const count = Math.ceil(durationMs / (windowMs / 2))
      return Array.from({ length: count }, (_, i) => spread(i * (windowMs / 2), size, mostPerSecond)).flat()
    }
    case 'edge': {
      const size = Math.ceil(once * 1.2) + 2
      const count = Math.ceil(durationMs / windowMs)
      // The first call opens the window of a limiter that counts from there.
      const edges = Array.from({ length: count }, (_, i) => [
        ...spread((i + 0.95) * windowMs, size, mostPerSecond),
        ...spread((i + 1.02) * windowMs, size, mostPerSecond),
      ])
      return [0, ...edges.flat()]
    }
    case 'ramp': {
      // Calls up to t grow with its square: from nothing to twice the rate at the end.
      const all = Math.floor(durationMs * perMs)
      return Array.from({ length: all }, (_, i) => Math.sqrt((i + 1) / all) * durationMs)
    }
  }
}

/** Calls as close together as the sender can: a few each millisecond. */
function spread(from: number, count: number, mostPerSecond: number): number[] {
  return Array.from({ length: Math.ceil(count) }, (_, i) => from + (i * 1000) / mostPerSecond)
}

function quietly({ quietPerSecond, durationMs }: LoadPlan, caller: number): readonly Due[] {
  const everyMs = Math.max(1000 / quietPerSecond, 200)
  return Array.from({ length: Math.floor(durationMs / everyMs) }, (_, i) => ({
    at: (i + caller / 10) * everyMs,
    caller,
  }))
}

/** How long a test runs unless it is told: long enough to see a window pass, and a short one pass several times. */
export function usualDurationMs({ windowMs }: TestedLimit): number {
  if (windowMs <= 4_000) return Math.max(8_000, windowMs * 3)
  if (windowMs <= 60_000) return windowMs * 1.3
  // A longer window is seen to fill, not to pass.
  return 20_000
}

import type { LimitSpec } from '../../src/stages/contract.js'

const minuteMs = 60_000

/** Quotas and windows, from the smallest to large ones. */
export const shapes: readonly (readonly [quota: number, windowMs: number])[] = [
  [1, 1],
  [1, 1000],
  [2, 50],
  [3, 7],
  [3, 149],
  [5, 99],
  [10, minuteMs],
  [30, 1003],
  [30, minuteMs],
  [100, minuteMs],
  [300, 1000],
  [700, 3_600_000],
]

/** Numbers in [0, 1) that look random and are the same in every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Pauses of a caller that asks for twice its quota: bursts, edges of windows, silences long enough to be forgotten. */
export function pause(next: () => number, { quota, windowMs }: Pick<LimitSpec, 'quota' | 'windowMs'>): number {
  const kind = next()
  const rare = Math.min(0.1, 1 / quota)
  if (kind < rare / 3) return Math.round(windowMs * (0.97 + next() * 0.06))
  if (kind < (rare * 2) / 3) return Math.round(next() * windowMs)
  if (kind < rare) return Math.round(next() * windowMs * 4)
  return kind < 0.5 ? 0 : Math.round((2 * next() * windowMs) / quota)
}

import type { Call } from './call.js'
import type { TestedLimit } from './tested-limit.js'

/** A run as a plot shows it: what the first caller asked and got, in equal slices of time. */
export interface Series {
  readonly sliceMs: number
  readonly offered: readonly number[]
  readonly refused: readonly number[]
  /** Calls let through in the window that ends with the slice; for a token bucket, in the slice. */
  readonly level: readonly number[]
  /** What `level` may never exceed. */
  readonly bound: number
  readonly label: string
}

/**
 * Slices the calls of one counter.
 * @param untilMs length of the run so far.
 */
export function seriesOf(
  limit: TestedLimit,
  calls: readonly Call[],
  startedAt: number,
  untilMs: number,
  slices: number,
): Series {
  const sliceMs = untilMs / slices
  const offered = new Array<number>(slices).fill(0)
  const refused = new Array<number>(slices).fill(0)
  const passed = new Array<number>(slices).fill(0)
  for (const { sentAt, answeredAt, outcome } of calls) {
    const slice = Math.floor(((sentAt + answeredAt) / 2 - startedAt) / sliceMs)
    if (slice < 0 || slice >= slices) continue
    offered[slice] = (offered[slice] ?? 0) + 1
    if (outcome === 'refused') refused[slice] = (refused[slice] ?? 0) + 1
    if (outcome === 'admitted') passed[slice] = (passed[slice] ?? 0) + 1
  }
  const { algorithm, burst, quota, windowMs, cost, name } = limit
  if (algorithm === 'token-bucket') {
    const bound = (burst + (quota * sliceMs) / windowMs) / cost
    return { sliceMs, offered, refused, level: passed, bound, label: `through ${name} every ${Math.round(sliceMs)} ms` }
  }
  const admittedAt = calls
    .filter(({ outcome }) => outcome === 'admitted')
    .map(({ sentAt, answeredAt }) => (sentAt + answeredAt) / 2 - startedAt)
    .sort((a, b) => a - b)
  let from = 0
  let to = 0
  const level = passed.map((_, slice) => {
    const end = (slice + 1) * sliceMs
    while (to < admittedAt.length && (admittedAt[to] ?? 0) <= end) to++
    while (from < to && (admittedAt[from] ?? 0) <= end - windowMs) from++
    return to - from
  })
  return { sliceMs, offered, refused, level, bound: quota / cost, label: `through ${name} in the window before` }
}

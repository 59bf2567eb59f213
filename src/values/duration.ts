const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** JSON Schema pattern of what `parseDuration` reads. */
export const durationPattern = '^[0-9]{1,9}(ms|s|m|h|d)$'

/** Milliseconds of `50ms`, `30s`, `5m`, `24h`, `7d`; null when it is none of these. */
export function parseDuration(text: string): number | null {
  const found = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text)
  if (found === null) return null
  return Number(found[1]) * unitMs[found[2] as keyof typeof unitMs] // the pattern admits only its keys
}

/** The shortest text that `parseDuration` reads back: 90000 is `90s`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms >= unitMs[unit] && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`
  }
  return `${ms}ms`
}

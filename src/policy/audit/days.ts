export const dayMs = 86_400_000
/** Thirty days: how long before its end something is near it. */
export const monthMs = 30 * dayMs

/** `2027-01-31`, UTC. */
export function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** The first ms after a day written as `2027-01-31`; null when the calendar has no such day. */
export function endOfDay(text: string): number | null {
  const start = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(start) || formatDay(start) !== text ? null : start + dayMs
}

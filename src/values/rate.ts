import { parseDuration } from './duration.js'

/** How many in which window. `day` and `month` are calendar windows in UTC. */
export interface Rate {
  readonly quota: number
  readonly windowMs: number
  readonly calendar: 'day' | 'month' | null
}

const dayMs = 86_400_000
/** Nominal lengths: what limits report as their window. */
const calendarMs = { day: dayMs, month: 30 * dayMs } as const

/** JSON Schema pattern of the short form. */
export const ratePattern = '^[0-9]{1,9}/([0-9]{1,9}(ms|s|m|h|d)|day|month)$'

/** The window of `1m` or `day`; null when it is neither. */
export function parseWindow(text: string): Omit<Rate, 'quota'> | null {
  if (text === 'day' || text === 'month') return { windowMs: calendarMs[text], calendar: text }
  const windowMs = parseDuration(text)
  return windowMs === null || windowMs === 0 ? null : { windowMs, calendar: null }
}

/** The rate of `10/1m` or `1000/day`; null when it is neither. */
export function parseRate(text: string): Rate | null {
  const slash = text.indexOf('/')
  const count = text.slice(0, slash)
  if (slash < 1 || !/^[0-9]{1,9}$/.test(count)) return null
  const window = parseWindow(text.slice(slash + 1))
  return window === null ? null : { quota: Number(count), ...window }
}

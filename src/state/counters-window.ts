import type { Algorithm, Finding, Page, Shape } from './counters-page.js'

// Both algorithms keep the start of the running window as the entry's time, and one count.

const shape = (spec: Shape['spec']): Shape => ({
  spec,
  width: 1,
  bytesPerCell: 4,
  stepMs: 0,
  ring: 0,
  scale: 1,
  period: { start: 0, end: 0 },
})

const dayMs = 86_400_000

/**
 * `quota` calls per window, and each window begins with the first call after the last one: cheap, known from other
 * gateways, and twice the quota around an edge.
 */
export const fixedWindow: Algorithm = {
  shape,
  isLive: (page, entry, now) => countIn(page, entry, now) > 0,

  look(page, entry, quota, cost, now, finding) {
    const count = entry === -1 ? 0 : countIn(page, entry, now)
    judge(finding, count, quota, cost)
    const start = count === 0 ? now : (page.times[entry] ?? 0)
    finding.resetMs = start + page.shape.spec.windowMs - now
  },

  add(page, entry, _quota, cost, now) {
    const count = countIn(page, entry, now)
    if (count === 0) page.times[entry] = now
    page.cells[entry] = count + cost
  },

  remove(page, entry, _quota, cost, takenAt, now) {
    if (takenAt >= (page.times[entry] ?? 0)) page.cells[entry] = Math.max(0, countIn(page, entry, now) - cost)
  },

  used: (page, entry, _quota, now) => countIn(page, entry, now),

  raise(page, entry, _quota, used, resetMs, now) {
    if (used <= countIn(page, entry, now)) return
    page.times[entry] = now + Math.min(resetMs, page.shape.spec.windowMs) - page.shape.spec.windowMs
    page.cells[entry] = used
  },

  // A window that was running ends a new window's length after its start.
  convert: keep,
}

/** `quota` calls per day or month of the calendar, in UTC. */
export const calendar: Algorithm = {
  shape,
  isLive: (page, entry, now) => countSince(page, entry, now) > 0,

  look(page, entry, quota, cost, now, finding) {
    const count = entry === -1 ? 0 : countSince(page, entry, now)
    judge(finding, count, quota, cost)
    // After a step back of the clock over midnight, the period that was begun still runs.
    const inside = count === 0 ? now : Math.max(now, page.times[entry] ?? 0)
    finding.resetMs = periodEnd(page, inside) - now
  },

  add(page, entry, _quota, cost, now) {
    const count = countSince(page, entry, now)
    if (count === 0) page.times[entry] = periodStart(page, now)
    page.cells[entry] = count + cost
  },

  remove(page, entry, _quota, cost, takenAt, now) {
    if (takenAt >= (page.times[entry] ?? 0)) page.cells[entry] = Math.max(0, countSince(page, entry, now) - cost)
  },

  used: (page, entry, _quota, now) => countSince(page, entry, now),

  raise(page, entry, _quota, used, _resetMs, now) {
    if (used <= countSince(page, entry, now)) return
    page.times[entry] = periodStart(page, now)
    page.cells[entry] = used
  },

  // From day to month: today's calls count for the month. From month to day: the count began before today, and ends.
  convert: keep,
}

function countIn(page: Page, entry: number, now: number): number {
  return now - (page.times[entry] ?? 0) < page.shape.spec.windowMs ? (page.cells[entry] ?? 0) : 0
}

/**
 * The count of the running period. A period that begins after now is one that the clock has stepped back out of: it
 * counts on, unless it is so far off that the clock must have been wrong when it began.
 */
function countSince(page: Page, entry: number, now: number): number {
  const start = page.times[entry] ?? 0
  if (start < periodStart(page, now) || start > now + page.shape.spec.windowMs) return 0
  return page.cells[entry] ?? 0
}

const periodStart = (page: Page, at: number): number => periodOf(page.shape, at).start
const periodEnd = (page: Page, at: number): number => periodOf(page.shape, at).end

function periodOf({ spec, period }: Shape, at: number): Shape['period'] {
  if (at >= period.start && at < period.end) return period
  if (spec.calendar === 'month') {
    const date = new Date(at)
    period.start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
    period.end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
  } else {
    period.start = at - (at % dayMs)
    period.end = period.start + dayMs
  }
  return period
}

function judge(finding: Finding, count: number, quota: number, cost: number): void {
  finding.allowed = count + cost <= quota
  finding.remaining = Math.max(0, quota - count - (finding.allowed ? cost : 0))
}

function keep(from: Page, entry: number, to: Page, target: number): void {
  to.times[target] = from.times[entry] ?? 0
  to.cells[target] = from.cells[entry] ?? 0
}

import type { Algorithm, Page, Shape } from './counters-page.js'
import { bytesFor } from './counters-page.js'

/** A sub-window is at most this part of the window: 2 %, the bound on how much longer than needed a client waits. */
const partsOfWindow = 50

// The cells of an entry: which cell of the ring is the oldest, how many calls are alive, then the ring. The entry's time
// is the right edge of the oldest sub-window.
const head = 0
const total = 1
const ringAt = 2

/**
 * At most `quota` calls in any window, whatever the schedule.
 *
 * Time is cut into sub-windows whose grid begins with the client's first call after a pause; each holds the calls
 * after its left edge, up to and with its right edge. All calls of a sub-window are kept until the last of them could
 * have left the window, a window after its right edge: never more than the quota in any window. A call is thus kept less than
 * one sub-window too long: at most 2 % of the window. Windows below 100 ms have sub-windows of 1 ms and are exact, and so is
 * every burst out of a pause, since its first call lies on an edge.
 */
export const slidingWindow: Algorithm = {
  shape(spec): Shape {
    const stepMs = Math.max(1, Math.floor(spec.windowMs / partsOfWindow))
    const ring = Math.ceil((spec.windowMs - 1) / stepMs) + 1
    return {
      spec,
      width: ring + ringAt,
      bytesPerCell: bytesFor(spec.quota),
      stepMs,
      ring,
      scale: 1,
      period: { start: 0, end: 0 },
    }
  },

  isLive(page, entry, now) {
    const at = entry * page.shape.width
    const alive = page.cells[at + total] ?? 0
    if (alive === 0) return false
    const gone = passed(page, entry, now)
    if (gone === 0) return true
    if (gone >= page.shape.ring) return false
    let dead = 0
    for (let i = 0; i < gone; i++) dead += page.cells[cellAt(page, at, i)] ?? 0
    return dead < alive
  },

  look(page, entry, quota, cost, now, finding) {
    const { spec, stepMs, width } = page.shape
    if (entry !== -1) settle(page, entry, now)
    const at = entry * width
    const alive = entry === -1 ? 0 : (page.cells[at + total] ?? 0)
    finding.allowed = alive + cost <= quota
    finding.remaining = Math.max(0, quota - alive - (finding.allowed ? cost : 0))
    finding.resetMs = spec.windowMs
    if (alive === 0) return
    // Allowed: until the oldest call leaves. Spent: until as many have left that this one fits.
    let leaving = finding.allowed ? 1 : alive - quota + cost
    let i = 0
    while (i < page.shape.ring) {
      leaving -= page.cells[cellAt(page, at, i)] ?? 0
      if (leaving <= 0) break
      i++
    }
    finding.resetMs = (page.times[entry] ?? 0) + i * stepMs + spec.windowMs - now
  },

  add(page, entry, _quota, cost, now) {
    const { width, stepMs } = page.shape
    const at = entry * width
    const alive = page.cells[at + total] ?? 0
    if (alive === 0) {
      // Every cell is 0: `settle`, `remove` and a new entry leave it so. A new grid begins with this call.
      page.times[entry] = now
      page.cells[at + head] = 0
    }
    const cell = cellAt(page, at, Math.max(0, Math.ceil((now - (page.times[entry] ?? 0)) / stepMs)))
    page.cells[cell] = (page.cells[cell] ?? 0) + cost
    page.cells[at + total] = alive + cost
  },

  used(page, entry, _quota, now) {
    settle(page, entry, now)
    return page.cells[entry * page.shape.width + total] ?? 0
  },

  // When the others' calls came nobody says: they count as of now, and so for a little too long.
  raise(page, entry, quota, used, _resetMs, now) {
    const missing = Math.min(used, page.shape.spec.quota) - slidingWindow.used(page, entry, quota, now)
    if (missing > 0) slidingWindow.add(page, entry, quota, missing, now)
  },

  remove(page, entry, _quota, cost, takenAt, now) {
    settle(page, entry, now)
    const { width, stepMs, ring } = page.shape
    const at = entry * width
    const place = Math.ceil((takenAt - (page.times[entry] ?? 0)) / stepMs)
    if (place < 0 || place >= ring) return
    const cell = cellAt(page, at, place)
    const left = Math.min(cost, page.cells[cell] ?? 0)
    page.cells[cell] = (page.cells[cell] ?? 0) - left
    page.cells[at + total] = (page.cells[at + total] ?? 0) - left
  },

  convert(from, entry, to, target, now) {
    const { stepMs, ring, spec } = to.shape
    const at = target * to.shape.width
    let alive = 0
    for (let i = 0; i < from.shape.ring; i++) {
      const count = from.cells[cellAt(from, entry * from.shape.width, i)] ?? 0
      // The calls of the newest sub-window came before now, whatever its right edge says.
      const edge = Math.min(now, (from.times[entry] ?? 0) + i * from.shape.stepMs)
      if (count === 0 || edge + spec.windowMs <= now) continue
      if (alive === 0) to.times[target] = edge
      const place = Math.min(ring - 1, Math.ceil((edge - (to.times[target] ?? 0)) / stepMs))
      to.cells[at + ringAt + place] = (to.cells[at + ringAt + place] ?? 0) + count
      alive += count
    }
    to.cells[at + total] = alive
  },
}

/** The cell of the n-th oldest sub-window; n is below the ring's length. */
function cellAt(page: Page, at: number, n: number): number {
  const place = (page.cells[at + head] ?? 0) + n
  const ring = page.shape.ring
  return at + ringAt + (place < ring ? place : place - ring)
}

/** How many of the oldest sub-windows have left the window. */
function passed(page: Page, entry: number, now: number): number {
  const beyond = now - (page.times[entry] ?? 0) - page.shape.spec.windowMs
  return beyond < 0 ? 0 : Math.floor(beyond / page.shape.stepMs) + 1
}

/** Drops what has left the window, and empty sub-windows at the old end. */
function settle(page: Page, entry: number, now: number): void {
  const { width, ring, stepMs } = page.shape
  const { cells, times } = page
  const at = entry * width
  let alive = cells[at + total] ?? 0
  if (alive === 0) return
  const gone = passed(page, entry, now)
  if (gone >= ring) {
    page.clear(entry)
    return
  }
  let first = cells[at + head] ?? 0
  let steps = 0
  while (steps < gone || (alive > 0 && cells[at + ringAt + first] === 0)) {
    alive -= cells[at + ringAt + first] ?? 0
    cells[at + ringAt + first] = 0
    first = first + 1 < ring ? first + 1 : 0
    steps++
  }
  if (steps === 0) return
  times[entry] = (times[entry] ?? 0) + steps * stepMs
  cells[at + head] = first
  cells[at + total] = alive
}

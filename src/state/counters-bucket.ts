import type { Algorithm, Page, Shape } from './counters-page.js'

const largestLevel = 2 ** 32 - 1

/**
 * A bucket that fills by one token per call and drains at quota ÷ window; a call is admitted while it fits. In any
 * window at most quota + burst. The same decisions as GCRA (ITU-T I.371), kept as a level in tokens rather than as a
 * time, so that a client whose quota changes keeps its count.
 *
 * The level is a whole number of units, as many to a token as 32 bits allow; what is lost in rounding (one unit per
 * call) is lost by the client, never by the limit.
 */
export const tokenBucket: Algorithm = {
  shape(spec): Shape {
    const scale = Math.max(1, Math.floor(largestLevel / capacityOf(spec.burst, spec.quota)))
    return { spec, width: 1, bytesPerCell: 4, stepMs: 0, ring: 0, scale, period: { start: 0, end: 0 } }
  },

  isLive(page, entry, now, leastQuota) {
    return levelAt(page, entry, leastQuota, now) > 0
  },

  look(page, entry, quota, cost, now, finding) {
    const { spec, scale } = page.shape
    const taken = cost * scale
    const full = capacityOf(spec.burst, quota) * scale
    const level = entry === -1 ? 0 : levelAt(page, entry, quota, now)
    finding.allowed = level + taken <= full
    finding.remaining = Math.max(0, Math.floor((full - level) / scale) - (finding.allowed ? cost : 0))
    if (finding.allowed) {
      finding.resetMs = Math.ceil(((level + taken) * spec.windowMs) / (quota * scale))
      return
    }
    // Counted from the stored level: the present one is rounded. The division may be off by one, the promise may not.
    const since = page.times[entry] ?? 0
    const excess = (page.cells[entry] ?? 0) + taken - full
    const isFree = (at: number) => levelAt(page, entry, quota, at) + taken <= full
    let free = since + Math.ceil((excess * spec.windowMs) / (quota * scale))
    while (!isFree(free)) free++
    while (isFree(free - 1)) free--
    finding.resetMs = free - now
  },

  add(page, entry, quota, cost, now) {
    page.cells[entry] = levelAt(page, entry, quota, now) + cost * page.shape.scale
    page.times[entry] = now
  },

  used(page, entry, quota, now) {
    return Math.ceil(levelAt(page, entry, quota, now) / page.shape.scale)
  },

  raise(page, entry, quota, used, _resetMs, now) {
    const { spec, scale } = page.shape
    const known = Math.min(used, capacityOf(spec.burst, spec.quota)) * scale
    if (known <= levelAt(page, entry, quota, now)) return
    page.cells[entry] = known
    page.times[entry] = now
  },

  remove(page, entry, quota, cost, takenAt, now) {
    const { scale, spec } = page.shape
    // What has drained since is not given back a second time: the bucket might hold other calls by now.
    const left = Math.ceil(cost * scale - ((now - takenAt) * quota * scale) / spec.windowMs)
    if (left <= 0) return
    page.cells[entry] = Math.max(0, levelAt(page, entry, quota, now) - left)
    page.times[entry] = now
  },

  convert(from, entry, to, target) {
    const tokens = (from.cells[entry] ?? 0) / from.shape.scale
    const full = capacityOf(to.shape.spec.burst, to.shape.spec.quota) * to.shape.scale
    to.cells[target] = Math.min(full, Math.ceil(tokens * to.shape.scale))
    to.times[target] = from.times[entry] ?? 0
  },
}

/** Without a burst a bucket holds what one window allows. */
function capacityOf(burst: number | null, quota: number): number {
  return burst ?? quota
}

function levelAt(page: Page, entry: number, quota: number, now: number): number {
  const level = page.cells[entry] ?? 0
  if (level === 0) return 0
  const { scale, spec } = page.shape
  const drained = Math.floor(((now - (page.times[entry] ?? 0)) * quota * scale) / spec.windowMs)
  return drained >= level ? 0 : level - drained
}

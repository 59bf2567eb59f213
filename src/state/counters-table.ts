import type { KeyHash } from './counters-hash.js'
import { type Algorithm, Page, pageBytes, type Shape } from './counters-page.js'

type Hash = Pick<KeyHash, 'high' | 'low'>

/** What all tables of a process share. */
export interface Budget {
  readonly maxKeys: number
  readonly maxBytes: number
  bytes: number
  /** Hears, at most once a minute for each limit, that its new keys share one counter. */
  readonly onFull?: (bucket: string) => void
}

const smallestPage = 8
/** Rebuilding the largest page takes some 50 µs: the longest stall that growth can cause. */
const largestPage = 1024

/**
 * The entries of one limit, by hash. Pages double up to 1,024 places and then split in two, each by the next bit of the
 * hash (extendible hashing), so growth never copies the whole table at once. A live entry is never dropped: when a
 * table may not grow, keys it does not know share one overflow entry.
 */
export class Table {
  readonly algorithm: Algorithm
  /** Where the last `find` or `insert` ended: a page, and a place in it; -1: no such entry. */
  page: Page
  entry = -1
  used = 0
  /** How often a key had to share the overflow entry. */
  overflowed = 0
  leastQuota = Number.POSITIVE_INFINITY
  #shape: Shape
  #directory: Page[]
  #depth = 0
  #overflow: Page
  readonly #budget: Budget
  #nextAlarm = Number.NEGATIVE_INFINITY

  constructor(algorithm: Algorithm, shape: Shape, budget: Budget) {
    this.algorithm = algorithm
    this.#shape = shape
    this.#budget = budget
    this.page = this.#newPage(smallestPage, 0)
    this.#directory = [this.page]
    this.#overflow = this.#newPage(1, 0) // one entry, which no hash leads to
  }

  get shape(): Shape {
    return this.#shape
  }

  get pages(): number {
    return this.#directory.length
  }

  get bytes(): number {
    let bytes = this.#overflow.bytes
    for (const page of new Set(this.#directory)) bytes += page.bytes
    return bytes
  }

  /** Another table takes its place, and its memory goes when the last call that uses it has ended. */
  release(): void {
    this.#budget.bytes -= this.bytes
  }

  /** Gives the table another shape; each page follows when it is next used, with what its entries know. */
  reshape(shape: Shape): void {
    // Never narrower: entries may hold more than a quota that has shrunk.
    const bytesPerCell = Math.max(shape.bytesPerCell, this.#shape.bytesPerCell) as Shape['bytesPerCell'] // one of the two
    this.#shape = { ...shape, bytesPerCell }
  }

  // Runs for every limit of every request; measured in bench/counters.ts.
  find(high: number, low: number, now: number): void {
    let page = this.#pageOf(high)
    if (page.shape !== this.#shape) page = this.#convert(page, now)
    this.page = page
    this.entry = page.find(high, low)
  }

  /** The entry of a key that `find` did not find: a place of its own, or the shared one. */
  insert(high: number, low: number, now: number): void {
    const page = this.page
    if (this.#insertInto(page, high, low, now)) return
    const hasRoom = now >= page.restUntil && this.#makeRoom(page, high, now)
    if (hasRoom && this.#insertInto(this.#pageOf(high), high, low, now)) return
    this.overflowed++
    if (now >= this.#nextAlarm) {
      this.#nextAlarm = now + 60_000
      this.#budget.onFull?.(this.#shape.spec.bucket)
    }
    this.findOverflow(now)
  }

  /** The entry that all share who found no place of their own. */
  findOverflow(now: number): void {
    if (this.#overflow.shape !== this.#shape) this.#overflow = this.#converted(this.#overflow, now)
    this.page = this.#overflow
    this.entry = 0
  }

  /** Learns that at least so much of a key's quota is in use; see Algorithm.raise. */
  raise({ high, low }: Hash, quota: number, used: number, resetMs: number, now: number): void {
    if (quota < this.leastQuota) this.leastQuota = quota
    this.find(high, low, now)
    if (this.entry === -1) this.insert(high, low, now)
    this.algorithm.raise(this.page, this.entry, quota, used, resetMs, now)
  }

  /** Gives back what a key took at `takenAt`, if it has a counter of its own. */
  giveBack({ high, low }: Hash, quota: number, cost: number, takenAt: number, now: number): void {
    this.find(high, low, now)
    if (this.entry !== -1) this.algorithm.remove(this.page, this.entry, quota, cost, takenAt, now)
  }

  /** How much of a key's quota is in use. */
  usage({ high, low }: Hash, quota: number, now: number): number {
    this.find(high, low, now)
    return this.entry === -1 ? 0 : this.algorithm.used(this.page, this.entry, quota, now)
  }

  /** Whether `insert` might end in the overflow entry. `find` has just looked for the key. */
  get isTight(): boolean {
    return this.page.isFull || this.used >= this.#budget.maxKeys
  }

  /** Drops what is dead from one page and gives its memory back. */
  sweep(index: number, now: number): void {
    let page = this.#directory[index]
    if (page === undefined || page.used === 0) return
    if (page.shape !== this.#shape) page = this.#convert(page, now)
    const live = this.#liveIn(page, now)
    if ((page.used - live) * 4 < page.used) return
    let capacity = page.capacity
    while (capacity > smallestPage && live * 4 < capacity) capacity >>= 1
    this.#rebuild(page, capacity, now)
  }

  #pageOf(high: number): Page {
    return this.#directory[this.#depth === 0 ? 0 : high >>> (32 - this.#depth)] as Page // the directory has 2^depth pages
  }

  #insertInto(page: Page, high: number, low: number, now: number): boolean {
    this.page = page
    // Where places get scarce, a dead entry of the same chain is as good as an empty one.
    const mask = page.capacity - 1
    const isScarce = page.used * 2 > page.capacity || this.used >= this.#budget.maxKeys
    for (let i = low & mask; isScarce && page.isTaken(i); i = (i + 1) & mask) {
      if (this.algorithm.isLive(page, i, now, this.leastQuota)) continue
      page.reuse(i, high, low)
      this.entry = i
      return true
    }
    if (page.isFull || this.used >= this.#budget.maxKeys) return false
    this.entry = page.place(high, low)
    this.used++
    return true
  }

  /** Makes a place for a hash in its page: by dropping the dead, or by growing. */
  #makeRoom(page: Page, high: number, now: number): boolean {
    const live = this.#liveIn(page, now)
    // Rebuilding at the same size pays only when it frees a quarter of the page or more.
    const isCrowded = live * 8 > page.capacity * 5
    const added = pageBytes(this.#shape, page.capacity)
    const mayGrow =
      this.used - page.used + live < this.#budget.maxKeys && this.#budget.bytes + added <= this.#budget.maxBytes
    if (isCrowded && mayGrow && page.isFull) {
      if (page.capacity < largestPage) this.#rebuild(page, page.capacity * 2, now)
      else this.#split(page, high, now)
      return true
    }
    if (live < page.used) {
      this.#rebuild(page, page.capacity, now)
      return true
    }
    page.restUntil = now + Math.min(10_000, Math.max(50, this.#shape.spec.windowMs / 64))
    return false
  }

  #liveIn(page: Page, now: number): number {
    let live = 0
    for (let i = 0; i < page.capacity; i++) {
      if (page.isTaken(i) && this.algorithm.isLive(page, i, now, this.leastQuota)) live++
    }
    return live
  }

  #rebuild(page: Page, capacity: number, now: number): void {
    const next = this.#newPage(capacity, page.depth)
    this.#move(page, now, () => next)
    this.#replace(page, next)
  }

  #split(page: Page, high: number, now: number): void {
    if (page.depth === this.#depth) {
      this.#directory = this.#directory.flatMap((each) => [each, each])
      this.#depth++
    }
    const depth = page.depth + 1
    const low = this.#newPage(page.capacity, depth)
    const top = this.#newPage(page.capacity, depth)
    this.#move(page, now, (hash) => (((hash >>> (32 - depth)) & 1) === 0 ? low : top))
    const span = 2 ** (this.#depth - page.depth)
    const index = high >>> (32 - this.#depth)
    const start = index - (index % span)
    this.#directory.fill(low, start, start + span / 2)
    this.#directory.fill(top, start + span / 2, start + span)
    this.#budget.bytes -= page.bytes
  }

  #move(page: Page, now: number, target: (high: number) => Page): void {
    for (let i = 0; i < page.capacity; i++) {
      if (!page.isTaken(i)) continue
      if (this.algorithm.isLive(page, i, now, this.leastQuota)) target(page.hashes[i << 1] ?? 0).copy(page, i)
      else this.used--
    }
  }

  #convert(page: Page, now: number): Page {
    const next = this.#converted(page, now)
    this.#replace(page, next)
    return next
  }

  #converted(page: Page, now: number): Page {
    const next = this.#newPage(page.capacity, page.depth)
    for (let i = 0; i < page.capacity; i++) {
      if (!page.isTaken(i)) continue
      const target = next.place(page.hashes[i << 1] ?? 0, page.hashes[(i << 1) + 1] ?? 0)
      this.algorithm.convert(page, i, next, target, now)
    }
    if (page === this.#overflow) {
      this.algorithm.convert(page, 0, next, 0, now)
      this.#budget.bytes -= page.bytes
    }
    return next
  }

  #replace(page: Page, next: Page): void {
    const span = 2 ** (this.#depth - page.depth)
    const index = this.#directory.indexOf(page)
    this.#directory.fill(next, index, index + span)
    this.#budget.bytes -= page.bytes
  }

  #newPage(capacity: number, depth: number): Page {
    const page = new Page(this.#shape, capacity, depth)
    this.#budget.bytes += page.bytes
    return page
  }
}

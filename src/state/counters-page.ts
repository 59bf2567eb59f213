import type { LimitSpec } from '../stages/contract.js'

/** What a limit's entries look like in memory, and the numbers its algorithm works with. Changes when a policy does. */
export interface Shape {
  readonly spec: LimitSpec
  /** Numbers per entry. */
  readonly width: number
  readonly bytesPerCell: 1 | 2 | 4
  /** Sliding window: length of a sub-window, and how many of them can be alive at once. */
  readonly stepMs: number
  readonly ring: number
  /** Token bucket: units of its level that make one token. */
  readonly scale: number
  /** Calendar: the period that was last asked for, since finding one takes longer than counting in it. */
  readonly period: { start: number; end: number }
}

/** What an algorithm says of one entry; written anew by each `look`. */
export interface Finding {
  allowed: boolean
  remaining: number
  resetMs: number
}

/**
 * A way of counting. It knows one entry of a page and nothing of keys. Times are epoch ms in whole numbers and never
 * step back (calendar: may step back).
 */
export interface Algorithm {
  shape(spec: LimitSpec): Shape
  /** Whether the entry still says anything; `leastQuota` is the smallest quota it was ever asked for. */
  isLive(page: Page, entry: number, now: number, leastQuota: number): boolean
  /** What taking `cost` now would mean; nothing is taken. Entry -1 is one that does not exist yet. */
  look(page: Page, entry: number, quota: number, cost: number, now: number, finding: Finding): void
  /** Takes `cost`. `look` has allowed it at the same `now`. */
  add(page: Page, entry: number, quota: number, cost: number, now: number): void
  /** Gives back what was taken at `takenAt`. */
  remove(page: Page, entry: number, quota: number, cost: number, takenAt: number, now: number): void
  /** How much of the quota is in use, rounded up. */
  used(page: Page, entry: number, quota: number, now: number): number
  /**
   * Learns from another counter of the same key that at least so much is in use; never lowers anything.
   * @param resetMs until that counter's window ends, where it has one.
   */
  raise(page: Page, entry: number, quota: number, used: number, resetMs: number, now: number): void
  /** Moves what an entry knows into an empty one of a page of another shape. */
  convert(from: Page, entry: number, to: Page, target: number, now: number): void
}

type Cells = Uint8Array | Uint16Array | Uint32Array

/**
 * Up to a thousand entries in one piece of memory: a small hash table with open addressing. Both halves of a hash being 0
 * marks an empty place; an entry whose time has passed keeps its place, so that those behind it are still found, until
 * another takes it over or the page is rebuilt.
 */
export class Page {
  readonly shape: Shape
  readonly capacity: number
  /** How many leading bits of the hash all its entries share. */
  readonly depth: number
  readonly hashes: Uint32Array
  readonly times: Float64Array
  readonly cells: Cells
  /** Places taken, by live entries and by those whose time has passed. */
  used = 0
  /** Rebuilding is not tried again before this time. */
  restUntil = Number.NEGATIVE_INFINITY

  constructor(shape: Shape, capacity: number, depth: number) {
    this.shape = shape
    this.capacity = capacity
    this.depth = depth
    const count = capacity * shape.width
    const memory = new ArrayBuffer(capacity * 16 + count * shape.bytesPerCell)
    this.times = new Float64Array(memory, 0, capacity)
    this.hashes = new Uint32Array(memory, capacity * 8, capacity * 2)
    if (shape.bytesPerCell === 1) this.cells = new Uint8Array(memory, capacity * 16, count)
    else if (shape.bytesPerCell === 2) this.cells = new Uint16Array(memory, capacity * 16, count)
    else this.cells = new Uint32Array(memory, capacity * 16, count)
  }

  get bytes(): number {
    return pageBytes(this.shape, this.capacity)
  }

  /** Whether no place is left; an eighth stays empty, or looking for what is not there would take long. */
  get isFull(): boolean {
    return this.used >= this.capacity - (this.capacity >> 3)
  }

  /** The entry of a hash, or -1. */
  find(high: number, low: number): number {
    const hashes = this.hashes
    const mask = this.capacity - 1
    for (let i = low & mask; ; i = (i + 1) & mask) {
      const a = hashes[i << 1] ?? 0
      const b = hashes[(i << 1) + 1] ?? 0
      if (b === low && a === high) return i
      if (a === 0 && b === 0) return -1
    }
  }

  /** The empty place where a hash belongs. */
  place(high: number, low: number): number {
    const mask = this.capacity - 1
    let i = low & mask
    while (this.isTaken(i)) i = (i + 1) & mask
    this.hashes[i << 1] = high
    this.hashes[(i << 1) + 1] = low
    this.used++
    return i
  }

  isTaken(entry: number): boolean {
    return this.hashes[entry << 1] !== 0 || this.hashes[(entry << 1) + 1] !== 0
  }

  /** Hands the place of a dead entry to another hash of the same chain. */
  reuse(entry: number, high: number, low: number): void {
    this.hashes[entry << 1] = high
    this.hashes[(entry << 1) + 1] = low
    this.clear(entry)
  }

  clear(entry: number): void {
    const width = this.shape.width
    this.times[entry] = 0
    this.cells.fill(0, entry * width, entry * width + width)
  }

  /** Copies an entry of a page of the same shape. */
  copy(from: Page, entry: number): void {
    const width = this.shape.width
    const target = this.place(from.hashes[entry << 1] ?? 0, from.hashes[(entry << 1) + 1] ?? 0)
    this.times[target] = from.times[entry] ?? 0
    for (let i = 0; i < width; i++) this.cells[target * width + i] = from.cells[entry * width + i] ?? 0
  }
}

/** Memory of a page: its arrays, and about 600 bytes for the objects around them. */
export function pageBytes(shape: Shape, capacity: number): number {
  return capacity * (16 + shape.width * shape.bytesPerCell) + 600
}

/** The narrowest cell that can hold a quota. */
export function bytesFor(quota: number): 1 | 2 | 4 {
  if (quota <= 0xff) return 1
  return quota <= 0xffff ? 2 : 4
}

import { KeyHash } from './counters-hash.js'

/** What became of a name that may be used once. */
export type Claimed = 'fresh' | 'seen' | 'full'

/**
 * Remembers names that may be used once, for as long as somebody might use them again. In the memory of one process
 * here; a store that several processes share answers by a promise.
 */
export interface ReplayStore {
  /**
   * Takes a name: `seen` when somebody has, `full` when there is no room to remember it, so that it must not count.
   * @param lifeMs how long the name must be remembered, from `now`.
   */
  claim(name: string, lifeMs: number, now: number): Claimed | Promise<Claimed>
}

const firstSlots = 4_096
const slotBytes = 8

/** Keyed 64-bit fingerprints in open addressing; never resized, since that would stall everybody for one insert. */
class Page {
  readonly #slots: Uint32Array
  readonly #mask: number
  #count = 0

  constructor(slots: number) {
    this.#slots = new Uint32Array(2 * slots)
    this.#mask = slots - 1
  }

  get isFull(): boolean {
    return this.#count > this.#mask >> 1
  }

  /** Where the fingerprint is, or the empty place where it would go. */
  #find(high: number, low: number): number {
    const slots = this.#slots
    let at = low & this.#mask
    while (slots[2 * at] !== 0 || slots[2 * at + 1] !== 0) {
      if (slots[2 * at] === high && slots[2 * at + 1] === low) return at
      at = (at + 1) & this.#mask
    }
    return at
  }

  has(high: number, low: number): boolean {
    const at = this.#find(high, low)
    return this.#slots[2 * at] === high && this.#slots[2 * at + 1] === low
  }

  add(high: number, low: number): void {
    const at = this.#find(high, low)
    this.#slots[2 * at] = high
    this.#slots[2 * at + 1] = low
    this.#count += 1
  }
}

/**
 * Makes the store of one process. It forgets by halves: names go into a young half that becomes the old one no sooner
 * than the longest life asked for; so each is remembered at least that long, and nothing is ever walked through.
 * @param seed eight random bytes: who does not know them cannot make two names meet.
 * @param maxBytes both halves together.
 */
export function createProofsSeen({
  seed,
  maxBytes = 32 * 1024 * 1024,
}: {
  seed: Buffer
  maxBytes?: number
}): ReplayStore {
  const hash = new KeyHash(seed)
  let young: Page[] = []
  let old: Page[] = []
  let youngSlots = 0
  let longestMs = 0
  let turnedAt: number | null = null

  function turn(now: number): void {
    turnedAt ??= now
    // With a clock that was set back nothing is forgotten until it has caught up.
    if (now - turnedAt < longestMs) return
    // After a silence of two lives nothing of either half is alive.
    old = now - turnedAt >= 2 * longestMs ? [] : young
    young = []
    youngSlots = 0
    turnedAt = now
  }

  /** The page with room for one more; null when this half has its share of memory. */
  function pageWithRoom(): Page | null {
    const last = young.at(-1)
    if (last !== undefined && !last.isFull) return last
    const slots = Math.max(firstSlots, youngSlots)
    if ((youngSlots + slots) * slotBytes > maxBytes / 2) return null
    youngSlots += slots
    const page = new Page(slots)
    young.push(page)
    return page
  }

  return {
    claim(name, lifeMs, now) {
      if (lifeMs > longestMs) longestMs = lifeMs
      turn(now)
      hash.of(name)
      const { high, low } = hash
      for (const page of young) if (page.has(high, low)) return 'seen'
      for (const page of old) if (page.has(high, low)) return 'seen'
      const page = pageWithRoom()
      if (page === null) return 'full'
      page.add(high, low)
      return 'fresh'
    },
  }
}

import { createHmac, timingSafeEqual } from 'node:crypto'

/** Nonces that need no memory: each is a keyed digest of the slot of time it was given in. */
export interface Nonces {
  current(now: number): string
  /** `old`: good, and about to end; the caller should be told the current one. */
  judge(nonce: string, now: number): 'current' | 'old' | 'wrong'
}

/**
 * Makes the nonces of one issuer. Each is good for the rest of its slot and for the next: between one and two lives.
 * RFC 9449 section 9
 * @param key of at least 32 random bytes; processes that share it take each other's nonces.
 */
export function createNonces(key: Buffer, lifeMs: number): Nonces {
  let slotNow = Number.NaN
  let current = ''
  let previous = ''
  const of = (slot: number): string =>
    createHmac('sha256', key).update(`nonce ${slot}`).digest().subarray(0, 24).toString('base64url')
  const catchUp = (now: number): void => {
    const slot = Math.floor(now / lifeMs)
    if (slot === slotNow) return
    slotNow = slot
    current = of(slot)
    previous = of(slot - 1)
  }
  return {
    current(now) {
      catchUp(now)
      return current
    },
    judge(nonce, now) {
      catchUp(now)
      if (isSame(nonce, current)) return 'current'
      return isSame(nonce, previous) ? 'old' : 'wrong'
    },
  }
}

function isSame(given: string, ours: string): boolean {
  // As bytes: a letter beyond ASCII makes the lengths differ.
  const [a, b] = [Buffer.from(given), Buffer.from(ours)]
  return a.length === b.length && timingSafeEqual(a, b)
}

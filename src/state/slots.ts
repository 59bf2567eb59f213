import type { Slots } from '../stages/contract.js'

/**
 * Places for calls under way, by bucket and key; they outlive generations, as the calls do. A key takes memory only while
 * a call of it is under way, so what a caller may invent is bounded by the requests that the process takes at once.
 */
export class CountedSlots implements Slots {
  readonly #buckets = new Map<string, Map<string, number>>()

  open(bucket: string, quota: number): ReturnType<Slots['open']> {
    const taken = this.#buckets.get(bucket) ?? new Map<string, number>()
    this.#buckets.set(bucket, taken)
    return {
      take(key) {
        const count = taken.get(key) ?? 0
        if (count >= quota) return null
        taken.set(key, count + 1)
        let isHeld = true
        return () => {
          if (!isHeld) return
          isHeld = false
          const left = (taken.get(key) ?? 1) - 1
          if (left === 0) taken.delete(key)
          else taken.set(key, left)
        }
      },
    }
  }
}

import type { SlotGroup, Slots, Waiting } from '../stages/contract.js'

/** Who has the places of one key, and who waits for one. */
interface Places {
  taken: number
  readonly line: Set<(release: (() => void) | null) => void>
}

/**
 * Places for calls under way, by bucket and key; they outlive generations, as the calls do. A key takes memory only while
 * a call of it is under way, so what a caller may invent is bounded by the requests that the process takes at once.
 */
export class CountedSlots implements Slots {
  readonly #buckets = new Map<string, Map<string, Places>>()

  open(bucket: string, quota: number): SlotGroup {
    const all = this.#buckets.get(bucket) ?? new Map<string, Places>()
    this.#buckets.set(bucket, all)
    return {
      take(key) {
        const places = all.get(key)
        if (places === undefined) all.set(key, { taken: 1, line: new Set() })
        else if (places.taken >= quota) return null
        else places.taken++
        return releaseOf(all, key)
      },
      wait(key, most, ms) {
        const places = all.get(key)
        if (places === undefined || places.line.size >= most) return null
        return stand(places, ms)
      },
    }
  }
}

/** Gives a place back, once: to whoever has waited longest, or to nobody. */
function releaseOf(all: Map<string, Places>, key: string): () => void {
  let isHeld = true
  return () => {
    const places = all.get(key)
    if (!isHeld || places === undefined) return
    isHeld = false
    const [next] = places.line
    if (next !== undefined) {
      places.line.delete(next)
      next(releaseOf(all, key))
    } else if (--places.taken === 0) all.delete(key)
  }
}

function stand({ line }: Places, ms: number): Waiting {
  let isGone = false
  let given: (() => void) | null = null
  let answer: (release: (() => void) | null) => void = () => {}
  const turn = new Promise<(() => void) | null>((resolve) => {
    answer = resolve
  })
  const called = (release: (() => void) | null): void => {
    clearTimeout(timer)
    given = release
    answer(release)
  }
  const timer = setTimeout(() => {
    line.delete(called)
    called(null)
  }, ms)
  line.add(called)
  return {
    turn,
    leave() {
      if (isGone) return
      isGone = true
      if (line.delete(called)) called(null)
      else given?.()
    },
  }
}

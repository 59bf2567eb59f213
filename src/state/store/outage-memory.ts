/** A limit that has said no, and until when it will go on saying so. */
export interface Refusal {
  /** Monotonic ms. */
  readonly until: number
  readonly quota: number
  readonly cost: number
  readonly remaining: number
}

/** What was taken while the store could not hear of it. */
export interface Owed {
  readonly amount: number
  /** When the last of it was taken, monotonic ms. */
  readonly at: number
}

const mostRefusals = 65_536
const mostUnsaid = 262_144
/** A refusal is asked for again after so long, whatever its wait: somebody may have given the client more. */
const longestRefusalMs = 60_000

/** What this process knows beside the store: who need not ask, and what the store has yet to be told. */
export class OutageMemory {
  /** Decisions taken without the store, by what took them; and refusals that needed no question. */
  readonly counts = { local: 0, allow: 0, deny: 0, remembered: 0 }
  readonly #refusals = new Map<string, Refusal>()
  readonly #unsaid = new Map<string, Owed>()
  readonly #taught = new Set<string>()
  #lesson = Number.NEGATIVE_INFINITY

  /** A refusal that holds for this much at this quota; null: ask. */
  refusal(counter: string, quota: number, cost: number, now: number): Refusal | null {
    const found = this.#refusals.get(counter)
    if (found === undefined) return null
    if (found.until > now) return quota <= found.quota && cost >= found.cost ? found : null
    this.#refusals.delete(counter)
    return null
  }

  refused(counter: string, refusal: Refusal, now: number): void {
    if (this.#refusals.size >= mostRefusals) {
      const [oldest] = this.#refusals.keys()
      if (oldest !== undefined) this.#refusals.delete(oldest)
    }
    this.#refusals.set(counter, { ...refusal, until: Math.min(refusal.until, now + longestRefusalMs) })
  }

  /** Something was given back: what was refused may pass. */
  forgive(counter: string): void {
    this.#refusals.delete(counter)
  }

  /** Notes what was taken while the store could not hear of it; negative: given back. */
  owe(counter: string, amount: number, at: number): void {
    const known = this.#unsaid.get(counter)
    const owed = (known?.amount ?? 0) + amount
    if (owed <= 0) this.#unsaid.delete(counter)
    else if (known !== undefined || this.#unsaid.size < mostUnsaid) {
      this.#unsaid.set(counter, { amount: owed, at: Math.max(at, known?.at ?? at) })
    }
  }

  /**
   * Whether a store that came up at `upSince` has yet to learn of a counter. Once is enough: told again and again, it and
   * these counters would keep each other from ever forgetting.
   */
  mayTeach(counter: string, upSince: number): boolean {
    if (this.#lesson !== upSince) {
      this.#lesson = upSince
      this.#taught.clear()
    }
    if (this.#taught.size >= mostUnsaid || this.#taught.has(counter)) return false
    this.#taught.add(counter)
    return true
  }

  get owesNothing(): boolean {
    return this.#unsaid.size === 0
  }

  /** What the store has yet to be told of a counter; from now on it is the caller's to tell, or to note again. */
  settle(counter: string): Owed | null {
    const owed = this.#unsaid.get(counter) ?? null
    if (owed !== null) this.#unsaid.delete(counter)
    return owed
  }
}

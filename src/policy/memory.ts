/**
 * What one loader remembers between runs: parsed texts and stages' work, by content. What two runs in a row did not ask
 * for is forgotten.
 */
export class Memory {
  #current = new Map<string, unknown>()
  #previous = new Map<string, unknown>()

  /** Ends a run. */
  turn(): void {
    this.#previous = this.#current
    this.#current = new Map()
  }

  /** Says that these things are still in use, though nobody asks for them. */
  touch(keys: Iterable<string>): void {
    for (const key of keys) {
      if (!this.#current.has(key) && this.#previous.has(key)) this.#current.set(key, this.#previous.get(key))
    }
  }

  keep<T>(key: string, make: () => T): T {
    if (this.#current.has(key)) return this.#current.get(key) as T // a key is used with one type only
    const value = this.#previous.has(key) ? (this.#previous.get(key) as T) : make() // as above
    this.#current.set(key, value)
    return value
  }
}

/** Compiled things by content key. What no generation asked for in two turns is dropped. */
export class Kept {
  #current = new Map<string, unknown>()
  #previous = new Map<string, unknown>()

  /** The thing under this key, made at most once while generations go on asking for it. */
  keep<T>(key: string, make: () => T): T {
    if (this.#current.has(key)) return this.#current.get(key) as T // the key names its type: callers prefix it
    const made = this.#previous.has(key) ? (this.#previous.get(key) as T) : make() // as above
    this.#current.set(key, made)
    return made
  }

  /** Says that these things are still in use, though nobody asks for them. */
  touch(keys: Iterable<string>): void {
    for (const key of keys) {
      if (!this.#current.has(key) && this.#previous.has(key)) this.#current.set(key, this.#previous.get(key))
    }
  }

  /** Called before a new generation is compiled. */
  turn(): void {
    this.#previous = this.#current
    this.#current = new Map()
  }
}

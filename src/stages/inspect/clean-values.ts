const mostEntries = 4096
const mostCharacters = 256

/**
 * Header values and JSON keys that were found harmless a moment ago. Clients send the same ones with every request, so
 * most of them are looked up instead of read again; free text never is, for it hardly repeats. Bounded: whoever sends
 * ever new ones empties it and is read in full, as without it.
 */
export class CleanValues {
  readonly #byName = new Map<string, Set<string>>()
  #entries = 0

  /** Whether this very value, under this name, was harmless. */
  has(name: string, text: string): boolean {
    return this.#byName.get(name)?.has(text) === true
  }

  add(name: string, text: string): void {
    if (text.length + name.length > mostCharacters) return
    if (this.#entries >= mostEntries) {
      this.#byName.clear()
      this.#entries = 0
    }
    const known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, new Set([text]))
    else known.add(text)
    this.#entries++
  }
}

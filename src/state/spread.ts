/** Pieces of work between two turns of the event loop: a few milliseconds' worth. */
const perTurn = 8

/**
 * Does what falls due at once a little at a time, so that others get their turn in between: hundreds of calls that began
 * together run out of time together, and each ends two connections.
 */
export class Spread {
  readonly #waiting: (() => void)[] = []
  #isRunning = false

  add(work: () => void): void {
    this.#waiting.push(work)
    if (this.#isRunning) return
    this.#isRunning = true
    this.#turn()
  }

  #turn(): void {
    for (const work of this.#waiting.splice(0, perTurn)) work()
    if (this.#waiting.length === 0) this.#isRunning = false
    else setImmediate(() => this.#turn())
  }
}

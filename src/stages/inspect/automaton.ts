import { asciiClasses, has, isDisguise } from './character-classes.js'

/** A word to look for, in lower case, and the bits to raise when a text holds it. */
export interface Word {
  readonly text: string
  readonly bits: number
}

/**
 * Looks for every word at once and sorts characters into classes, in a single pass: an Aho-Corasick automaton as a dense
 * table, so that the cost per character does not grow with the number of words. Case is folded for ASCII.
 */
export class Automaton {
  /** The classes and the words that the last `scan` saw. */
  chars = 0
  words = 0
  readonly #classes = asciiClasses()
  /** Column of each ASCII code in the table; 0 for characters that stand in no word. */
  readonly #columns = new Uint8Array(128)
  readonly #width: number
  readonly #next: Uint16Array
  /** Bits of each state, those of its suffixes included. */
  readonly #bits: Int32Array
  /** Indices of the words that end in each state. */
  readonly #ends: readonly (readonly number[])[]

  constructor(words: readonly Word[]) {
    let width = 1
    for (const { text } of words) {
      for (const sign of text) {
        const code = sign.charCodeAt(0)
        if (code < 128 && this.#columns[code] === 0) this.#columns[code] = width++
      }
    }
    for (let code = 65; code <= 90; code++) this.#columns[code] = this.#columns[code + 32] ?? 0
    this.#width = width

    // The trie, one row of 128 columns for each state; no word adds more states than it has characters.
    const most = words.reduce((sum, { text }) => sum + text.length, 1)
    if (most > 65_535) throw new Error('Too many words for 16-bit states.')
    const trie = new Uint16Array(most << 7)
    const bits = new Int32Array(most)
    const ends: number[][] = [[]]
    let states = 1
    words.forEach(({ text, bits: raised }, index) => {
      let state = 0
      for (const sign of text) {
        const cell = (state << 7) | (this.#columns[sign.charCodeAt(0)] ?? 0)
        let next = trie[cell] as number // inside the table by construction
        if (next === 0) {
          next = states++
          trie[cell] = next
          ends.push([])
        }
        state = next
      }
      bits[state] = (bits[state] ?? 0) | raised
      ends[state]?.push(index)
    })

    // Breadth first: a state's fall-back is always nearer to the root, hence complete. States are numbered in that order:
    // those near the root, where a text is most of the time, share a few cache lines.
    const fallback = new Uint16Array(states)
    const order: number[] = [0]
    for (let head = 0; head < order.length; head++) {
      const state = order[head] ?? 0
      const fall = fallback[state] ?? 0
      if (state !== 0) {
        bits[state] = (bits[state] ?? 0) | (bits[fall] ?? 0)
        const own = ends[state]
        for (const word of ends[fall] ?? []) own?.push(word)
      }
      for (let column = 1; column < width; column++) {
        const cell = (state << 7) | column
        const child = trie[cell] as number // as above
        const fallen = state === 0 ? 0 : (trie[(fall << 7) | column] as number) // as above
        if (child === 0) trie[cell] = fallen
        else {
          fallback[child] = fallen
          order.push(child)
        }
      }
    }
    const number = new Uint16Array(states)
    order.forEach((state, row) => {
      number[state] = row
    })
    const next = new Uint16Array(states << 7)
    for (const [row, state] of order.entries()) {
      for (let column = 1; column < width; column++) {
        next[(row << 7) | column] = number[trie[(state << 7) | column] as number] as number // as above
      }
    }
    this.#next = next
    this.#bits = Int32Array.from(order, (state) => bits[state] ?? 0)
    this.#ends = order.map((state) => ends[state] ?? [])
  }

  /** How large the table is: states and columns. */
  get size(): { readonly states: number; readonly columns: number } {
    return { states: this.#bits.length, columns: this.#width }
  }

  /** Leaves the classes and word bits of a text in `chars` and `words`. Hot: runs over every value of every request. */
  scan(text: string): void {
    const classes = this.#classes
    const columns = this.#columns
    const next = this.#next
    const found = this.#bits
    let chars = 0
    let words = 0
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code < 128) {
        chars |= classes[code] as number // a typed array of 128, read below 128
        state = next[(state << 7) | (columns[code] as number)] as number // as above; states stay inside the table
        words |= found[state] as number
      } else {
        state = 0
        chars |= isDisguise(code) ? has.disguise : has.foreign
      }
    }
    if (text.charCodeAt(text.length - 1) === 63) chars |= has.endsInQuestion
    this.chars = chars
    this.words = words
  }

  /** Calls `visit` for every word with one of these bits, by the place after its last character, until it answers true. */
  visit(text: string, bits: number, visit: (word: number, end: number) => boolean): boolean {
    const columns = this.#columns
    const next = this.#next
    const found = this.#bits
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      state = code < 128 ? (next[(state << 7) | (columns[code] as number)] as number) : 0 // as in `scan`
      if (((found[state] as number) & bits) === 0) continue // as in `scan`
      for (const word of this.#ends[state] ?? []) if (visit(word, i + 1)) return true
    }
    return false
  }
}

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

    const children: number[][] = [new Array<number>(width).fill(0)]
    const bits: number[] = [0]
    const ends: number[][] = [[]]
    words.forEach(({ text, bits: raised }, index) => {
      let state = 0
      for (const sign of text) {
        const column = this.#columns[sign.charCodeAt(0)] ?? 0
        const row = children[state] ?? []
        let next = row[column] ?? 0
        if (next === 0) {
          next = children.length
          children.push(new Array<number>(width).fill(0))
          bits.push(0)
          ends.push([])
          row[column] = next
        }
        state = next
      }
      bits[state] = (bits[state] ?? 0) | raised
      ends[state]?.push(index)
    })
    if (children.length > 65_535) throw new Error('Too many words for 16-bit states.')

    // Breadth first: a state's fall-back is always nearer to the root, hence complete.
    const fallback = new Array<number>(children.length).fill(0)
    const queue: number[] = []
    for (const child of children[0] ?? []) if (child !== 0) queue.push(child)
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head] ?? 0
      const row = children[state] ?? []
      const fall = fallback[state] ?? 0
      const fallRow = children[fall] ?? []
      bits[state] = (bits[state] ?? 0) | (bits[fall] ?? 0)
      ends[state]?.push(...(ends[fall] ?? []))
      for (let column = 0; column < width; column++) {
        const child = row[column] ?? 0
        if (child === 0) row[column] = fallRow[column] ?? 0
        else {
          fallback[child] = fallRow[column] ?? 0
          queue.push(child)
        }
      }
      row[0] = 0
    }
    // Numbered by depth: the states near the root, where a text is most of the time, share a few cache lines.
    const number = new Uint16Array(children.length)
    queue.forEach((state, index) => {
      number[state] = index + 1
    })
    const order = [0, ...queue]
    this.#next = new Uint16Array(children.length << 7)
    order.forEach((state, row) => {
      const targets = children[state] ?? []
      for (let column = 0; column < width; column++) {
        this.#next[(row << 7) | column] = number[targets[column] ?? 0] ?? 0
      }
    })
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

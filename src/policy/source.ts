import type { Place } from '../values/place.js'
import type { FrameLine } from '../values/problem.js'

/** One text of a policy set; it knows where its lines begin. */
export class Source {
  /** Relative to the policy folder, with `/`. */
  readonly file: string
  readonly text: string
  #lineStarts: Uint32Array | null = null
  #lastLine = 0

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  /** The place of the characters from `start` to `end`; what spans lines is underlined on its first line only. */
  place(start: number, end: number = start + 1): Place {
    const line = this.#lineAt(start)
    const lineStart = this.#starts()[line] ?? 0
    const length = Math.min(end, this.#lineEnd(line)) - start
    const column = start - lineStart + 1
    return length > 1
      ? { file: this.file, line: line + 1, column, length }
      : { file: this.file, line: line + 1, column }
  }

  /** The line of an offset, counted from 1. */
  line(offset: number): number {
    return this.#lineAt(offset) + 1
  }

  /** The text of a line, counted from 1; undefined past the end. */
  frame(line: number): FrameLine | undefined {
    const start = this.#starts()[line - 1]
    return start === undefined ? undefined : { line, text: this.text.slice(start, this.#lineEnd(line - 1)) }
  }

  #starts(): Uint32Array {
    this.#lineStarts ??= lineStarts(this.text)
    return this.#lineStarts
  }

  #lineAt(offset: number): number {
    const starts = this.#starts()
    // Places are mostly asked for in the order of the text: the next one is near the last.
    let line = this.#lastLine
    for (let steps = 0; steps < 8; steps++, line++) {
      if ((starts[line] ?? Number.POSITIVE_INFINITY) > offset) break
      if ((starts[line + 1] ?? Number.POSITIVE_INFINITY) > offset) {
        this.#lastLine = line
        return line
      }
    }
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    this.#lastLine = low
    return low
  }

  #lineEnd(line: number): number {
    let end = this.#starts()[line + 1] ?? this.text.length
    while (end > 0 && (this.text.charCodeAt(end - 1) === 0x0a || this.text.charCodeAt(end - 1) === 0x0d)) {
      if (end <= (this.#starts()[line] ?? 0)) break
      end--
    }
    return end
  }
}

function lineStarts(text: string): Uint32Array {
  let count = 1
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) count++
  const starts = new Uint32Array(count)
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts[line++] = i + 1
  return starts
}

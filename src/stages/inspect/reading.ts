import { isDocument } from './character-classes.js'
import type { Home, View } from './view.js'

/** A value may be this long and still be judged as a whole. */
const maxWhole = 400

/**
 * One reading of one value. What only some detectors ask for is worked out when the first one does: most values that a
 * detector looks at are put aside after a glance, and telling prose from the rest takes longer than the glance.
 */
export class Reading implements View {
  readonly text: string
  readonly home: Home
  readonly name: string
  readonly chars: number
  readonly words: number
  readonly decoded: string
  readonly #mayBeDocument: boolean
  #lower: string | null = null
  #whole: string | null = null
  #document: boolean | null = null

  /** @param mayBeDocument false where weak signs count in documents too: the profile `strict`. */
  constructor(
    text: string,
    chars: number,
    words: number,
    decoded: string,
    { home, name }: { readonly home: Home; readonly name: string },
    mayBeDocument: boolean,
  ) {
    this.text = text
    this.home = home
    this.name = name.toLowerCase()
    this.chars = chars
    this.words = words
    this.decoded = decoded
    this.#mayBeDocument = mayBeDocument
  }

  get lower(): string {
    this.#lower ??= folded(this.text)
    return this.#lower
  }

  get whole(): string {
    this.#whole ??= this.text.length <= maxWhole ? this.lower.trim() : ''
    return this.#whole
  }

  get document(): boolean {
    this.#document ??= this.#mayBeDocument && isDocument(this.text, this.chars)
    return this.#document
  }
}

/** Lower case without a change of length: a few capitals outside ASCII grow when folded. */
function folded(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : text.replace(/[A-Z]+/g, (run) => run.toLowerCase())
}

import type { DetectorName } from './detector-names.js'

/** Where a value was found, as far as detectors care. */
export type Home = 'path' | 'query' | 'header' | 'cookie' | 'body' | 'file-name' | 'key'

/** What an operator says a field holds; it switches single detectors for that field alone. */
export type TextKind = 'prose' | 'code' | 'html' | 'markdown' | 'sql'

/** One reading of one value: as it came, or after some decoding. Detectors judge views, never raw requests. */
export interface View {
  readonly text: string
  /** `text` in lower case, of the same length. */
  readonly lower: string
  /** `lower` without blanks around it when it is short, else empty: for rules about values as a whole. */
  readonly whole: string
  readonly home: Home
  /** The header's, parameter's or field's own name in lower case; empty for list items and path segments. */
  readonly name: string
  /** Classes of its characters (`has`). */
  readonly chars: number
  /** Bits of the words it holds (`triggers`). */
  readonly words: number
  /** Whether it reads like a document (many lines, much prose): weak signs of an attack do not count there. */
  readonly document: boolean
  /** The decodings that led here: `percent, base64`; empty for the value as it came. */
  readonly decoded: string
}

/** What a detector saw: which technique, and where in the view. */
export interface Finding {
  readonly technique: string
  readonly at: number
}

/** Words whose surroundings decide: the automaton finds the word, `check` looks around it, in bounded time. */
export interface Anchor {
  readonly words: readonly string[]
  /** Characters (`has`) of which the view must hold one; any view will do when absent. */
  readonly needs?: number
  /** The technique, or null when the word stands in harmless company. `end` is after its last character. */
  check(view: View, start: number, end: number): string | null
}

/** Reads a whole view, in time linear in its length, when the view holds what an attack of its kind cannot do without. */
export interface Lexer {
  /** Characters of which one is enough. */
  readonly chars?: number
  /** Characters of which one of each kind is enough. */
  readonly pair?: readonly [number, number]
  /** Words of which one is enough, if a character of `wordsNeed` is there too. */
  readonly words?: readonly string[]
  readonly wordsNeed?: number
  /** Words of ordinary language: one is enough if a character of `hintsNeed` is there too. */
  readonly hints?: readonly string[]
  readonly hintsNeed?: number
  find(view: View): Finding | null
}

/** One kind of injection: what it stops, how, and its limits stand at the head of its file. */
export interface Detector {
  readonly name: DetectorName
  readonly anchors?: readonly Anchor[]
  readonly lexer?: Lexer
}

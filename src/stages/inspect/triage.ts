import { Automaton, type Word } from './automaton.js'
import type { DetectorName } from './detector-names.js'
import type { Anchor, Detector, Lexer } from './view.js'

/** An anchor's word as the automaton knows it. */
export interface AnchorWord {
  readonly anchor: Anchor
  readonly length: number
  readonly detector: DetectorName
  readonly group: number
}

/** A lexer's demands as bits. A need of zero asks for nothing. */
interface Demand {
  readonly detector: DetectorName
  readonly lexer: Lexer
  readonly any: number
  readonly first: number
  readonly second: number
  readonly word: number
  readonly wordNeed: number
  readonly hint: number
  readonly hintNeed: number
}

/**
 * Decides which detectors a text concerns: from the classes of its characters and the words in it, found in one pass.
 * Most values of ordinary traffic concern none.
 */
export class Triage {
  readonly automaton: Automaton
  readonly anchorWords: readonly AnchorWord[]
  readonly demands: readonly Demand[]
  /** Anchor groups: words that count beside certain characters only. */
  readonly #groups: readonly { readonly bit: number; readonly needs: number }[]
  /** Characters and words without which no lexer and no anchor wants a text. */
  readonly #chars: number
  readonly #words: number

  constructor(detectors: readonly Detector[]) {
    const words: Word[] = []
    const anchorWords: AnchorWord[] = []
    const groups = new Map<number, number>()
    let bits = 0
    const nextBit = (): number => {
      if (bits > 30) throw new Error('Too many groups of words for one mask.')
      return 1 << bits++
    }
    for (const { name, anchors = [] } of detectors) {
      for (const anchor of anchors) {
        const needs = anchor.needs ?? 0
        let bit = groups.get(needs)
        if (bit === undefined) {
          bit = nextBit()
          groups.set(needs, bit)
        }
        for (const text of anchor.words) {
          anchorWords.push({ anchor, length: text.length, detector: name, group: bit })
          words.push({ text, bits: bit })
        }
      }
    }
    this.anchorWords = anchorWords
    this.#groups = [...groups].map(([needs, bit]) => ({ bit, needs }))
    this.demands = detectors.flatMap(({ name, lexer }) => {
      if (lexer === undefined) return []
      const bitFor = (texts: readonly string[] | undefined): number => {
        if (texts === undefined || texts.length === 0) return 0
        const bit = nextBit()
        for (const text of texts) words.push({ text, bits: bit })
        return bit
      }
      return [
        {
          detector: name,
          lexer,
          any: lexer.chars ?? 0,
          first: lexer.pair?.[0] ?? 0,
          second: lexer.pair?.[1] ?? 0,
          word: bitFor(lexer.words),
          wordNeed: lexer.wordsNeed ?? 0,
          hint: bitFor(lexer.hints),
          hintNeed: lexer.hintsNeed ?? 0,
        },
      ]
    })
    this.#chars = this.demands.reduce((mask, { any, first }) => mask | any | first, 0)
    this.#words = words.reduce((mask, { bits: raised }) => mask | raised, 0)
    this.automaton = new Automaton(words)
  }

  /** Bits of the anchor groups that a text with these characters and words wakes. */
  anchors(chars: number, words: number): number {
    let awake = 0
    for (const { bit, needs } of this.#groups) {
      if ((words & bit) !== 0 && (needs === 0 || (chars & needs) !== 0)) awake |= bit
    }
    return awake
  }

  /** Whether a text with these characters and words may concern anyone; false is certain. */
  mayConcern(chars: number, words: number): boolean {
    if ((chars & this.#chars) === 0 && (words & this.#words) === 0) return false
    return this.anchors(chars, words) !== 0 || this.demands.some((demand) => isWanted(demand, chars, words))
  }
}

/** Whether a lexer wants a text with these characters and words. */
export function isWanted(demand: Demand, chars: number, words: number): boolean {
  return (
    (chars & demand.any) !== 0 ||
    ((words & demand.word) !== 0 && (demand.wordNeed === 0 || (chars & demand.wordNeed) !== 0)) ||
    ((words & demand.hint) !== 0 && (demand.hintNeed === 0 || (chars & demand.hintNeed) !== 0)) ||
    ((chars & demand.first) !== 0 && (chars & demand.second) !== 0)
  )
}

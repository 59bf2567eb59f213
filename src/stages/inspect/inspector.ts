import { withPlainKeys } from '../../values/plain-keys.js'
import { has } from './character-classes.js'
import { base64Text } from './decode/base64.js'
import { decodeRound, triggersDecoding, withoutComments } from './decode/rounds.js'
import type { DetectorName } from './detector-names.js'
import { Reading } from './reading.js'
import { isWanted, Triage } from './triage.js'
import type { Detector, Finding, Home, View } from './view.js'

/** A finding with the detector that made it and the reading in which it was made. */
export interface Found extends Finding {
  readonly detector: DetectorName
  readonly view: View
  /** Pointer from the value into what it held: a JSON text inside a string. Empty for the value itself. */
  readonly inside: string
}

/** Whether a detector is lifted where the value stands. */
export type Excused = (detector: DetectorName) => boolean

/** Characters that decoding may yet make: one budget for all values of a request, so that small bombs do not add up. */
export interface Budget {
  left: number
}

/** Decoded characters of one request; ordinary requests need none, a batch of gzipped logs a few million. */
export const decodedPerRequest = 6 * 1024 * 1024

/** Rounds of decoding before a value counts as wrapped too often. */
const maxRounds = 4
/** Values inside values: base64 in JSON in base64. */
const maxNesting = 6
/** Characters of a pointer into nested JSON, before the nesting counts as too deep. */
const maxPointer = 4_096

/** Signs beside which a plus may stand for a blank. */
const formSigns = has.pipe | has.semicolon | has.ampersand | has.singleQuote | has.doubleQuote | has.less

/** Where a value was found, what it is called there, and how it was decoded so far. */
interface Origin {
  readonly home: Home
  readonly name: string
  readonly excused: Excused
  readonly budget: Budget
  readonly nesting: number
}

/** Judges single values: decodes them to a bounded fixed point and shows each reading to the detectors it concerns. */
export class Inspector {
  readonly #triage: Triage
  readonly #strict: boolean

  /** @param strict whether weak signs count in documents too. */
  constructor(detectors: readonly Detector[], strict: boolean) {
    this.#triage = new Triage(detectors)
    this.#strict = strict
  }

  /** The first finding in a value that is not excused, or null. Hot: runs for every value of every request. */
  inspect(
    text: string,
    home: Home,
    name: string,
    excused: Excused,
    budget: Budget = { left: decodedPerRequest },
  ): Found | null {
    if (text.length < 2) return null
    const { automaton } = this.#triage
    automaton.scan(text)
    const { chars, words } = automaton
    if (!triggersDecoding(chars) && !mayBeJson(text) && !this.#triage.mayConcern(chars, words)) {
      if (text.length < 12 || base64Text(text) === null) return null
    }
    return this.#judgeAll(text, chars, words, '', { home, name, excused, budget, nesting: 0 })
  }

  /** Judges a text and everything it decodes to. */
  #judgeAll(text: string, firstChars: number, firstWords: number, decoded: string, origin: Origin): Found | null {
    let current = text
    let steps = decoded
    let chars = firstChars
    let words = firstWords
    for (let round = 0; ; round++) {
      const json = jsonInside(current)
      if (json !== undefined) {
        if (origin.nesting >= maxNesting || !afford(origin, current)) return this.#tooDeep(steps, origin)
        const inner = { ...origin, name: '', nesting: origin.nesting + 1 }
        const how = appended(steps, 'json')
        const within = this.#judgeJson(json, how, inner, '')
        if (within !== null) return within
        // Of two equal keys JSON.parse keeps the last; another reader may keep the first.
        return countStrings(json) === jsonStrings(current, null) && !hasHiddenKeys(current)
          ? null
          : this.#judgeLiterals(current, how, inner)
      }
      const found = this.#judgeReadings(current, chars, words, steps, origin)
      if (found !== null) return found
      const packed = base64Text(current)
      if (packed !== null) {
        const how = appended(steps, packed.how)
        if (packed.text === null || origin.nesting >= maxNesting || !afford(origin, packed.text)) {
          return this.#tooDeep(how, origin)
        }
        const inner = this.#scanned(packed.text, how, { ...origin, nesting: origin.nesting + 1 })
        if (inner !== null) return inner
      }
      if (!triggersDecoding(chars)) return null
      const next = decodeRound(current, chars)
      if (next === null) return null
      if (round >= maxRounds || !afford(origin, next.text)) return this.#tooDeep(steps, origin)
      current = next.text
      steps = appended(steps, next.how)
      this.#triage.automaton.scan(current)
      chars = this.#triage.automaton.chars
      words = this.#triage.automaton.words
    }
  }

  #scanned(text: string, steps: string, origin: Origin): Found | null {
    const { automaton } = this.#triage
    automaton.scan(text)
    return this.#judgeAll(text, automaton.chars, automaton.words, steps, origin)
  }

  /** A text as it is, without the comments inside it, and with its plus signs read as blanks. */
  #judgeReadings(text: string, chars: number, words: number, steps: string, origin: Origin): Found | null {
    const found = this.#judge(text, chars, words, steps, origin)
    if (found !== null) return found
    if ((chars & has.star) !== 0 && (chars & has.slash) !== 0) {
      const bare = withoutComments(text)
      const hidden = bare === text ? null : this.#judgeOther(bare, appended(steps, 'comments'), origin)
      if (hidden !== null) return hidden
    }
    // `+|+dir+c:+|`: plus signs of a form that nobody decoded.
    if ((chars & has.plus) !== 0 && (chars & has.blank) === 0 && (chars & formSigns) !== 0) {
      return this.#judgeOther(text.replaceAll('+', ' '), appended(steps, 'plus'), origin)
    }
    return null
  }

  #judgeOther(text: string, steps: string, origin: Origin): Found | null {
    const { automaton } = this.#triage
    automaton.scan(text)
    return this.#judge(text, automaton.chars, automaton.words, steps, origin)
  }

  /** Every string literal of a JSON text, whatever became of it in the parsed value. */
  #judgeLiterals(text: string, steps: string, origin: Origin): Found | null {
    const literals: string[] = []
    jsonStrings(text, literals)
    for (const literal of literals) {
      const found = this.#scanned(literal, steps, origin)
      if (found !== null) return found
    }
    return null
  }

  /** Names and values of JSON inside a value. */
  #judgeJson(value: unknown, steps: string, origin: Origin, inside: string): Found | null {
    if (typeof value === 'string') {
      const found = this.#scanned(value, steps, origin)
      return found === null ? null : { ...found, inside: inside + found.inside }
    }
    if (typeof value !== 'object' || value === null) return null
    if (inside.length > maxPointer) return this.#tooDeep(steps, origin)
    for (const [key, item] of Object.entries(value)) {
      const place = `${inside}/${key}`
      if (!Array.isArray(value)) {
        const foundKey = this.#scanned(key, steps, { ...origin, home: 'key' })
        if (foundKey !== null) return { ...foundKey, inside: place }
      }
      const found = this.#judgeJson(item, steps, { ...origin, name: key }, place)
      if (found !== null) return found
    }
    return null
  }

  /** Shows one reading to the detectors it concerns. */
  #judge(text: string, chars: number, words: number, steps: string, origin: Origin): Found | null {
    const triage = this.#triage
    const awake = triage.anchors(chars, words)
    let view: View | null = null
    if (awake !== 0) {
      const current = new Reading(text, chars, words, steps, origin, !this.#strict)
      view = current
      let found: Found | null = null
      triage.automaton.visit(text, awake, (word, end) => {
        const entry = triage.anchorWords[word]
        if (entry === undefined || (entry.group & awake) === 0) return false
        const start = end - entry.length
        const technique = entry.anchor.check(current, start, end)
        if (technique === null || origin.excused(entry.detector)) return false
        found = { technique, at: start, detector: entry.detector, view: current, inside: '' }
        return true
      })
      if (found !== null) return found
    }
    for (const demand of triage.demands) {
      if (!isWanted(demand, chars, words)) continue
      view ??= new Reading(text, chars, words, steps, origin, !this.#strict)
      const finding = demand.lexer.find(view)
      if (finding !== null && !origin.excused(demand.detector)) {
        return { ...finding, detector: demand.detector, view, inside: '' }
      }
    }
    return null
  }

  #tooDeep(steps: string, origin: Origin): Found | null {
    if (origin.excused('encoding')) return null
    const view = new Reading('', 0, 0, steps, origin, !this.#strict)
    return { technique: 'too many encodings', at: 0, detector: 'encoding', view, inside: '' }
  }
}

/** Whether a text could be a JSON object or list. */
function mayBeJson(text: string): boolean {
  const first = text.charCodeAt(0)
  return first === 123 || first === 91 || first <= 32
}

function jsonInside(text: string): unknown {
  if (!mayBeJson(text)) return undefined
  const trimmed = text.trim()
  const open = trimmed.charCodeAt(0)
  const close = trimmed.charCodeAt(trimmed.length - 1)
  if (!((open === 123 && close === 125) || (open === 91 && close === 93)) || trimmed.length < 3) return undefined
  try {
    return JSON.parse(trimmed.includes('\\') ? (withPlainKeys(trimmed) ?? trimmed) : trimmed)
  } catch {
    return undefined
  }
}

/** Whether a key of a JSON text can only be written with escapes, which engines may mistake for another. */
const hasHiddenKeys = (text: string): boolean => text.includes('\\') && withPlainKeys(text) === null

/** Takes a decoded text from the budget; false once it is spent. */
function afford({ budget }: Origin, text: string): boolean {
  budget.left -= text.length
  return budget.left >= 0
}

/** Strings and keys of a parsed value. */
function countStrings(value: unknown): number {
  if (typeof value === 'string') return 1
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  for (const [, item] of Object.entries(value)) count += (Array.isArray(value) ? 0 : 1) + countStrings(item)
  return count
}

/** Counts the string literals of a text that is valid JSON, and collects their values when asked. */
function jsonStrings(text: string, into: string[] | null): number {
  let count = 0
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    let end = at + 1
    while (end < text.length && text.charCodeAt(end) !== 34) end += text.charCodeAt(end) === 92 ? 2 : 1
    if (into !== null) into.push(String(JSON.parse(text.slice(at, end + 1))))
    count++
    at = end + 1
  }
  return count
}

const appended = (steps: string, step: string): string => (steps === '' ? step : `${steps}, ${step}`)

import { Automaton, type Word } from './automaton.js'
import { has } from './character-classes.js'
import { base64Text } from './decode/base64.js'
import { decodeRound, triggersDecoding, withoutComments } from './decode/rounds.js'
import type { DetectorName } from './detector-names.js'
import type { Anchor, Detector, Finding, Home, View } from './view.js'

/** A finding with the detector that made it and the reading in which it was made. */
export interface Found extends Finding {
  readonly detector: DetectorName
  readonly view: View
  /** Pointer from the value into what it held: a JSON text inside a string. Empty for the value itself. */
  readonly inside: string
}

/** Rounds of decoding before a value counts as wrapped too often. */
const maxRounds = 4
/** Values inside values: base64 in JSON in base64. */
const maxNesting = 6
const anchorBit = 1 << 30

/** Characters that every lexer and every decoding needs one of; without them and without words a value is harmless. */
const suspicious =
  has.singleQuote |
  has.doubleQuote |
  has.backtick |
  has.less |
  has.ampersand |
  has.pipe |
  has.semicolon |
  has.dollar |
  has.percent |
  has.backslash |
  has.paren |
  has.brace |
  has.bracket |
  has.equals |
  has.hash |
  has.star |
  has.control |
  has.carriageReturn |
  has.lineFeed |
  has.disguise |
  has.punctuation

/** Signs beside which a plus may stand for a blank. */
const formSigns = has.pipe | has.semicolon | has.ampersand | has.singleQuote | has.doubleQuote | has.less

/** Judges single values: decodes them to a bounded fixed point and shows each reading to the detectors it concerns. */
export class Inspector {
  readonly #automaton: Automaton
  readonly #detectors: readonly Detector[]
  readonly #anchors: readonly { readonly anchor: Anchor; readonly length: number; readonly detector: DetectorName }[]
  readonly #strict: boolean

  constructor(detectors: readonly Detector[], strict: boolean) {
    this.#detectors = detectors
    this.#strict = strict
    const words: Word[] = []
    const anchors: { anchor: Anchor; length: number; detector: DetectorName }[] = []
    for (const detector of detectors) {
      for (const anchor of detector.anchors ?? []) {
        for (const text of anchor.words) {
          anchors.push({ anchor, length: text.length, detector: detector.name })
          words.push({ text, bits: anchorBit })
        }
      }
    }
    detectors.forEach((detector, index) => {
      for (const text of detector.lexer?.words ?? []) words.push({ text, bits: 1 << index })
    })
    this.#anchors = anchors
    this.#automaton = new Automaton(words)
  }

  /** The first finding in a value for which `excused` does not answer true, or null. */
  inspect(text: string, home: Home, name: string, excused: (detector: DetectorName) => boolean): Found | null {
    if (text.length < 2) return null
    const automaton = this.#automaton
    automaton.scan(text)
    if (automaton.words === 0 && (automaton.chars & suspicious) === 0) {
      if (text.length < 12) return null
      const inner = base64Text(text)
      if (inner === null) return null
      return this.#inside(inner.text, inner.text === '' ? 'base64' : inner.how, home, name, excused, 1)
    }
    return this.#judgeAll(text, '', home, name, excused, 0)
  }

  #judgeAll(
    text: string,
    decoded: string,
    home: Home,
    name: string,
    excused: (detector: DetectorName) => boolean,
    nesting: number,
  ): Found | null {
    const automaton = this.#automaton
    let current = text
    let steps = decoded
    for (let round = 0; ; round++) {
      automaton.scan(current)
      const { chars, words } = automaton
      const view = viewOf(current, home, name, chars, words, steps, this.#strict)
      const json = jsonInside(current)
      if (json !== undefined) {
        if (nesting >= maxNesting) return excused('encoding') ? null : tooDeep(view)
        return this.#judgeJson(json, appended(steps, 'json'), home, excused, nesting + 1, '')
      }
      const found = this.#judge(view, excused)
      if (found !== null) return found
      if ((chars & has.star) !== 0 && (chars & has.slash) !== 0) {
        const bare = withoutComments(current)
        if (bare !== current) {
          automaton.scan(bare)
          const stripped = viewOf(
            bare,
            home,
            name,
            automaton.chars,
            automaton.words,
            appended(steps, 'comments'),
            this.#strict,
          )
          const hidden = this.#judge(stripped, excused)
          if (hidden !== null) return hidden
        }
      }
      // `+|+dir+c:+|`: plus signs of a form that nobody decoded.
      if ((chars & has.plus) !== 0 && (chars & has.blank) === 0 && (chars & formSigns) !== 0) {
        const spaced = current.replaceAll('+', ' ')
        automaton.scan(spaced)
        const hidden = this.#judge(
          viewOf(spaced, home, name, automaton.chars, automaton.words, appended(steps, 'plus'), this.#strict),
          excused,
        )
        if (hidden !== null) return hidden
      }
      const packed = base64Text(current)
      if (packed !== null) {
        const inner = this.#inside(packed.text, appended(steps, packed.how), home, name, excused, nesting + 1)
        if (inner !== null) return inner
      }
      if (!triggersDecoding(chars)) return null
      const next = decodeRound(current, chars)
      if (next === null) return null
      if (round >= maxRounds) return excused('encoding') ? null : tooDeep(view)
      current = next.text
      steps = appended(steps, next.how)
    }
  }

  #inside(
    text: string | null,
    how: string,
    home: Home,
    name: string,
    excused: (detector: DetectorName) => boolean,
    nesting: number,
  ): Found | null {
    if (text === null || nesting > maxNesting) {
      if (excused('encoding')) return null
      return tooDeep(viewOf('', home, name, 0, 0, how, this.#strict))
    }
    return this.#judgeAll(text, how, home, name, excused, nesting)
  }

  #judgeJson(
    value: unknown,
    steps: string,
    home: Home,
    excused: (detector: DetectorName) => boolean,
    nesting: number,
    inside: string,
  ): Found | null {
    if (typeof value === 'string') {
      const found = this.#judgeAll(value, steps, home, '', excused, nesting)
      return found === null ? null : { ...found, inside: inside + found.inside }
    }
    if (typeof value !== 'object' || value === null) return null
    if (inside.length > 4096) return excused('encoding') ? null : tooDeep(viewOf('', home, '', 0, 0, steps, true))
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const found = this.#judgeJson(value[i], steps, home, excused, nesting, `${inside}/${i}`)
        if (found !== null) return found
      }
      return null
    }
    for (const [key, item] of Object.entries(value)) {
      const place = `${inside}/${key}`
      const foundKey = this.#judgeAll(key, steps, 'key', '', excused, nesting)
      if (foundKey !== null) return { ...foundKey, inside: place }
      const found = this.#judgeJson(item, steps, home, excused, nesting, place)
      if (found !== null) return found
    }
    return null
  }

  #judge(view: View, excused: (detector: DetectorName) => boolean): Found | null {
    if ((view.words & anchorBit) !== 0) {
      let found: Found | null = null
      this.#automaton.visit(view.lower, (word, end) => {
        const entry = this.#anchors[word]
        if (entry === undefined) return false
        const start = end - entry.length
        const technique = entry.anchor.check(view, start, end)
        if (technique === null || excused(entry.detector)) return false
        found = { technique, at: start, detector: entry.detector, view, inside: '' }
        return true
      })
      if (found !== null) return found
    }
    for (let index = 0; index < this.#detectors.length; index++) {
      const detector = this.#detectors[index]
      const lexer = detector?.lexer
      if (detector === undefined || lexer === undefined) continue
      if (!lexer.wants(view.chars, (view.words & (1 << index)) !== 0, view)) continue
      const finding = lexer.find(view)
      if (finding !== null && !excused(detector.name)) return { ...finding, detector: detector.name, view, inside: '' }
    }
    return null
  }
}

function viewOf(
  text: string,
  home: Home,
  name: string,
  chars: number,
  words: number,
  decoded: string,
  strict: boolean,
): View {
  return { text, lower: folded(text), home, name, chars, words, decoded, document: !strict && isDocument(text, chars) }
}

/** Lower case without a change of length: a few capitals outside ASCII grow when folded. */
function folded(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : text.replace(/[A-Z]+/g, (run) => run.toLowerCase())
}

/** Several lines, or a long text of many words: prose, code, Markdown. Attacks are mostly a single line without much around. */
function isDocument(text: string, chars: number): boolean {
  if (text.length < 48) return false
  if ((chars & has.lineFeed) !== 0) {
    const first = text.indexOf('\n')
    const second = text.indexOf('\n', first + 1)
    if (second !== -1 && second < text.length - 1) return true
  }
  return text.length > 300 && (chars & has.blank) !== 0
}

function jsonInside(text: string): unknown {
  const first = text.charCodeAt(0)
  if (first !== 123 && first !== 91 && first > 32) return undefined
  const trimmed = text.trim()
  const open = trimmed.charCodeAt(0)
  const close = trimmed.charCodeAt(trimmed.length - 1)
  if (!((open === 123 && close === 125) || (open === 91 && close === 93)) || trimmed.length < 3) return undefined
  try {
    return JSON.parse(trimmed)
  } catch {
    return undefined
  }
}

const appended = (steps: string, step: string): string => (steps === '' ? step : `${steps}, ${step}`)

function tooDeep(view: View): Found {
  return { technique: 'too-many-encodings', at: 0, detector: 'encoding', view, inside: '' }
}

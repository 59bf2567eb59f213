import { has } from '../character-classes.js'
import { foldDisguises } from './disguises.js'
import { decodeEntities } from './entities.js'
import { decodeEscapes } from './escapes.js'
import { decodePercent } from './percent.js'

const wrapping = has.percent | has.ampersand | has.backslash | has.disguise | has.control

/** Whether any decoding could change a text with these characters. */
export function triggersDecoding(chars: number): boolean {
  return (chars & wrapping) !== 0
}

/** One round: each decoding once, outermost first; null when nothing changed. Linear in the text. */
export function decodeRound(text: string, chars: number): { text: string; how: string } | null {
  let current = text
  let how = ''
  const step = (next: string, name: string): void => {
    if (next === current) return
    current = next
    how = how === '' ? name : `${how}, ${name}`
  }
  if ((chars & has.percent) !== 0) step(decodePercent(current), 'percent')
  if ((chars & has.ampersand) !== 0) step(decodeEntities(current), 'entities')
  if ((chars & has.backslash) !== 0) step(decodeEscapes(current), 'escapes')
  // What was decoded may be a disguise in its turn.
  if ((chars & (has.disguise | has.control)) !== 0 || current !== text) step(foldDisguises(current), 'unicode')
  return how === '' ? null : { text: current, how }
}

/** The text without `/* … *\/` comments, joined where they stood: `un/**\/ion` is `union`. Versioned comments keep their text. */
export function withoutComments(text: string): string {
  let open = text.indexOf('/*')
  if (open === -1) return text
  let result = ''
  let from = 0
  while (open !== -1) {
    const close = text.indexOf('*/', open + 2)
    if (close === -1) break
    result += text.slice(from, open)
    if (text.charCodeAt(open + 2) === 33) {
      let body = open + 3
      while (body < close && isDigit(text.charCodeAt(body))) body++
      result += ` ${text.slice(body, close)} `
    }
    from = close + 2
    open = text.indexOf('/*', from)
  }
  return from === 0 ? text : result + text.slice(from)
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

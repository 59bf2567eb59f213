import type { Evidence } from '../contract.js'
import type { Found } from './inspector.js'
import { formatPlaceTokens } from './places.js'

/** Characters of a value that may stand in a record: enough to recognise it, too few to leak or replay it. */
const shownCharacters = 6
/** Places of hostile depth or length are cut. */
const maxPlace = 160

/** What an operator needs to judge a denial: detector, technique, place, offset and how the value was decoded. */
export function evidenceOf(found: Found, source: string, tokens: readonly (string | number)[]): Evidence {
  const place = formatPlaceTokens(source, tokens)
  return {
    detector: found.detector,
    technique: found.technique,
    at: cut(place),
    ...(found.inside === '' ? {} : { inside: cut(found.inside) }),
    offset: found.at,
    excerpt: masked(found.view.text, found.at),
    ...(found.view.decoded === '' ? {} : { decoded: found.view.decoded }),
    exception: exceptionFor(found, source, tokens),
  }
}

/** The line that would lift this detector for this field, ready to be pasted below `inspect.exceptions`. */
function exceptionFor(found: Found, source: string, tokens: readonly (string | number)[]): string {
  const place = formatPlaceTokens(
    source,
    tokens.map((token) => (typeof token === 'number' ? '*' : token)),
  )
  return `NAME: { rule: ${found.detector}, at: ${JSON.stringify(cut(place))}, owner: WHO, until: YYYY-MM-DD }`
}

function masked(text: string, at: number): string {
  const piece = text.slice(at, at + shownCharacters)
  // Control characters in a log line are an attack on the reader of the log.
  return `${piece.replace(/[^\x20-\x7e]/g, '.')}****`
}

function cut(place: string): string {
  const clear = place.replace(/[^\x20-\x7e]/g, '.')
  return clear.length <= maxPlace ? clear : `${clear.slice(0, maxPlace)}…`
}

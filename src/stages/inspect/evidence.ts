import type { Evidence } from '../contract.js'
import type { DetectorName } from './detector-names.js'
import type { GraphqlFinding } from './graphql/judge.js'
import type { Found } from './inspector.js'
import { formatPlaceTokens } from './places.js'

/** Characters of a value that may stand in a record: enough to recognise it, too few to leak or replay it. */
const shownCharacters = 6
/** Places of hostile depth or length are cut. */
const maxPlace = 160

/**
 * What an operator needs to judge a denial: detector, technique, place, offset and how the value was decoded.
 *
 * @param outer what was undone before the inspector saw the value, outermost first; empty: nothing.
 */
export function evidenceOf(found: Found, source: string, tokens: readonly (string | number)[], outer = ''): Evidence {
  const decoded = [outer, found.view.decoded].filter((steps) => steps !== '').join(', ')
  const place = formatPlaceTokens(source, tokens)
  return {
    detector: found.detector,
    technique: found.technique,
    at: cut(place),
    ...(found.inside === '' ? {} : { inside: cut(found.inside) }),
    offset: found.at,
    excerpt: masked(found.view.text, found.at),
    ...(decoded === '' ? {} : { decoded }),
    exception: exceptionFor(found.detector, source, tokens),
  }
}

/** The same for a GraphQL request that asks for too much: what was counted, and the limit. */
export function graphqlEvidence({ technique, at, found, limit }: GraphqlFinding): Evidence {
  return {
    detector: 'graphql',
    technique,
    at: cut(formatPlaceTokens(at.source, at.tokens)),
    ...(found === undefined || limit === undefined ? {} : { found, limit }),
    exception: exceptionFor('graphql', at.source, at.tokens),
  }
}

/** The same for a field of an event that unpacks to more than may be unpacked. */
export function packedEvidence(tokens: readonly (string | number)[], how: string): Evidence {
  const at = cut(formatPlaceTokens('body', tokens))
  return {
    detector: 'encoding',
    technique: 'too large to unpack',
    at,
    decoded: how,
    exception: exceptionFor('encoding', 'body', tokens),
  }
}

/** The line that would lift this detector for this field, ready to be pasted below `inspect.exceptions`. */
function exceptionFor(rule: DetectorName, source: string, tokens: readonly (string | number)[]): string {
  const place = formatPlaceTokens(
    source,
    tokens.map((token) => (typeof token === 'number' ? '*' : token)),
  )
  const name = `${rule}-${slug(place)}`
  return `${name}: { rule: ${rule}, at: ${JSON.stringify(cut(place))}, owner: WHO, until: YYYY-MM-DD }`
}

/** A place as the name of an exception: `body:/lines/*\/note` is `body-lines-note`. */
function slug(place: string): string {
  const name = place.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return name.slice(0, 40).replace(/-$/, '')
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

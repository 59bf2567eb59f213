import type { RoutePlan } from '../plan/plan.js'
import type { Evidence, Identity } from '../stages/contract.js'
import { maskSecrets } from './mask.js'
import type { DecisionRecord } from './record.js'

/** Takes out what no reader of a record may see. Everything that enters a record passes here, once. */
export interface Redactor {
  evidence(evidence: Evidence): Evidence
  /** The path with its secret-looking segments and redacted parameters masked. */
  path(path: string, route: RoutePlan | null): string
  client(address: string, identity: Identity | null): DecisionRecord['client']
}

const redacted = '[redacted]'
const maxTextLength = 256
const maxPathLength = 1_024
const maxItems = 16
const maxKeys = 24

/** Credentials by definition: redacted whatever the policy says. */
const always = [
  'header.authorization',
  'header.proxy-authorization',
  'header.cookie',
  'header.set-cookie',
  'header.x-api-key',
]

/** Evidence keys that say where something was found, or which rule found it. They stay when the found value goes. */
const placeKeys: ReadonlySet<string> = new Set(['at', 'field', 'from', 'header', 'claim'])
const ruleKeys: ReadonlySet<string> = new Set(['rule', 'detector', 'technique', 'keyword', 'limit', 'decoded'])
/** Two of them name the thing alone: `header: x-pin` speaks of `header.x-pin`. */
const prefixOf: Readonly<Record<string, string>> = { header: 'header.', claim: 'jwt.' }

/**
 * The redactor of one plan. Selectors are those of policies: `header.authorization`, `query.token`, `path.code`,
 * `body:/card`, `jwt.sub`, `client.id`, `ip`. Evidence that speaks of such a place (its key, or its `at`, `field` or
 * `from`) loses every text but the place and the rule.
 */
export function createRedactor(selectors: readonly string[]): Redactor {
  const places = [...always, ...selectors.map(comparable)]
  const has = (selector: string): boolean => places.includes(selector)
  const hidesAddress = has('ip')
  const hidesSubject = has('jwt.sub')
  const hidesClientId = has('client.id')
  const params = new Set(places.filter((place) => place.startsWith('path.')).map((place) => place.slice(5)))

  const isHidden = (text: string): boolean => {
    if (!text.includes('.') && !text.includes(':')) return false // no place, as nearly every key
    const place = comparable(text)
    return places.some((hidden) => isWithin(place, hidden))
  }

  const evidenceOf = (evidence: Evidence): Evidence => {
    const kept: Record<string, Evidence[string]> = {}
    let hidesValues = false
    for (const key in evidence) {
      const value = evidence[key]
      if (typeof value === 'string' && placeKeys.has(key) && isHidden(`${prefixOf[key] ?? ''}${value}`))
        hidesValues = true
    }
    let count = 0
    for (const key in evidence) {
      if (++count > maxKeys) break
      const value = evidence[key]
      if (value === undefined) continue
      if (typeof value !== 'string' && typeof value !== 'object') kept[key] = value
      else if (value === null) kept[key] = null
      else if (isHidden(key) || (hidesValues && !placeKeys.has(key) && !ruleKeys.has(key))) kept[key] = redacted
      else if (typeof value === 'string') kept[key] = shown(value, maxTextLength)
      else kept[key] = items(value)
    }
    return kept
  }

  return {
    evidence: evidenceOf,
    path(path, route) {
      const open = params.size === 0 || route === null ? path : hideParams(path, route, params)
      return hasLongSegment(open)
        ? cut(maskSegments(open), maxPathLength, open.length)
        : cut(open, maxPathLength, open.length)
    },
    client(address, identity) {
      const from = hidesAddress ? redacted : address
      if (identity === null || identity.method === 'none') return { address: from }
      const subject = hidesSubject ? redacted : cut(identity.subject, maxTextLength, identity.subject.length)
      if (identity.clientId === null) return { address: from, subject }
      return {
        address: from,
        subject,
        id: hidesClientId ? redacted : cut(identity.clientId, maxTextLength, identity.clientId.length),
      }
    },
  }
}

function items(value: readonly string[]): readonly string[] {
  const kept = value.slice(0, maxItems).map((item) => shown(item, maxTextLength))
  if (value.length > maxItems) kept.push(`[${value.length - maxItems} more]`)
  return kept
}

/** Header names and the two spellings of a place (`query.token`, `query:token`) compare alike. */
function comparable(selector: string): string {
  const text = selector.replace(/^(header|query|path|cookie|jwt|client):\/?/, '$1.')
  return text.startsWith('header.') ? text.toLowerCase() : text
}

/** Whether a place is the hidden one or lies inside it: `query.token[0]`, `body:/card/number` in `body:/card`. */
function isWithin(place: string, hidden: string): boolean {
  if (!place.startsWith(hidden)) return false
  const next = place.charAt(hidden.length)
  return next === '' || next === '/' || next === '.' || next === '[' || next === ' ' || next === ':'
}

function hideParams(path: string, route: RoutePlan, params: ReadonlySet<string>): string {
  const parts = path.split('/')
  route.match.segments.forEach((segment, index) => {
    if ('param' in segment && params.has(segment.param)) parts[index + 1] = redacted
    if ('rest' in segment && params.has(segment.rest)) parts.splice(index + 1, parts.length, redacted)
  })
  return parts.join('/')
}

/** Each segment by itself: in a path, `/` parts words and belongs to no key. */
function maskSegments(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment.length < 16 ? segment : maskSecrets(segment, false)))
    .join('/')
}

/** Whether any segment is long enough to be a secret; most paths are done here. */
function hasLongSegment(path: string): boolean {
  let start = 0
  for (;;) {
    const end = path.indexOf('/', start)
    if ((end === -1 ? path.length : end) - start >= 16) return true
    if (end === -1) return false
    start = end + 1
  }
}

/** Masks first and cuts then: a cut secret would look like none. Four times the length is looked at, no more. */
function shown(text: string, maxLength: number): string {
  const looked = maxLength * 4
  const masked = text.length <= looked ? maskSecrets(text, false) : maskSecrets(text.slice(0, looked), true)
  return cut(masked, maxLength, text.length)
}

/** The mark tells how long the text was. */
function cut(text: string, maxLength: number, length: number): string {
  return text.length <= maxLength && length <= maxLength * 4 ? text : `${text.slice(0, maxLength)}…[${length} long]`
}

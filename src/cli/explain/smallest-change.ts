import type { DecisionRecord } from '../../record/record.js'
import type { Evidence } from '../../stages/contract.js'
import { formatPlace } from '../../values/place.js'

/** Codes for which no change is ever suggested: who may call is not to be loosened because somebody could not. */
function isAccess(code: string): boolean {
  return (
    code.startsWith('auth.') || code.startsWith('ip.') || code.startsWith('cors.') || code === 'rate-limit.failed-auth'
  )
}

/** Codes of requests that two readers could read in two ways, or none can: no setting lets them pass. */
const callersFault =
  /^(wire\..*|request\.(json-.*|text-encoding|form-invalid|multipart-invalid|xml-.*|.*-encoding|.*-repeated|body-unexpected))$/

/** What may be done about a denial of this code, in general. */
export function changesFor(code: string): readonly string[] {
  if (isAccess(code))
    return ['Who may call is decided by the route alone; no change is suggested that would loosen it.']
  if (callersFault.test(code)) return ['The request itself is at fault; no policy lets it pass.']
  const change = generalChanges[code] ?? generalChanges[code.split('.')[0] ?? '']
  return change === undefined ? [] : [change]
}

const generalChanges: Readonly<Record<string, string>> = {
  'rate-limit.exceeded':
    'To let more pass: raise the quota of the limit that the record names, or wait for Retry-After.',
  'rate-limit.address-exceeded': 'To let more pass: raise addressLimit.quota in gateway.yaml.',
  concurrency: 'To let more pass at once: raise concurrency.quota.',
  'request.body-too-large': 'To let it pass: raise request.maxBytes of the route, within the guardrails.',
  'request.media-type': 'To let it pass: list the media type under request.contentType.',
  'request.query-unknown': 'To let it pass: declare the parameter under request.query, or set unknownQuery: allow.',
  'request.too-deep': 'To let it pass: raise request.structure.depth.',
  'request.too-many-keys': 'To let it pass: raise request.structure.keys.',
  request: 'To let it pass: change the schema that the record names – or the caller.',
  inspect:
    'If it is no attack: an exception with rule, place, owner and a last day, under inspect.exceptions of the route.',
  'route.not-found': 'To let it pass: add a route with this path.',
  'route.method-not-allowed': 'To let it pass: add a route with this method.',
  'forward.timeout': 'If the function may take longer: raise timeout.headers and timeout.total of the route.',
  'forward.at-capacity': 'If the function can take more at once: raise capacity.concurrency of its upstream.',
  'forward.breaker-open':
    'See why its calls fail: the records before this one say so. The breaker closes by itself once they succeed.',
  forward: 'The function is at fault; see its own logs for the request id, which it has as X-Request-Id.',
  response: 'The function is at fault; see its own logs for the request id, which it has as X-Request-Id.',
  'gateway.overloaded': 'The process is at its limit: see limits.concurrentRequests and limits.eventLoopDelay.',
  'gateway.failed': 'A fault of Postern; please report it with the record.',
}

/** The smallest change that would have let this very request pass; null where none is to be suggested. */
export function smallestChange(record: DecisionRecord): readonly string[] {
  const { code, evidence = {}, declaredAt } = record
  if (code === undefined) return []
  const where = declaredAt === undefined ? '' : ` (${formatPlace(declaredAt)})`
  if (code === 'rate-limit.exceeded') {
    const wait = numberOf(evidence, 'retryAfterSeconds')
    const quota = numberOf(evidence, 'quota')
    return [
      `Raise the quota of "${String(evidence['limit'] ?? 'the limit')}" above ${quota ?? 'what it is'}${where}${wait === null ? '' : `, or call again after ${wait} s`}.`,
    ]
  }
  if (code.startsWith('inspect.')) return exceptionFor(record, evidence)
  if (code === 'request.body-too-large') return [`Raise request.maxBytes of ${record.route ?? 'the route'}${where}.`]
  if (code === 'route.not-found') return [`Add a route for ${record.method} ${record.path}.`]
  if (code === 'route.method-not-allowed') return [`Add the route ${record.method} ${record.path}.`]
  return changesFor(code)
}

function exceptionFor({ code = '', route }: DecisionRecord, evidence: Evidence): readonly string[] {
  const at = evidence['at']
  const exception = evidence['exception']
  if (typeof at !== 'string' || typeof exception !== 'string') return changesFor(code)
  return [
    `If it is no attack, an exception in ${route ?? 'the route'}, with who answers for it and a last day:`,
    '    inspect:',
    '      exceptions:',
    `        ${exception}`,
  ]
}

function numberOf(evidence: Evidence, key: string): number | null {
  const value = evidence[key]
  return typeof value === 'number' ? value : null
}

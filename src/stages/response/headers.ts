import { STATUS_CODES } from 'node:http'
import type { Answer, Exchange, Tools } from '../contract.js'
import { compileOwnHost } from './own-host.js'
import { reasons } from './reasons.js'
import type { ResponseSettings } from './settings.js'

/** Lines of one answer; more are a function that has lost its way, or an attack on whoever reads them. */
export const mostHeaderLines = 128

/** Fields of a function's answer that say how it is hosted, or that only a gateway may set. */
const alwaysRemoved = [
  'alt-svc',
  'x-request-id',
  'x-amzn-trace-id',
  'x-amzn-requestid',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-azure-ref',
  'x-cloud-trace-context',
  'x-debug-token',
  'x-debug-token-link',
  'x-envoy-upstream-service-time',
  'x-runtime',
  'via',
] as const

/** What describes the very bytes of a body, and so not those that leave once some of them are taken out. */
const ofTheBytes = [
  'accept-ranges',
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'etag',
  'repr-digest',
] as const

/** What a masked answer keeps of the function's head: when to come back, and what a client error must say. */
const survivesMasking = new Set(['retry-after', 'date'])
const survivesClientMasking = new Set(['retry-after', 'date', 'www-authenticate', 'allow'])

/** `changed`: fields were taken out of the body; `masked`: the problem document takes its place. */
type Fate = 'whole' | 'changed' | 'masked'

/** Gives an answer the head with which it leaves. Runs for every request; measured in bench/hot-path. */
export type Dress = (exchange: Exchange, answer: Answer, fate: Fate) => void

/** Compiles what becomes of the headers of a route's answers. */
export function compileDress(settings: ResponseSettings, tools: Tools): Dress {
  const security = settings.security === null ? [] : tools.securityHeaders(settings.security)
  const { hasCors } = settings
  const upstream = tools.upstreams[settings.upstream]
  if (upstream === undefined) throw new Error(`upstream ${settings.upstream} is not in the plan`)
  const ownHost = compileOwnHost(upstream)
  // A header of the function's own would stand beside ours, and browsers take the weaker of two.
  const removed = new Set([...settings.remove, ...alwaysRemoved, ...security.filter((_, i) => i % 2 === 0)])
  const changesBodies = settings.redact.length > 0
  const special = new Set<string>(['location', 'content-location', 'set-cookie', ...(changesBodies ? ofTheBytes : [])])

  const rewritten = (name: string, value: string, fate: Fate): string | null => {
    if (name === 'set-cookie') return ownHost.cookie(value)
    if (name === 'location' || name === 'content-location') return ownHost.location(value)
    return fate === 'changed' ? null : value
  }

  return (exchange, answer, fate) => {
    const headers: string[] = []
    const { headers: given } = answer
    // Two answers to "how many more" would be one too many: where we count, ours stands.
    const { answerHeaders } = exchange
    const counts = answerHeaders.length > 0 && (!hasCors || answerHeaders.some(isRateLimitField))
    const survives = fate !== 'masked' ? null : answer.status < 500 ? survivesClientMasking : survivesMasking
    for (let i = 0; i < given.length; i += 2) {
      const name = given[i] ?? ''
      if (survives !== null && !survives.has(name)) continue
      if (counts && name.startsWith('ratelimit')) continue
      if (hasCors && name.startsWith('access-control-')) continue
      // Two look-ups are cheaper than one that says what: most headers are in neither.
      if (removed.has(name)) continue
      if (special.has(name)) {
        const value = rewritten(name, given[i + 1] ?? '', fate)
        if (value !== null) headers.push(name, value)
      } else headers.push(name, given[i + 1] ?? '')
    }
    if (fate === 'masked') mask(exchange.id, answer, headers)
    for (const part of security) headers.push(part)
    answer.headers = headers
  }
}

/** Of flat headers: whether this name is one of a rate limit's. */
function isRateLimitField(part: string, i: number): boolean {
  return i % 2 === 0 && part.toLowerCase().startsWith('ratelimit')
}

function mask(id: string, answer: Answer, headers: string[]): void {
  const { status } = answer
  const title = STATUS_CODES[status] ?? 'Error'
  const document = `{"type":"about:blank","title":"${title}","status":${status},"code":"${reasons.masked.code}","requestId":"${id}"}`
  headers.push('content-type', 'application/problem+json', 'cache-control', 'no-store')
  answer.replace(Buffer.from(document))
}

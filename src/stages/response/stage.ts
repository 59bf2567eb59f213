import { STATUS_CODES } from 'node:http'
import { allow, type Exchange, type Planned, type Stage } from '../contract.js'
import { reasons } from './reasons.js'
import { keys } from './schema.js'

/** What the plan holds of a route's answers. */
export interface ResponseSettings {
  readonly errors: 'mask' | 'pass'
  readonly security: 'strict' | 'basic' | null
  /** Lower-case names. */
  readonly remove: readonly string[]
  /** Whether `cors` speaks to pages of other origins here, and the function does not. */
  readonly hasCors: boolean
}

/** Fields of a function's answer that say how it is hosted, or that only a gateway may set. */
const alwaysRemoved = ['alt-svc', 'x-request-id', 'x-amzn-trace-id', 'x-amzn-requestid', 'via']

export const response: Stage<ResponseSettings> = {
  name: 'response',
  keys,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('response')
    const schema = section.get('schema')
    if (schema.value !== undefined) {
      scope.report({
        code: 'policy.not-available',
        message: 'response.schema is not available in this version.',
        hint: 'Remove it.',
        at: schema.keyPlace,
      })
    }
    const { value: security } = section.get('headers', 'security')
    const { value: remove } = section.get('headers', 'remove')
    const planned: Planned<ResponseSettings> = {
      slot: 'response',
      mode: 'enforce',
      declaredAt: section.keyPlace,
      settings: {
        errors: section.get('errors').value === 'pass' ? 'pass' : 'mask',
        security: security === 'off' || security === false ? null : security === 'basic' ? 'basic' : 'strict',
        hasCors: policy.get('cors', 'origins').value !== undefined,
        remove: Array.isArray(remove) ? remove.map((name) => String(name).toLowerCase()) : ['server', 'x-powered-by'],
      },
    }
    return [planned]
  },

  compile(settings, tools) {
    const security = settings.security === null ? [] : tools.securityHeaders(settings.security)
    // A header of the function's own would stand beside ours, and browsers take the weaker of two.
    const removed = new Set([...settings.remove, ...alwaysRemoved, ...security.filter((_, i) => i % 2 === 0)])
    const masks = settings.errors === 'mask'
    return (exchange) => {
      const { answer } = exchange
      if (answer === null) return allow
      const masked = masks && answer.status >= 500
      const headers: string[] = []
      const { headers: given } = answer
      // Two answers to "how many more" would be one too many: where we count, ours stands.
      const { answerHeaders } = exchange
      const counts = answerHeaders.length > 0 && (!settings.hasCors || answerHeaders.some(isRateLimitField))
      for (let i = 0; i < given.length; i += 2) {
        const name = given[i] ?? ''
        if (removed.has(name) || (masked && !survivesMasking.has(name))) continue
        if (counts && name.startsWith('ratelimit')) continue
        if (settings.hasCors && name.startsWith('access-control-')) continue
        headers.push(name, given[i + 1] ?? '')
      }
      if (masked) mask(exchange, headers)
      for (const part of security) headers.push(part)
      answer.headers = headers
      return masked ? { outcome: 'allow', evidence: { masked: answer.status } } : allow
    }
  },
}

/** Of flat headers: whether this name is one of a rate limit's. */
function isRateLimitField(part: string, i: number): boolean {
  return i % 2 === 0 && part.toLowerCase().startsWith('ratelimit')
}

/** What a masked answer keeps of the function's head: when to come back, and how long it may be believed. */
const survivesMasking = new Set(['retry-after', 'date'])

function mask(exchange: Exchange, headers: string[]): void {
  const { answer } = exchange
  if (answer === null) return
  const { status } = answer
  const title = STATUS_CODES[status] ?? 'Error'
  const document = `{"type":"about:blank","title":"${title}","status":${status},"code":"${reasons.masked.code}","requestId":"${exchange.id}"}`
  headers.push('content-type', 'application/problem+json', 'cache-control', 'no-store')
  answer.replace(Buffer.from(document))
}

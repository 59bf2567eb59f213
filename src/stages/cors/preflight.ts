import { allow, type Check, deny, type Exchange } from '../contract.js'
import { grants } from './grants.js'
import { reasons } from './reasons.js'
import type { CorsSettings } from './settings.js'

/** More names than this are no honest question; the header block bounds their length. */
const mostNames = 128

/** Names that a page may always send. Fetch, "CORS-safelisted request-header"; their values are the browser's business. */
const needNoPermission = new Set(['accept', 'accept-language', 'content-language'])

/**
 * The method that a preflight asks for; null for what is none. Fetch, "CORS-preflight request": an OPTIONS with an
 * `Origin` and exactly this header.
 */
export function askedMethod({ method, headers }: Pick<Exchange, 'method' | 'headers'>): string | null {
  if (method !== 'OPTIONS' || headers['origin'] === undefined) return null
  const asked = headers['access-control-request-method']
  return typeof asked === 'string' ? asked : null
}

/**
 * Answers preflights in the name of the route whose method they ask for: what it lets pass has its permission on
 * `answerHeaders`, and the gateway sends it without asking anyone else.
 */
export function compilePreflight(settings: CorsSettings): Check {
  const methods = new Set(settings.methods)
  const headers = new Set(settings.headers)
  const granted = grants(settings)
  const vary = ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers']
  const age = ['access-control-max-age', String(settings.maxAgeSeconds)]
  const originDenied = deny(reasons.originDenied)
  const methodDenied = deny(reasons.methodDenied)
  const headerDenied = deny(reasons.headerDenied)

  return (exchange) => {
    exchange.answerHeaders.push(...vary)
    const { origin, 'access-control-request-headers': wanted } = exchange.headers
    const grant = granted(String(origin))
    if (grant === null) return originDenied
    const method = askedMethod(exchange) ?? ''
    if (!methods.has(method)) return methodDenied
    const names = wanted === undefined ? [] : String(wanted).split(',', mostNames + 1)
    if (names.length > mostNames) return headerDenied
    const allowed: string[] = []
    for (const each of names) {
      const name = each.trim().toLowerCase()
      if (name === '' || needNoPermission.has(name)) continue
      if (!headers.has(name)) return headerDenied
      allowed.push(name)
    }
    // Only what was asked: a permission for more would be remembered for routes that share the path.
    exchange.answerHeaders.push(...grant, 'access-control-allow-methods', method, ...age)
    if (allowed.length > 0) exchange.answerHeaders.push('access-control-allow-headers', allowed.join(', '))
    return allow
  }
}

import { withPlainKeys } from '../../values/plain-keys.js'
import { type Check, deny, type Exchange, type Tools, type Verdict } from '../contract.js'
import { challenges } from './challenges.js'
import { checkApiKey } from './check-api-key.js'
import { checkToken } from './check-token.js'
import { bearerToken, dpopToken, singleHeader } from './credentials.js'
import { possessionOf } from './possession.js'
import { reasons } from './reasons.js'
import type { Method } from './settings.js'

const missing = deny(
  reasons.missing,
  { header: 'authorization, x-api-key' },
  { headers: [...challenges.missing, ...challenges.apiKey] },
)

/**
 * Takes any of several credentials. What is presented must be good: a bad token beside a good key denies, so that nobody
 * wins by sending more. Of two good ones, the caller is known by the one that the policy lists first.
 */
export function checkAny(
  methods: readonly Method[],
  tools: Pick<
    Tools,
    'clients' | 'clock' | 'introspector' | 'issuers' | 'proofVerifier' | 'revocations' | 'trusts' | 'verifier'
  >,
): Check {
  const byToken = tokenCheck(methods, tools)
  const clients = methods.flatMap((method) => (method.method === 'apiKey' ? method.clients : []))
  const byKey = clients.length === 0 ? null : checkApiKey(clients, tools)
  if (byToken === null || byKey === null) return byToken ?? byKey ?? (() => missing)
  // Each leaves its identity on the exchange, so the one that counts is asked last.
  const isKeyFirst = methods[0]?.method === 'apiKey'
  const [before, after] = isKeyFirst ? [byToken, byKey] : [byKey, byToken]

  return (exchange) => {
    const hasToken = singleHeader(exchange, 'authorization') !== null
    const hasKey = singleHeader(exchange, 'x-api-key') !== null
    if (!hasToken && !hasKey) return missing
    if (!hasKey) return byToken(exchange)
    if (!hasToken) return byKey(exchange)
    const verdict = before(exchange)
    const next = (settled: Verdict) => (settled.outcome === 'deny' ? settled : after(exchange))
    return verdict instanceof Promise ? verdict.then(next) : next(verdict)
  }
}

/**
 * One check for all methods by token: those of the token's own issuer, in the order they are written. A token that names
 * none of them is opaque, as far as anybody can see, and goes to the issuer that is asked by introspection.
 */
function tokenCheck(
  methods: readonly Method[],
  tools: Pick<Tools, 'clock' | 'introspector' | 'issuers' | 'proofVerifier' | 'revocations' | 'trusts' | 'verifier'>,
): Check | null {
  const ways = new Map<string, Check[]>()
  const opaque: Check[] = []
  for (const method of methods) {
    if (method.method === 'apiKey') continue
    const possession = possessionOf(method.issuer, tools)
    if (method.method === 'introspection') {
      opaque.push(checkToken(method, tools.introspector(method.issuer), tools, possession))
      continue
    }
    const issuer = tools.issuers[method.issuer]?.issuer ?? ''
    ways.set(issuer, [
      ...(ways.get(issuer) ?? []),
      checkToken(method, tools.verifier(method.issuer), tools, possession),
    ])
  }
  const [first = []] = ways.values()
  const rest = opaque.length > 0 ? opaque : first
  if (rest.length === 0) return null
  if (ways.size === 0 || (ways.size === 1 && opaque.length === 0)) return (exchange) => firstAllowed(rest, exchange)
  return (exchange) => {
    const header = singleHeader(exchange, 'authorization')
    const issuer = header === null || header === 'repeated' ? null : unverifiedIssuer(header.value)
    // A token of nobody we know goes to the first issuer, which says what is wrong with it.
    return firstAllowed((issuer === null ? undefined : ways.get(issuer)) ?? rest, exchange)
  }
}

/** The first of the checks that allows; else what the first of them said. A promise only where one of them is. */
function firstAllowed(checks: readonly Check[], exchange: Exchange, denial?: Verdict): Verdict | Promise<Verdict> {
  let said = denial
  for (const [index, check] of checks.entries()) {
    const verdict = check(exchange)
    if (verdict instanceof Promise) {
      const rest = checks.slice(index + 1)
      return verdict.then((settled) =>
        settled.outcome === 'allow' ? settled : firstAllowed(rest, exchange, said ?? settled),
      )
    }
    if (verdict.outcome === 'allow') return verdict
    said ??= verdict
  }
  return said ?? missing
}

/** Whose token it says it is: good for choosing whom to ask, and for nothing else. */
function unverifiedIssuer(authorization: string): string | null {
  const body = (bearerToken(authorization) ?? dpopToken(authorization) ?? '').split('.', 2)[1]
  if (body === undefined || body.length > 8_192) return null
  try {
    const text = withPlainKeys(Buffer.from(body, 'base64url').toString())
    if (text === null) return null
    const claims: unknown = JSON.parse(text)
    const isNamed = typeof claims === 'object' && claims !== null && 'iss' in claims
    return isNamed && typeof claims.iss === 'string' ? claims.iss : null
  } catch {
    return null
  }
}

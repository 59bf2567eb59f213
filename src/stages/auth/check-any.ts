import { withPlainKeys } from '../../values/plain-keys.js'
import { type Check, deny, type Exchange, type Tools, type Verdict } from '../contract.js'
import { challenges, withMetadata } from './challenges.js'
import { checkApiKey } from './check-api-key.js'
import { checkCertificate } from './check-certificate.js'
import { checkToken } from './check-token.js'
import { clientCertificates } from './client-certificate.js'
import { bearerToken, dpopToken, singleHeader } from './credentials.js'
import { possessionOf } from './possession.js'
import { reasons } from './reasons.js'
import type { Method } from './settings.js'

type AnyTools = Pick<
  Tools,
  | 'clients'
  | 'clock'
  | 'introspector'
  | 'issuers'
  | 'proofVerifier'
  | 'resourceMetadata'
  | 'revocations'
  | 'trusts'
  | 'verifier'
>

const missing = deny(reasons.missing, {}, { headers: challenges.missing })

/**
 * Takes any of several credentials. What is presented must be good: a bad token beside a good key denies, so that nobody
 * wins by sending more. Of two good ones, the caller is known by the one that the policy lists first.
 */
export function checkAny(methods: readonly Method[], tools: AnyTools): Check {
  const ways = waysOf(methods, tools)
  const [only] = ways
  if (only === undefined) return () => missing
  if (ways.length === 1) return only.check
  const challenged = deny(
    reasons.missing,
    { credential: ways.map(({ credential }) => credential).join(', ') },
    { headers: ways.flatMap(({ challenge }) => challenge) },
  )
  // Each leaves its identity on the exchange, so the one that counts is asked last.
  const lastFirst = ways.toReversed()

  return (exchange) => {
    const shown = lastFirst.filter(({ isShown }) => isShown(exchange))
    return shown.length === 0 ? challenged : allAllowed(shown, 0, exchange)
  }
}

/** One kind of credential. */
interface Way {
  readonly credential: string
  readonly challenge: readonly string[]
  readonly isShown: (exchange: Exchange) => boolean
  readonly check: Check
}

/** The kinds of credentials that the methods take, in the order in which the policy names them first. */
function waysOf(methods: readonly Method[], tools: AnyTools): readonly Way[] {
  const made = new Map<string, Way>()
  for (const { method } of methods) {
    const kind = method === 'apiKey' || method === 'mtls' ? method : 'token'
    if (made.has(kind)) continue
    const way =
      kind === 'token'
        ? byToken(methods, tools)
        : kind === 'mtls'
          ? byCertificate(methods, tools)
          : byKey(methods, tools)
    if (way !== null) made.set(kind, way)
  }
  return [...made.values()]
}

function byToken(methods: readonly Method[], tools: AnyTools): Way | null {
  const check = tokenCheck(methods, tools)
  if (check === null) return null
  const isShown: Way['isShown'] = (exchange) => singleHeader(exchange, 'authorization') !== null
  const challenge = withMetadata(challenges.missing, tools.resourceMetadata)
  return { credential: 'authorization', challenge, isShown, check }
}

function byKey(methods: readonly Method[], tools: AnyTools): Way {
  const clients = methods.flatMap((method) => (method.method === 'apiKey' ? method.clients : []))
  const isShown: Way['isShown'] = (exchange) => singleHeader(exchange, 'x-api-key') !== null
  return { credential: 'x-api-key', challenge: challenges.apiKey, isShown, check: checkApiKey(clients, tools) }
}

function byCertificate(methods: readonly Method[], tools: AnyTools): Way {
  const certificates = clientCertificates(tools)
  const checks = methods.flatMap((method) => (method.method === 'mtls' ? [checkCertificate(method, tools)] : []))
  return {
    credential: 'certificate',
    challenge: challenges.certificate,
    isShown: (exchange) => certificates.of(exchange) !== null,
    check: (exchange) => firstAllowed(checks, exchange),
  }
}

/** The first denial, or the last admission. A promise only where one of them is. */
function allAllowed(ways: readonly Way[], index: number, exchange: Exchange): Verdict | Promise<Verdict> {
  const verdict = ways[index]?.check(exchange) ?? missing
  const next = (settled: Verdict): Verdict | Promise<Verdict> =>
    settled.outcome === 'deny' || index === ways.length - 1 ? settled : allAllowed(ways, index + 1, exchange)
  return verdict instanceof Promise ? verdict.then(next) : next(verdict)
}

/**
 * One check for all methods by token: those of the token's own issuer, in the order they are written. A token that names
 * none of them is opaque, as far as anybody can see, and goes to the issuer that is asked by introspection.
 */
function tokenCheck(methods: readonly Method[], tools: AnyTools): Check | null {
  const ways = new Map<string, Check[]>()
  const opaque: Check[] = []
  for (const method of methods) {
    if (method.method === 'apiKey' || method.method === 'mtls') continue
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

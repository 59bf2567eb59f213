import { parseDuration } from '../../values/duration.js'
import { nearest } from '../../values/nearest.js'
import {
  allow,
  type Check,
  deny,
  type Exchange,
  type OutgoingRequest,
  type Planned,
  type Reason,
  type Scope,
  type Section,
  type SendFault,
  type Stage,
  type Timeouts,
  type Tools,
  type Verdict,
} from '../contract.js'
import { headerFates, headerText, namedByConnection } from './headers.js'
import { atPlatform } from './platforms/at-platform.js'
import { signedIn, signInNames } from './platforms/sign-in.js'
import { reasons } from './reasons.js'
import { type RetrySettings, resolveRetry } from './retry.js'
import { keys } from './schema.js'
import { type Sent, sendAgain } from './send-again.js'

/** The token of our own that a function gets. */
interface HopSettings {
  /** Lower case. */
  readonly header: string
  /** Null: the upstream's origin. */
  readonly audience: string | null
  /** As the policy writes them. */
  readonly claims: readonly string[]
}

/** What the plan holds of a route's way to its function. */
export interface ForwardSettings {
  /** Name in `plan.upstreams`. */
  readonly upstream: string
  readonly timeouts: Timeouts
  /** Claim path, and the header it goes to. */
  readonly claims: readonly { readonly path: readonly string[]; readonly header: string }[]
  /** A token of our own; null: none. */
  readonly hopToken: HopSettings | null
  readonly authorization: 'drop' | 'keep' | { readonly moveTo: string }
  /** The header that holds the credential of this route's `auth`, besides Authorization. */
  readonly credentialHeader: string | null
  /** Headers that were judged and so must arrive: a caller's `Connection` cannot name them away. */
  readonly endToEnd: readonly string[]
  /** Literal texts and parameter names in turn; null: the caller's path. */
  readonly path: readonly (string | { readonly param: string })[] | null
  readonly allowHeaders: readonly string[] | null
  /** Flat, lower-case names. */
  readonly setHeaders: readonly string[]
  /** Whether `response` reads whole answers: the function is then asked for them plain, and all of them. */
  readonly asksPlain: boolean
  readonly retry: RetrySettings
}

export const forward: Stage<ForwardSettings> = {
  name: 'forward',
  keys,
  reasons,

  resolve(policy, scope) {
    const upstream = policy.get('upstream')
    if (upstream.value === undefined) {
      scope.report({
        code: 'forward.upstream-missing',
        message: 'The route has no upstream.',
        hint: 'Name one of the upstreams declared under `upstreams:`.',
        at: policy.keyPlace,
      })
      return []
    }
    const name = String(upstream.value)
    const authorization = resolveAuthorization(policy.get('forward', 'authorization').value)
    if (scope.upstreams[name] === undefined) {
      const near = nearest(name, Object.keys(scope.upstreams))
      scope.report({
        code: 'forward.upstream-unknown',
        message: `Upstream "${name}" is not defined. Known upstreams: ${Object.keys(scope.upstreams).join(', ') || 'none'}.`,
        ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
        at: upstream.place,
      })
      return []
    }
    const allowHeaders = listOf(policy.get('forward', 'headers', 'allow').value)
    const planned: Planned<ForwardSettings> = {
      slot: 'forward',
      mode: 'enforce',
      declaredAt: upstream.keyPlace,
      // A signature covers the hash of the whole body, so the body is read before the first byte of it leaves.
      needsBody: scope.upstreams[name].auth.kind === 'aws-sigv4',
      settings: {
        upstream: name,
        timeouts: resolveTimeouts(policy),
        claims: Object.entries(recordOf(policy.get('forward', 'claims').value)).map(([claim, header]) => ({
          path: claimPath(claim),
          header: String(header).toLowerCase(),
        })),
        hopToken: resolveHop(policy.get('forward', 'hopToken').value),
        authorization,
        credentialHeader: takesApiKey(policy.get('auth').value) ? 'x-api-key' : null,
        endToEnd: [
          'content-type',
          ...(authorization === 'drop' ? [] : ['authorization']),
          ...Object.keys(recordOf(policy.get('request', 'headers').value)),
        ],
        path: resolvePath(policy.get('forward', 'path'), scope),
        allowHeaders,
        setHeaders: Object.entries(recordOf(policy.get('forward', 'headers', 'set').value)).flatMap(
          ([header, value]) => [header.toLowerCase(), String(value)],
        ),
        asksPlain: readsAnswers(policy.get('response')),
        retry: resolveRetry(policy.get('forward', 'retry'), allowHeaders, scope),
      },
    }
    reportReservedHeaders(planned.settings, policy, scope)
    return [planned]
  },

  compile(settings, tools) {
    const plan = tools.upstreams[settings.upstream]
    if (plan === undefined) throw new Error(`upstream ${settings.upstream} is not in the plan`)
    const upstream = signedIn(tools.http.upstream(plan), plan, tools)
    const hop = settings.hopToken === null ? null : hopHeader(settings.hopToken, plan.origin, tools)
    const outgoing = compileRequest(settings, plan.basePath, upstreamHeaders(settings, tools), hop)
    const check: Check = (exchange) => {
      const request = outgoing(exchange)
      const started = tools.clock.monotonic()
      const elapsed = () => tools.clock.monotonic() - started
      return upstream.send(request, exchange).then((outcome) => {
        if (!('fault' in outcome)) {
          exchange.answer = outcome
          return allow
        }
        return sendAgain(settings.retry, upstream, request, exchange, outcome, elapsed).then((sent) =>
          verdictOf(sent, exchange, elapsed),
        )
      })
    }
    return atPlatform(check, plan)
  },
}

/** What became of a call that did not go well at once. */
function verdictOf({ outcome, attempts, isBudgetSpent }: Sent, exchange: Exchange, elapsed: () => number): Verdict {
  if (!('fault' in outcome)) {
    exchange.answer = outcome
    return { outcome: 'allow', evidence: { attempts } }
  }
  const { fault, detail, retryAfterSeconds } = outcome
  // What was not let through was no attempt.
  const made = retryAfterSeconds === undefined ? attempts : attempts - 1
  const budget = isBudgetSpent ? { retryBudget: 'spent' } : {}
  const evidence = { fault, detail, attempts: made, micros: Math.round(elapsed() * 1000), ...budget }
  const headers = retryAfterSeconds === undefined ? {} : { headers: ['Retry-After', String(retryAfterSeconds)] }
  return deny(reasonOf[fault], evidence, headers)
}

const reasonOf = {
  unreachable: reasons.unreachable,
  'bad-answer': reasons.badAnswer,
  timeout: reasons.timeout,
  aborted: reasons.aborted,
  'too-large': reasons.bodyTooLarge,
  'at-capacity': reasons.atCapacity,
  'breaker-open': reasons.breakerOpen,
  'no-credentials': reasons.credentialsUnavailable,
} as const satisfies Readonly<Record<SendFault['fault'], Reason>>

/** Headers that do not depend on the request: the upstream's credential and the route's constants. */
function upstreamHeaders(settings: ForwardSettings, tools: Tools): readonly string[] {
  const auth = tools.upstreams[settings.upstream]?.auth
  const credentials =
    auth?.kind === 'header' ? auth.headers.flatMap(({ name, value }) => [name.toLowerCase(), tools.reveal(value)]) : []
  return [...settings.setHeaders, ...credentials]
}

function compileRequest(
  settings: ForwardSettings,
  basePath: string,
  constants: readonly string[],
  hop: ((exchange: Exchange) => string) | null,
): (exchange: Exchange) => OutgoingRequest {
  const { authorization, claims, hopToken, path, timeouts } = settings
  const moved = typeof authorization === 'object' ? authorization.moveTo : null
  const stripped = new Set([...claims.map(({ header }) => header), ...constants.filter((_, i) => i % 2 === 0)])
  if (hopToken !== null) stripped.add(hopToken.header)
  if (authorization === 'drop') stripped.add('authorization')
  // A proof is good for our URL alone, and goes where its token goes.
  if (authorization !== 'keep') stripped.add('dpop')
  // A part of an answer is no JSON, and a compressed one cannot be read here. RFC 9110 section 12.5.3
  const asked = settings.asksPlain ? [...constants, 'accept-encoding', 'identity'] : constants
  if (settings.asksPlain) for (const name of ['accept-encoding', 'range', 'if-range']) stripped.add(name)
  if (settings.credentialHeader !== null) stripped.add(settings.credentialHeader)
  if (moved !== null) stripped.add(moved)
  const allowed = settings.allowHeaders === null ? null : new Set(settings.allowHeaders)
  const endToEnd = new Set(settings.endToEnd)
  const fate = headerFates(allowed, stripped, moved === null ? new Map() : new Map([['authorization', moved]]))

  return (exchange) => {
    const { rawHeaders } = exchange
    const ended = namedByConnection(rawHeaders, endToEnd)
    const headers: string[] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const rawName = rawHeaders[i] ?? ''
      const name = fate(rawName)
      if (name === null || ended?.has(rawName.toLowerCase()) === true) continue
      headers.push(name, rawHeaders[i + 1] ?? '')
    }
    // Ours come last and cannot be named away: a caller may list any header in `Connection`. RFC 9110 section 7.6.1
    headers.push('x-forwarded-for', exchange.address, 'x-forwarded-proto', exchange.scheme)
    headers.push('x-forwarded-host', exchange.host, 'x-request-id', exchange.id)
    for (const { path: claim, header } of claims) {
      const text = headerText(claimAt(exchange, claim))
      if (text !== null) headers.push(header, text)
    }
    if (hop !== null && hopToken !== null) headers.push(hopToken.header, hop(exchange))
    for (const constant of asked) headers.push(constant)
    const forwarded = path === null ? exchange.path : fillPath(path, exchange.params)
    return {
      method: exchange.method,
      target: `${basePath}${forwarded}${exchange.query === '' ? '' : `?${exchange.query}`}`,
      headers,
      body: exchange.hasBody ? (exchange.body ?? 'stream') : null,
      timeouts,
    }
  }
}

/** What makes the token of a request. The claims' paths are cut once. */
function hopHeader(settings: HopSettings, origin: string, tools: Tools): (exchange: Exchange) => string {
  const audience = settings.audience ?? origin
  const named = settings.claims.map((claim) => ({ claim, path: claimPath(claim) }))
  return (exchange) => {
    const { id, identity } = exchange
    const claims: Record<string, unknown> | null = named.length === 0 ? null : {}
    if (claims !== null) {
      for (const { claim, path } of named) {
        const value = claimAt(exchange, path)
        if (value !== undefined) claims[claim] = value
      }
    }
    return tools.hopToken({ audience, id, identity, claims })
  }
}

function resolveHop(value: unknown): HopSettings | null {
  if (value === undefined) return null
  const { header, audience, claims } = recordOf(value)
  return {
    header: typeof header === 'string' ? header.toLowerCase() : 'x-postern-token',
    audience: typeof audience === 'string' ? audience : null,
    claims: Array.isArray(claims) ? claims.map(String) : [],
  }
}

function claimAt(exchange: Exchange, path: readonly string[]): unknown {
  let value: unknown = exchange.identity?.claims
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key] // an object with this key, as just seen
  }
  return value
}

/** Outermost first: `realm.plan` and `/realm/plan` alike (the policy language, selectors). RFC 6901 section 4 for the escapes */
function claimPath(claim: string): readonly string[] {
  if (!claim.startsWith('/')) return claim.split('.')
  return claim
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function fillPath(parts: NonNullable<ForwardSettings['path']>, params: Readonly<Record<string, string>>): string {
  let path = ''
  for (const part of parts) path += typeof part === 'string' ? part : (params[part.param] ?? '')
  return path
}

function resolveTimeouts(policy: Section): Timeouts {
  const ms = (key: string, fallback: number): number => {
    const { value } = policy.get('timeout', key)
    return typeof value === 'string' ? (parseDuration(value) ?? fallback) : fallback
  }
  const { value: total } = policy.get('timeout', 'total')
  return {
    connectMs: ms('connect', 2_000),
    headersMs: ms('headers', 10_000),
    idleMs: ms('idle', 10_000),
    totalMs: total === 'off' || total === false ? null : ms('total', 10_000),
  }
}

function resolveAuthorization(value: unknown): ForwardSettings['authorization'] {
  if (value === 'keep') return 'keep'
  if (typeof value === 'string' && value.startsWith('move:')) return { moveTo: value.slice(5).toLowerCase() }
  return 'drop'
}

function resolvePath(section: Section, scope: Scope): ForwardSettings['path'] {
  if (typeof section.value !== 'string') return null
  const known = scope.route.segments.flatMap((segment) =>
    'param' in segment ? [segment.param] : 'rest' in segment ? [segment.rest] : [],
  )
  const parts: (string | { param: string })[] = []
  for (const [i, piece] of section.value.split(/[{}]/).entries()) {
    if (i % 2 === 0) {
      if (piece !== '') parts.push(piece)
      continue
    }
    const param = piece.replace(/\+$/, '')
    if (!known.includes(param)) {
      const near = nearest(param, known)
      scope.report({
        code: 'forward.parameter-unknown',
        message: `The route ${scope.route.id} has no parameter "${param}".`,
        ...(near === undefined ? {} : { hint: `Did you mean {${near}}?` }),
        at: section.place,
      })
    }
    parts.push({ param })
  }
  const literal = parts.filter((part) => typeof part === 'string').join('')
  if (
    !/^[A-Za-z0-9\-._~!$&'()*+,=:@/%]*$/.test(literal) ||
    literal.includes('//') ||
    /(^|\/)\.{1,2}(\/|$)/.test(literal)
  ) {
    scope.report({
      code: 'forward.path-invalid',
      message: 'The path to forward must be a plain path: no query, no dot segments, no blanks.',
      hint: 'The caller’s query is always forwarded as it came.',
      at: section.place,
    })
  }
  return parts
}

/** Headers that frame the message or name its target cannot be set by a policy, nor can those of the sign-in. */
function reportReservedHeaders(settings: ForwardSettings, policy: Section, scope: Scope): void {
  const plan = scope.upstreams[settings.upstream]
  const signIn = plan === undefined ? [] : signInNames(plan)
  const reserved = new Set([
    ...signIn,
    'host',
    'content-length',
    'transfer-encoding',
    'connection',
    'x-forwarded-for',
    'x-request-id',
  ])
  const target = settings.authorization === 'keep' ? 'authorization' : Object(settings.authorization).moveTo
  if (signIn.includes(target)) {
    const at = policy.get('forward', 'authorization').place
    scope.report({
      code: 'forward.authorization-taken',
      message: `The gateway signs in at ${settings.upstream} with ${target} itself, so the caller's has no place there.`,
      hint: 'Move it, authorization: move:X-Client-Authorization; or drop it and hand on claims.',
      at,
    })
  }
  const named = [
    ...settings.claims.map(({ header }) => ({ header, at: policy.get('forward', 'claims') })),
    ...(settings.hopToken === null
      ? []
      : [{ header: settings.hopToken.header, at: policy.get('forward', 'hopToken', 'header') }]),
    ...settings.setHeaders
      .filter((_, i) => i % 2 === 0)
      .map((header) => ({ header, at: policy.get('forward', 'headers', 'set') })),
  ]
  for (const { header, at } of named) {
    if (!reserved.has(header)) continue
    scope.report({
      code: 'forward.header-reserved',
      message: `The header ${header} is set by Postern itself.`,
      hint: 'Choose another name.',
      at: at.place,
    })
  }
}

/** Whether answers are read whole: they have a schema to fit, or fields that must not leave. */
function readsAnswers(response: Section): boolean {
  const { value: redact } = response.get('redact')
  const hasSchema = response.get('schema').value !== undefined && response.get('mode').value !== 'off'
  return hasSchema || (Array.isArray(redact) && redact.length > 0)
}

/** Whether a caller may open the route with an API key, alone or as one method of several. */
function takesApiKey(auth: unknown): boolean {
  const { apiKey, anyOf } = recordOf(auth)
  return apiKey !== undefined || (Array.isArray(anyOf) && anyOf.some(takesApiKey))
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {} // as just seen
}

function listOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.map((item) => String(item).toLowerCase()) : null
}

import { createHash } from 'node:crypto'
import type { Place } from '../values/place.js'
import type { Fact } from './difference-rules.js'
import type { ClientPlan, GatewayPlan, IssuerPlan, RoutePlan, Step, UpstreamPlan } from './plan.js'

/** One setting of a thing, with the place that declares it. */
interface Placed {
  readonly fact: Fact
  readonly place: Place
}

/** A thing as flat settings: `rateLimit.per-ip.rate`. */
export type Facts = ReadonlyMap<string, Placed>

/** Collects facts of one thing. */
class Sheet {
  readonly facts = new Map<string, Placed>()

  set(path: string, fact: Fact, place: Place): void {
    this.facts.set(path, { fact, place })
  }
}

/** What a step's stage keeps, as plain data; stages are not known here, so every read is guarded. */
type Settings = { readonly [key: string]: unknown }

/** What is derived from other settings, or means nothing to a reader. */
const derived: ReadonlySet<string> = new Set([
  'inspect.pinned',
  'inspect.part',
  'forward.credentialHeader',
  'forward.endToEnd',
  'forward.upstream',
  'forward.asksPlain',
  'response.upstream',
  'response.part',
  'response.hasCors',
  'response.schema',
  'request.part',
  'request.readsBody',
  'request.declaresBody',
  'concurrency.bucket',
])

/** The settings of a route, all its steps together. Schemas are compared apart, by `schemasOf`. */
export function routeFacts(route: RoutePlan): Facts {
  const sheet = new Sheet()
  sheet.set('id', route.id, route.declaredAt)
  sheet.set('upstream', route.upstream, route.declaredAt)
  for (const step of route.steps) {
    const settings = mapOf(step.settings)
    if (step.stage === 'auth') authFacts(settings, step, sheet)
    else if (step.stage === 'rateLimit') limitFacts(settings, step, sheet)
    else if (step.stage === 'request') requestFacts(settings, step, sheet)
    else stepFacts(settings, step, sheet)
  }
  return sheet.facts
}

function stepFacts(settings: Settings, step: Step, sheet: Sheet): void {
  const { stage, mode, declaredAt } = step
  // The detectors in report mode run in a step beside the one that says all there is to say.
  if (stage === 'inspect' && settings['part'] === 'reported') return
  // What every route has says nothing by being there.
  if (stage !== 'forward' && stage !== 'response') {
    sheet.set(`${stage}.present`, true, declaredAt)
    sheet.set(`${stage}.mode`, mode, declaredAt)
  }
  // In report mode the schema of answers stands in a step of its own, beside the one that guards.
  if (stage === 'response' && typeof settings['schema'] === 'string' && settings['part'] !== 'guards') {
    sheet.set('response.schema.mode', mode, declaredAt)
  }
  for (const [key, value] of Object.entries(settings)) {
    if (stage === 'inspect' && key === 'detectors') detectorFacts(value, declaredAt, sheet)
    else if (stage === 'inspect' && key === 'graphql') graphqlFacts(value, declaredAt, sheet)
    else if (stage === 'inspect' && key === 'exceptions') namedFacts('inspect.exceptions', value, declaredAt, sheet)
    else if (stage === 'forward' && key === 'authorization') authorizationFacts(value, declaredAt, sheet)
    else if (stage === 'forward' && key === 'claims')
      sheet.set('forward.claims', listOf(value).map(handedOn), declaredAt)
    else if (stage === 'forward' && key === 'hopToken') {
      sheet.set('forward.hopToken.present', value !== null, declaredAt)
      if (value !== null) flat('forward.hopToken', value, declaredAt, sheet)
    } else if (stage === 'forward' && key === 'setHeaders') sheet.set('forward.setHeaders', pairs(value), declaredAt)
    else flat(`${stage}.${key}`, value, declaredAt, sheet)
  }
}

/** Detectors that do not deny: those left out, and all that at most record. */
function detectorFacts(value: unknown, place: Place, sheet: Sheet): void {
  const modes = Object.entries(mapOf(value))
  const off = modes.filter(([, mode]) => mode === 'off').map(([name]) => name)
  sheet.set('inspect.detectors.off', off, place)
  sheet.set(
    'inspect.detectors.notDenying',
    modes.map(([name]) => name),
    place,
  )
}

function graphqlFacts(value: unknown, place: Place, sheet: Sheet): void {
  if (value === null) return
  sheet.set('inspect.graphql.present', true, place)
  flat('inspect.graphql', value, place, sheet)
}

function authorizationFacts(value: unknown, place: Place, sheet: Sheet): void {
  const target = mapOf(value)['moveTo']
  sheet.set('forward.authorization', typeof value === 'string' ? value : 'move', place)
  if (typeof target === 'string') sheet.set('forward.authorization.to', target, place)
}

/** `plan as x-plan`: a claim and the header that tells the function. */
function handedOn(claim: unknown): string {
  const { path, header } = mapOf(claim)
  return `${listOf(path).join('.')} as ${String(header)}`
}

/** Names and values in turn, as `x-shop: eu`. */
function pairs(list: unknown): string[] {
  const flatList = listOf(list)
  return flatList.flatMap((name, i) => (i % 2 === 0 ? [`${String(name)}: ${String(flatList[i + 1])}`] : []))
}

/** A list of things with names, each as facts of its own. */
function namedFacts(path: string, value: unknown, place: Place, sheet: Sheet): void {
  for (const item of listOf(value)) {
    const { name, expiresAt, ...rest } = mapOf(item)
    if (typeof name !== 'string') continue
    sheet.set(`${path}.${name}.present`, true, place)
    if (typeof expiresAt === 'number') sheet.set(`${path}.${name}.until`, expiresAt, place)
    for (const [key, each] of Object.entries(rest)) flat(`${path}.${name}.${key}`, each, place, sheet)
  }
}

function authFacts(settings: Settings, { declaredAt }: Step, sheet: Sheet): void {
  const methods = settings['method'] === 'anyOf' ? listOf(settings['methods']).map(mapOf) : [settings]
  const isOpen = settings['method'] === 'none'
  sheet.set('auth.open', isOpen, declaredAt)
  if (isOpen) return
  const accepts: string[] = []
  for (const method of methods) {
    const kind = String(method['method'])
    const { method: _, issuer, scopes, claims, clients, roles, stepUp, ca, san, fingerprints, ...rest } = method
    const name = typeof issuer === 'string' ? `${kind} ${issuer}` : kind
    accepts.push(name)
    // One method alone needs no name: another issuer with the same scopes asks for no less.
    const path = methods.length === 1 ? 'auth' : `auth.${name.replace(' ', '.')}`
    if (scopes !== undefined) sheet.set(`${path}.scopes`, texts(scopes), declaredAt)
    if (clients !== undefined) sheet.set(`${path}.clients`, texts(clients), declaredAt)
    if (claims !== undefined) sheet.set(`${path}.claims`, listOf(claims).map(claimText), declaredAt)
    // One of the roles will do: without any, everybody's does.
    if (listOf(roles).length > 0) sheet.set(`${path}.roles`, texts(roles), declaredAt)
    if (stepUp !== null) flat(`${path}.stepUp`, stepUp, declaredAt, sheet)
    if (kind === 'mtls') {
      // A digest stands for the text of certificates; without any, those of the listener hold.
      const text =
        typeof ca === 'string' ? createHash('sha256').update(ca).digest('hex').slice(0, 16) : 'of the listener'
      sheet.set(`${path}.authorities`, text, declaredAt)
      sheet.set(`${path}.san`, listOf(san).length === 0 ? null : texts(san), declaredAt)
      sheet.set(`${path}.fingerprints`, listOf(fingerprints).length === 0 ? null : texts(fingerprints), declaredAt)
    }
    for (const [key, value] of Object.entries(rest)) flat(`${path}.${key}`, value, declaredAt, sheet)
  }
  sheet.set('auth.accepts', accepts, declaredAt)
}

/** `email_verified equals true`: a rule on a claim as a person would say it. */
function claimText(rule: unknown): string {
  const { claim, condition } = mapOf(rule)
  const { kind, value, values, wanted } = mapOf(condition)
  const operand = value ?? values ?? wanted
  return `${String(claim)} ${String(kind)} ${JSON.stringify(operand)}`
}

function limitFacts(settings: Settings, step: Step, sheet: Sheet): void {
  if (settings['legacyHeaders'] === true) sheet.set('rateLimit.legacyHeaders', 'x-ratelimit', step.declaredAt)
  for (const limit of listOf(settings['limits']).map(mapOf)) {
    const { name, quota, windowMs, burst, tiers, mode, partitionKey, algorithm, calendar, count, cost, declaredAt } =
      limit
    const place = isPlace(declaredAt) ? declaredAt : step.declaredAt
    const path = `rateLimit.${String(name)}`
    sheet.set(`${path}.present`, true, place)
    sheet.set(`${path}.mode`, mode === 'report' ? 'report' : 'enforce', place)
    const perWindow = (amount: unknown): Fact => ({ quota: Number(amount), windowMs: Number(windowMs) })
    if (tiers === null || tiers === undefined) sheet.set(`${path}.rate`, perWindow(quota), place)
    else {
      const { from, quotas, fallback } = mapOf(tiers)
      for (const [tier, amount] of listOf(quotas).map(listOf)) {
        sheet.set(`${path}.tiers.${String(tier)}`, perWindow(amount), place)
      }
      sheet.set(`${path}.tiers.default`, perWindow(fallback), place)
      sheet.set(`${path}.tiersFrom`, selectorText(from), place)
    }
    if (typeof burst === 'number') sheet.set(`${path}.burst`, burst, place)
    sheet.set(`${path}.partitionKey`, listOf(partitionKey).map(selectorText), place)
    sheet.set(`${path}.algorithm`, String(algorithm), place)
    sheet.set(`${path}.calendar`, calendar === null || calendar === undefined ? 'none' : String(calendar), place)
    sheet.set(`${path}.count`, String(count), place)
    if (typeof cost === 'number' && cost > 1) sheet.set(`${path}.cost`, cost, place)
  }
}

function selectorText(selector: unknown): string {
  const { from, field, name, path } = mapOf(selector)
  return [from, field ?? name, ...listOf(path)].filter((part) => part !== undefined).join('.')
}

function requestFacts(settings: Settings, step: Step, sheet: Sheet): void {
  const { declaredAt, mode } = step
  // In report mode the schemas stand in a step of their own; the reading of the other one always holds.
  const { bodySchema, parameters, requiresBody: _, ...reading } = settings
  if (bodySchema !== null || parameters !== null) sheet.set('request.schemas.mode', mode, declaredAt)
  if (parameters !== null && parameters !== undefined) {
    sheet.set('request.rejectsUnknownQuery', mapOf(parameters)['rejectsUnknownQuery'] === true, declaredAt)
  }
  if (mode === 'report') return
  for (const [key, value] of Object.entries(reading)) flat(`request.${key}`, value, declaredAt, sheet)
}

/** The schemas of a route by what they are held against: `request.body`, `request.parameters`. */
export function schemasOf(route: RoutePlan): ReadonlyMap<string, { readonly hash: string; readonly place: Place }> {
  const found = new Map<string, { readonly hash: string; readonly place: Place }>()
  for (const { stage, settings, declaredAt } of route.steps) {
    const { bodySchema, parameters, schema } = mapOf(settings)
    const named = { body: bodySchema, parameters: mapOf(parameters)['schema'], schema }
    for (const [key, hash] of Object.entries(named)) {
      if (typeof hash === 'string' && (stage === 'request' || stage === 'response')) {
        found.set(key === 'schema' ? stage : `${stage}.${key}`, { hash, place: declaredAt })
      }
    }
  }
  return found
}

function upstreamFacts(upstream: UpstreamPlan): Facts {
  const {
    origin,
    basePath,
    auth,
    reservedConcurrency,
    breaker,
    tls,
    declaredAt,
    name: _,
    platform: __,
    ...rest
  } = upstream
  const sheet = new Sheet()
  sheet.set('upstream.url', `${origin}${basePath}`, declaredAt)
  sheet.set('upstream.scheme', origin.slice(0, origin.indexOf(':')), declaredAt)
  sheet.set('upstream.auth', auth.kind === 'none' ? 'none' : 'signed in', declaredAt)
  if (auth.kind !== 'none') flat('upstream.signIn', auth, declaredAt, sheet)
  if (breaker !== null) {
    sheet.set('upstream.breaker.present', true, declaredAt)
    flat('upstream.breaker', breaker, declaredAt, sheet)
  }
  const ca = tls?.ca ?? null
  sheet.set(
    'upstream.ca',
    ca === null ? 'public' : createHash('sha256').update(ca).digest('hex').slice(0, 12),
    declaredAt,
  )
  // No pin admits every key.
  sheet.set('upstream.pins', (tls?.pins.length ?? 0) === 0 ? null : (tls?.pins ?? null), declaredAt)
  if (reservedConcurrency !== null) sheet.set('upstream.reservedConcurrency', reservedConcurrency, declaredAt)
  for (const [key, value] of Object.entries(rest)) flat(`upstream.${key}`, value, declaredAt, sheet)
  return sheet.facts
}

function issuerFacts(issuer: IssuerPlan): Facts {
  const { audience, keys, dpop, introspection, declaredAt, name: _, ...rest } = issuer
  const sheet = new Sheet()
  const url = keys.kind === 'jwksUri' ? keys.url : issuer.issuer
  if (keys.kind === 'jwksUri' || keys.kind === 'discovery')
    sheet.set('issuer.scheme', url.split(':', 1)[0] ?? '', declaredAt)
  sheet.set('issuer.audience', audience.oneOf, declaredAt)
  sheet.set('issuer.audienceClaim', audience.claim, declaredAt)
  flat('issuer.keys', keys, declaredAt, sheet)
  sheet.set('issuer.dpop', dpop === undefined ? 'off' : dpop.required ? 'required' : 'optional', declaredAt)
  if (dpop !== undefined) {
    const { nonce, publicUrls, required: _required, ...demands } = dpop
    sheet.set('issuer.dpop.nonce', nonce !== null, declaredAt)
    // Without any, whatever host the caller asks for is taken for ours.
    sheet.set('issuer.dpop.publicUrls', publicUrls.length === 0 ? null : publicUrls, declaredAt)
    for (const [key, value] of Object.entries(demands)) flat(`issuer.dpop.${key}`, value, declaredAt, sheet)
  }
  if (introspection !== null) flat('issuer.introspection', introspection, declaredAt, sheet)
  for (const [key, value] of Object.entries(rest)) flat(`issuer.${key}`, value, declaredAt, sheet)
  return sheet.facts
}

function clientFacts(client: ClientPlan): Facts {
  const { keys, ipAllow, plan, declaredAt } = client
  const sheet = new Sheet()
  if (plan !== null) sheet.set('client.plan', plan, declaredAt)
  // An empty list allows every address.
  sheet.set('client.ipAllow', ipAllow.length === 0 ? null : ipAllow, declaredAt)
  for (const key of keys) {
    sheet.set(`client.keys.${key.name}.present`, true, key.declaredAt)
    sheet.set(`client.keys.${key.name}.expiresAt`, key.expiresAt, key.declaredAt)
    sheet.set(`client.keys.${key.name}.sha256`, `${key.sha256.slice(0, 12)}…`, key.declaredAt)
  }
  return sheet.facts
}

export function gatewayFacts(gateway: GatewayPlan): Facts {
  const { addressLimit, listeners, trustedProxies, limits, store, accessLog, ...rest } = gateway
  const place = { file: 'gateway.yaml', line: 1, column: 1 }
  const sheet = new Sheet()
  const { token, ...admin } = listeners.admin
  const { tls, ...open } = listeners.public
  flat('gateway.public', open, place, sheet)
  if (tls !== null) {
    sheet.set('gateway.tls.present', true, place)
    sheet.set('gateway.tls.minVersion', tls.minVersion, place)
    sheet.set('gateway.tls.clientCa', tls.clientCa !== null, place)
  }
  flat('gateway.admin', admin, place, sheet)
  if (token !== null) sheet.set('gateway.admin.token', true, place)
  sheet.set('gateway.trustedProxies', trustedProxies, place)
  flat('gateway.limits', limits, place, sheet)
  const { redis, onStoreError } = store
  sheet.set('gateway.store.onStoreError', onStoreError, place)
  if (redis !== null) {
    sheet.set('gateway.store.redis.present', true, place)
    flat('gateway.store.redis', redis, place, sheet)
  }
  sheet.set('gateway.redact', accessLog.redact, place)
  if (addressLimit !== null) {
    sheet.set('gateway.addressLimit.present', true, addressLimit.declaredAt)
    const { quota, windowMs, ipv6Prefix, failedAuth } = addressLimit
    sheet.set('gateway.addressLimit.ipv6Prefix', ipv6Prefix, addressLimit.declaredAt)
    sheet.set('gateway.addressLimit.rate', { quota, windowMs }, addressLimit.declaredAt)
    if (failedAuth !== null) sheet.set('gateway.addressLimit.failedAuth', failedAuth, addressLimit.declaredAt)
  }
  for (const [key, value] of Object.entries(rest)) flat(`gateway.${key}`, value, place, sheet)
  return sheet.facts
}

/** Any data as facts: maps are walked into, lists of texts are sets, other lists are compared as they stand. */
function flat(path: string, value: unknown, place: Place, sheet: Sheet): void {
  if (derived.has(path) || value === undefined || isPlace(value)) return
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    sheet.set(path, value, place)
  } else if (Array.isArray(value)) sheet.set(path, texts(value), place)
  else for (const [key, each] of Object.entries(value)) flat(`${path}.${key}`, each, place, sheet)
}

function texts(list: unknown): readonly string[] {
  return listOf(list).map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function mapOf(value: unknown): Settings {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Settings) : {} // checked just now
}

function isPlace(value: unknown): value is Place {
  const { file, line, column } = mapOf(value)
  return typeof file === 'string' && typeof line === 'number' && typeof column === 'number'
}

/** Every kind of shared thing, with how it is told. */
export const sharedFacts: {
  readonly issuers: (thing: IssuerPlan) => Facts
  readonly clients: (thing: ClientPlan) => Facts
  readonly upstreams: (thing: UpstreamPlan) => Facts
} = { issuers: issuerFacts, clients: clientFacts, upstreams: upstreamFacts }

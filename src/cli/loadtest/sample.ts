import type { Plan, RoutePlan } from '../../plan/plan.js'
import type { PolicyTest, PolicyTestFile, TestCaller } from '../../policy/test-file.js'
import type { AuthSettings, Method } from '../../stages/auth/settings.js'
import type { RequestSettings } from '../../stages/request/settings.js'
import { type RouteFinder, routeFinder } from '../policy-tests/credential.js'
import type { Sample } from './sender.js'

/** A request that the route should let through, and whose credential it needs. */
export interface SampleCall {
  readonly sample: Sample
  readonly credential: TestCaller['credential']
  /** Where it was taken from, for the operator. */
  readonly origin: string
}

/** What the operator says of the request; it wins over what is found. */
export interface SampleWish {
  /** Path and query. */
  readonly target?: string | undefined
  readonly body: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A request for a route: of a policy test that expects it to succeed, or else made up from the route's own schemas. The
 * first real call shows whether it is any good.
 */
export function sampleFor(
  route: RoutePlan,
  plan: Plan,
  files: readonly PolicyTestFile[],
  wish: SampleWish,
): SampleCall {
  const tested = testedSample(route, routeFinder(plan), files)
  const found = tested ?? inventedSample(route, plan)
  return {
    ...found,
    sample: {
      ...found.sample,
      target: wish.target ?? found.sample.target,
      headers: { ...(wish.body !== null && json), ...found.sample.headers, ...wish.headers },
      body: wish.body ?? found.sample.body,
    },
  }
}

const json = { 'content-type': 'application/json' }

function testedSample(route: RoutePlan, findRoute: RouteFinder, files: readonly PolicyTestFile[]): SampleCall | null {
  for (const { file, tests } of files) {
    for (const test of tests) {
      if (!succeeds(test) || 'raw' in test.send) continue
      const { method, target, headers, body } = test.send
      if (findRoute(method, target)?.id !== route.id) continue
      const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
      const bytes = body === undefined ? null : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
      return {
        sample: { method, target, headers: { ...(bytes !== null && json), ...named }, body: bytes },
        credential: test.as.credential,
        origin: `${file}:${test.place.line} (${test.name})`,
      }
    }
  }
  return null
}

function succeeds({ expect, answer }: PolicyTest): boolean {
  const [status] = expect.statuses ?? []
  const passes = status === undefined ? expect.code === null : status >= 200 && status < 300
  return passes && (answer === null || ('status' in answer && answer.status < 300))
}

function inventedSample(route: RoutePlan, plan: Plan): SampleCall {
  const request = route.steps.find(({ stage }) => stage === 'request')?.settings as RequestSettings | undefined // of this stage
  const schemaOf = (hash: string | null | undefined): unknown =>
    hash === null || hash === undefined ? undefined : plan.schemas[hash]?.schema
  const parameters = Object(valueFor(schemaOf(request?.parameters?.schema)))
  const method = route.match.method === 'ANY' ? 'GET' : route.match.method
  const path = route.match.segments
    .map((segment) => {
      if ('literal' in segment) return segment.literal
      const name = 'param' in segment ? segment.param : segment.rest
      return encodeURIComponent(String(Object(parameters.path)[name] ?? '1'))
    })
    .join('/')
  const query = new URLSearchParams(Object(parameters.query)).toString()
  const bodySchema = schemaOf(request?.bodySchema)
  const body = bodySchema === undefined ? null : Buffer.from(JSON.stringify(valueFor(bodySchema) ?? null))
  const headers = Object.fromEntries(
    Object.entries(Object(parameters.header)).map(([name, value]) => [name, String(value)]),
  )
  return {
    sample: {
      method,
      target: `/${path}${query === '' ? '' : `?${query}`}`,
      headers: { ...(body !== null && json), ...headers },
      body,
    },
    credential: credentialFor(route),
    origin: 'made up from the route',
  }
}

function credentialFor(route: RoutePlan): TestCaller['credential'] {
  const settings = route.steps.find(({ stage }) => stage === 'auth')?.settings as AuthSettings | undefined // of this stage
  if (settings === undefined || settings.method === 'none') return { kind: 'none' }
  const method: Method | undefined = settings.method === 'anyOf' ? settings.methods[0] : settings
  if (method === undefined) return { kind: 'none' }
  if (method.method === 'apiKey') return { kind: 'apiKey', client: method.clients[0] ?? '', key: null }
  if (method.method !== 'jwt') return { kind: 'none' }
  const claims: Record<string, unknown> = method.scopes.length === 0 ? {} : { scope: method.scopes.join(' ') }
  for (const { path, condition } of method.claims) {
    if (path.length !== 1 || path[0] === undefined) continue
    if (condition.kind === 'exists') {
      if (condition.wanted) claims[path[0]] = 'yes'
    } else
      claims[path[0]] =
        condition.kind === 'oneOf'
          ? condition.values[0]
          : condition.kind === 'contains'
            ? [condition.value]
            : condition.value
  }
  return { kind: 'jwt', issuer: method.issuer, claims, isForged: false }
}

/** Text for the formats that policies use most. */
const formatted: Readonly<Record<string, string>> = {
  uuid: '7d0c6a4e-3f5b-4b8e-9a55-1f1f6f1d2c3b',
  date: '2026-01-15',
  'date-time': '2026-01-15T12:00:00Z',
  time: '12:00:00Z',
  email: 'someone@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
}
/** Tried in turn where a pattern asks. */
const texts = [
  '1',
  'a',
  'ab',
  'A1',
  'abc',
  'ABC',
  'a-1',
  'AB-1234',
  'abc123',
  '12345',
  '12345678',
  'EUR',
  'DE',
  'x'.repeat(16),
]

/** A value that fits the plain part of a schema: enough for most bodies, and no proof that it is for this one. */
export function valueFor(schema: unknown, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > 8) return undefined
  const node = schema as Readonly<Record<string, unknown>> // an object, as just seen
  if (node['const'] !== undefined) return node['const']
  if (node['default'] !== undefined) return node['default']
  for (const list of [node['examples'], node['enum']]) if (Array.isArray(list) && list.length > 0) return list[0]
  for (const list of [node['oneOf'], node['anyOf'], node['allOf']]) {
    if (Array.isArray(list) && node['type'] === undefined) return valueFor(list[0], depth + 1)
  }
  const type = Array.isArray(node['type']) ? node['type'][0] : node['type']
  if (type === 'string') return textFor(node)
  if (type === 'integer' || type === 'number')
    return Number(node['minimum'] ?? node['exclusiveMinimum'] ?? 0) + (node['exclusiveMinimum'] === undefined ? 0 : 1)
  if (type === 'boolean') return true
  if (type === 'null') return null
  if (type === 'array') {
    return Array.from({ length: Math.min(Number(node['minItems'] ?? 0), 20) }, () => valueFor(node['items'], depth + 1))
  }
  if (type !== 'object' && node['properties'] === undefined) return undefined
  const required = Array.isArray(node['required']) ? node['required'].map(String) : []
  return Object.fromEntries(
    required.map((name) => [name, valueFor(Object(node['properties'])[name], depth + 1) ?? '1']),
  )
}

function textFor({ format, pattern, minLength, maxLength }: Readonly<Record<string, unknown>>): string {
  if (typeof format === 'string' && formatted[format] !== undefined) return formatted[format]
  const least = Math.min(Number(minLength ?? 0), 1_000)
  const most = Number(maxLength ?? Number.POSITIVE_INFINITY)
  const candidates = texts.map((text) => text.padEnd(least, text.slice(-1)).slice(0, most))
  if (typeof pattern !== 'string') return candidates[1] ?? ''
  // The policy's own pattern, which the loader has found safe, on texts of ours.
  const fits = new RegExp(pattern, 'u')
  return candidates.find((text) => fits.test(text)) ?? candidates[0] ?? ''
}

import type { CanaryPlan, UpstreamAuth, UpstreamHeader } from '../plan/plan.js'
import { parseDuration } from '../values/duration.js'
import type { SecretText } from '../values/secret.js'
import { isLoopback } from './addresses.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** Headers that frame the message, so that no upstream may claim them for its sign-in. */
const takenHeaders = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'expect',
])

/** Where the upstream stands. */
interface Target {
  readonly origin: string
  readonly host: string
  readonly basePath: string
}

/** The sign-in of one upstream, or undefined where its problems leave nothing to go on with. */
export function resolveUpstreamAuth(
  section: NodeSection,
  target: Target,
  resolving: Resolving,
): UpstreamAuth | undefined {
  const { value } = section
  if (value === undefined || value === 'none') return { kind: 'none' }
  if (value === 'aws-sigv4' || section.get('aws-sigv4').value !== undefined)
    return sigv4(section, section.get('aws-sigv4'), target, resolving)
  if (value === 'google-id-token' || section.get('google-id-token').value !== undefined) {
    if (!mayCarryToken(section, target, resolving)) return undefined
    // Cloud Run takes the URL of the service for the audience, without the path of a request.
    return { kind: 'google-id-token', audience: textOf(section.get('google-id-token', 'audience')) ?? target.origin }
  }
  const entra = section.get('azure-entra')
  if (entra.value !== undefined) {
    const resource = textOf(entra.get('resource'))
    if (resource === undefined || !mayCarryToken(section, target, resolving)) return undefined
    return { kind: 'azure-entra', resource, clientId: textOf(entra.get('clientId')) ?? null }
  }
  return headers(section, resolving)
}

/** Region and service, as the hosts of function URLs and API Gateway say them. */
function sigv4(auth: NodeSection, settings: NodeSection, { host }: Target, { report }: Resolving) {
  const [, fromLambda] = /\.lambda-url\.([a-z0-9-]{1,40})\.on\.aws$/.exec(host) ?? []
  const [, service, fromService] = /\.([a-z0-9-]{1,40})\.([a-z0-9-]{1,40})\.amazonaws\.com$/.exec(host) ?? []
  const region = textOf(settings.get('region')) ?? fromLambda ?? fromService
  if (region === undefined) {
    report({
      code: 'upstream.region-missing',
      message: `The host ${host} does not say in which region its signatures are judged.`,
      hint: 'Write it: auth: { aws-sigv4: { region: eu-west-1, service: lambda } }.',
      at: auth.place,
    })
    return undefined
  }
  return { kind: 'aws-sigv4', region, service: textOf(settings.get('service')) ?? service ?? 'lambda' } as const
}

/** A bearer token that is read on the way is good for whoever reads it. */
function mayCarryToken(section: NodeSection, { origin, host }: Target, { report }: Resolving): boolean {
  if (!origin.startsWith('http:') || isLoopback(host)) return true
  report({
    code: 'upstream.token-over-http',
    message: `A token for ${host} would travel as plain http, for everyone on the way to use.`,
    hint: 'Reach the function over https.',
    at: section.place,
  })
  return false
}

function headers(section: NodeSection, resolving: Resolving): UpstreamAuth | undefined {
  const key = section.get('azure-function-key')
  // Azure Functions reads access keys from this header.
  // https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
  if (key.value !== undefined) {
    const only = withValue('x-functions-key', key, resolving)
    return only === undefined ? undefined : { kind: 'header', headers: [only] }
  }
  const written = section.get('header')
  const list = Array.isArray(written.value) ? written.value.map((_, i) => written.get(i)) : [written]
  const found = list.map((each) => named(each, resolving))
  const names = found.map((each) => each?.name)
  const twice = names.findIndex((name, i) => name !== undefined && names.indexOf(name) !== i)
  if (twice !== -1) {
    resolving.report({
      code: 'upstream.header-refused',
      message: `The header ${names[twice]} stands twice.`,
      hint: 'For a secret that is being changed, give one header two values: value: [new, old].',
      at: list[twice]?.place ?? written.place,
    })
    return undefined
  }
  if (!found.every((each) => each !== undefined)) return undefined
  return { kind: 'header', headers: found }
}

function named(section: NodeSection, resolving: Resolving): UpstreamHeader | undefined {
  const name = textOf(section.get('name'))
  if (name === undefined) return undefined
  if (takenHeaders.has(name.toLowerCase())) {
    resolving.report({
      code: 'upstream.header-refused',
      message: `The header ${name} belongs to the connection, not to a sign-in.`,
      hint: 'Choose the header that the function checks, such as authorization or x-functions-key.',
      at: section.get('name').place,
    })
    return undefined
  }
  return withValue(name.toLowerCase(), section.get('value'), resolving)
}

function withValue(name: string, section: NodeSection, resolving: Resolving): UpstreamHeader | undefined {
  if (!Array.isArray(section.value)) {
    const value = plainValue(section, resolving)
    return value === undefined ? undefined : { name, value }
  }
  const value = plainValue(section.get(0), resolving)
  const former = plainValue(section.get(1), resolving)
  return value === undefined || former === undefined ? undefined : { name, value, former }
}

function plainValue(section: NodeSection, { report, secretText }: Resolving): SecretText | undefined {
  const value = secretText(section)
  if (value === undefined) return undefined
  if (value.some((part) => typeof part === 'string' && /[^\t\x20-\x7e]/.test(part))) {
    report({
      code: 'upstream.header-refused',
      message: 'A header value holds printable ASCII characters only.',
      hint: 'Encode the rest.',
      at: section.place,
    })
    return undefined
  }
  return value
}

/** The canary of one upstream; undefined where it is off. */
export function resolveCanary(section: NodeSection, auth: UpstreamAuth, { report }: Resolving): CanaryPlan | undefined {
  const { value } = section
  if (value === undefined || value === 'off' || value === false) return undefined
  const every = typeof value === 'string' ? value : textOf(section.get('every'))
  if (every === undefined) return undefined
  if (auth.kind === 'none') {
    report({
      code: 'upstream.canary-without-auth',
      message: 'This upstream takes every call, so there is nothing for a canary to find.',
      hint: 'Say how the gateway signs in there (auth:), or take the canary away.',
      at: section.place,
    })
    return undefined
  }
  const everyMs = every === 'once' ? null : parseDuration(every)
  if (everyMs !== null && everyMs < 60_000) {
    report({
      code: 'upstream.canary-too-often',
      message: `A canary every ${every} is a call that the platform bills, and finds nothing sooner that matters.`,
      hint: 'Write 1m or more; 10m is usual.',
      at: typeof value === 'string' ? section.place : section.get('every').place,
    })
    return undefined
  }
  const method = textOf(section.get('method'))
  return {
    everyMs,
    method: method === 'OPTIONS' || method === 'GET' ? method : 'HEAD',
    path: textOf(section.get('path')) ?? '/',
  }
}

import type { UpstreamAuth, UpstreamPlan } from '../plan/plan.js'
import { isLoopback, isMetadataHost } from './addresses.js'
import { platformBySignIn, platformOf } from './platforms.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'
import { resolveCanary, resolveUpstreamAuth } from './upstream-auth.js'
import { canarySchema, upstreamAuthSchema } from './upstream-auth-schema.js'
import { functionSchema, resolveFunction } from './upstream-function.js'
import { resilienceKeys, resolveResilience } from './upstream-resilience.js'
import { resolveUpstreamTls, upstreamTlsSchema } from './upstream-tls.js'

/** The schema of one upstream. */
export const upstreamSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'A function, and how the gateway signs in at it.',
  properties: {
    url: {
      type: 'string',
      minLength: 1,
      description: 'The function URL: http or https, a host, and a path that is put before every forwarded path.',
      examples: ['https://abc123.lambda-url.eu-west-1.on.aws'],
    },
    auth: upstreamAuthSchema,
    tls: upstreamTlsSchema,
    insecure: {
      type: 'string',
      minLength: 3,
      description: 'Why plain http is acceptable here; for the record.',
      examples: ['same pod'],
    },
    function: functionSchema,
    canary: canarySchema,
    ...resilienceKeys,
  },
}

/** One upstream, or undefined where its problems leave nothing to go on with. */
export function resolveUpstream(name: string, section: NodeSection, resolving: Resolving): UpstreamPlan | undefined {
  const override = resolving.overrides.upstreams?.[name]
  const written = textOf(section.get('url'))
  if (override === undefined && written === undefined) return undefined
  const target =
    override === undefined ? readUrl(written ?? '', section.get('url'), resolving) : overriddenUrl(override)
  if (target === undefined) return undefined
  const auth: UpstreamAuth | undefined =
    override === undefined ? resolveUpstreamAuth(section.get('auth'), target, resolving) : { kind: 'none' }
  if (auth === undefined) return undefined
  if (override === undefined) checkPlatform(name, target.host, section, resolving)
  const platform = override === undefined ? (platformOf(target.host)?.id ?? platformBySignIn(auth)) : undefined
  const canary = override === undefined ? resolveCanary(section.get('canary'), auth, resolving) : undefined
  const functionName = resolveFunction(section.get('function'), auth, resolving)
  return {
    name,
    origin: target.origin,
    basePath: target.basePath,
    auth,
    ...resolveResilience(name, section, resolving),
    ...(platform !== undefined && { platform }),
    ...(canary !== undefined && { canary }),
    ...(functionName !== undefined && { function: functionName }),
    tls: override === undefined ? resolveUpstreamTls(section.get('tls'), target.origin, resolving) : null,
    declaredAt: section.keyPlace,
  }
}

interface Target {
  readonly origin: string
  readonly host: string
  readonly basePath: string
}

function overriddenUrl(text: string): Target {
  const url = new URL(text)
  return { origin: url.origin, host: url.hostname, basePath: url.pathname.replace(/\/$/, '') }
}

function readUrl(text: string, section: NodeSection, { report }: Resolving): Target | undefined {
  const refuse = (code: string, message: string, hint: string) => {
    report({ code, message, hint, at: section.place })
    return undefined
  }
  const malformed = (message: string) =>
    refuse(
      'upstream.url-malformed',
      message,
      'Write the function URL: https://host, with a path only if the function needs it.',
    )
  if (text.includes('${')) return malformed('An upstream URL holds no secrets.')
  if (!/^https?:\/\/[^/]/i.test(text)) return malformed(`"${text}" is no http or https URL.`)
  if (!URL.canParse(text)) return malformed(`"${text}" is no URL.`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return malformed('An upstream URL holds no user name and no password.')
  if (/[?#]/.test(text)) return malformed('An upstream URL has no query and no fragment.')
  // What `new URL` resolves or re-encodes in silence would be forwarded differently from how it reads.
  if (
    /[\\\s;]|%2f|%5c|%2e|%25|%00/i.test(text) ||
    /\/\.{1,2}(\/|$)/.test(text) ||
    /^https?:\/\/[^/]+.*\/\//i.test(text)
  ) {
    return malformed(
      'The path of an upstream URL is written plainly: no dot segments, double slashes, backslashes or encoded slashes.',
    )
  }
  if (isMetadataHost(url.hostname)) {
    return refuse(
      'upstream.url-metadata',
      `${url.hostname} is a metadata or link-local address, never a function.`,
      'Name the function itself.',
    )
  }
  return { origin: url.origin, host: url.hostname.replace(/\.$/, ''), basePath: url.pathname.replace(/\/$/, '') }
}

function checkPlatform(name: string, host: string, section: NodeSection, { report }: Resolving): void {
  if (section.get('auth').value !== undefined || isLoopback(host)) return
  const platform = platformOf(host)
  if (platform === undefined) return
  report({
    code: 'upstream.auth-missing',
    message: `The upstream "${name}" is on ${platform.name}, and does not say how the gateway signs in there.`,
    hint: `Add auth: ${platform.signIn}, or auth: none if the function is guarded in another way.`,
    at: section.keyPlace,
  })
}

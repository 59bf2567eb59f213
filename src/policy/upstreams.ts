import type { UpstreamAuth, UpstreamPlan } from '../plan/plan.js'
import { isLoopback, isMetadataHost } from './addresses.js'
import { platformOf } from './platforms.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'
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
    auth: {
      description:
        'How the gateway proves itself to the function. Hosts of known platforms must say it; elsewhere it is none.',
      examples: ['none'],
      anyOf: [
        { const: 'none', description: 'The function takes every call: it must not be reachable by anyone else.' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['header'],
          description: 'A header with a secret that the function checks.',
          properties: {
            header: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'value'],
              description: 'The header to send.',
              properties: {
                name: {
                  type: 'string',
                  pattern: "^[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}$",
                  description: 'The header name.',
                  examples: ['x-functions-key'],
                },
                value: {
                  type: 'string',
                  minLength: 1,
                  description: 'Its value, with the secret in it.',
                  examples: ['${secret:fn_key}'],
                },
              },
            },
          },
        },
        {
          type: 'object',
          additionalProperties: false,
          required: ['azure-function-key'],
          description: 'A function key of Azure Functions, sent in the header that Azure reads it from.',
          properties: {
            'azure-function-key': {
              type: 'string',
              minLength: 1,
              description: 'The key.',
              examples: ['${secret:fn_key}'],
            },
          },
        },
      ],
    },
    tls: upstreamTlsSchema,
    insecure: {
      type: 'string',
      minLength: 3,
      description: 'Why plain http is acceptable here; for the record.',
      examples: ['same pod'],
    },
    ...resilienceKeys,
  },
}

/** Headers that the gateway sets or strips itself, so that no upstream may claim them for its sign-in. */
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

/** One upstream, or undefined where its problems leave nothing to go on with. */
export function resolveUpstream(name: string, section: NodeSection, resolving: Resolving): UpstreamPlan | undefined {
  const override = resolving.overrides.upstreams?.[name]
  const written = textOf(section.get('url'))
  if (override === undefined && written === undefined) return undefined
  const target =
    override === undefined ? readUrl(written ?? '', section.get('url'), resolving) : overriddenUrl(override)
  const auth: UpstreamAuth | undefined =
    override === undefined ? resolveAuth(section.get('auth'), resolving) : { kind: 'none' }
  if (target === undefined || auth === undefined) return undefined
  if (override === undefined) checkPlatform(name, target.host, section, resolving)
  return {
    name,
    origin: target.origin,
    basePath: target.basePath,
    auth,
    ...resolveResilience(name, section, resolving),
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
    hint: 'Add auth: { header: { name: …, value: "${secret:…}" } }, or auth: none if the function is guarded in another way.',
    at: section.keyPlace,
  })
}

function resolveAuth(section: NodeSection, { report, secretText }: Resolving): UpstreamAuth | undefined {
  if (section.value === undefined || section.value === 'none') return { kind: 'none' }
  const key = section.get('azure-function-key')
  // Azure Functions reads access keys from this header.
  // https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
  const name = key.value === undefined ? textOf(section.get('header', 'name')) : 'x-functions-key'
  const valueAt = key.value === undefined ? section.get('header', 'value') : key
  const value = secretText(valueAt)
  if (name === undefined || value === undefined) return undefined
  if (takenHeaders.has(name.toLowerCase())) {
    report({
      code: 'upstream.header-refused',
      message: `The header ${name} belongs to the connection, not to a sign-in.`,
      hint: 'Choose the header that the function checks, such as authorization or x-functions-key.',
      at: section.get('header', 'name').place,
    })
    return undefined
  }
  if (value.some((part) => typeof part === 'string' && /[^\t\x20-\x7e]/.test(part))) {
    report({
      code: 'upstream.header-refused',
      message: 'A header value holds printable ASCII characters only.',
      hint: 'Encode the rest.',
      at: valueAt.place,
    })
    return undefined
  }
  return { kind: 'header', headers: [{ name: name.toLowerCase(), value }] }
}

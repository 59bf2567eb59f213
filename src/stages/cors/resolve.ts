import { parseDuration } from '../../values/duration.js'
import type { Planned, Scope, Section } from '../contract.js'
import type { CorsSettings } from './settings.js'

const allMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
/** What our own refusals say to a caller who means well. */
const readable = ['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy'] as const
const longestSeconds = 24 * 60 * 60

/** Plans the `cors` step of a route. */
export function resolve(policy: Section, scope: Scope): readonly Planned<CorsSettings>[] {
  const section = policy.get('cors')
  const { value } = section
  if (value === null || typeof value !== 'object') return []
  const origins = originsOf(section.get('origins'), scope)
  const credentials = section.get('credentials').value === true
  if (origins === null && credentials) {
    scope.report({
      code: 'cors.any-origin-with-credentials',
      message: 'Pages of every origin could call with the cookies of their visitors.',
      hint: 'Name the origins, or remove credentials: true.',
      at: section.get('credentials').place,
    })
  }
  const { method } = scope.route
  const own = method === 'ANY' ? allMethods : method === 'GET' ? ['GET', 'HEAD'] : [method]
  return [
    {
      slot: 'cors',
      mode: 'enforce',
      declaredAt: section.keyPlace,
      settings: {
        origins,
        methods: listOf(section.get('methods')) ?? own,
        headers: namesOf(section.get('headers')) ?? ['content-type', ...credentialHeaders(policy.get('auth').value)],
        exposeHeaders: namesOf(section.get('exposeHeaders')) ?? readable,
        credentials,
        maxAgeSeconds: maxAgeOf(section.get('maxAge'), scope),
      },
    },
  ]
}

/** Null for any. */
function originsOf(section: Section, scope: Scope): readonly string[] | null {
  const origins = listOf(section) ?? []
  if (origins.includes('*')) return null
  for (const [i, origin] of origins.entries()) {
    const problem = problemOf(origin)
    if (problem !== null) scope.report({ code: 'cors.origin-invalid', ...problem, at: section.get(i).place })
  }
  return origins
}

/** What is wrong with an origin: a browser's text has no path, no default port and no capitals. RFC 6454 section 6.2 */
function problemOf(origin: string): { readonly message: string; readonly hint: string } | null {
  if (origin === 'null') {
    return {
      message: 'The origin "null" is shared by every sandboxed frame and every local file.',
      hint: 'Serve the page from an origin of its own and name that.',
    }
  }
  if (origin.includes('*')) {
    return {
      message: `"${origin}" is a pattern, and origins are compared exactly.`,
      hint: 'Name each origin; whoever can put a page on any of the others could call too.',
    }
  }
  const message = `"${origin}" is no origin as a browser sends it.`
  // Of other schemes (an app's own page), URL knows no origin; the form is the same.
  if (
    !/^https?:/i.test(origin) &&
    /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/.test(origin)
  ) {
    return null
  }
  if (!URL.canParse(origin) || new URL(origin).origin === 'null') {
    return { message, hint: 'Write scheme and host, such as https://shop.example.' }
  }
  const { origin: exact } = new URL(origin)
  return exact === origin ? null : { message, hint: `Write ${exact}.` }
}

/** The headers in which the route's own `auth` looks for a credential. */
function credentialHeaders(auth: unknown): readonly string[] {
  if (auth === null || typeof auth !== 'object') return []
  const { jwt, apiKey, introspection, anyOf } = auth as Readonly<Record<string, unknown>> // an object, as just seen
  if (Array.isArray(anyOf)) return [...new Set(anyOf.flatMap(credentialHeaders))]
  if (apiKey !== undefined) return ['x-api-key']
  return jwt !== undefined || introspection !== undefined ? ['authorization'] : []
}

function maxAgeOf(section: Section, scope: Scope): number {
  if (typeof section.value !== 'string') return 600
  const seconds = Math.floor((parseDuration(section.value) ?? 0) / 1000)
  if (seconds <= longestSeconds) return seconds
  scope.report({
    code: 'cors.max-age-too-long',
    message: `${section.value} is longer than any browser remembers a permission.`,
    hint: 'Write 24h or less.',
    at: section.place,
  })
  return longestSeconds
}

function listOf({ value }: Section): readonly string[] | null {
  return Array.isArray(value) ? value.map(String) : null
}

function namesOf(section: Section): readonly string[] | null {
  return listOf(section)?.map((name) => name.toLowerCase()) ?? null
}

import type { Method, TokenMethod } from '../../stages/auth/settings.js'
import { parseCidr } from '../../values/cidr.js'
import { entrySection } from '../section.js'
import { formatDay, monthMs } from './days.js'
import type { AuditedRoute, AuditedSet, Merge, RuleTable, Spot } from './finding.js'
import { routePatch, sharedPatch } from './patch.js'

/** Who may call, and what for. */
export const access: RuleTable = {
  routes: {
    'audit.open-write': (route, set) => {
      if (route.auth.method !== 'none' || !route.writes) return undefined
      const auth = someAuth(set, route)
      return {
        at: route.policy.get('auth').keyPlace,
        subject: route.id,
        message: `Everyone may call ${route.id}, which can change something.`,
        hint:
          auth === undefined
            ? 'Declare an issuer or a client and ask for its credentials: auth: { jwt: <issuer>, scopes: [<scope>] }.'
            : 'Ask for credentials.',
        ...(auth !== undefined && { patch: routePatch(route, { auth }) }),
      }
    },
    'audit.write-without-scopes': (route) => (route.writes ? withoutScopes(route) : undefined),
    'audit.read-without-scopes': (route) => (route.writes ? undefined : withoutScopes(route)),
    'audit.claim-unverified': (route) =>
      forwardedClaims(route).flatMap(({ claim, spot }) => {
        const proof = verifiedBy[claim]
        if (proof === undefined || methodsOf(route).every((method) => demands(method, proof))) return []
        const jwt = onlyToken(route)
        return [
          {
            ...spot,
            message: `The function is told ${claim}, and nothing asks for ${proof}: some providers let anybody claim any ${claim}.`,
            hint: 'Ask for the proof, and let the function tell callers apart by sub.',
            ...(jwt !== undefined && { patch: authPatch(route, { claims: { [proof]: true } }) }),
          },
        ]
      }),
    'audit.claim-self-chosen': (route) =>
      forwardedClaims(route).flatMap(({ claim, spot }) =>
        selfChosen.has(claim)
          ? [
              {
                ...spot,
                message: `The function is told ${claim}, which callers choose themselves at most providers.`,
                hint: 'Leave it out, or let the function show it and decide nothing by it; sub tells callers apart.',
                patch: routePatch(route, { forward: { claims: { [claim]: null } } }),
              },
            ]
          : [],
      ),
  },

  set: {
    'audit.ip-allow-wide': (set) => [...wideRoutes(set), ...wideClients(set)],
    'audit.token-age-unbounded': ({ plan }) =>
      Object.values(plan.issuers).flatMap((issuer) =>
        issuer.maxTokenAgeMs === null
          ? [
              {
                at: issuer.declaredAt,
                subject: `issuers.${issuer.name}`,
                message: `Tokens of ${issuer.name} are good for as long as they say themselves.`,
                hint: 'Bound the time between their issue and their end.',
                patch: sharedPatch('issuers', issuer, { maxTokenAge: '24h' }),
              },
            ]
          : [],
      ),
    'audit.token-type-absent': ({ plan, written }) =>
      Object.values(plan.issuers).flatMap((issuer) =>
        issuer.tokenTypes.includes('absent')
          ? [
              {
                at: sharedPlace(written.issuers.entries.get(issuer.name), 'tokenTypes') ?? issuer.declaredAt,
                subject: `issuers.${issuer.name}`,
                message: `Tokens of ${issuer.name} need no type, so an ID token may pass for an access token.`,
                hint: 'Let the provider set typ (RFC 9068), and take those types alone.',
                patch: sharedPatch('issuers', issuer, { tokenTypes: ['at+jwt', 'JWT'] }),
              },
            ]
          : [],
      ),
    'audit.key-without-end': ({ plan, now }) =>
      Object.values(plan.clients).flatMap((client) =>
        client.keys.flatMap((key) =>
          key.expiresAt === null
            ? [
                {
                  at: key.declaredAt,
                  subject: `clients.${client.name}`,
                  message: `The key "${key.name}" of ${client.name} never expires.`,
                  hint: 'Give it a last day, and the client a new one before that.',
                  patch: sharedPatch('clients', client, {
                    keys: { [key.name]: { notAfter: formatDay(now + 12 * monthMs) } },
                  }),
                },
              ]
            : [],
        ),
      ),
    'audit.key-expires-soon': ({ plan, now }) =>
      Object.values(plan.clients).flatMap((client) => {
        const isLasting = (key: { readonly expiresAt: number | null }) =>
          key.expiresAt === null || key.expiresAt > now + monthMs
        if (client.keys.some(isLasting)) return []
        return client.keys.flatMap((key) =>
          // What has expired is a warning of the loader already.
          key.expiresAt === null || key.expiresAt <= now
            ? []
            : [
                {
                  at: key.declaredAt,
                  subject: `clients.${client.name}`,
                  message: `The key "${key.name}" of ${client.name} ends after ${formatDay(key.expiresAt - 1)}, and the client has no later one.`,
                  hint: `Make the next one, and let both hold for a while: postern keys new ${client.name}.`,
                },
              ],
        )
      }),
  },
}

/** Claims whose truth another claim vouches for. OpenID Connect Core 1.0, section 5.1 */
const verifiedBy: Readonly<Record<string, string>> = { email: 'email_verified', phone_number: 'phone_number_verified' }

/** Claims that section 5.7 of the same says no relying party may tell users apart by. */
const selfChosen = new Set([
  'preferred_username',
  'nickname',
  'name',
  'given_name',
  'family_name',
  'upn',
  'unique_name',
])

/** The methods of a route's auth; none where it is open. */
export function methodsOf({ auth }: AuditedRoute): readonly Method[] {
  return auth.method === 'none' ? [] : auth.method === 'anyOf' ? auth.methods : [auth]
}

function onlyToken({ auth }: AuditedRoute): TokenMethod | undefined {
  return auth.method === 'jwt' || auth.method === 'introspection' ? auth : undefined
}

function demands(method: Method, claim: string): boolean {
  if (!('issuer' in method)) return true
  return method.claims.some(
    ({ path, condition }) =>
      path.length === 1 && path[0] === claim && condition.kind === 'equals' && condition.value === true,
  )
}

function withoutScopes(route: AuditedRoute): Spot | undefined {
  const open = methodsOf(route).find(
    (method): method is TokenMethod =>
      'issuer' in method && [method.scopes, method.claims, method.roles].every(({ length }) => length === 0),
  )
  if (open === undefined) return undefined
  const first = route.plan.match.segments.find((segment) => 'literal' in segment)
  const noun =
    (first !== undefined && 'literal' in first ? first.literal : 'api').replace(/[^A-Za-z0-9_-]/g, '') || 'api'
  const scope = `${noun}:${route.writes ? 'write' : 'read'}`
  const isPlain = onlyToken(route) !== undefined
  return {
    at: route.policy.get('auth').keyPlace,
    subject: route.id,
    message: `Any token of ${open.issuer} is enough: no scope, role or claim is asked for.`,
    hint: 'Ask for the scope that its callers are given for this.',
    ...(isPlain && { patch: authPatch(route, { scopes: [scope] }) }),
  }
}

/** `auth` replaces whole, so a patch of an inherited one repeats it. */
function authPatch(route: AuditedRoute, change: Merge): ReturnType<typeof routePatch> {
  const written = route.policy.get('auth').value as Merge // by schema: a map of names, lists and claims
  const claims = { ...Object(written['claims']), ...Object(change['claims']) }
  return routePatch(route, {
    auth: { ...written, ...change, ...(Object.keys(claims).length > 0 && { claims }) },
  })
}

/** Credentials that the set knows already: the mend of a route that asks for none. */
function someAuth({ plan }: AuditedSet, route: AuditedRoute): Merge | undefined {
  const [issuer] = Object.keys(plan.issuers)
  const [client] = Object.keys(plan.clients)
  const first = route.plan.match.segments.find((segment) => 'literal' in segment)
  const noun = first !== undefined && 'literal' in first ? first.literal.replace(/[^A-Za-z0-9_-]/g, '') : ''
  if (issuer !== undefined) return { jwt: issuer, scopes: [`${noun === '' ? 'api' : noun}:write`] }
  return client === undefined ? undefined : { apiKey: [client] }
}

function forwardedClaims(
  route: AuditedRoute,
): { readonly claim: string; readonly spot: Pick<Spot, 'at' | 'subject'> }[] {
  return (route.forward?.claims ?? []).flatMap(({ path }) => {
    const [claim] = path
    if (claim === undefined || path.length > 1) return []
    return [{ claim, spot: { at: route.policy.get('forward', 'claims', claim).keyPlace, subject: route.id } }]
  })
}

function wideRoutes({ routes }: AuditedSet): Spot[] {
  return routes.flatMap((route) => {
    const allow = route.policy.get('ip', 'allow')
    return listOf(allow.value).flatMap((block, i) => {
      const fault = wideness(block)
      return fault === undefined
        ? []
        : [{ at: allow.get(i).place, subject: route.id, message: `${block} allows ${fault}.`, hint: wideHint }]
    })
  })
}

const wideHint = 'Name the networks of those who may call, or take the list away: it reads like a protection.'

function wideClients({ plan, written }: AuditedSet): Spot[] {
  return Object.values(plan.clients).flatMap((client) =>
    client.ipAllow.flatMap((block) => {
      const fault = wideness(block)
      if (fault === undefined) return []
      return [
        {
          at: sharedPlace(written.clients.entries.get(client.name), 'ipAllow') ?? client.declaredAt,
          subject: `clients.${client.name}`,
          message: `${block} lets the keys of ${client.name} be used by ${fault}.`,
          hint: wideHint,
        },
      ]
    }),
  )
}

/** How much a block of addresses admits, when that is too much; undefined for networks that somebody may really have. */
function wideness(text: string): string | undefined {
  const block = parseCidr(text)
  if (block === null) return undefined
  if (block.prefix === 0) return block.family === 'ipv4' ? 'every IPv4 address' : 'every IPv6 address'
  const { family, address, prefix } = block
  const isPrivate = family === 'ipv4' ? /^10\./.test(address) : /^f[cd]/.test(address)
  const least = family === 'ipv4' ? 8 : 16
  return prefix < least && !isPrivate
    ? `${family === 'ipv4' ? 2 ** (32 - prefix) : `a /${prefix} of IPv6`} addresses`
    : undefined
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function sharedPlace(entry: Parameters<typeof entrySection>[0] | undefined, key: string): Spot['at'] | undefined {
  return entry === undefined ? undefined : entrySection(entry).get(key).place
}

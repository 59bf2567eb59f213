import { readTarget } from '../../gateway/canonical.js'
import type { TestCredentials } from '../../gateway/rehearsal/credentials.js'
import { RouteTable } from '../../gateway/route-table.js'
import type { Plan, RoutePlan } from '../../plan/plan.js'
import type { TestCaller } from '../../policy/test-file.js'
import { parseDuration } from '../../values/duration.js'

/** A credential that cannot be made; the message says why. */
export class CredentialFault extends Error {
  override readonly name = 'CredentialFault'
}

/** Finds the route that a request will meet, by the gateway's own table. */
export type RouteFinder = (method: string, target: string) => RoutePlan | null

/** The finder of a plan. */
export function routeFinder(plan: Plan): RouteFinder {
  const table = new RouteTable<RoutePlan>()
  for (const route of plan.routes) table.add(route.match, route)
  return (method, target) => {
    const read = readTarget(target, Number.POSITIVE_INFINITY, true)
    if (!('path' in read)) return null
    const found = table.find(method, read.path)
    return found !== null && 'route' in found ? found.route : null
  }
}

/** The header that shows a test's credential; null for none. Throws CredentialFault where there can be none. */
export async function credentialHeader(
  { credential }: TestCaller,
  route: RoutePlan | null,
  credentials: TestCredentials,
  now: number,
): Promise<readonly [string, string] | null> {
  if (credential.kind === 'none') return null
  if (credential.kind === 'apiKey') {
    const { client, key } = credential
    const text = credentials.apiKey(client, key ?? undefined)
    if (text !== undefined) return ['X-Api-Key', text]
    const clients = Object.keys(credentials.plan.clients)
    throw new CredentialFault(
      clients.includes(client)
        ? `Client "${client}" has no key ${key === null ? 'at all' : `"${key}"`}.`
        : `Client "${client}" is not defined. Known clients: ${clients.join(', ') || 'none'}.`,
    )
  }
  const issuers = Object.keys(credentials.plan.issuers)
  const issuer = credential.issuer ?? issuerOf(route) ?? issuers[0]
  if (issuer === undefined || !issuers.includes(issuer)) {
    throw new CredentialFault(
      `Issuer "${issuer ?? ''}" is not defined. Known issuers: ${issuers.join(', ') || 'none'}.`,
    )
  }
  const claims = timed(credential.claims, now)
  const token = await credentials.token(issuer, { now, claims, isForged: credential.isForged })
  const isBound = credentials.plan.issuers[issuer]?.dpop?.required === true && claims['cnf'] !== null
  return ['Authorization', `${isBound ? 'DPoP' : 'Bearer'} ${token}`]
}

/** The proof that goes with a credential of the scheme DPoP; null for every other. */
export async function proofHeader(
  [, credential]: readonly [string, string],
  { method, target, host }: { readonly method: string; readonly target: string; readonly host: string },
  { prover }: TestCredentials,
  now: number,
): Promise<readonly [string, string] | null> {
  if (!credential.startsWith('DPoP ')) return null
  const [path = ''] = target.split('?', 1)
  return ['DPoP', await prover.prove(credential.slice('DPoP '.length), { method, host, path }, now)]
}

/** The issuer that a route asks for; its settings are the auth stage's own, so they are read with care. */
function issuerOf(route: RoutePlan | null): string | undefined {
  const settings = route?.steps.find(({ stage }) => stage === 'auth')?.settings
  const methods = Object(settings).methods
  for (const method of [settings, ...(Array.isArray(methods) ? methods : [])]) {
    const issuer: unknown = Object(method).issuer
    if (typeof issuer === 'string') return issuer
  }
  return undefined
}

const timeClaims: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat'])

/** `exp: -1m` and `nbf: +5m` are counted from the test's clock. */
function timed(claims: Readonly<Record<string, unknown>>, now: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => {
      const found = timeClaims.has(name) && typeof value === 'string' ? /^([+-])(.+)$/.exec(value) : null
      const ms = found === null ? null : parseDuration(found[2] ?? '')
      if (found === null || ms === null) return [name, value]
      return [name, Math.floor((found[1] === '-' ? now - ms : now + ms) / 1000)]
    }),
  )
}

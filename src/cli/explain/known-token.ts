import type { TestCredentials } from '../../gateway/rehearsal/credentials.js'
import type { IssuerPlan, Plan } from '../../plan/plan.js'
import { headerIn, withHeader } from './request-text.js'

/** Whether a rehearsal has the keys of an issuer without asking anybody. */
function hasKeys(issuer: IssuerPlan, given: ReadonlySet<string>): boolean {
  return given.has(issuer.name) || issuer.keys.kind === 'jwks' || issuer.keys.kind === 'publicKey'
}

/** The plan with stand-in keys for the issuers whose own are not at hand. */
export function withStandInIssuers(plan: Plan, credentials: TestCredentials, given: ReadonlySet<string>): Plan {
  const issuers = Object.entries(plan.issuers).map(
    ([name, issuer]) => [name, hasKeys(issuer, given) ? issuer : (credentials.plan.issuers[name] ?? issuer)] as const,
  )
  return { ...plan, issuers: Object.fromEntries(issuers) }
}

/**
 * A token whose keys are not at hand is signed anew with the claims it has, so that everything else about it is judged.
 * The note says that its signature was not. A token that fails before its signature is looked at stays as it is.
 */
export async function signAnew(
  bytes: Buffer,
  plan: Plan,
  credentials: TestCredentials,
  given: ReadonlySet<string>,
): Promise<{ readonly bytes: Buffer; readonly notes: readonly string[] }> {
  const token = /^bearer +([\w-]+)\.([\w-]+)\.[\w-]+$/i.exec(headerIn(bytes, 'authorization') ?? '')
  const header = partOf(token?.[1])
  const claims = partOf(token?.[2])
  if (header === null || claims === null) return { bytes, notes: [] }
  const issuer = Object.values(plan.issuers).find((each) => each.issuer === claims['iss'] && !hasKeys(each, given))
  const type = typeof header['typ'] === 'string' ? header['typ'].toLowerCase().replace(/^application\//, '') : 'absent'
  if (issuer === undefined || !issuer.algorithms.includes(String(header['alg']))) return { bytes, notes: [] }
  if (!issuer.tokenTypes.includes(type) || 'crit' in header) return { bytes, notes: [] }
  const usual = ['iss', 'sub', 'iat', 'exp', 'jti', issuer.audience.claim]
  const absent = Object.fromEntries(usual.filter((name) => !Object.hasOwn(claims, name)).map((name) => [name, null]))
  const signed = await credentials.token(issuer.name, { now: Date.now(), claims: { ...claims, ...absent } })
  return {
    bytes: withHeader(bytes, 'Authorization', `Bearer ${signed}`),
    notes: [
      `The signature of the token was not checked: the keys of ${issuer.name} are not at hand (--keys ${issuer.name}=FILE). Its claims were.`,
    ],
  }
}

function partOf(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

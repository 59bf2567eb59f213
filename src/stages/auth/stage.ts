import { nearest } from '../../values/nearest.js'
import type { Check, Planned, Scope, Section, Stage } from '../contract.js'
import { allow } from '../contract.js'
import { checkApiKey } from './check-api-key.js'
import { checkToken } from './check-token.js'
import { type ClaimRule, readClaimRules } from './claim-rules.js'
import { fixedKeys } from './issuer-keys.js'
import { reasons } from './reasons.js'
import { schemas } from './schema.js'

/** What a route asks of its callers. */
export type AuthSettings =
  | { readonly method: 'none' }
  | {
      readonly method: 'jwt'
      readonly issuer: string
      readonly scopes: readonly string[]
      readonly claims: readonly ClaimRule[]
    }
  | { readonly method: 'apiKey'; readonly clients: readonly string[] }

const methods = ['jwt', 'apiKey'] as const

/** Who is it, and may they do this? Never in report mode. */
export const auth: Stage<AuthSettings> = {
  name: 'auth',
  keys: schemas,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('auth')
    // A route without `auth` is refused by the reader of policies; planning nothing for it opens nothing.
    if (section.value === undefined) return []
    const settings = section.value === 'none' ? ({ method: 'none' } as const) : readMethod(section, scope)
    return settings === undefined ? [] : [plan(settings, section)]
  },

  compile(settings, tools): Check {
    if (settings.method === 'jwt') return checkToken(settings, tools.verifier(settings.issuer))
    if (settings.method === 'apiKey') return checkApiKey(settings.clients, tools)
    return () => allow
  },
}

function plan(settings: AuthSettings, section: Section): Planned<AuthSettings> {
  return { slot: 'auth', mode: 'enforce', settings, declaredAt: section.keyPlace }
}

function readMethod(section: Section, scope: Scope): AuthSettings | undefined {
  // An object by schema.
  const written = section.value as Record<string, unknown>
  const named = methods.filter((method) => written[method] !== undefined)
  if (named.length !== 1) {
    scope.report({
      code: 'auth.method-count',
      message:
        named.length === 0
          ? `The auth of ${scope.route.id} names no method.`
          : `The auth of ${scope.route.id} names ${named.join(' and ')}; a route takes exactly one method.`,
      hint: `Methods are ${methods.join(' and ')}; auth: none stands alone, with a reason.`,
      at: section.keyPlace,
    })
    return undefined
  }
  return written['jwt'] === undefined ? readApiKey(section, scope) : readJwt(section, scope)
}

function readJwt(section: Section, scope: Scope): AuthSettings | undefined {
  const name = section.get('jwt').value as string // by schema
  const issuer = Object.hasOwn(scope.issuers, name) ? scope.issuers[name] : undefined
  if (issuer === undefined) {
    reportUnknown(scope, section.get('jwt'), 'issuer', name, Object.keys(scope.issuers))
    return undefined
  }
  const keys = fixedKeys(issuer, undefined)
  if (typeof keys === 'string') {
    scope.report({
      code: 'auth.issuer-keys-unusable',
      message: `The keys of issuer ${name} cannot be used. ${keys}`,
      at: issuer.declaredAt,
    })
    return undefined
  }
  const scopes = (section.get('scopes').value ?? []) as readonly string[] // by schema
  return { method: 'jwt', issuer: name, scopes, claims: readClaims(section.get('claims'), scope) }
}

function readClaims(section: Section, scope: Scope): readonly ClaimRule[] {
  for (const claim of Object.keys((section.value ?? {}) as object)) {
    if (claim.startsWith('/') || !claim.includes('/')) continue
    // Dots would cut the name of a claim that is a URL into pieces, and the rule could never hold.
    scope.report({
      code: 'auth.claim-name-ambiguous',
      message: `The claim ${claim} has a name with slashes, which dots would cut into pieces.`,
      hint: `Write it as a JSON pointer: "/${claim.replaceAll('~', '~0').replaceAll('/', '~1')}".`,
      at: section.get(claim).keyPlace,
    })
  }
  return readClaimRules(section)
}

function readApiKey(section: Section, scope: Scope): AuthSettings | undefined {
  const list = section.get('apiKey')
  const clients = list.value as readonly string[] // by schema
  let sound = true
  for (const [index, name] of clients.entries()) {
    if (Object.hasOwn(scope.clients, name)) continue
    reportUnknown(scope, list.get(index), 'client', name, Object.keys(scope.clients))
    sound = false
  }
  for (const key of ['scopes', 'claims']) {
    if (section.get(key).value === undefined) continue
    scope.report({
      code: 'auth.key-without-claims',
      message: `${key} are conditions on a token; an API key holds none.`,
      hint: `Remove ${key}, or use jwt.`,
      at: section.get(key).keyPlace,
    })
    sound = false
  }
  return sound ? { method: 'apiKey', clients } : undefined
}

function reportUnknown(scope: Scope, at: Section, kind: string, name: string, known: readonly string[]): void {
  const meant = nearest(name, known)
  const list = known.length === 0 ? `There are no ${kind}s.` : `Known ${kind}s: ${known.slice(0, 10).join(', ')}.`
  scope.report({
    code: `auth.${kind}-unknown`,
    message: `${kind === 'issuer' ? 'Issuer' : 'Client'} "${name}" is not defined.`,
    hint: meant === undefined ? list : `${list} Did you mean ${meant}?`,
    at: at.place,
  })
}

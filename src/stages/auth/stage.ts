import type { IssuerPlan } from '../../plan/plan.js'
import { nearest } from '../../values/nearest.js'
import type { Check, Planned, Scope, Section, Stage } from '../contract.js'
import { allow } from '../contract.js'
import { checkAny } from './check-any.js'
import { checkApiKey } from './check-api-key.js'
import { checkCertificate } from './check-certificate.js'
import { checkToken } from './check-token.js'
import { fixedKeys } from './issuer-keys.js'
import { possessionOf } from './possession.js'
import { conditionKeys, readConditions } from './read-conditions.js'
import { readMtls } from './read-mtls.js'
import { reasons } from './reasons.js'
import { schemas } from './schema.js'
import type { ApiKeyMethod, AuthSettings, IntrospectionMethod, JwtMethod, Method } from './settings.js'

const kinds = ['jwt', 'introspection', 'apiKey', 'mtls'] as const

/** Who is it, and may they do this? Never in report mode. */
export const auth: Stage<AuthSettings> = {
  name: 'auth',
  keys: schemas,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('auth')
    // A route without `auth` is refused by the reader of policies; planning nothing for it opens nothing.
    if (section.value === undefined) return []
    const settings = section.value === 'none' ? ({ method: 'none' } as const) : readAuth(section, scope)
    return settings === undefined ? [] : [plan(settings, section)]
  },

  compile(settings, tools): Check {
    if (settings.method === 'jwt' || settings.method === 'introspection') {
      const { issuer, method } = settings
      const verifier = method === 'jwt' ? tools.verifier(issuer) : tools.introspector(issuer)
      return checkToken(settings, verifier, tools, possessionOf(issuer, tools))
    }
    if (settings.method === 'apiKey') return checkApiKey(settings.clients, tools)
    if (settings.method === 'mtls') return checkCertificate(settings, tools)
    if (settings.method === 'anyOf') return checkAny(settings.methods, tools)
    return () => allow
  },
}

function plan(settings: AuthSettings, section: Section): Planned<AuthSettings> {
  return { slot: 'auth', mode: 'enforce', settings, declaredAt: section.keyPlace }
}

/** `none` aside: one method, or a list of them. */
function readAuth(section: Section, scope: Scope): AuthSettings | undefined {
  if (section.get('anyOf').value === undefined) return readMethod(section, scope)
  if (!namesOneOf([...kinds, 'anyOf'], section, scope)) return undefined
  for (const key of conditionKeys) {
    if (section.get(key).value === undefined) continue
    scope.report({
      code: 'auth.conditions-misplaced',
      message: `${key} beside anyOf belong to no method.`,
      hint: `Write ${key} into the entry that they are meant for.`,
      at: section.get(key).keyPlace,
    })
    return undefined
  }
  const list = section.get('anyOf')
  const entries = list.value as readonly unknown[] // by schema
  const methods = entries.map((_, index) => readMethod(list.get(index), scope))
  const sound = methods.filter((method) => method !== undefined)
  const asked = new Set(sound.map((method) => (method.method === 'introspection' ? method.issuer : '')))
  asked.delete('')
  if (asked.size > 1) {
    scope.report({
      code: 'auth.introspection-ambiguous',
      message: `An opaque token does not say whose it is, and ${[...asked].join(' and ')} would both have to be shown it.`,
      hint: 'Let one issuer be asked by introspection; the others can be told apart by jwt.',
      at: list.keyPlace,
    })
    return undefined
  }
  return sound.length === entries.length ? { method: 'anyOf', methods: sound } : undefined
}

function readMethod(section: Section, scope: Scope): Method | undefined {
  if (!namesOneOf(kinds, section, scope)) return undefined
  if (section.get('mtls').value !== undefined) return readMtls(section, scope)
  if (section.get('jwt').value !== undefined) return readJwt(section, scope)
  return section.get('introspection').value === undefined
    ? readApiKey(section, scope)
    : readIntrospection(section, scope)
}

function namesOneOf(allowed: readonly string[], section: Section, scope: Scope): boolean {
  const named = allowed.filter((kind) => section.get(kind).value !== undefined)
  if (named.length === 1) return true
  scope.report({
    code: 'auth.method-count',
    message:
      named.length === 0
        ? `The auth of ${scope.route.id} names no method.`
        : `The auth of ${scope.route.id} names ${named.join(' and ')}; a route takes exactly one method.`,
    hint: 'Methods are jwt, introspection, apiKey and mtls; anyOf takes a list of them. auth: none stands alone, with a reason.',
    at: section.keyPlace,
  })
  return false
}

function readJwt(section: Section, scope: Scope): JwtMethod | undefined {
  const issuer = issuerAt(section.get('jwt'), scope)
  if (issuer === undefined) return undefined
  const { name } = issuer
  // Once for an issuer, not for each of its routes: reading a PEM costs more than the rest of the route.
  const facts = `${issuer.algorithms.join()} ${JSON.stringify(issuer.keys)}`
  const keys = scope.keep(`auth:issuer-keys:${facts}`, () => fixedKeys(issuer, undefined))
  if (typeof keys === 'string') {
    scope.report({
      code: 'auth.issuer-keys-unusable',
      message: `The keys of issuer ${name} cannot be used. ${keys}`,
      at: issuer.declaredAt,
    })
    return undefined
  }
  return { method: 'jwt', issuer: name, ...readConditions(section, scope) }
}

function readIntrospection(section: Section, scope: Scope): IntrospectionMethod | undefined {
  const at = section.get('introspection')
  const issuer = issuerAt(at, scope)
  if (issuer === undefined) return undefined
  const { name } = issuer
  if (issuer.introspection === null) {
    scope.report({
      code: 'auth.introspection-missing',
      message: `Issuer ${name} does not say how it is asked about tokens.`,
      hint: 'Add introspection: { clientId: …, clientSecret: "${secret:…}" } to the issuer.',
      at: at.place,
    })
    return undefined
  }
  return { method: 'introspection', issuer: name, ...readConditions(section, scope) }
}

function issuerAt(at: Section, scope: Scope): IssuerPlan | undefined {
  const name = at.value as string // by schema
  const issuer = Object.hasOwn(scope.issuers, name) ? scope.issuers[name] : undefined
  if (issuer === undefined) reportUnknown(scope, at, 'issuer', name, Object.keys(scope.issuers))
  return issuer
}

function readApiKey(section: Section, scope: Scope): ApiKeyMethod | undefined {
  const list = section.get('apiKey')
  const clients = list.value as readonly string[] // by schema
  let sound = true
  for (const [index, name] of clients.entries()) {
    if (Object.hasOwn(scope.clients, name)) continue
    reportUnknown(scope, list.get(index), 'client', name, Object.keys(scope.clients))
    sound = false
  }
  for (const key of conditionKeys) {
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

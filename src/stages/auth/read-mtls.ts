import { readCertificates } from '../../values/certificate.js'
import type { Scope, Section } from '../contract.js'
import { conditionKeys } from './read-conditions.js'
import type { MtlsMethod } from './settings.js'
import { faultOfRule } from './subject-names.js'

/** `auth: { mtls: … }` of a route; undefined, with its problems reported, where it could admit nobody or anybody. */
export function readMtls(section: Section, scope: Scope): MtlsMethod | undefined {
  const mtls = section.get('mtls')
  const ca = readAuthorities(mtls.get('ca'), scope)
  const san = textsOf(mtls.get('san'))
  const fingerprints = textsOf(mtls.get('fingerprints')).map((text) => text.replaceAll(':', '').toLowerCase())
  const isSound = [
    ca !== undefined,
    hasSource(mtls, scope, ca !== null || fingerprints.length > 0),
    rulesAreSound(mtls.get('san'), san, scope),
    hasNoConditions(section, scope),
  ].every((sound) => sound)
  return isSound && ca !== undefined ? { method: 'mtls', ca, san, fingerprints } : undefined
}

/** A certificate comes by the listener's own handshake or from a trusted proxy; somebody must judge whose it is. */
function hasSource(mtls: Section, scope: Scope, isJudged: boolean): boolean {
  const { listeners, trustedProxies } = scope.gateway
  const asksForOne = listeners.public.tls !== null && listeners.public.tls.clientCa !== null
  if (!asksForOne && trustedProxies.length === 0) {
    scope.report({
      code: 'auth.mtls-no-source',
      message: 'No client certificate can ever reach this route.',
      hint: 'Give listeners.public.tls a clientCa, or name under trustedProxies who sends Client-Cert (RFC 9440).',
      at: mtls.keyPlace,
    })
    return false
  }
  if (asksForOne || isJudged) return true
  scope.report({
    code: 'auth.mtls-unjudged',
    message: 'Any certificate that a proxy passes on would do, whoever signed it.',
    hint: 'Name the authority, mtls: { ca: ./clients.pem }, or the fingerprints of the certificates.',
    at: mtls.keyPlace,
  })
  return false
}

function readAuthorities(section: Section, scope: Scope): string | null | undefined {
  if (section.value === undefined) return null
  const text = scope.readText(String(section.value), section)
  if (text === undefined) return undefined
  const authorities = readCertificates(text)
  const fault =
    authorities === null || authorities.length === 0
      ? 'holds no certificate that can be read'
      : authorities.some(({ ca }) => !ca)
        ? 'holds a certificate that is no authority, and may sign no other'
        : null
  if (fault === null) return text
  scope.report({
    code: 'auth.mtls-ca-unusable',
    message: `The file ${String(section.value)} ${fault}.`,
    hint: 'Give the certificates of the authorities that sign client certificates, in PEM.',
    at: section.place,
  })
  return undefined
}

function rulesAreSound(section: Section, rules: readonly string[], scope: Scope): boolean {
  let sound = true
  for (const [i, text] of rules.entries()) {
    const fault = faultOfRule(text)
    if (fault === null) continue
    scope.report({
      code: 'auth.mtls-name-malformed',
      message: `"${text}" ${fault}.`,
      hint: 'Write dns:*.partner.example, uri:spiffe://partner/orders, email:ops@partner.example or ip:192.0.2.7.',
      at: section.get(i).place,
    })
    sound = false
  }
  return sound
}

function hasNoConditions(section: Section, scope: Scope): boolean {
  const key = conditionKeys.find((name) => section.get(name).value !== undefined)
  if (key === undefined) return true
  scope.report({
    code: 'auth.certificate-without-claims',
    message: `${key} are conditions on a token; a certificate holds none.`,
    hint: `Remove ${key}; mtls has conditions of its own: ca, san and fingerprints.`,
    at: section.get(key).keyPlace,
  })
  return false
}

function textsOf({ value }: Section): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

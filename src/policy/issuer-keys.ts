import { createPublicKey } from 'node:crypto'
import type { IssuerKeys } from '../plan/plan.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

const keyKinds = ['jwksUri', 'jwks', 'publicKey', 'secret'] as const

/** Where an issuer's keys come from; undefined, with the problem reported, where that is unsound. */
export function resolveKeys(section: NodeSection, resolving: Resolving): IssuerKeys | undefined {
  const given = keyKinds.filter((kind) => section.get(kind).value !== undefined)
  const [kind, second] = given
  if (second !== undefined) {
    resolving.report({
      code: 'issuer.keys-ambiguous',
      message: `An issuer has one source of keys; this one has ${given.join(' and ')}.`,
      hint: 'Keep one of them.',
      at: section.get(second).keyPlace,
    })
    return undefined
  }
  switch (kind) {
    case undefined:
      return { kind: 'discovery' }
    case 'jwksUri':
      return { kind, url: textOf(section.get(kind)) ?? '' }
    case 'secret': {
      const secret = resolving.secretText(section.get(kind))
      if (secret?.every((part) => typeof part === 'string')) {
        reportPlainSecret(section.get(kind), resolving)
        return undefined
      }
      return secret === undefined ? undefined : { kind, secret }
    }
    case 'jwks': {
      const json = resolving.readText(section.get(kind))
      return json !== undefined && keySetIsSound(json, section.get(kind), resolving) ? { kind, json } : undefined
    }
    case 'publicKey': {
      const pem = resolving.readText(section.get(kind))
      return pem !== undefined && publicKeyIsSound(pem, section.get(kind), resolving) ? { kind, pem } : undefined
    }
  }
}

/** A secret belongs where the policy's readers are not. */
export function reportPlainSecret(at: NodeSection, { report }: Resolving): void {
  report({
    code: 'issuer.secret-plain',
    message: 'The secret stands in the policy itself.',
    hint: 'Declare it under secrets: in gateway.yaml and write "${secret:name}".',
    at: at.place,
  })
}

function keySetIsSound(json: string, at: NodeSection, { report }: Resolving): boolean {
  const refuse = (code: string, message: string, hint: string) => {
    report({ code, message, hint, at: at.place })
    return false
  }
  let set: unknown
  try {
    set = JSON.parse(json)
  } catch {
    return refuse(
      'issuer.keys-unreadable',
      'The key set is no JSON.',
      'A key set is {"keys": […]} (RFC 7517 section 5).',
    )
  }
  const keys: unknown = set !== null && typeof set === 'object' && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys) || keys.length === 0) {
    return refuse(
      'issuer.keys-unreadable',
      'The key set holds no keys.',
      'A key set is {"keys": […]} (RFC 7517 section 5).',
    )
  }
  for (const key of keys) {
    if (key === null || typeof key !== 'object')
      return refuse('issuer.keys-unreadable', 'A key of the set is no object.', 'See RFC 7517 section 4.')
    // RFC 7518 section 6: `d` is the private part of RSA and EC keys, `k` the secret of a symmetric one.
    if ('d' in key || 'k' in key) {
      return refuse(
        'issuer.keys-private',
        'The key set holds a private or secret key.',
        'Keep the public part only, and replace the key: it has been in a file.',
      )
    }
    try {
      createPublicKey({ key, format: 'jwk' })
    } catch {
      return refuse(
        'issuer.keys-unreadable',
        `The key "${'kid' in key ? String(key.kid).slice(0, 60) : '(without kid)'}" of the set cannot be read.`,
        'See RFC 7518 section 6 for what a key must hold.',
      )
    }
  }
  return true
}

function publicKeyIsSound(pem: string, at: NodeSection, { report }: Resolving): boolean {
  const refuse = (code: string, message: string, hint: string) => {
    report({ code, message, hint, at: at.place })
    return false
  }
  if (pem.includes('PRIVATE KEY')) {
    return refuse(
      'issuer.keys-private',
      'The file holds a private key.',
      'Take the public one: openssl pkey -in key.pem -pubout.',
    )
  }
  try {
    const key = createPublicKey(pem)
    const bits = key.asymmetricKeyDetails?.modulusLength
    // RFC 7518 section 3.3
    if (bits !== undefined && bits < 2048)
      return refuse('issuer.keys-weak', `The RSA key has ${bits} bits.`, 'Use a key of 2048 bits or more.')
    return true
  } catch {
    return refuse(
      'issuer.keys-unreadable',
      'The file holds no public key in PEM form.',
      'It begins with -----BEGIN PUBLIC KEY-----.',
    )
  }
}

import { createPublicKey, type KeyObject } from 'node:crypto'
import type { IssuerPlan } from '../../plan/plan.js'
import { algorithmsOf, type JwkSet, readJwkSet } from '../../values/jwk-set.js'

/** A key that the policy itself holds. */
export interface FixedKey {
  readonly kid: string | null
  /** Those of the issuer's algorithms that it honestly fits; never empty. */
  readonly algorithms: readonly string[]
  /** SPKI PEM of a public key, or the bytes of a shared secret as text. */
  readonly material: string
}

/** RFC 7518 §3.2: a key for HMAC must be at least as long as the hash. */
const leastSecretBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

/**
 * The keys of an issuer that has fixed ones. A text says, for an operator, what is wrong with them; `secret` is its
 * revealed secret, or undefined while it may not be read (then its length goes unchecked and no key is returned).
 */
export function fixedKeys(issuer: IssuerPlan, secret: string | undefined): readonly FixedKey[] | string {
  const { keys, algorithms } = issuer
  const symmetric = algorithms.filter((algorithm) => Object.hasOwn(leastSecretBytes, algorithm))
  if (keys.kind === 'secret') {
    if (symmetric.length !== algorithms.length || symmetric.length === 0) {
      return 'A shared secret goes with HS256, HS384 or HS512 alone.'
    }
    if (secret === undefined) return []
    const least = Math.max(...symmetric.map((algorithm) => leastSecretBytes[algorithm] ?? 0))
    const bytes = Buffer.byteLength(secret)
    if (bytes < least) return `The shared secret has ${bytes} bytes; ${symmetric.join(', ')} ask for at least ${least}.`
    // A public key in the place of a secret is a secret that everybody knows.
    if (secret.includes('-----BEGIN') || isKeyJson(secret)) return 'The shared secret is a key in PEM or JWK form.'
    return [{ kid: null, algorithms: symmetric, material: secret }]
  }
  if (symmetric.length > 0) return `${symmetric.join(', ')} cannot stand beside public keys.`
  if (keys.kind === 'publicKey') return keyOfPem(keys.pem, algorithms)
  if (keys.kind === 'jwks') return keysOfSet(keys.json, algorithms)
  return []
}

function keyOfPem(pem: string, algorithms: readonly string[]): readonly FixedKey[] | string {
  if (pem.includes('PRIVATE KEY')) return 'The file holds a private key; a gateway needs the public one alone.'
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    return 'The file holds no public key or certificate in PEM form.'
  }
  const able = algorithmsOf(key, algorithms)
  return typeof able === 'string'
    ? `The file holds ${able}.`
    : [{ kid: null, algorithms: able, material: exportPem(key) }]
}

function keysOfSet(json: string, algorithms: readonly string[]): readonly FixedKey[] | string {
  let set: JwkSet | null
  try {
    set = readJwkSet(JSON.parse(json), algorithms)
  } catch {
    return 'The file holds no JSON.'
  }
  if (set === null) return 'The file holds no JWK set: an object whose `keys` is a list.'
  if (set.keys.length === 0) {
    const why = set.skipped.map((key) => `${key.kid ?? 'without kid'}: ${key.why}`).join('; ')
    return why === '' ? 'The JWK set is empty.' : `The JWK set holds no usable key (${why}).`
  }
  return set.keys.map((key) => ({ kid: key.kid, algorithms: key.algorithms, material: exportPem(key.key) }))
}

/** Written anew, so that nothing around or before the key in the operator's file reaches a library. */
function exportPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

function isKeyJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

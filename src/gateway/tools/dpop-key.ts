import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { algorithmsOf } from '../../values/jwk-set.js'
import { isCanonical } from './jwt-token.js'

/** The key that a proof brings along, and the name that a token binds itself to. */
export interface ProofKey {
  readonly key: KeyObject
  /** RFC 7638, SHA-256, base64url: what `cnf.jkt` holds. */
  readonly thumbprint: string
}

/** What must never be in a proof: who sends it has given the key away. RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1 */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const

/** The members of a thumbprint in their order, by key type. RFC 7638 section 3.2, RFC 8037 section 2 */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** The thumbprint of a public JWK; a text says why it has none. */
export function thumbprintOf(jwk: Readonly<Record<string, unknown>>): { readonly thumbprint: string } | string {
  const secret = privateMembers.find((member) => jwk[member] !== undefined)
  if (secret !== undefined) return secret === 'k' ? 'a symmetric key' : 'a private key'
  const names = typeof jwk['kty'] === 'string' && Object.hasOwn(members, jwk['kty']) ? members[jwk['kty']] : undefined
  if (names === undefined) return 'a key of an unknown type'
  const facts: Record<string, string> = {}
  for (const name of names) {
    const value = jwk[name]
    if (typeof value !== 'string') return `a key without ${name}`
    // One spelling per key, or one key would have many thumbprints.
    const isText = name === 'kty' || name === 'crv'
    if (!isText && !(/^[A-Za-z0-9_-]{1,1400}$/.test(value) && isCanonical(value))) return 'unreadable'
    facts[name] = value
  }
  return { thumbprint: createHash('sha256').update(JSON.stringify(facts)).digest('base64url') }
}

/** Imports the public members alone; a text says why the key cannot have signed with this algorithm. */
export function importKey(jwk: Readonly<Record<string, unknown>>, algorithm: string): KeyObject | string {
  const { kty, n, e, crv, x, y, use, alg, key_ops: operations } = jwk
  if (use !== undefined && use !== 'sig') return 'not for signatures'
  if (alg !== undefined && alg !== algorithm) return 'for another algorithm'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'not for verification'
  }
  try {
    // Node checks each member's type and the point on its curve, and throws.
    const key = createPublicKey({ key: { kty, n, e, crv, x, y } as JsonWebKey, format: 'jwk' })
    const able = algorithmsOf(key, [algorithm])
    return typeof able === 'string' ? able : key
  } catch {
    return 'unreadable'
  }
}

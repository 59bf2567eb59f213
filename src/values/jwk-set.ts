import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A public key that may verify tokens, and with which algorithms. */
export interface VerificationKey {
  /** The key's own name; null where the set gives none. */
  readonly kid: string | null
  readonly algorithms: readonly string[]
  readonly key: KeyObject
}

/** What a JWK set holds for us: the keys that fit, and why each of the others was passed over. */
export interface JwkSet {
  readonly keys: readonly VerificationKey[]
  readonly skipped: readonly { readonly kid: string | null; readonly why: string }[]
}

/** More keys than any issuer rotates through; each costs an import. */
const mostKeys = 100

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
/** secp256k1 is missing on purpose: its signatures have the size of ES256 and are none. RFC 7518 §3.4, RFC 8812 */
const curveAlgorithms: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}

/**
 * The keys of a JWK set (RFC 7517) that can verify one of `algorithms`. Keys that are weak, symmetric, private, not for
 * signatures or unreadable are skipped one by one; null when the value is no JWK set at all.
 */
export function readJwkSet(set: unknown, algorithms: readonly string[]): JwkSet | null {
  if (!isObject(set) || !Array.isArray(set['keys'])) return null
  const keys: VerificationKey[] = []
  const skipped: { kid: string | null; why: string }[] = []
  const seen = new Set<string>()
  for (const jwk of set['keys'].slice(0, mostKeys) as unknown[]) {
    const kid = isObject(jwk) && typeof jwk['kid'] === 'string' ? jwk['kid'] : null
    const found = readJwk(jwk, kid, algorithms)
    if (typeof found === 'string') {
      skipped.push({ kid, why: found })
      continue
    }
    const identity = `${kid ?? ''} ${found.algorithms.join()} ${found.key.export({ type: 'spki', format: 'der' }).toString('base64')}`
    if (seen.has(identity)) continue
    seen.add(identity)
    keys.push(found)
  }
  if (set['keys'].length > mostKeys) skipped.push({ kid: null, why: `beyond the first ${mostKeys} keys` })
  return { keys, skipped }
}

/** Which of `algorithms` a public key can honestly verify; a text says why it can none. */
export function algorithmsOf(key: KeyObject, algorithms: readonly string[]): readonly string[] | string {
  const details = key.asymmetricKeyDetails ?? {}
  let able: readonly string[]
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details.modulusLength ?? 0
    const exponent = details.publicExponent ?? 0n
    // RFC 7518 §3.3 asks for 2048 bits; far larger keys and exponents make each verification a lever.
    if (bits < 2048) return `an RSA key of ${bits} bits; 2048 are the least`
    if (bits > 8192) return `an RSA key of ${bits} bits; 8192 are the most`
    if (exponent < 3n || exponent % 2n === 0n || exponent > 0xffffffffn) return 'an RSA key with an unusable exponent'
    able = rsaAlgorithms
  } else if (key.asymmetricKeyType === 'ec') {
    able = curveAlgorithms[details.namedCurve ?? ''] ?? []
  } else if (key.asymmetricKeyType === 'ed25519') {
    able = ['EdDSA']
  } else {
    return `a key of type ${key.asymmetricKeyType ?? key.type}`
  }
  const fitting = able.filter((algorithm) => algorithms.includes(algorithm))
  if (fitting.length > 0) return fitting
  return able.length === 0
    ? `a key on the curve ${details.namedCurve ?? 'of no name'}`
    : `a key for ${able.join(', ')}, and the issuer's algorithms are ${algorithms.join(', ')}`
}

/** More keys than this for one token, and each forged one would cost as many checks. */
const mostCandidates = 4

/**
 * The keys a token may have been signed with, by its header. Without a `kid` every fitting key is one, unless they are
 * too many to try: OpenID Connect Core §10.1 asks for a `kid` once there are several.
 */
export function candidateKeys<Key extends Omit<VerificationKey, 'key'>>(
  keys: readonly Key[],
  algorithm: string,
  kid: string | undefined,
): readonly Key[] | 'unknown' | 'ambiguous' {
  const found = keys.filter((key) => (kid === undefined || key.kid === kid) && key.algorithms.includes(algorithm))
  if (found.length === 0) return 'unknown'
  return found.length > mostCandidates ? 'ambiguous' : found
}

function readJwk(jwk: unknown, kid: string | null, algorithms: readonly string[]): VerificationKey | string {
  if (!isObject(jwk)) return 'not an object'
  if (jwk['kty'] === 'oct' || jwk['k'] !== undefined) return 'a symmetric key'
  if (jwk['d'] !== undefined) return 'a private key'
  if (jwk['kid'] !== undefined && kid === null) return 'a kid that is no text'
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return 'not for signatures'
  const operations = jwk['key_ops']
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'not for verification'
  }
  // The members of the key itself and nothing else: certificates and hints beside it are never read.
  const { kty, n, e, crv, x, y } = jwk
  let key: KeyObject
  try {
    // Node checks each member's type and the point on its curve, and throws.
    key = createPublicKey({ key: { kty, n, e, crv, x, y } as JsonWebKey, format: 'jwk' })
  } catch {
    return 'unreadable'
  }
  const able = algorithmsOf(key, algorithms)
  if (typeof able === 'string') return able
  const own = jwk['alg']
  if (own === undefined) return { kid, algorithms: able, key }
  return typeof own === 'string' && able.includes(own)
    ? { kid, algorithms: [own], key }
    : 'its own alg is none of the issuer’s or does not fit it'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

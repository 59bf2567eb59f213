import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** A key that signs what we tell functions. */
export interface HopKey {
  readonly kid: string
  readonly key: KeyObject
  /** Its public part, as functions read it. RFC 7517 */
  readonly jwk: Readonly<Record<string, string>>
}

/** What was signed last may still be on its way; a function that comes back to it finds the key for so long. */
const retiredMs = 3_600_000

/**
 * The keys by which functions know this gateway. Those of the policy, the first of which signs; or our own, made when first
 * asked for, which change by themselves: the next one is published a whole turn before it signs. ES256: 25 µs a signature.
 */
export class HopKeys {
  readonly #now: () => number
  #given: readonly HopKey[] = []
  #givenText = ''
  #rotateMs = Number.POSITIVE_INFINITY
  #own: { readonly current: HopKey; readonly next: HopKey; readonly since: number } | null = null
  #retired: readonly { readonly key: HopKey; readonly until: number }[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** Signs from now on by the first of these PEM keys (EC, P-256); without any, by our own, which change every `rotateMs`. */
  use(pems: readonly string[], rotateMs: number): void {
    this.#rotateMs = rotateMs
    const text = pems.join('\n')
    if (text === this.#givenText) return
    const before = this.#given[0] ?? this.#own?.current
    if (before !== undefined) this.#retire(before)
    this.#givenText = text
    this.#given = pems.map((pem) => hopKey(createPrivateKey(pem)))
  }

  /** The key that signs now. */
  get current(): HopKey {
    const [given] = this.#given
    if (given !== undefined) return given
    const now = this.#now()
    const own = this.#own
    if (own !== null && now - own.since < this.#rotateMs && now >= own.since) return own.current
    if (own !== null) this.#retire(own.current)
    const turned = { current: own?.next ?? newKey(), next: newKey(), since: now }
    this.#own = turned
    return turned.current
  }

  /** Every key that a function may meet. RFC 7517 section 5 */
  jwks(): { readonly keys: readonly Readonly<Record<string, string>>[] } {
    const { current } = this
    const now = this.#now()
    const others = this.#given.length > 0 ? this.#given.slice(1) : this.#own === null ? [] : [this.#own.next]
    const retired = this.#retired.filter(({ until }) => now < until).map(({ key }) => key)
    return { keys: [...new Set([current, ...others, ...retired])].map(({ jwk }) => jwk) }
  }

  #retire(key: HopKey): void {
    const now = this.#now()
    this.#retired = [...this.#retired.filter(({ until }) => now < until), { key, until: now + retiredMs }]
  }
}

function newKey(): HopKey {
  return hopKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

function hopKey(key: KeyObject): HopKey {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  // RFC 7638: the same key has the same name in every replica.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return { kid, key, jwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } }
}

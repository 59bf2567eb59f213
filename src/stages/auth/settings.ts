import type { ClaimRule } from './claim-rules.js'

/** What a token must say besides being good. */
export interface Conditions {
  /** All of them. */
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRule[]
  /** One of them; empty: none is asked for. */
  readonly roles: readonly string[]
  readonly stepUp: StepUp | null
}

/** How the user must have signed in; RFC 9470 tells the client what to ask for when they have not. */
export interface StepUp {
  /** Values of `acr`, any of which will do; null: none is asked for. */
  readonly acr: readonly string[] | null
  /** Values that `amr` must hold, all of them. */
  readonly amr: readonly string[]
  /** The longest time since `auth_time`; null: any. */
  readonly maxAgeMs: number | null
}

/** A token of this issuer, with these scopes and claims. */
export interface JwtMethod extends Conditions {
  readonly method: 'jwt'
  readonly issuer: string
}

/** A token that this issuer itself is asked about. RFC 7662 */
export interface IntrospectionMethod extends Conditions {
  readonly method: 'introspection'
  readonly issuer: string
}

/** What a token opens. */
export type TokenMethod = JwtMethod | IntrospectionMethod

/** A key of one of these clients. */
export interface ApiKeyMethod {
  readonly method: 'apiKey'
  readonly clients: readonly string[]
}

/** A certificate of the connection, or one that a trusted proxy saw. */
export interface MtlsMethod {
  readonly method: 'mtls'
  /** PEM of the authorities; null: those of the listener. */
  readonly ca: string | null
  /** Rules such as `dns:*.partner.example`, one of which must hold; empty: any name will do. */
  readonly san: readonly string[]
  /** SHA-256, lower-case hex; empty: any certificate will do. */
  readonly fingerprints: readonly string[]
}

export type Method = TokenMethod | ApiKeyMethod | MtlsMethod

/** What a route asks of its callers. */
export type AuthSettings =
  | { readonly method: 'none' }
  | Method
  | { readonly method: 'anyOf'; readonly methods: readonly Method[] }

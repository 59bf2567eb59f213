import type { ClaimRule } from './claim-rules.js'

/** A token of this issuer, with these scopes and claims. */
export interface JwtMethod {
  readonly method: 'jwt'
  readonly issuer: string
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRule[]
}

/** A key of one of these clients. */
export interface ApiKeyMethod {
  readonly method: 'apiKey'
  readonly clients: readonly string[]
}

export type Method = JwtMethod | ApiKeyMethod

/** What a route asks of its callers. */
export type AuthSettings =
  | { readonly method: 'none' }
  | Method
  | { readonly method: 'anyOf'; readonly methods: readonly Method[] }

import type { UnverifiedToken } from './jwt-token.js'

/** The one interface over two back ends: fixed keys by @fastify/jwt, published key sets by jose. */
export interface KeySource {
  /** The number of the keys in hand; null while there are none to judge by at once. */
  ready(now: number): number | null
  /** Checks the signature alone; a promise only where keys or another thread must be waited for. */
  check(token: string, read: UnverifiedToken, now: number): SignatureResult | Promise<SignatureResult>
  close(): void
}

/** A good signature by keys of this generation, or why there is none. */
export type SignatureResult =
  | { readonly generation: number }
  /** With a generation: no other outcome is to be had from its keys. */
  | { readonly fault: string; readonly generation?: number; readonly retryAfterSeconds?: number }

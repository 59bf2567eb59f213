/**
 * Small facts that every process of one store shares: a nonce that has been seen, a token that has been revoked. Each goes
 * by itself when its time is over. Keys are hashed before they leave, so they may hold whatever a caller sent.
 *
 * Everything rejects with StoreUnavailable while the store does not answer, at the latest after the policy's
 * `commandTimeout`; at once while it is known to be away. What then holds is for the asker to decide.
 */
export interface SharedFacts {
  /** Whether the store answers, as far as is known. */
  readonly isUp: boolean
  /**
   * Remembers a key, in one atomic step: of all who ask at once, over all processes, exactly one hears true.
   * @param space what kind of fact it is, in letters, digits and dashes: `dpop`, `revoked`. Keys of two spaces never meet.
   */
  addOnce(space: string, key: string, ttlMs: number): Promise<boolean>
  has(space: string, key: string): Promise<boolean>
  /** Whether any of these is known. One round trip, unless the store is a cluster. */
  hasAny(space: string, keys: readonly string[]): Promise<boolean>
  /** Remembers a text under a key, in place of what was there. */
  set(space: string, key: string, value: string, ttlMs: number): Promise<void>
  get(space: string, key: string): Promise<string | null>
  remove(space: string, key: string): Promise<void>
}

/** The shared store gave no answer in time, or an answer that is none. The message holds no secret. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** The store went away, or is back: once per change. */
export interface StoreNotice {
  readonly state: 'up' | 'down'
  readonly level: 'info' | 'warn'
  readonly message: string
}

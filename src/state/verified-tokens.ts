import { createHash } from 'node:crypto'
import type { TokenResult } from '../stages/contract.js'

type Valid = Extract<TokenResult, { valid: true }>
type Invalid = Extract<TokenResult, { valid: false }>

interface Entry {
  readonly result: Valid
  readonly generation: number
  /** Epoch ms: a clock that was set back must not revive a token. */
  readonly from: number
  readonly until: number
}

/**
 * Tokens that were verified a moment ago, so that a returning client costs a look-up instead of a signature check.
 * Bounded in bytes and time, keyed by the whole token, emptied of a key set's tokens when the set changes.
 */
export interface VerifiedTokens {
  /** The tokens of one issuer as one plan describes it; the same digest after a reload finds the same tokens. */
  scope(digest: string): TokenScope
  stats(): { readonly bytes: number; readonly entries: number }
}

/** Verified tokens of one issuer. */
export interface TokenScope {
  /** The very result that was kept, while token and keys are good; never a promise. */
  get(token: string, now: number, generation: number): Valid | undefined
  /** `expiresAt`: epoch ms from which on the token itself is refused. */
  keep(token: string, result: Valid, now: number, expiresAt: number, generation: number): void
  /** Why a token was refused a moment ago, for faults that no later moment mends. */
  refused(token: string, now: number, generation: number): Invalid | undefined
  keepRefused(token: string, result: Invalid, now: number, generation: number): void
}

/** Beyond its text: entry, result, claims and scopes as objects, measured at 1.1–1.6 KB for ten claims. */
const entryOverheadBytes = 1600
const mostRefused = 4096

/**
 * Makes the cache. It forgets by halves: entries go into a young half; when it is full or old, it becomes the old half
 * and the old one is dropped. A look-up in the old half moves the entry to the young, so no hit reorders anything.
 */
export function createVerifiedTokens({ maxBytes = 32 * 1024 * 1024, lifeMs = 60_000 } = {}): VerifiedTokens {
  const scopes = new Map<string, Scope>()
  // Halves turn for all scopes together: one number says which turn it is, each scope catches up when it is asked.
  let turn = 0
  let turnedAt = Number.NEGATIVE_INFINITY
  let youngBytes = 0
  let oldBytes = 0

  class Scope implements TokenScope {
    young = new Map<string, Entry>()
    old = new Map<string, Entry>()
    seen = turn
    /** By SHA-256: what a forger sends takes no memory but its digest. */
    refusals = new Map<string, { readonly result: Invalid; readonly generation: number; readonly until: number }>()

    catchUp(): void {
      if (this.seen === turn) return
      this.old = this.seen === turn - 1 ? this.young : new Map()
      this.young = new Map()
      this.seen = turn
    }

    // Runs for every request with a token; measured in test/state/verified-tokens.test.ts.
    get(token: string, now: number, generation: number): Valid | undefined {
      if (this.seen !== turn) this.catchUp()
      const young = this.young.get(token)
      const entry = young ?? this.old.get(token)
      if (entry === undefined || entry.generation !== generation || now >= entry.until || now < entry.from) {
        return undefined
      }
      if (young === undefined) this.put(token, entry, now)
      return entry.result
    }

    put(token: string, entry: Entry, now: number): void {
      const bytes = token.length + entryOverheadBytes
      if (youngBytes + bytes > maxBytes / 2 || now - turnedAt > lifeMs || now < turnedAt) {
        turnAt(now)
        this.catchUp()
      }
      youngBytes += bytes
      this.young.set(token, entry)
    }

    keep(token: string, result: Valid, now: number, expiresAt: number, generation: number): void {
      const until = Math.min(now + lifeMs, expiresAt)
      if (this.seen !== turn) this.catchUp()
      if (until <= now) return
      if (this.young.has(token)) youngBytes -= token.length + entryOverheadBytes
      this.put(token, { result, generation, from: now, until }, now)
    }

    refused(token: string, now: number, generation: number): Invalid | undefined {
      if (this.refusals.size === 0) return undefined
      const entry = this.refusals.get(digestOf(token))
      return entry !== undefined && entry.generation === generation && now < entry.until ? entry.result : undefined
    }

    keepRefused(token: string, result: Invalid, now: number, generation: number): void {
      if (this.refusals.size >= mostRefused) this.refusals = new Map()
      this.refusals.set(digestOf(token), { result, generation, until: now + lifeMs })
    }
  }

  function turnAt(now: number): void {
    turn += 1
    turnedAt = now
    oldBytes = youngBytes
    youngBytes = 0
    // A scope nobody asked for two turns belongs to a plan that is gone, or is empty: either way it starts afresh.
    for (const [digest, scope] of scopes) if (scope.seen < turn - 1) scopes.delete(digest)
  }

  return {
    scope(digest) {
      let scope = scopes.get(digest)
      if (scope === undefined) {
        scope = new Scope()
        scopes.set(digest, scope)
      }
      return scope
    },
    stats() {
      let entries = 0
      for (const scope of scopes.values()) {
        entries += scope.seen === turn ? scope.young.size + scope.old.size : scope.young.size
      }
      return { bytes: youngBytes + oldBytes, entries }
    },
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}

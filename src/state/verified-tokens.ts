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
  /** `forMs`: at most so long, where that is less than the life of all entries. */
  keepRefused(token: string, result: Invalid, now: number, generation: number, forMs?: number): void
}

/** Text, claims, scopes and entry together; measured on Node 20: 1.5 KB for a token of 700 bytes, 3.1 KB for 1,500. */
function bytesOf(token: string): number {
  return 2 * token.length + 400
}

const mostRefused = 4096

/**
 * Makes the cache. It forgets by halves: entries go into a young half; when it is full or old, it becomes the old half
 * and the old one is dropped. A look-up in the old half moves the entry to the young, so no hit reorders anything.
 */
export function createVerifiedTokens({ maxBytes = 32 * 1024 * 1024, lifeMs = 60_000 } = {}): VerifiedTokens {
  const byDigest = new Map<string, Scope>()
  /** Scopes that hold anything; they turn together, so that one bound holds for all. */
  const live = new Set<Scope>()
  let turnedAt = Number.NEGATIVE_INFINITY
  let youngBytes = 0
  let oldBytes = 0

  class Scope implements TokenScope {
    readonly digest: string
    young = new Map<string, Entry>()
    old = new Map<string, Entry>()
    /** By SHA-256: what a forger sends takes no memory but its digest. */
    refusals = new Map<string, { readonly result: Invalid; readonly generation: number; readonly until: number }>()

    constructor(digest: string) {
      this.digest = digest
    }

    // Runs for every request with a token; bench/hot-path.ts measures it with all that surrounds it.
    get(token: string, now: number, generation: number): Valid | undefined {
      const young = this.young.get(token)
      const entry = young ?? this.old.get(token)
      if (entry === undefined || entry.generation !== generation || now >= entry.until || now < entry.from) {
        return undefined
      }
      if (young === undefined) this.put(token, entry, now)
      return entry.result
    }

    put(token: string, entry: Entry, now: number): void {
      const bytes = bytesOf(token)
      if (youngBytes + bytes > maxBytes / 2 || now - turnedAt > lifeMs || now < turnedAt) {
        turnAt(now)
      }
      youngBytes += bytes
      this.young.set(token, entry)
      if (!live.has(this)) {
        live.add(this)
        byDigest.set(this.digest, this)
      }
    }

    keep(token: string, result: Valid, now: number, expiresAt: number, generation: number): void {
      const until = Math.min(now + lifeMs, expiresAt)
      if (until <= now) return
      if (this.young.has(token)) youngBytes -= bytesOf(token)
      this.put(token, { result, generation, from: now, until }, now)
    }

    refused(token: string, now: number, generation: number): Invalid | undefined {
      if (this.refusals.size === 0) return undefined
      const entry = this.refusals.get(digestOf(token))
      return entry !== undefined && entry.generation === generation && now < entry.until ? entry.result : undefined
    }

    keepRefused(token: string, result: Invalid, now: number, generation: number, forMs = lifeMs): void {
      if (this.refusals.size >= mostRefused) this.refusals = new Map()
      this.refusals.set(digestOf(token), { result, generation, until: now + Math.min(forMs, lifeMs) })
    }
  }

  function turnAt(now: number): void {
    turnedAt = now
    oldBytes = youngBytes
    youngBytes = 0
    for (const scope of live) {
      scope.old = scope.young
      scope.young = new Map()
      if (scope.old.size === 0) live.delete(scope)
    }
    // What nothing is kept for belongs to a plan that is gone, or can as well start afresh.
    for (const [digest, scope] of byDigest) if (!live.has(scope)) byDigest.delete(digest)
  }

  return {
    scope(digest) {
      const found = byDigest.get(digest) ?? new Scope(digest)
      byDigest.set(digest, found)
      return found
    },
    stats() {
      let entries = 0
      for (const scope of live) entries += scope.young.size + scope.old.size
      return { bytes: youngBytes + oldBytes, entries }
    },
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}

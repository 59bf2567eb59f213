import { createHash } from 'node:crypto'
import type { Dispatcher } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'
import type { Clock } from '../stages/contract.js'
import type { VerificationKey } from '../values/jwk-set.js'
import { IssuerFault } from './issuer-requests.js'
import { createKeySetDownload, type KeySetDownload } from './key-set-download.js'

/** One fetched set. */
export interface KeyGeneration {
  /** Grows whenever the keys change; verified tokens are good for one generation. */
  readonly generation: number
  readonly keys: readonly VerificationKey[]
}

/** `certain`: the issuer itself told us these keys, and told us lately. Otherwise it could not be asked. */
export interface KeyAnswer {
  readonly current: KeyGeneration | null
  readonly certain: boolean
  readonly retryAfterSeconds: number
}

export interface KeySetStats {
  readonly issuer: string
  readonly url: string | null
  readonly keys: number
  readonly skipped: readonly { readonly kid: string | null; readonly why: string }[]
  readonly generation: number
  /** Age of the keys in hand; null: none yet. */
  readonly ageMs: number | null
  /** Whether the last attempt failed, so that old keys serve for now. */
  readonly failing: boolean
  /** HTTP requests, discovery included; attempts; attempts that failed. */
  readonly requests: number
  readonly attempts: number
  readonly failures: number
  readonly lastFailure: string | null
}

/** What an operator should hear: said when a set starts to fail and when it is back, not for each attempt. */
export interface KeySetNotice {
  readonly issuer: string
  readonly level: 'info' | 'warn'
  readonly message: string
}

/** What the key sets of a process have in common. */
interface KeySetTools {
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  /** Must not throw. */
  readonly notify: (notice: KeySetNotice) => void
  readonly timers: boolean
  /** A number never given before, over all sets: keys that come back are judged anew. */
  readonly nextGeneration: () => number
}

/**
 * The key set of one issuer, alive: fetches one at a time, cools down after success and failure, renews itself while it
 * is held, and keeps its last keys for a bounded time when the issuer is down.
 */
export class LiveKeySet {
  readonly #issuer: IssuerPlan
  readonly #lent: KeySetTools
  readonly #download: KeySetDownload
  /** How many have it open; it renews itself for them alone. */
  holders = 0
  #current: (KeyGeneration & { readonly digest: string }) | null = null
  #url: string | null = null
  #skipped: KeySetStats['skipped'] = []
  #fetchedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  /** When an unknown `kid` last caused a fetch. */
  #askedAt = Number.NEGATIVE_INFINITY
  #failing = false
  #running: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #attempts = 0
  #failures = 0
  #lastFailure: string | null = null
  #stopped = false

  constructor(issuer: IssuerPlan, lent: KeySetTools) {
    this.#issuer = issuer
    this.#lent = lent
    this.#download = createKeySetDownload(issuer, lent.dispatcher, () => lent.clock.monotonic())
  }

  ready(now: number): KeyGeneration | null {
    const { maxAgeMs, staleIfErrorMs } = this.#issuer.keySet
    const age = now - this.#fetchedAt
    if (age >= 0 && age < maxAgeMs) return this.#current
    // The clock was set back, or the keys are old: they serve on only while the issuer is known to be failing.
    if (!this.#failing || age >= maxAgeMs + staleIfErrorMs) return null
    if (this.#mayFetch(now)) void this.fetch()
    return this.#current
  }

  async wait(want: 'unknown-key' | 'not-ready'): Promise<KeyAnswer> {
    const now = this.#lent.clock.now()
    if (this.#running === null && this.#mayFetch(now)) {
      if (want === 'not-ready') this.fetch()
      else if (since(now, this.#askedAt) >= this.#issuer.keySet.cooldownMs) {
        this.#askedAt = now
        this.fetch()
      }
    }
    if (this.#running !== null) await this.#running
    const after = this.#lent.clock.now()
    return {
      current: this.ready(after),
      certain: !this.#failing && this.#current !== null,
      retryAfterSeconds: this.#retryAfter(after),
    }
  }

  /** One at a time; after a failure not before the cooldown has passed. */
  #mayFetch(now: number): boolean {
    return this.#running === null && since(now, this.#failedAt) >= this.#issuer.keySet.cooldownMs
  }

  fetch(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null
      this.#schedule()
    })
    return this.#running
  }

  async #run(): Promise<void> {
    this.#attempts += 1
    try {
      const { url, set } = await this.#download.run()
      const digest = digestOf(set.keys)
      this.#url = url
      this.#skipped = set.skipped
      this.#fetchedAt = this.#lent.clock.now()
      this.#failedAt = Number.NEGATIVE_INFINITY
      // The whole set takes the old one's place; the same keys again keep their generation and its verified tokens.
      if (this.#current?.digest !== digest) {
        this.#current = { generation: this.#lent.nextGeneration(), keys: set.keys, digest }
      }
      const wasFailing = this.#failing
      this.#failing = false
      if (wasFailing) this.#say('info', `Keys of ${this.#issuer.name} are fresh again, from ${url}.`)
    } catch (error) {
      if (this.#stopped) return
      this.#failures += 1
      this.#failedAt = this.#lent.clock.now()
      this.#lastFailure = error instanceof IssuerFault ? error.message : 'the key set could not be read'
      const wasFailing = this.#failing
      this.#failing = true
      if (!wasFailing) this.#say('warn', this.#describeFailure(this.#lastFailure))
    }
  }

  #describeFailure(why: string): string {
    const age = this.#current === null ? null : Math.round(since(this.#failedAt, this.#fetchedAt) / 1000)
    const serving =
      age === null ? 'Tokens of it are answered 503 until there are keys.' : `Using the keys fetched ${age} s ago.`
    return `Could not fetch keys of ${this.#issuer.name}: ${why}. ${serving}`
  }

  #say(level: KeySetNotice['level'], message: string): void {
    this.#lent.notify({ issuer: this.#issuer.name, level, message })
  }

  #retryAfter(now: number): number {
    const { cooldownMs } = this.#issuer.keySet
    return Math.max(1, Math.ceil((cooldownMs - Math.min(cooldownMs, since(now, this.#failedAt))) / 1000))
  }

  /** Renews before `maxAge`, so that no request waits for it. */
  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (!this.#lent.timers || this.holders === 0) return
    const { cooldownMs, maxAgeMs } = this.#issuer.keySet
    // A tenth of scatter: many gateways started together should not ask together.
    const delay = this.#failing ? cooldownMs : maxAgeMs * (0.8 + Math.random() * 0.1)
    this.#timer = setTimeout(() => void this.fetch(), Math.max(100, Math.min(delay, 2 ** 31 - 1)))
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    this.holders = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#download.abort()
  }

  stats(now: number): KeySetStats {
    return {
      issuer: this.#issuer.name,
      url: this.#url,
      keys: this.#current?.keys.length ?? 0,
      skipped: this.#skipped,
      generation: this.#current?.generation ?? 0,
      ageMs: this.#current === null ? null : since(now, this.#fetchedAt),
      failing: this.#failing,
      requests: this.#download.requests(),
      attempts: this.#attempts,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    }
  }
}

/** Time passed; a clock that was set back counts as a long time, so that no cooldown lasts for ever. */
function since(now: number, then: number): number {
  return now >= then ? now - then : Number.POSITIVE_INFINITY
}

function digestOf(keys: readonly VerificationKey[]): string {
  const digest = createHash('sha256')
  for (const key of keys) {
    digest.update(`${key.kid === null ? '-' : JSON.stringify(key.kid)} ${key.algorithms.join()} `)
    digest.update(key.key.export({ type: 'spki', format: 'der' }))
  }
  return digest.digest('hex')
}

import type { Clock, Credential, CredentialFault } from '../../stages/contract.js'

/** What a source gave: a value, and until when it is good (epoch ms; null: it does not say). */
export interface Fetched<T> {
  readonly value: T
  readonly expiresAt: number | null
}

/** What an operator hears of a source: that it fails, and that it is back. */
export interface CredentialNotice {
  /** `aws`, `google <audience>`, `azure <resource>`. */
  readonly source: string
  readonly level: 'info' | 'warn'
  readonly message: string
}

/** For metrics. */
export interface CredentialStats {
  readonly source: string
  /** Ms for which the value in hand is still good; null without one, Infinity where it does not end. */
  readonly leftMs: number | null
  readonly failing: boolean
  readonly attempts: number
  readonly failures: number
}

export interface KeptCredentialOptions<T> {
  readonly source: string
  /** Rejects with a reason that an operator can read. */
  readonly fetch: (signal: AbortSignal) => Promise<Fetched<T>>
  readonly clock: Clock
  readonly notify: (notice: CredentialNotice) => void
  /** 0 to 1: spreads what many gateways would otherwise do at once. */
  readonly random?: () => number
}

/** A source that has not answered by then is down. */
const fetchTimeoutMs = 5_000
/** A value is not shown in its last moments: the request has a way to go. */
const marginMs = 2_000
/** How long before its end a value is renewed, at most; a fifth of its life where that is shorter. */
const earliestLeadMs = 10 * 60_000
/** A value without an end may have been replaced where it comes from. */
const lookAgainMs = 10 * 60_000
/** Between two renewals of a value that is still good. */
const leastGapMs = 20_000
/** After a failure with nothing in hand: doubled each time up to this. */
const longestPauseMs = 15_000

/**
 * One credential of a platform: fetched when first asked for, renewed long before it ends while the old one serves, kept
 * through an outage of its source until it ends. One fetch at a time, whoever waits; nothing runs while nobody asks.
 */
export class KeptCredential<T> implements Credential<T> {
  readonly #options: KeptCredentialOptions<T>
  readonly #random: () => number
  #current: { readonly value: T; readonly goodUntil: number } | null = null
  /** From when on a value that is still good is renewed. */
  #renewAt = 0
  /** After a failure: until when the source is left alone. */
  #restsUntil = 0
  #running: Promise<T | CredentialFault> | null = null
  #failuresInARow = 0
  #lastFault = ''
  #attempts = 0
  #failures = 0

  constructor(options: KeptCredentialOptions<T>) {
    this.#options = options
    this.#random = options.random ?? Math.random
  }

  /** Runs for every request to a platform: a comparison or two while the value is good. */
  get(): T | CredentialFault | Promise<T | CredentialFault> {
    const now = this.#options.clock.now()
    const current = this.#current
    if (current !== null && now < current.goodUntil) {
      if (now >= this.#renewAt && now >= this.#restsUntil && this.#running === null) void this.#fetch()
      return current.value
    }
    if (this.#running !== null) return this.#running
    if (now < this.#restsUntil) return this.#fault(now)
    return this.#fetch()
  }

  doubt(value: T): void {
    const now = this.#options.clock.now()
    // At most once in a while: a platform that refuses for another reason must not become a flood at its neighbor.
    if (this.#current?.value === value && this.#renewAt > now + leastGapMs) this.#renewAt = now + this.#spread(1_000)
  }

  stats(): CredentialStats {
    const left = this.#current === null ? null : this.#current.goodUntil - this.#options.clock.now()
    return {
      source: this.#options.source,
      leftMs: left === null || left <= 0 ? null : left,
      failing: this.#failuresInARow > 0,
      attempts: this.#attempts,
      failures: this.#failures,
    }
  }

  #fetch(): Promise<T | CredentialFault> {
    this.#attempts++
    const running = this.#options
      .fetch(AbortSignal.timeout(fetchTimeoutMs))
      .then((fetched) => this.#taken(fetched))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#running = null
      })
    this.#running = running
    return running
  }

  #taken({ value, expiresAt }: Fetched<T>): T | CredentialFault {
    const { clock, notify, source } = this.#options
    const now = clock.now()
    const goodUntil = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - marginMs
    if (now >= goodUntil) return this.#failed(new Error('it gave credentials that have ended already'))
    if (this.#failuresInARow > 0) notify({ source, level: 'info', message: 'Credentials can be had again.' })
    this.#failuresInARow = 0
    this.#current = { value, goodUntil }
    const left = goodUntil - now
    const lead = Math.min(earliestLeadMs, left / 5)
    // Sources hand out the same value until shortly before its end: asking again at once would change nothing.
    this.#renewAt =
      expiresAt === null
        ? now + this.#spread(lookAgainMs)
        : Math.max(now + Math.min(this.#spread(leastGapMs), left / 2), goodUntil - this.#spread(lead))
    return value
  }

  #failed(error: unknown): T | CredentialFault {
    const { clock, notify, source } = this.#options
    const now = clock.now()
    this.#failures++
    this.#failuresInARow++
    this.#lastFault = error instanceof Error ? error.message.slice(0, 300).replace(/\.+$/, '') : 'unknown fault'
    const current = this.#current
    const isGood = current !== null && now < current.goodUntil
    const pause = Math.min(longestPauseMs, 500 * 2 ** Math.min(this.#failuresInARow, 10))
    this.#restsUntil = now + this.#spread(isGood ? Math.max(pause, leastGapMs / 4) : pause)
    if (this.#failuresInARow === 1) {
      const left = isGood && current.goodUntil !== Number.POSITIVE_INFINITY ? current.goodUntil - now : null
      const rest = isGood
        ? left === null
          ? 'Those in hand go on.'
          : `Those in hand are good for ${Math.round(left / 1000)} s.`
        : 'Requests that need them are answered 503.'
      notify({ source, level: 'warn', message: `Credentials cannot be had: ${this.#lastFault}. ${rest}` })
    }
    return isGood ? current.value : this.#fault(now)
  }

  #fault(now: number): CredentialFault {
    const wait = Math.ceil((this.#restsUntil - now) / 1000)
    return { fault: 'no-credentials', detail: this.#lastFault, retryAfterSeconds: Math.max(1, wait) }
  }

  /** Between 70 and 100 percent. */
  #spread(ms: number): number {
    return ms * (0.7 + 0.3 * this.#random())
  }
}

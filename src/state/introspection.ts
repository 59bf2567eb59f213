import type { IssuerPlan } from '../plan/plan.js'
import type { Clock } from '../stages/contract.js'
import type { AskAboutToken, Introspected } from './introspection-request.js'
import { IssuerFault } from './issuer-requests.js'
import type { KeySetNotice } from './key-set.js'

/** What an issuer said of a token, or that it could not be asked. */
export type IntrospectionAnswer = { readonly said: Introspected } | { readonly retryAfterSeconds: number }

export interface IntrospectionStats {
  readonly issuer: string
  readonly active: number
  readonly inactive: number
  readonly failed: number
  /** Questions that were not asked, because the issuer was failing or had too many before it. */
  readonly spared: number
  readonly failing: boolean
  readonly lastFailure: string | null
}

/** Questions under way at once to one issuer; whoever comes on top is told to come back. */
const mostAsked = 64
/**
 * Failures in turn that make an outage. Fewer may be the work of a caller whose token a server cannot digest, and must not
 * shut out the others.
 */
const outage = 3
/** The pause when an outage begins; it doubles with each further failure, up to the cooldown of the key set. */
const firstPauseMs = 500

/**
 * Asks one issuer about tokens: about each token once at a time, and not at all for a while after it failed. Remembers no
 * answer; whoever asks does.
 */
export class LiveIntrospection {
  readonly #issuer: IssuerPlan
  readonly #ask: AskAboutToken
  readonly #clock: Clock
  readonly #notify: (notice: KeySetNotice) => void
  readonly #running = new Map<string, Promise<IntrospectionAnswer>>()
  /** How many have it open. */
  holders = 0
  #failedInTurn = 0
  /** On the monotonic clock. */
  #pausedUntil = Number.NEGATIVE_INFINITY
  #active = 0
  #inactive = 0
  #failed = 0
  #spared = 0
  #lastFailure: string | null = null

  constructor(issuer: IssuerPlan, ask: AskAboutToken, clock: Clock, notify: (notice: KeySetNotice) => void) {
    this.#issuer = issuer
    this.#ask = ask
    this.#clock = clock
    this.#notify = notify
  }

  /** Never rejects. */
  ask(token: string): Promise<IntrospectionAnswer> {
    const same = this.#running.get(token)
    if (same !== undefined) return same
    const pauseMs = this.#pausedUntil - this.#clock.monotonic()
    // While it fails, one question at a time finds out whether it is back.
    const room = this.#isFailing ? 1 : mostAsked
    if (pauseMs > 0 || this.#running.size >= room) {
      this.#spared += 1
      return Promise.resolve({ retryAfterSeconds: Math.max(1, Math.ceil(pauseMs / 1000)) })
    }
    const answer = this.#run(token).finally(() => this.#running.delete(token))
    this.#running.set(token, answer)
    return answer
  }

  async #run(token: string): Promise<IntrospectionAnswer> {
    try {
      const said = await this.#ask(token)
      if (said === null) this.#inactive += 1
      else this.#active += 1
      if (this.#isFailing) this.#say('info', `${this.#issuer.name} answers about tokens again.`)
      this.#failedInTurn = 0
      return { said }
    } catch (error) {
      this.#failed += 1
      this.#failedInTurn += 1
      this.#lastFailure = error instanceof IssuerFault ? error.message : 'the answer could not be read'
      if (!this.#isFailing) return { retryAfterSeconds: 1 }
      const doubled = firstPauseMs * 2 ** Math.min(this.#failedInTurn - outage, 20)
      const pauseMs = Math.min(this.#issuer.keySet.cooldownMs, doubled)
      this.#pausedUntil = this.#clock.monotonic() + pauseMs
      if (this.#failedInTurn === outage) {
        this.#say(
          'warn',
          `Cannot ask ${this.#issuer.name} about tokens: ${this.#lastFailure}. New ones are answered 503.`,
        )
      }
      return { retryAfterSeconds: Math.max(1, Math.ceil(pauseMs / 1000)) }
    }
  }

  get #isFailing(): boolean {
    return this.#failedInTurn >= outage
  }

  #say(level: KeySetNotice['level'], message: string): void {
    this.#notify({ issuer: this.#issuer.name, level, message })
  }

  stats(): IntrospectionStats {
    return {
      issuer: this.#issuer.name,
      active: this.#active,
      inactive: this.#inactive,
      failed: this.#failed,
      spared: this.#spared,
      failing: this.#isFailing,
      lastFailure: this.#lastFailure,
    }
  }
}

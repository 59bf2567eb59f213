import { Agent } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'
import type { Clock } from '../stages/contract.js'
import { type KeyAnswer, type KeyGeneration, type KeySetNotice, type KeySetStats, LiveKeySet } from './key-set.js'

/** The key sets of issuers that publish theirs. They outlive generations, so a reload makes no token wait. */
export interface KeySets {
  /**
   * The key set of this issuer as its plan describes it; fetching starts at once. Each opener closes its own handle;
   * after the last one the set is forgotten.
   */
  open(issuer: IssuerPlan): KeySet
  /** For metrics and the admin listener; one entry per set. */
  stats(): readonly KeySetStats[]
  close(): Promise<void>
}

/** The keys of one issuer. */
export interface KeySet {
  /**
   * The keys to judge a token by, at once; null when the caller must `wait` first: none were ever fetched, or they are
   * older than `maxAge` and the issuer has not yet failed to renew them, or too old even for an outage.
   */
  ready(now: number): KeyGeneration | null
  /**
   * Looks for better keys. `unknown-key` asks for a set newer than the one in hand, at most one fetch per cooldown
   * whoever asks; `not-ready` for any usable set.
   */
  wait(want: 'unknown-key' | 'not-ready'): Promise<KeyAnswer>
  close(): void
}

export type { KeyGeneration, KeySetNotice }

/** Makes the client for all key sets of the process. `timers: false` leaves renewal to the requests alone. */
export function createKeySets(options: {
  readonly clock: Clock
  readonly notify?: (notice: KeySetNotice) => void
  readonly timers?: boolean
}): KeySets {
  const { clock, notify = () => {}, timers = true } = options
  const agent = new Agent({ connections: 4, pipelining: 1, keepAliveTimeout: 4_000, maxHeaderSize: 16 * 1024 })
  const live = new Map<string, LiveKeySet>()
  let generations = 0
  const lent = {
    clock,
    dispatcher: agent,
    notify,
    timers,
    nextGeneration: () => {
      generations += 1
      return generations
    },
  }

  return {
    open(issuer) {
      const { declaredAt: _, ...facts } = issuer
      const key = JSON.stringify(facts)
      let set = live.get(key)
      if (set === undefined) {
        set = new LiveKeySet(issuer, lent)
        live.set(key, set)
        void set.fetch()
      }
      const opened = set
      opened.holders += 1
      let open = true
      return {
        ready: (now) => opened.ready(now),
        wait: (want) => opened.wait(want),
        close() {
          if (!open) return
          open = false
          opened.holders -= 1
          if (opened.holders > 0) return
          opened.stop()
          live.delete(key)
        },
      }
    },
    stats: () => [...live.values()].map((set) => set.stats(clock.now())),
    async close() {
      for (const set of live.values()) set.stop()
      live.clear()
      await agent.destroy()
    },
  }
}

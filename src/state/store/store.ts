import type { RevocationStore } from '../revocations.js'
import { OutageMemory } from './outage-memory.js'
import { createRedisFacts } from './redis-facts.js'
import { type LinkStats, RedisLink } from './redis-link.js'
import { createRedisRevocations } from './redis-revocations.js'
import type { SharedFacts, StoreNotice } from './shared-facts.js'
import type { StoreSettings } from './store-settings.js'

/** A store that is in use. */
interface Opened {
  readonly key: string
  readonly link: RedisLink
  readonly facts: SharedFacts
  readonly revocations: RevocationStore
}

/**
 * The shared store of a process, which outlives generations: a reload that says the same of it keeps its connection.
 */
export class Store {
  /** What limits remember beside the store; it outlives the store's absence and a change of policy. */
  readonly memory = new OutageMemory()
  readonly #notify: (notice: StoreNotice) => void
  #current: Opened | null = null

  constructor(notify: (notice: StoreNotice) => void = () => {}) {
    this.#notify = notify
  }

  /** Puts the policy's store to work; null: there is none. Waits up to a second for its first answer. */
  async use(settings: StoreSettings | null): Promise<void> {
    const key = JSON.stringify(settings)
    const before = this.#current
    if (before?.key === key) return
    this.#current = null
    if (settings !== null) {
      const link = await RedisLink.open(settings, this.#notify)
      this.#current = { key, link, facts: createRedisFacts(link), revocations: createRedisRevocations(link) }
    }
    // Requests of the last generation may still ask it; they hear at once that it is away.
    before?.link.close()
  }

  get link(): RedisLink | null {
    return this.#current?.link ?? null
  }

  /** What all processes know together; null without a store. */
  get facts(): SharedFacts | null {
    return this.#current?.facts ?? null
  }

  /** Where revocations are kept for all processes; null without a store. */
  get revocations(): RevocationStore | null {
    return this.#current?.revocations ?? null
  }

  stats(): LinkStats | null {
    return this.link?.stats() ?? null
  }

  close(): void {
    this.#current?.link.close()
    this.#current = null
  }
}

import type { FastifyRateLimitOptions, FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { StorePlan } from '../../plan/plan.js'
import type { Clock, Limiter } from '../../stages/contract.js'
import type { Counters } from '../../state/counters.js'
import type { CounterGroup } from '../../state/counters-group.js'
import type { State } from '../../state/state.js'
import { SharedLimiter } from '../../state/store/shared-limiter.js'

/** The limiter of a rehearsal. One that only looks answers as the real one would and counts nothing: for `explain`. */
export function createLimiter(counters: Counters, { isCounting }: { readonly isCounting: boolean }): Limiter {
  if (isCounting) return counters
  return {
    open(specs) {
      const group = counters.open(specs)
      return { take: (keys, quotas) => group.look(keys, quotas) }
    },
  }
}

/** The limiter of a plan that serves: over its store, or over the counters of this process. */
export function openLimiter({ redis, onStoreError }: StorePlan, { counters, store }: State, clock: Clock): Limiter {
  return redis === null ? counters : new SharedLimiter({ counters, store, clock, onStoreError })
}

/** What @fastify/rate-limit asks of a store, `read` included, which its types leave out. */
interface Store extends FastifyRateLimitStore {
  read: FastifyRateLimitStore['incr']
}

/**
 * A store for @fastify/rate-limit over one of our counters: the plugin's own keeps 5,000 keys, counts a window that
 * admits twice the limit around its edge, and forgets a blocked client when others come. A refusal is reported as one
 * more than the limit, with the time until a call would be admitted; it spends nothing.
 */
export function createStore(group: CounterGroup): FastifyRateLimitStoreCtor {
  const answer =
    (judge: CounterGroup['take']): Store['incr'] =>
    (key, callback, _timeWindow, max) => {
      const [state] = judge([key], [max]).states
      if (state === undefined) callback(new Error('a group without a limit'))
      else callback(null, { current: state.exceeded ? max + 1 : max - state.remaining, ttl: state.resetMs })
    }
  return class CounterStore implements Store {
    // The plugin makes one store from its options; ours has all it needs.
    // biome-ignore lint/complexity/noUselessConstructor: the signature is the plugin's contract
    constructor(_options: FastifyRateLimitOptions) {}

    incr = answer((keys, quotas) => group.take(keys, quotas))
    read = answer((keys, quotas) => group.look(keys, quotas))

    child(): CounterStore {
      return this
    }
  }
}

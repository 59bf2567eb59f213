import { randomBytes } from 'node:crypto'
import type { Clock } from '../stages/contract.js'
import { Counters } from './counters.js'
import { Kept } from './kept.js'
import { createKeySets, type KeySetNotice, type KeySets } from './key-sets.js'
import { Pools } from './pools.js'
import { createProofsSeen, type ReplayStore } from './proofs-seen.js'
import { CountedSlots } from './slots.js'
import { createVerifiedTokens, type VerifiedTokens } from './verified-tokens.js'

/** What outlives a reload. A generation owns no memory: it borrows from here. */
export interface State {
  readonly counters: Counters
  readonly slots: CountedSlots
  readonly keySets: KeySets
  readonly verifiedTokens: VerifiedTokens
  readonly proofsSeen: ReplayStore
  /** Random bytes of this process. */
  readonly nonceKey: Buffer
  readonly pools: Pools
  readonly kept: Kept
  /** Ends connections and timers; what was counted is gone. */
  close(): Promise<void>
}

/** The memory of one process, empty. */
export function createState(clock: Clock, onKeySetNotice?: (notice: KeySetNotice) => void): State {
  const pools = new Pools()
  const keySets = createKeySets({ clock, ...(onKeySetNotice === undefined ? {} : { notify: onKeySetNotice }) })
  return {
    counters: new Counters({ now: () => clock.now(), seed: randomBytes(8) }),
    slots: new CountedSlots(),
    keySets,
    verifiedTokens: createVerifiedTokens(),
    proofsSeen: createProofsSeen({ seed: randomBytes(8) }),
    nonceKey: randomBytes(32),
    pools,
    kept: new Kept(),
    async close() {
      await Promise.all([pools.close(), keySets.close()])
    },
  }
}

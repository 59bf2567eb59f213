import { randomBytes } from 'node:crypto'
import type { Clock } from '../stages/contract.js'
import { Counters } from './counters.js'
import { type CloudSettings, createCredentials, type KeptCredentials } from './credentials/credentials.js'
import type { CredentialNotice } from './credentials/kept-credential.js'
import type { Resolve } from './guarded-connector.js'
import { HopKeys } from './hop-keys.js'
import { createIntrospections, type Introspections } from './introspections.js'
import { Kept } from './kept.js'
import { createKeySets, type KeySetNotice, type KeySets } from './key-sets.js'
import { Pools } from './pools.js'
import { createProofsSeen, type ReplayStore } from './proofs-seen.js'
import { type RevocationNotice, Revocations } from './revocations.js'
import { CountedSlots } from './slots.js'
import type { StoreNotice } from './store/shared-facts.js'
import { Store } from './store/store.js'
import { type BreakerNotice, UpstreamGates } from './upstream-gates.js'
import { createVerifiedTokens, type VerifiedTokens } from './verified-tokens.js'

/** What outlives a reload. A generation owns no memory: it borrows from here. */
export interface State {
  readonly counters: Counters
  /** What several processes know together, where the policy names a store. */
  readonly store: Store
  readonly slots: CountedSlots
  readonly keySets: KeySets
  readonly introspections: Introspections
  readonly verifiedTokens: VerifiedTokens
  readonly revocations: Revocations
  readonly hopKeys: HopKeys
  readonly proofsSeen: ReplayStore
  /** Random bytes of this process. */
  readonly nonceKey: Buffer
  readonly pools: Pools
  readonly gates: UpstreamGates
  readonly credentials: KeptCredentials
  readonly kept: Kept
  /** Ends connections and timers; what was counted is gone. */
  close(): Promise<void>
}

/** The memory of one process, empty. */
export function createState(
  clock: Clock,
  onKeySetNotice?: (notice: KeySetNotice) => void,
  more: {
    readonly onBreakerNotice?: (notice: BreakerNotice) => void
    readonly onCredentialNotice?: (notice: CredentialNotice) => void
    readonly onStoreNotice?: (notice: StoreNotice) => void
    /** A limit has more keys than its table holds. */
    readonly onLimitFull?: (bucket: string) => void
    readonly onRevocationNotice?: (notice: RevocationNotice) => void
    readonly resolve?: Resolve
    readonly cloud?: CloudSettings
  } = {},
): State {
  const { cloud, onCredentialNotice } = more
  const pools = new Pools(more.resolve)
  const keySets = createKeySets({ clock, ...(onKeySetNotice === undefined ? {} : { notify: onKeySetNotice }) })
  const store = new Store(more.onStoreNotice)
  const revocations = new Revocations(() => clock.now(), more.onRevocationNotice)
  const introspections = createIntrospections(clock, onKeySetNotice)
  return {
    store,
    counters: new Counters({
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      seed: randomBytes(8),
      ...(more.onLimitFull !== undefined && { onFull: more.onLimitFull }),
    }),
    slots: new CountedSlots(),
    keySets,
    introspections,
    verifiedTokens: createVerifiedTokens(),
    revocations,
    hopKeys: new HopKeys(() => clock.now()),
    proofsSeen: createProofsSeen({ seed: randomBytes(8) }),
    nonceKey: randomBytes(32),
    pools,
    gates: new UpstreamGates(() => clock.monotonic(), more.onBreakerNotice),
    credentials: createCredentials({
      clock,
      ...(cloud !== undefined && { cloud }),
      ...(onCredentialNotice !== undefined && { notify: onCredentialNotice }),
    }),
    kept: new Kept(),
    async close() {
      revocations.close()
      store.close()
      await Promise.all([pools.close(), keySets.close(), introspections.close()])
    },
  }
}

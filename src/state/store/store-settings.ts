import type { StoreNode } from '../../values/store-url.js'

/** A store as it is reached; what the plan says of it, with its secrets in place. */
export interface StoreSettings {
  /** Usually one; of a cluster, any of its nodes. */
  readonly nodes: readonly StoreNode[]
  readonly isCluster: boolean
  /** PEM of the authorities that may have signed the store's certificate; null: the well-known ones. */
  readonly ca: string | null
  /** Begins every key. */
  readonly prefix: string
  readonly commandTimeoutMs: number
}

import type { StorePlan } from '../plan/plan.js'
import type { StoreSettings } from '../state/store/store-settings.js'
import { revealText, type Vault } from '../values/secret.js'
import { parseStoreUrl } from '../values/store-url.js'

/** The plan's store with its secrets in place; null where limits are counted in memory. */
export function storeSettings({ redis }: StorePlan, vault: Vault): StoreSettings | null {
  if (redis === null) return null
  const { urls, isCluster, ca, prefix, commandTimeoutMs } = redis
  const nodes = urls.map((url) => {
    const node = parseStoreUrl(revealText(url, vault))
    if (node === null) throw new Error('the address of the store is none')
    return node
  })
  return { nodes, isCluster, ca, prefix, commandTimeoutMs }
}

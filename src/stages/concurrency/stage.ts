import { formatSelector, type Selector } from '../../values/selector.js'
import { allow, type Check, deny, type Stage } from '../contract.js'
import { compilePartitionKey, readPartitionKey } from '../partition-key.js'
import { reasons } from './reasons.js'
import { keys } from './schema.js'

export interface ConcurrencySettings {
  /** Stable over reloads, so that calls under way still count after one. */
  readonly bucket: string
  readonly partitionKey: readonly Selector[]
  readonly quota: number
}

/** Are they within their slots? */
export const concurrency: Stage<ConcurrencySettings> = {
  name: 'concurrency',
  keys,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('concurrency')
    const mode = section.get('mode').value
    if (section.value === undefined || section.value === 'off' || mode === 'off') return []
    const partitionKey = readPartitionKey(section.get('partitionKey'), 'concurrency', scope)
    if (partitionKey === undefined) return []
    return [
      {
        slot: 'concurrency',
        mode: mode === 'report' ? 'report' : 'enforce',
        settings: {
          bucket: scope.route.id,
          partitionKey,
          quota: section.get('quota').value as number, // an integer by schema
        },
        declaredAt: section.keyPlace,
      },
    ]
  },

  compile({ bucket, partitionKey, quota }, tools): Check {
    const slots = tools.slots.open(bucket, quota)
    const keyOf = compilePartitionKey(partitionKey)
    // Nobody knows when a call under way will end; a second is the least that Retry-After can say. RFC 9110 §10.2.3
    const full = deny(
      reasons.exceeded,
      { partitionKey: partitionKey.map(formatSelector).join(', '), quota },
      { headers: ['Retry-After', '1'] },
    )
    return (exchange) => {
      const release = slots.take(keyOf(exchange))
      if (release === null) return full
      exchange.whenDone(release)
      return allow
    }
  },
}

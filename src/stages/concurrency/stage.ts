import { parseDuration } from '../../values/duration.js'
import { formatSelector, type Selector } from '../../values/selector.js'
import {
  allow,
  type Check,
  deny,
  type Exchange,
  type Scope,
  type Section,
  type Stage,
  type Verdict,
  type Waiting,
} from '../contract.js'
import { compilePartitionKey, readPartitionKey } from '../partition-key.js'
import { reasons } from './reasons.js'
import { keys } from './schema.js'

export interface ConcurrencySettings {
  /** Stable over reloads, so that calls under way still count after one. */
  readonly bucket: string
  readonly partitionKey: readonly Selector[]
  readonly quota: number
  /** Null: a call too many is refused at once. A step in report mode has none: it holds nobody up. */
  readonly queue: { readonly size: number; readonly waitMs: number } | null
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
    const queue = readQueue(section.get('queue'), scope)
    if (partitionKey === undefined || queue === undefined) return []
    return [
      {
        slot: 'concurrency',
        mode: mode === 'report' ? 'report' : 'enforce',
        settings: {
          bucket: scope.route.id,
          partitionKey,
          quota: section.get('quota').value as number, // an integer by schema
          queue: mode === 'report' ? null : queue,
        },
        declaredAt: section.keyPlace,
      },
    ]
  },

  compile({ bucket, partitionKey, quota, queue }, tools): Check {
    const slots = tools.slots.open(bucket, quota)
    const keyOf = compilePartitionKey(partitionKey)
    // Nobody knows when a call under way will end; a second is the least that Retry-After can say. RFC 9110 §10.2.3
    const facts = { partitionKey: partitionKey.map(formatSelector).join(', '), quota }
    const soon = { headers: ['Retry-After', '1'] }
    const exceeded = deny(reasons.exceeded, facts, soon)
    const queueFull = deny(reasons.queueFull, { ...facts, waiting: queue?.size ?? 0 }, soon)
    const queueTimeout = deny(reasons.queueTimeout, { ...facts, waitMs: queue?.waitMs ?? 0 }, soon)

    const inTurn = async (exchange: Exchange, waiting: Waiting): Promise<Verdict> => {
      // A caller who goes away leaves the line, or gives back the place that came too late.
      exchange.whenDone(() => waiting.leave())
      const release = await waiting.turn
      if (release === null) return queueTimeout
      exchange.whenDone(release)
      return allow
    }

    return (exchange) => {
      const key = keyOf(exchange)
      const release = slots.take(key)
      if (release !== null) {
        exchange.whenDone(release)
        return allow
      }
      if (queue === null) return exceeded
      const waiting = slots.wait(key, queue.size, queue.waitMs)
      return waiting === null ? queueFull : inTurn(exchange, waiting)
    }
  },
}

const longestWaitMs = 60_000

/** Null without a queue; undefined, with the problem reported, for one that makes callers wait too long. */
function readQueue(section: Section, scope: Scope): ConcurrencySettings['queue'] | undefined {
  if (section.value === undefined) return null
  const size = section.get('size').value as number // an integer by schema
  const wait = section.get('wait')
  const waitMs = parseDuration(String(wait.value)) ?? 0
  if (waitMs > 0 && waitMs <= longestWaitMs) return { size, waitMs }
  scope.report({
    code: 'concurrency.wait-unusable',
    message: waitMs === 0 ? 'A wait of nothing is no queue.' : 'A call may wait for its turn for a minute at most.',
    hint: 'Write 500ms or 2s; callers give up sooner than most expect.',
    at: wait.place,
  })
  return undefined
}

import { formatPlace } from '../values/place.js'
import type { DecisionRecord } from './record.js'

/** Who asks most and which limits refuse most, among the last requests. */
export interface Hottest {
  /** Requests that were looked at, and the ms they span up to now. */
  readonly requests: number
  readonly spanMs: number
  /** The most requests first; at most 20. */
  readonly clients: readonly HotClient[]
  /** The most refusals first; at most 20. */
  readonly limits: readonly HotLimit[]
}

export interface HotClient {
  /** Client id, else subject, else address. */
  readonly name: string
  readonly address: string
  readonly requests: number
  readonly refused: number
  /** The refusals' most frequent code; absent where there was none. */
  readonly code?: string
  /** The route asked most; null: none matched. */
  readonly route: string | null
}

export interface HotLimit {
  readonly name: string
  /** The line it stands in. */
  readonly place: string
  readonly route: string | null
  readonly refused: number
  /** Callers that it refused. */
  readonly clients: number
}

const most = 20

/** Counts records, newest first, no older than `sinceMs` before `now`. */
export function hottest(records: readonly DecisionRecord[], now: number, sinceMs: number): Hottest {
  const recent = records.filter(({ at }) => at >= now - sinceMs)
  const clients = new Map<string, { name: string; address: string; mine: DecisionRecord[] }>()
  const limits = new Map<
    string,
    { name: string; place: string; route: string | null; refused: number; who: Set<string> }
  >()
  for (const record of recent) {
    const { address, subject, id } = record.client
    const name = id ?? subject ?? address
    const client = clients.get(name) ?? { name, address, mine: [] }
    client.mine.push(record)
    clients.set(name, client)
    const limit = record.evidence?.['limit']
    if (record.code !== 'rate-limit.exceeded' || typeof limit !== 'string' || record.declaredAt === undefined) continue
    const place = formatPlace(record.declaredAt)
    const known = limits.get(place) ?? { name: limit, place, route: record.route, refused: 0, who: new Set() }
    known.refused++
    known.who.add(name)
    limits.set(place, known)
  }
  return {
    requests: recent.length,
    spanMs: Math.max(0, now - (recent.at(-1)?.at ?? now)),
    clients: [...clients.values()]
      .sort((a, b) => b.mine.length - a.mine.length)
      .slice(0, most)
      .map(({ name, address, mine }) => {
        const refused = mine.filter(({ outcome }) => outcome === 'denied')
        const code = mostFrequent(refused.map((record) => record.code ?? ''))
        return {
          name,
          address,
          requests: mine.length,
          refused: refused.length,
          ...(code !== undefined && code !== '' && { code }),
          route: mostFrequent(mine.map(({ route }) => route ?? '')) || null,
        }
      }),
    limits: [...limits.values()]
      .sort((a, b) => b.refused - a.refused)
      .slice(0, most)
      .map(({ who, ...limit }) => ({ ...limit, clients: who.size })),
  }
}

function mostFrequent(words: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}

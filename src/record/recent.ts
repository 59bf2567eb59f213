import type { DecisionRecord, RecordReader } from './record.js'

/** The last records, for whoever asks why. */
export interface Recent {
  readonly read: RecordReader
  /** The newest record with this request id. */
  find(id: string): DecisionRecord | undefined
  /** Newest first. */
  latest(count: number): DecisionRecord[]
  readonly size: number
}

/**
 * A ring of the last records, by default 10,000 and at most about 16 MiB of them: an attacker who fills records with long
 * paths shortens the memory and does not grow it. Finding walks backwards, which costs a person's question well under a
 * millisecond and a request nothing.
 */
export function createRecent(options: { readonly count?: number; readonly maxBytes?: number } = {}): Recent {
  const { count = 10_000, maxBytes = 16 * 1024 ** 2 } = options
  const ring: (DecisionRecord | undefined)[] = new Array(count)
  const weights = new Uint32Array(count)
  let newest = -1
  let size = 0
  let bytes = 0

  const dropOldest = (): void => {
    const oldest = (newest - size + 1 + count) % count
    ring[oldest] = undefined
    bytes -= weights[oldest] ?? 0
    size--
  }

  const nth = (back: number): DecisionRecord | undefined => ring[(newest - back + count) % count]

  return {
    read(record) {
      if (size === count) dropOldest()
      newest = (newest + 1) % count
      const weight = roughBytes(record)
      ring[newest] = record
      weights[newest] = weight
      bytes += weight
      size++
      while (bytes > maxBytes && size > 1) dropOldest()
    },
    find(id) {
      for (let back = 0; back < size; back++) {
        const record = nth(back)
        if (record?.id === id) return record
      }
      return undefined
    },
    latest(wanted) {
      const found: DecisionRecord[] = []
      for (let back = 0; back < Math.min(wanted, size); back++) {
        const record = nth(back)
        if (record !== undefined) found.push(record)
      }
      return found
    },
    get size() {
      return size
    },
  }
}

/** What a record roughly holds on the heap: its objects, and the texts that callers can lengthen. */
function roughBytes(record: DecisionRecord): number {
  let bytes = 400 + record.path.length + record.id.length + record.steps.length * 80
  for (const step of record.steps) {
    if (step.evidence === undefined) continue
    for (const key in step.evidence) {
      const value = step.evidence[key]
      bytes += 32 + (typeof value === 'string' ? value.length * 2 : typeof value === 'object' ? 1_000 : 0)
    }
  }
  return bytes
}

import { createPacked } from './packed-records.js'
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
 * A ring of the last records, by default 10,000. Bounded in bytes too, so an attacker who fills records with long texts
 * shortens the memory and does not grow it.
 *
 * Records that tell a story – a denial, evidence, a note – are kept as they are. Ordinary ones, which are nearly all, are
 * packed into flat arrays outside the collected heap: kept as objects they cost 3 µs of garbage collection a request,
 * packed 0.5 (bench/record.ts). Finding walks backwards: a millisecond for a person's question, nothing for a request.
 */
export function createRecent(
  options: {
    readonly count?: number
    /** For the texts of packed records. */
    readonly textBytes?: number
    /** For the records that are kept as objects. */
    readonly objectBytes?: number
  } = {},
): Recent {
  const { count = 10_000, textBytes = 4 * 1024 ** 2, objectBytes = 16 * 1024 ** 2 } = options
  const objects: (DecisionRecord | null)[] = new Array(count).fill(null)
  const weights = new Uint32Array(count)
  const packed = createPacked(count, textBytes)
  let newest = -1
  let size = 0
  let heldBytes = 0

  const dropOldest = (): void => {
    const oldest = (newest - size + 1 + count) % count
    objects[oldest] = null
    heldBytes -= weights[oldest] ?? 0
    weights[oldest] = 0
    size--
  }

  const at = (slot: number): DecisionRecord => objects[slot] ?? packed.unpack(slot)
  const slotOf = (back: number): number => (newest - back + count) % count

  const newestOf = (isWanted: (slot: number) => boolean): DecisionRecord | undefined => {
    for (let back = 0; back < size; back++) {
      const slot = slotOf(back)
      if (isWanted(slot)) return at(slot)
    }
    return undefined
  }

  return {
    read(record) {
      if (size === count) dropOldest()
      newest = (newest + 1) % count
      size++
      if (!packed.pack(newest, record)) {
        objects[newest] = record
        const weight = roughBytes(record)
        weights[newest] = weight
        heldBytes += weight
      }
      while (size > 1 && (heldBytes > objectBytes || packed.isOverwritten(slotOf(size - 1)))) dropOldest()
    },
    find(id) {
      if (id.includes('\n')) return newestOf((slot) => objects[slot]?.id === id)
      const bytes = Buffer.from(id)
      return newestOf((slot) => {
        const object = objects[slot] ?? null
        return object === null ? packed.hasId(slot, bytes) : object.id === id
      })
    },
    latest(wanted) {
      return Array.from({ length: Math.min(wanted, size) }, (_, back) => at(slotOf(back)))
    },
    get size() {
      return size
    },
  }
}

/** What a record roughly holds on the heap: its objects, and the texts that callers can lengthen. */
function roughBytes(record: DecisionRecord): number {
  let bytes = 400 + record.path.length + record.id.length + record.steps.length * 80
  if (record.evidence !== undefined) bytes += evidenceBytes(record.evidence)
  for (const { evidence } of record.steps) {
    if (evidence !== undefined && evidence !== record.evidence) bytes += evidenceBytes(evidence)
  }
  return bytes
}

function evidenceBytes(evidence: NonNullable<DecisionRecord['evidence']>): number {
  let bytes = 0
  for (const key in evidence) {
    const value = evidence[key]
    bytes += 32
    if (typeof value === 'string') bytes += value.length * 2
    else if (typeof value === 'object' && value !== null) for (const item of value) bytes += 32 + item.length * 2
  }
  return bytes
}

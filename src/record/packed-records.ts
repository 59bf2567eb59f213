import type { DecisionRecord, StepRecord } from './record.js'

const maxSteps = 16
const lineFeed = 10
/** Numbers per record: at, micros, status, bytes, upstream status, upstream micros, attempts. */
const numbersEach = 7

/** Where the steps of a record were declared; the same for nearly all records of a route, so kept once. */
type Shape = readonly Pick<StepRecord, 'stage' | 'declaredAt'>[]

/** Ordinary records in flat arrays: a fixed memory, and nothing for the garbage collector to follow. */
export interface Packed {
  /** Returns false for a record that has to be kept as an object. May overwrite the texts of the oldest. */
  pack(slot: number, record: DecisionRecord): boolean
  unpack(slot: number): DecisionRecord
  /** Whether the record in a slot has this id, given in UTF-8. */
  hasId(slot: number, id: Buffer): boolean
  isOverwritten(slot: number): boolean
}

/** Room for `count` records whose texts share `textBytes`. */
export function createPacked(count: number, textBytes: number): Packed {
  const texts = Buffer.alloc(textBytes)
  const numbers = new Float64Array(count * numbersEach)
  const stepMicros = new Uint32Array(count * maxSteps)
  // Where a slot's text begins, counted over all that was ever written; its place in `texts` is the remainder.
  const starts = new Float64Array(count)
  const lengths = new Uint32Array(count)
  const shared: { plan: string; method: string; route: string | null; upstream: string | null; shape: Shape }[] =
    Array.from({ length: count }, () => ({ plan: '', method: '', route: null, upstream: null, shape: [] }))
  const shapes = new Map<string | null, Shape>()
  let written = 0

  const shapeOf = (route: string | null, steps: readonly StepRecord[]): Shape => {
    const known = shapes.get(route)
    if (known !== undefined && hasShape(steps, known)) return known
    if (shapes.size >= count) shapes.clear() // routes of plans long gone
    const shape = steps.map(({ stage, declaredAt }) => ({ stage, declaredAt }))
    shapes.set(route, shape)
    return shape
  }

  const textOf = (slot: number): string => {
    const start = (starts[slot] ?? 0) % textBytes
    return texts.toString('utf8', start, start + (lengths[slot] ?? 0))
  }

  return {
    pack(slot, record) {
      starts[slot] = written
      lengths[slot] = 0
      const { client, upstream, steps } = record
      if (!isOrdinary(record)) return false
      // The subject comes last, since it alone may hold a line feed.
      const text = `${record.id}\n${record.path}\n${client.address}\n${client.id ?? ''}\n${client.subject ?? ''}`
      if (text.length * 3 > textBytes) return false
      const place = written % textBytes
      if (place + text.length * 3 > textBytes) written += textBytes - place
      const length = texts.write(text, written % textBytes, 'utf8')
      starts[slot] = written
      lengths[slot] = length
      written += length
      const kept = shared[slot]
      if (kept === undefined) return false
      kept.plan = record.plan
      kept.method = record.method
      kept.route = record.route
      kept.upstream = upstream === undefined ? null : upstream.name
      kept.shape = shapeOf(record.route, steps)
      const n = slot * numbersEach
      numbers[n] = record.at
      numbers[n + 1] = record.micros
      numbers[n + 2] = record.response.status
      numbers[n + 3] = record.response.bytes
      if (upstream !== undefined) {
        numbers[n + 4] = upstream.status
        numbers[n + 5] = upstream.micros
        numbers[n + 6] = upstream.attempts
      }
      for (let i = 0; i < steps.length; i++) stepMicros[slot * maxSteps + i] = steps[i]?.micros ?? 0
      return true
    },

    unpack(slot) {
      const kept = shared[slot]
      if (kept === undefined) throw new Error(`there is no slot ${slot}`)
      const number = (index: number): number => numbers[slot * numbersEach + index] ?? 0
      const [id = '', path = '', address = '', clientId = '', ...subject] = textOf(slot).split('\n')
      return {
        id,
        at: number(0),
        plan: kept.plan,
        method: kept.method,
        path,
        route: kept.route,
        client: {
          address,
          ...(subject.join('\n') === '' ? {} : { subject: subject.join('\n') }),
          ...(clientId === '' ? {} : { id: clientId }),
        },
        steps: kept.shape.map((step, i) => ({
          stage: step.stage,
          outcome: 'allow',
          micros: stepMicros[slot * maxSteps + i] ?? 0,
          mode: 'enforce',
          declaredAt: step.declaredAt,
        })),
        outcome: 'forwarded',
        ...(kept.upstream === null
          ? {}
          : { upstream: { name: kept.upstream, status: number(4), micros: number(5), attempts: number(6) } }),
        response: { status: number(2), bytes: number(3) },
        micros: number(1),
      }
    },

    hasId(slot, id) {
      const start = (starts[slot] ?? 0) % textBytes
      const end = start + id.length
      return (
        id.length < (lengths[slot] ?? 0) && texts[end] === lineFeed && texts.compare(id, 0, id.length, start, end) === 0
      )
    },

    isOverwritten: (slot) => written - (starts[slot] ?? 0) > textBytes,
  }
}

/** Whether a record says no more than that every step let the request pass. */
function isOrdinary(record: DecisionRecord): boolean {
  if (record.outcome !== 'forwarded' || record.code !== undefined || record.notes !== undefined) return false
  if (record.steps.length > maxSteps) return false
  if (record.id.includes('\n') || record.path.includes('\n') || record.client.id?.includes('\n') === true) return false
  for (const step of record.steps) {
    if (step.outcome !== 'allow' || step.mode !== 'enforce' || step.evidence !== undefined) return false
  }
  return true
}

function hasShape(steps: readonly StepRecord[], shape: Shape): boolean {
  if (steps.length !== shape.length) return false
  for (let i = 0; i < steps.length; i++) {
    if (steps[i]?.declaredAt !== shape[i]?.declaredAt || steps[i]?.stage !== shape[i]?.stage) return false
  }
  return true
}

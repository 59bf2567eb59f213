import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { DecisionRecord, StepRecord } from '../../record/record.js'
import type { Evidence, StageName } from '../../stages/contract.js'
import type { Place } from '../../values/place.js'

/** Why a record could not be had; the message says what to do. */
export class RecordFault extends Error {
  override readonly name = 'RecordFault'
}

const patienceMs = 5_000
/** Longer lines are none of ours. */
const mostLineLength = 256 * 1024

/** Asks the admin listener of a running gateway. Null: it remembers no such record. Throws RecordFault. */
export async function askGateway(admin: URL, token: string | undefined, id: string): Promise<DecisionRecord | null> {
  let answer: Response
  try {
    answer = await fetch(new URL(`/records/${encodeURIComponent(id)}`, admin), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    })
  } catch {
    throw new RecordFault(
      `No gateway answers at ${admin.origin}. Name its admin listener with --admin, or its log with --log FILE.`,
    )
  }
  if (answer.status === 404) return null
  if (answer.status === 401) {
    throw new RecordFault(`${admin.origin} asks for its token: set POSTERN_ADMIN_TOKEN.`)
  }
  if (answer.status !== 200)
    throw new RecordFault(`${admin.origin} answered ${answer.status}; is it an admin listener?`)
  const record: unknown = await answer.json()
  if (!isObject(record) || record['id'] !== id || !Array.isArray(record['steps'])) {
    throw new RecordFault(`${admin.origin} answered what is no record.`)
  }
  return record as unknown as DecisionRecord // written by our own admin listener, as just seen
}

/** Looks through a log of JSON lines, newest last; the last line with the id wins. Throws RecordFault. */
export async function searchLog(path: string, id: string): Promise<DecisionRecord | null> {
  const input = path === '-' ? process.stdin : createReadStream(path)
  const wanted = `"id":${JSON.stringify(id)}`
  let found: DecisionRecord | null = null
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.length > mostLineLength || !line.includes(wanted)) continue
      found = fromLogLine(line, id) ?? found
    }
  } catch (error) {
    throw new RecordFault(`The log ${path} cannot be read: ${error instanceof Error ? error.message : 'unknown'}.`)
  }
  return found
}

/** The record of a log line; null for a line that is none. What a line does not hold is not known. */
function fromLogLine(line: string, id: string): DecisionRecord | null {
  let facts: unknown
  try {
    facts = JSON.parse(line)
  } catch {
    return null
  }
  if (!isObject(facts) || facts['id'] !== id || typeof facts['outcome'] !== 'string') return null
  const text = (key: string): string => String(facts[key] ?? '')
  const code = typeof facts['code'] === 'string' ? facts['code'] : undefined
  const declaredAt = placeIn(facts['declaredAt'])
  const evidence = isObject(facts['evidence']) ? (facts['evidence'] as Evidence) : undefined // as our log writes it
  const reported = Array.isArray(facts['reported']) ? facts['reported'].filter(isObject) : []
  const steps = (Array.isArray(facts['steps']) ? facts['steps'] : []).map(String).map((step): StepRecord => {
    const [stage = '', verdict = '', micros = '0', after] = step.split(' ')
    const passedOver = reported.find((each) => each['stage'] === stage)
    const isDenied = verdict !== 'allow'
    const place = isDenied ? (verdict === 'report' ? placeIn(passedOver?.['declaredAt']) : declaredAt) : undefined
    const stepCode = verdict === 'report' ? String(passedOver?.['code'] ?? '') : code
    return {
      stage: stage as StageName, // as our log writes it
      outcome: isDenied ? 'deny' : 'allow',
      micros: Number(micros),
      mode: after === 'after-report' ? 'after-report' : verdict === 'report' ? 'report' : 'enforce',
      declaredAt: place ?? unknownPlace,
      ...(isDenied && stepCode !== undefined && { code: stepCode }),
      ...(isDenied && verdict !== 'report' && evidence !== undefined && { evidence }),
      ...(verdict === 'report' &&
        isObject(passedOver?.['evidence']) && { evidence: passedOver['evidence'] as Evidence }), // as above
    }
  })
  return {
    id,
    at: Date.parse(text('time')),
    plan: text('plan'),
    method: text('method'),
    path: text('path'),
    route: typeof facts['route'] === 'string' ? facts['route'] : null,
    client: { address: text('client'), ...(typeof facts['subject'] === 'string' && { subject: facts['subject'] }) },
    steps,
    outcome: facts['outcome'] as DecisionRecord['outcome'], // as our log writes it
    ...(code !== undefined && { code }),
    ...(declaredAt !== undefined && { declaredAt }),
    ...(evidence !== undefined && { evidence }),
    response: { status: Number(facts['status'] ?? 0), bytes: Number(facts['bytes'] ?? 0) },
    micros: Number(facts['micros'] ?? 0),
  }
}

/** A log line does not say where a step that let the request pass was declared. */
const unknownPlace: Place = { file: '(not in the log)', line: 0, column: 0 }

function placeIn(value: unknown): Place | undefined {
  const found = typeof value === 'string' ? /^(.+):(\d+):(\d+)$/.exec(value) : null
  return found === null ? undefined : { file: found[1] ?? '', line: Number(found[2]), column: Number(found[3]) }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

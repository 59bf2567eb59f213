// What does a request's record cost, and what each of its readers? CPU per request, garbage collection included.
// Run by `npm run bench -- record`.
import type { RoutePlan, Step } from '../src/plan/plan.js'
import { formatHuman } from '../src/record/human.js'
import { lineFormat } from '../src/record/line.js'
import { createLog } from '../src/record/log.js'
import { createMetrics } from '../src/record/metrics.js'
import { createRecorder, type Recorder } from '../src/record/open-record.js'
import { createRecent } from '../src/record/recent.js'
import type { DecisionRecord, RecordReader } from '../src/record/record.js'
import { createRedactor } from '../src/record/redact.js'
import type { Verdict } from '../src/stages/contract.js'

const place = (line: number) => ({ file: 'orders.yaml', line, column: 5 })
const step = (stage: Step['stage'], slot: Step['slot'], phase: Step['phase'], line: number): Step => ({
  stage,
  slot,
  phase,
  mode: 'enforce',
  settings: null,
  declaredAt: place(line),
})
const steps: readonly Step[] = [
  step('rateLimit', 'rateLimit:address', 'head', 12),
  step('auth', 'auth', 'head', 9),
  step('rateLimit', 'rateLimit:client', 'head', 13),
  step('concurrency', 'concurrency', 'head', 14),
  step('request', 'request', 'body', 15),
  step('inspect', 'inspect', 'body', 3),
  step('forward', 'forward', 'upstream', 8),
  step('response', 'response', 'response', 6),
]
const route: RoutePlan = {
  id: 'POST /orders/{id}',
  match: { method: 'POST', segments: [{ literal: 'orders' }, { param: 'id' }] },
  body: 'buffered',
  steps,
  upstream: 'orders-fn',
  declaredAt: place(7),
}
const identity = {
  method: 'jwt',
  subject: 'user-4711',
  clientId: 'shop',
  plan: 'free',
  scopes: new Set<string>(),
  claims: {},
} as const
const allowed: Verdict = { outcome: 'allow' }
const denied: Verdict = {
  outcome: 'deny',
  reason: { code: 'inspect.sqli', status: 403, sentence: 'An injection.' },
  evidence: { at: 'body:/note', rule: 'sqli-tautology', shown: "1' OR ****" },
}

let count = 0
function pass(recorder: Recorder, verdict: Verdict): DecisionRecord {
  count++
  const record = recorder.open({
    id: `r-${count.toString(36).padStart(20, '0')}`,
    at: 1_795_000_000_000 + count,
    method: 'POST',
    path: `/orders/${count}`,
    address: '203.0.113.9',
    route,
    identity,
  })
  record.upstreamAnswered(201)
  for (let i = 0; i < steps.length; i++) {
    const each = steps[i]
    if (each !== undefined && record.add(each, i === 5 ? verdict : allowed, 11.4)) break
  }
  return record.close({ status: verdict === allowed ? 201 : 403, bytes: 120, micros: 4_100, aborted: false })
}

const nowhere = {
  write: (bytes: Buffer, done: (error: null, taken: number) => void) => setImmediate(done, null, bytes.length),
}
const log = createLog({ sink: nowhere, dropped: (lost) => `{"dropped":${lost}}\n`, maxBytes: 64 * 1024 ** 2 })
const metrics = createMetrics()
const recent = createRecent()
const formatLine = lineFormat()
const toLog: RecordReader = (record) => log.write(formatLine(record))
const readers: Record<string, readonly RecordReader[]> = {
  'open, 8 steps, close': [],
  'and a line': [(record) => formatLine(record)],
  'and the log': [toLog],
  'and metrics': [metrics.read],
  'and the ring': [recent.read],
  'and log, metrics, ring': [toLog, metrics.read, recent.read],
  'and a human line': [(record) => formatHuman(record, { color: false })],
}

async function measure(each: readonly RecordReader[], verdict: Verdict, garbage = 0): Promise<number> {
  const recorder = createRecorder({ plan: '5f1c'.repeat(16), redactor: createRedactor(['query.token']), readers: each })
  const runs = 20_000
  let best = Number.POSITIVE_INFINITY
  let kept: number[] = []
  for (let round = 0; round < 8; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < runs; i++) {
      pass(recorder, verdict)
      if (garbage > 0) kept = new Array(garbage).fill(i)
    }
    await log.flush(10_000)
    const used = process.cpuUsage(before)
    best = Math.min(best, (used.user + used.system) / runs)
  }
  return kept.length > garbage ? Number.NaN : best
}

function show(name: string, what: string, micros: number): void {
  console.log(`${name.padEnd(22)} ${what.padEnd(34)} ${micros.toFixed(2)} µs`)
}

for (const [name, verdict] of [
  ['allowed', allowed],
  ['denied with evidence', denied],
] as const) {
  for (const [what, each] of Object.entries(readers)) show(name, what, await measure(each, verdict))
}

// What is kept has to survive: beside the garbage of a whole request (16 KB here) that is dear for objects.
const objects: DecisionRecord[] = new Array(10_000)
const keepObject: RecordReader = (record) => {
  objects[count % 10_000] = record
}
const bare = await measure([], allowed, 2_000)
show('among other garbage', 'the ring', (await measure([recent.read], allowed, 2_000)) - bare)
show('among other garbage', 'a ring of objects', (await measure([keepObject], allowed, 2_000)) - bare)

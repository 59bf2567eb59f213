import { setImmediate as nextTurn } from 'node:timers/promises'
import { formatHead, formatLabel, formatRegistered, type Registered } from './exposition.js'
import { Histogram } from './histogram.js'
import { decidingStep } from './line.js'
import type { DecisionRecord, RecordReader } from './record.js'

/** What /metrics shows. Decisions are counted here; everything else is asked for when somebody looks. */
export interface Metrics {
  readonly read: RecordReader
  /** Counts a reload that was accepted or refused, or that changed nothing. */
  reloaded(result: 'accepted' | 'refused' | 'unchanged'): void
  /**
   * Registers values that live elsewhere: dropped log lines, requests under way, limiter overflow, key sets. Throws for a
   * name that is taken or not a metric name.
   */
  register(metric: Registered): void
  /** The whole exposition in Prometheus text format 0.0.4. Made in pieces, so that a look stalls no request. */
  text(): Promise<string>
}

const metricName = /^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/
const outcomes = ['forwarded', 'answered', 'denied', 'failed', 'aborted'] as const
/** Text made between two turns of the event loop: under a millisecond's worth. */
const pieceLength = 64 * 1024

/** Everything counted for one route: found once per request. */
interface RouteCounts {
  readonly label: string
  /** By status × the number of outcomes + outcome. */
  readonly requests: Map<number, number>
  /** By stage, code and mode. */
  readonly denials: Map<string, { readonly labels: string; count: number }>
  readonly duration: Histogram
  readonly upstream: Histogram
}

/** The families counted here: name, help, type, and the lines of one route. */
const families: readonly (readonly [string, string, 'counter' | 'histogram', (counts: RouteCounts) => string])[] = [
  ['postern_requests_total', 'Requests by route, status and outcome.', 'counter', formatRequests],
  ['postern_decisions_total', 'Denials by route, stage, code and mode.', 'counter', formatDenials],
  [
    'postern_request_duration_seconds',
    'Time from arrival to the last byte.',
    'histogram',
    ({ label, duration }) => duration.format('postern_request_duration_seconds', label),
  ],
  [
    'postern_upstream_duration_seconds',
    'Time until the head of the answer was there.',
    'histogram',
    ({ label, upstream }) => upstream.format('postern_upstream_duration_seconds', label),
  ],
]

/**
 * The counters of one process; they outlive reloads. Cardinality is bounded: routes are ids of the policy or `none`, never
 * paths, and beyond `maxRoutes` they share the label `other`; codes come from `reasons.ts`, and no label holds anything
 * that a caller wrote.
 */
export function createMetrics(options: { readonly maxRoutes?: number } = {}): Metrics {
  const { maxRoutes = 2_000 } = options
  const routes = new Map<string, RouteCounts>([
    ['none', noCounts('none')],
    ['other', noCounts('other')],
  ])
  const reloads = { accepted: 0, refused: 0, unchanged: 0 }
  const registered: Registered[] = [
    {
      name: 'postern_reloads_total',
      help: 'Policy reloads by result.',
      type: 'counter',
      collect: () => Object.entries(reloads).map(([result, value]) => ({ labels: { result }, value })),
    },
  ]
  const names = new Set([...families.map(([name]) => name), ...registered.map(({ name }) => name)])

  const countsOf = (route: string): RouteCounts => {
    const known = routes.get(route)
    if (known !== undefined) return known
    if (routes.size >= maxRoutes + 2) return countsOf('other')
    const counts = noCounts(route)
    routes.set(route, counts)
    return counts
  }

  function* pieces(): Generator<string> {
    for (const [name, help, type, format] of families) {
      yield formatHead(name, help, type)
      for (const counts of routes.values()) yield format(counts)
    }
    for (const metric of registered) yield formatRegistered(metric)
  }

  return {
    // Hot: runs for every request; measured in bench/record.ts.
    read(record) {
      const counts = countsOf(record.route ?? 'none')
      const key = record.response.status * outcomes.length + outcomes.indexOf(record.outcome)
      counts.requests.set(key, (counts.requests.get(key) ?? 0) + 1)
      counts.duration.observe(record.micros)
      if (record.upstream !== undefined && record.upstream.status > 0) counts.upstream.observe(record.upstream.micros)
      countDenials(record, counts.denials)
    },

    reloaded(result) {
      reloads[result]++
    },

    register(metric) {
      if (!metricName.test(metric.name)) throw new Error(`${metric.name} is not a metric name`)
      if (names.has(metric.name)) throw new Error(`the metric ${metric.name} exists already`)
      names.add(metric.name)
      registered.push(metric)
    },

    async text() {
      const done: string[] = []
      let piece = ''
      for (const next of pieces()) {
        piece += next
        if (piece.length < pieceLength) continue
        done.push(piece)
        piece = ''
        await nextTurn()
      }
      return done.join('') + piece
    },
  }
}

function noCounts(route: string): RouteCounts {
  const label = formatLabel('route', route)
  return { label, requests: new Map(), denials: new Map(), duration: new Histogram(), upstream: new Histogram() }
}

function countDenials(record: DecisionRecord, denials: RouteCounts['denials']): void {
  const decided = decidingStep(record)
  if (record.code !== undefined && decided === null) countDenial(denials, 'front-door', record.code, 'enforce')
  for (let i = 0; i < record.steps.length; i++) {
    const step = record.steps[i]
    if (step === undefined || step.outcome === 'allow') continue
    countDenial(denials, step.stage, step.code ?? '', step === decided ? 'enforce' : step.mode)
  }
}

function countDenial(denials: RouteCounts['denials'], stage: string, code: string, mode: string): void {
  const key = `${mode} ${stage} ${code}`
  const known = denials.get(key)
  if (known !== undefined) known.count++
  else denials.set(key, { labels: `stage="${stage}",${formatLabel('code', code)},mode="${mode}"`, count: 1 })
}

function formatRequests({ label, requests }: RouteCounts): string {
  let text = ''
  for (const [key, count] of requests) {
    text += `postern_requests_total{${label},status="${Math.floor(key / outcomes.length)}",outcome="${outcomes[key % outcomes.length]}"} ${count}\n`
  }
  return text
}

function formatDenials({ label, denials }: RouteCounts): string {
  let text = ''
  for (const { labels, count } of denials.values()) text += `postern_decisions_total{${label},${labels}} ${count}\n`
  return text
}

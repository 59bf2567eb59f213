import { decidingStep } from './line.js'
import type { DecisionRecord, RecordReader } from './record.js'

/** One value of a metric that somebody else keeps. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** What /metrics shows. Counters of decisions are kept here; everything else is asked for when somebody looks. */
export interface Metrics {
  readonly read: RecordReader
  /** Counts a reload that was accepted or refused, or that changed nothing. */
  reloaded(result: 'accepted' | 'refused' | 'unchanged'): void
  /**
   * Registers values that live elsewhere: dropped log lines, requests under way, limiter overflow, key sets. `collect`
   * runs at each look; one that throws shows nothing. Throws for a name that is taken or not a metric name.
   */
  register(metric: {
    readonly name: string
    readonly help: string
    readonly type: 'counter' | 'gauge'
    readonly collect: () => number | readonly Sample[]
  }): void
  /** The whole exposition: Prometheus text format 0.0.4. */
  text(): string
}

/** Upper bounds in seconds: a gateway's own answers take under a millisecond, a cold function seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const
const boundsMicros = Float64Array.from(bounds, (seconds) => seconds * 1e6)

const metricName = /^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/
const outcomes = ['forwarded', 'denied', 'failed', 'aborted'] as const

/** Everything counted for one route: the route label is looked up once per request. */
interface RouteCounts {
  /** By status × 4 + outcome. */
  readonly requests: Map<number, number>
  /** By stage, code and mode. */
  readonly denials: Map<string, { readonly labels: string; count: number }>
  readonly duration: Histogram
  readonly upstream: Histogram
}

/**
 * The counters of one process; they outlive reloads. Cardinality is bounded: routes are ids of the policy or `none`, never
 * paths, and beyond `maxRoutes` they share the label `other`; codes come from `reasons.ts`, and no label holds anything
 * that a caller wrote.
 */
export function createMetrics(options: { readonly maxRoutes?: number } = {}): Metrics {
  const { maxRoutes = 2_000 } = options
  const routes = new Map<string, RouteCounts>()
  const reloads = { accepted: 0, refused: 0, unchanged: 0 }
  const registered: Parameters<Metrics['register']>[0][] = []

  const countsOf = (route: string): RouteCounts => {
    const known = routes.get(route)
    if (known !== undefined) return known
    if (routes.size >= maxRoutes && route !== 'other') return countsOf('other')
    const counts: RouteCounts = {
      requests: new Map(),
      denials: new Map(),
      duration: new Histogram(),
      upstream: new Histogram(),
    }
    routes.set(route, counts)
    return counts
  }

  return {
    // Hot: runs for every request; measured in bench/record.ts.
    read(record) {
      const counts = countsOf(record.route ?? 'none')
      const key = record.response.status * 4 + outcomes.indexOf(record.outcome)
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
      if (own.has(metric.name) || registered.some((other) => other.name === metric.name)) {
        throw new Error(`the metric ${metric.name} exists already`)
      }
      registered.push(metric)
    },

    text() {
      const lines: string[] = []
      writeRequests(lines, routes)
      writeDenials(lines, routes)
      writeHistogram(lines, 'postern_request_duration_seconds', 'From arrival to the last byte.', routes, 'duration')
      writeHistogram(lines, 'postern_upstream_duration_seconds', 'Until the head of the answer.', routes, 'upstream')
      head(lines, 'postern_reloads_total', 'Policy reloads by result.', 'counter')
      for (const [result, count] of Object.entries(reloads)) {
        lines.push(`postern_reloads_total{result="${result}"} ${count}`)
      }
      for (const metric of registered) writeRegistered(lines, metric)
      return `${lines.join('\n')}\n`
    },
  }
}

const own: ReadonlySet<string> = new Set([
  'postern_requests_total',
  'postern_decisions_total',
  'postern_request_duration_seconds',
  'postern_upstream_duration_seconds',
  'postern_reloads_total',
])

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
  else
    denials.set(key, { labels: `stage="${escapeLabel(stage)}",code="${escapeLabel(code)}",mode="${mode}"`, count: 1 })
}

/** Observations by bucket; not cumulated until somebody looks. */
class Histogram {
  readonly #buckets = new Float64Array(bounds.length + 1)
  #sumMicros = 0

  observe(micros: number): void {
    let bucket = 0
    while (bucket < bounds.length && micros > (boundsMicros[bucket] ?? 0)) bucket++
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
    this.#sumMicros += micros
  }

  write(lines: string[], name: string, labels: string): void {
    let count = 0
    for (let i = 0; i <= bounds.length; i++) {
      count += this.#buckets[i] ?? 0
      lines.push(`${name}_bucket{${labels},le="${bounds[i] ?? '+Inf'}"} ${count}`)
    }
    if (count === 0) {
      lines.length -= bounds.length + 1
      return
    }
    lines.push(`${name}_sum{${labels}} ${this.#sumMicros / 1e6}`, `${name}_count{${labels}} ${count}`)
  }
}

function writeRequests(lines: string[], routes: ReadonlyMap<string, RouteCounts>): void {
  head(lines, 'postern_requests_total', 'Requests by route, status and outcome.', 'counter')
  for (const [route, { requests }] of routes) {
    for (const [key, count] of requests) {
      const labels = `route="${escapeLabel(route)}",status="${Math.floor(key / 4)}",outcome="${outcomes[key % 4]}"`
      lines.push(`postern_requests_total{${labels}} ${count}`)
    }
  }
}

function writeDenials(lines: string[], routes: ReadonlyMap<string, RouteCounts>): void {
  head(lines, 'postern_decisions_total', 'Denials by route, stage, code and mode.', 'counter')
  for (const [route, { denials }] of routes) {
    for (const { labels, count } of denials.values()) {
      lines.push(`postern_decisions_total{route="${escapeLabel(route)}",${labels}} ${count}`)
    }
  }
}

function writeHistogram(
  lines: string[],
  name: string,
  help: string,
  routes: ReadonlyMap<string, RouteCounts>,
  which: 'duration' | 'upstream',
): void {
  head(lines, name, help, 'histogram')
  for (const [route, counts] of routes) counts[which].write(lines, name, `route="${escapeLabel(route)}"`)
}

function writeRegistered(lines: string[], metric: Parameters<Metrics['register']>[0]): void {
  let samples: number | readonly Sample[]
  try {
    samples = metric.collect()
  } catch {
    return
  }
  head(lines, metric.name, metric.help, metric.type)
  if (typeof samples === 'number') {
    lines.push(`${metric.name} ${formatValue(samples)}`)
    return
  }
  for (const { labels = {}, value } of samples) {
    const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`)
    lines.push(`${metric.name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${formatValue(value)}`)
  }
}

function head(lines: string[], name: string, help: string, type: string): void {
  lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`)
}

function formatValue(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}

/** Prometheus text format: backslash, quote and line feed are escaped in a label value. */
function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

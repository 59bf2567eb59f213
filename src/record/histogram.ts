/** Upper bounds in seconds: a gateway's own answers take under a millisecond, a cold function takes seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const
const boundsMicros = Float64Array.from(bounds, (seconds) => seconds * 1e6)
const bucketLabels = [...bounds.map((bound) => `,le="${bound}"`), ',le="+Inf"']

/** Durations by bucket. Observing is one search and two additions; buckets are cumulated when somebody looks. */
export class Histogram {
  readonly #buckets = new Float64Array(bucketLabels.length)
  #sumMicros = 0

  observe(micros: number): void {
    let bucket = 0
    while (bucket < boundsMicros.length && micros > (boundsMicros[bucket] ?? 0)) bucket++
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
    this.#sumMicros += micros
  }

  /** Its lines in Prometheus text format, in seconds; empty as long as nothing was observed. */
  format(name: string, labels: string): string {
    let count = 0
    let text = ''
    for (let i = 0; i < bucketLabels.length; i++) {
      count += this.#buckets[i] ?? 0
      text += `${name}_bucket{${labels}${bucketLabels[i] ?? ''}} ${count}\n`
    }
    if (count === 0) return ''
    return `${text}${name}_sum{${labels}} ${this.#sumMicros / 1e6}\n${name}_count{${labels}} ${count}\n`
  }
}

import type { Metrics } from '../record/metrics.js'
import type { ServeEvent } from './events.js'

/** One line a minute says as much as one for each request, and fills no disk. */
const quietMs = 60_000

/**
 * Hears of what should not happen inside Postern and harms no request: a log line that could not be made, a route that
 * does not compile and so answers 503. Counts each, and tells the operator at once and then once a minute.
 */
export function createFaults(
  metrics: Metrics,
  onEvent: (event: ServeEvent) => void,
  now: () => number = () => performance.now(),
): (error: unknown) => void {
  let total = 0
  let unsaid = 0
  let saidAt = Number.NEGATIVE_INFINITY
  metrics.register({
    name: 'postern_faults_total',
    help: 'Errors inside Postern that should not happen; each is worth a report.',
    type: 'counter',
    collect: () => total,
  })
  return (error) => {
    total++
    unsaid++
    if (now() - saidAt < quietMs) return
    saidAt = now()
    const message = error instanceof Error ? error.message : String(error)
    onEvent({ event: 'fault', message: message.slice(0, 500), times: unsaid })
    unsaid = 0
  }
}

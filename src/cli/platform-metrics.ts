import type { CanaryWatch } from '../gateway/canary-watch.js'
import type { ColdStarts } from '../record/cold-starts.js'
import type { Metrics } from '../record/metrics.js'
import type { State } from '../state/state.js'

/** Registers how long the gateway's own credentials for platforms are good. */
export function registerCredentials(metrics: Metrics, credentials: State['credentials']): void {
  metrics.register({
    name: 'postern_credential_left_seconds',
    help: 'How long the credentials for a platform are still good, by source; 0 without any.',
    type: 'gauge',
    collect: () =>
      credentials
        .stats()
        .map(({ source, leftMs }) => ({ labels: { source }, value: leftMs === null ? 0 : leftMs / 1000 })),
  })
  metrics.register({
    name: 'postern_credential_fetches_total',
    help: 'Attempts to fetch credentials for a platform, by source and result.',
    type: 'counter',
    collect: () =>
      credentials.stats().flatMap(({ source, attempts, failures }) => [
        { labels: { source, result: 'fetched' }, value: attempts - failures },
        { labels: { source, result: 'failed' }, value: failures },
      ]),
  })
}

/** Registers how long functions of known platforms take to their first byte, and which answers were most likely cold. */
export function registerColdStarts(metrics: Metrics, { stats }: Pick<ColdStarts, 'stats'>): void {
  metrics.register({
    name: 'postern_first_byte_typical_seconds',
    help: 'What a warm function usually takes to its first byte, by route; known platforms only.',
    type: 'gauge',
    collect: () => stats().map(({ route, typicalMs }) => ({ labels: { route }, value: typicalMs / 1000 })),
  })
  metrics.register({
    name: 'postern_likely_cold_starts_total',
    help: 'Answers so late that the platform most likely started an instance first, by route.',
    type: 'counter',
    collect: () => stats().map(({ route, coldStarts }) => ({ labels: { route }, value: coldStarts })),
  })
}

/** Registers what the background canary found. */
export function registerCanary(metrics: Metrics, canary: Pick<CanaryWatch, 'stats'>): void {
  metrics.register({
    name: 'postern_canary_open',
    help: '1 while a function answers to calls without a sign-in.',
    type: 'gauge',
    collect: () =>
      canary.stats().map(({ upstream, verdict }) => ({ labels: { upstream }, value: Number(verdict === 'open') })),
  })
  metrics.register({
    name: 'postern_canary_checks_total',
    help: 'Calls of the canary, by function and verdict.',
    type: 'counter',
    collect: () =>
      canary
        .stats()
        .flatMap(({ upstream, checks }) =>
          Object.entries(checks).map(([verdict, value]) => ({ labels: { upstream, verdict }, value })),
        ),
  })
}

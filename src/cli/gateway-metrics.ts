import type { Gateway } from '../gateway/gateway.js'
import type { Metrics } from '../record/metrics.js'
import type { State } from '../state/state.js'
import type { LinkStats } from '../state/store/redis-link.js'
import { registerCredentials } from './platform-metrics.js'
import type { Reloading } from './reloading.js'
import { registerUpstreams } from './upstream-metrics.js'

/** Limits with series of their own; the rest share the label `other`, so that 10,000 routes do not flood a scrape. */
const mostLimits = 500

/** Registers what the open gateway tells of itself. */
export function registerGateway(metrics: Metrics, gateway: Gateway): void {
  const gauge = gauges(metrics)
  gauge('postern_requests_in_flight', 'Requests inside the gateway.', () => gateway.inFlight)
  gauge('postern_connections', 'Open connections of callers.', () => gateway.connections)
  metrics.register({
    name: 'postern_connections_refused_total',
    help: 'Connections ended before a request, by the limit they met; handshake: TLS could not be agreed.',
    type: 'counter',
    collect: () => Object.entries(gateway.refusedConnections).map(([limit, value]) => ({ labels: { limit }, value })),
  })
  metrics.register({
    name: 'postern_tls_certificate_expiry_time_seconds',
    help: 'When the first certificate of the chain that serves runs out, in Unix time; absent on plain HTTP.',
    type: 'gauge',
    collect: () => (gateway.certificate === null ? [] : [{ labels: {}, value: gateway.certificate.validTo / 1000 }]),
  })
  gauge('postern_routes', 'Routes of the plan that serves.', () => gateway.plan.routes.length)
}

/** Registers what an alert asks of the policy set: how old it is, and whether the files have moved on without it. */
export function registerReloading(metrics: Metrics, reloading: Reloading): void {
  const gauge = gauges(metrics)
  gauge('postern_reload_refused', '1 while the files hold a set that was refused.', () =>
    Number(reloading.refused !== null),
  )
  gauge('postern_restart_needed', '1 while the files ask for what only the next start can give.', () =>
    Number(reloading.restartNeeded.length > 0),
  )
  gauge(
    'postern_policy_loaded_time_seconds',
    'When the set that serves was loaded, in Unix time.',
    () => reloading.loadedAt / 1000,
  )
}

/** Registers what outlives reloads: limits, the store, key sets, verified tokens, what stands before each function. */
export function registerState(
  metrics: Metrics,
  state: Pick<
    State,
    'counters' | 'introspections' | 'store' | 'keySets' | 'verifiedTokens' | 'revocations' | 'gates' | 'credentials'
  >,
): void {
  registerLimits(metrics, state.counters)
  registerStore(metrics, state.store)
  registerKeySets(metrics, state.keySets)
  registerIntrospections(metrics, state.introspections)
  registerUpstreams(metrics, state.gates)
  registerCredentials(metrics, state.credentials)
  const gauge = gauges(metrics)
  gauge('postern_revocations', 'Revocations in force.', () => state.revocations.stats().inForce)
  gauge('postern_revocations_stale', '1 while the place where revocations are kept cannot be read.', () =>
    Number(state.revocations.stats().isStale),
  )
  gauge(
    'postern_verified_tokens',
    'Tokens whose signature need not be checked again.',
    () => state.verifiedTokens.stats().entries,
  )
  gauge('postern_verified_token_bytes', 'Memory that they take.', () => state.verifiedTokens.stats().bytes)
}

function registerLimits(metrics: Metrics, counters: State['counters']): void {
  const sum = (of: 'keys' | 'bytes' | 'overflowed') => () => {
    const sums = new Map<string, number>()
    for (const report of counters.report()) {
      const limit = sums.has(report.bucket) || sums.size < mostLimits ? report.bucket : 'other'
      sums.set(limit, (sums.get(limit) ?? 0) + report[of])
    }
    return [...sums].map(([limit, value]) => ({ labels: { limit }, value }))
  }
  metrics.register({
    name: 'postern_limit_keys',
    help: 'Keys with a counter of their own, by limit.',
    type: 'gauge',
    collect: sum('keys'),
  })
  metrics.register({
    name: 'postern_limit_bytes',
    help: 'Memory of the counters, by limit.',
    type: 'gauge',
    collect: sum('bytes'),
  })
  metrics.register({
    name: 'postern_limit_overflowed_total',
    help: 'Calls that had to share one counter because the table of their limit was full.',
    type: 'counter',
    collect: sum('overflowed'),
  })
}

/** Without a store in the policy these series are empty: nothing is up or down. */
function registerStore(metrics: Metrics, store: State['store']): void {
  type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }
  const series = (
    name: string,
    help: string,
    type: 'gauge' | 'counter',
    samples: (stats: LinkStats) => Sample[],
  ): void =>
    metrics.register({
      name,
      help,
      type,
      collect: () => {
        const stats = store.stats()
        return stats === null ? [] : samples(stats)
      },
    })
  const by = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
  series('postern_store_up', '1 while the shared store answers.', 'gauge', ({ isUp }) => [
    { labels: {}, value: Number(isUp) },
  ])
  series('postern_store_switches_total', 'How often the store went away or came back.', 'counter', ({ switches }) =>
    by('to', switches),
  )
  series('postern_store_commands_total', 'Commands to the store, by result.', 'counter', ({ answered, failed }) =>
    by('result', { answered, failed }),
  )
  const { counts } = store.memory
  series('postern_store_absent_decisions_total', 'Limits decided without the store, by onStoreError.', 'counter', () =>
    by('decided', { local: counts.local, allow: counts.allow, deny: counts.deny }),
  )
  series(
    'postern_store_refusals_remembered_total',
    'Refusals that needed no question, since the caller had been told to wait.',
    'counter',
    () => [{ labels: {}, value: counts.remembered }],
  )
}

function registerKeySets(metrics: Metrics, keySets: State['keySets']): void {
  /** One per issuer: while a reload changes an issuer, its old set and its new one both live, the new one last. */
  const byIssuer = () => [...new Map(keySets.stats().map((set) => [set.issuer, set])).values()]
  metrics.register({
    name: 'postern_key_set_keys',
    help: 'Keys in hand, by issuer; without one its tokens are answered 503.',
    type: 'gauge',
    collect: () => byIssuer().map(({ issuer, keys }) => ({ labels: { issuer }, value: keys })),
  })
  metrics.register({
    name: 'postern_key_set_skipped_keys',
    help: 'Published keys that were passed over: weak, symmetric, for encryption, unreadable.',
    type: 'gauge',
    collect: () => byIssuer().map(({ issuer, skipped }) => ({ labels: { issuer }, value: skipped.length })),
  })
  metrics.register({
    name: 'postern_key_set_failing',
    help: '1 while the keys of an issuer cannot be fetched.',
    type: 'gauge',
    collect: () => byIssuer().map(({ issuer, failing }) => ({ labels: { issuer }, value: Number(failing) })),
  })
  metrics.register({
    name: 'postern_key_set_age_seconds',
    help: 'Time since the keys in hand were fetched, by issuer.',
    type: 'gauge',
    collect: () =>
      byIssuer().flatMap(({ issuer, ageMs }) => (ageMs === null ? [] : [{ labels: { issuer }, value: ageMs / 1000 }])),
  })
  metrics.register({
    name: 'postern_key_set_fetches_total',
    help: 'Attempts to fetch the keys of an issuer, by result.',
    type: 'counter',
    collect: () =>
      byIssuer().flatMap(({ issuer, attempts, failures }) => [
        { labels: { issuer, result: 'fetched' }, value: attempts - failures },
        { labels: { issuer, result: 'failed' }, value: failures },
      ]),
  })
}

function registerIntrospections(metrics: Metrics, introspections: State['introspections']): void {
  const byIssuer = () => [...new Map(introspections.stats().map((each) => [each.issuer, each])).values()]
  metrics.register({
    name: 'postern_introspections_total',
    help: 'Questions to an issuer about a token, by result; spared ones were not asked because it fails or is busy.',
    type: 'counter',
    collect: () =>
      byIssuer().flatMap(({ issuer, active, inactive, failed, spared }) =>
        Object.entries({ active, inactive, failed, spared }).map(([result, value]) => ({
          labels: { issuer, result },
          value,
        })),
      ),
  })
  metrics.register({
    name: 'postern_introspection_failing',
    help: '1 while an issuer cannot be asked about tokens.',
    type: 'gauge',
    collect: () => byIssuer().map(({ issuer, failing }) => ({ labels: { issuer }, value: Number(failing) })),
  })
}

function gauges(metrics: Metrics) {
  return (name: string, help: string, collect: () => number): void =>
    metrics.register({ name, help, type: 'gauge', collect })
}

import type { UpstreamPlan } from '../../plan/plan.js'
import type { PlannedLimit } from '../../stages/rate-limit/settings.js'
import { methodsOf } from './access.js'
import type { AuditedRoute, AuditedSet, RuleTable, Spot } from './finding.js'
import { routePatch } from './patch.js'

/** What the limits admit, against what the platform grants a function: calls per unit × reserved concurrency. */
export const capacity: RuleTable['set'] = {
  'audit.capacity-one-client': (set) => eachGranted(set, oneClient),
  'audit.capacity-sum': (set) => eachGranted(set, sum),
  'audit.capacity-unbounded': (set) => eachGranted(set, unbounded),
}

/** A function whose platform grants a known number of calls a second. */
interface Granted {
  readonly upstream: UpstreamPlan
  readonly platform: string
  readonly callsPerSecond: number
  readonly routes: readonly AuditedRoute[]
}

function eachGranted(set: AuditedSet, judge: (granted: Granted, set: AuditedSet) => readonly Spot[]): readonly Spot[] {
  const byUpstream = new Map<string, AuditedRoute[]>()
  for (const route of set.routes) {
    if (route.upstream?.reservedConcurrency == null || route.platform?.callsPerUnit == null) continue
    const routes = byUpstream.get(route.upstream.name)
    if (routes === undefined) byUpstream.set(route.upstream.name, [route])
    else routes.push(route)
  }
  return [...byUpstream.values()].flatMap((routes) => {
    const [{ upstream, platform } = {}] = routes
    if (upstream?.reservedConcurrency == null || platform?.callsPerUnit == null) return []
    const callsPerSecond = upstream.reservedConcurrency * platform.callsPerUnit
    return judge({ upstream, platform: platform.name, callsPerSecond, routes }, set)
  })
}

const perSecond = ({ quota, windowMs, cost }: PlannedLimit) => (quota * 1_000) / windowMs / cost

/** The least that any limit of the route leaves to one caller; null where none is limited. */
function tightest(limits: readonly PlannedLimit[]): PlannedLimit | undefined {
  return [...limits].sort((a, b) => perSecond(a) - perSecond(b))[0]
}

function oneClient({ upstream, platform, callsPerSecond, routes }: Granted): readonly Spot[] {
  return routes.flatMap((route) => {
    const limit = tightest(route.limits)
    if (limit === undefined || perSecond(limit) <= callsPerSecond) return []
    return [
      {
        at: limit.declaredAt,
        subject: `upstreams.${upstream.name}`,
        message: `The limit "${limit.name}" of ${route.id} gives one caller ${rounded(perSecond(limit))} calls a second; ${platform} runs ${callsPerSecond} of ${upstream.name} for everybody.`,
        hint: `Lower the quota, or raise what is reserved: ${upstream.name} has ${upstream.reservedConcurrency}.`,
        ...(limit.tiers === null &&
          !limit.bucket.startsWith('#') && {
            patch: routePatch(route, {
              rateLimit: {
                [limit.name]: { quota: Math.max(1, Math.floor((callsPerSecond * limit.windowMs) / 1_000)) },
              },
            }),
          }),
      },
    ]
  })
}

/** How many calls a second a limit admits from all callers together; null where callers can become ever more. */
function totalOf(limit: PlannedLimit, route: AuditedRoute): number | null {
  const keys = limit.partitionKey.filter(({ from }) => from !== 'route')
  if (keys.length === 0) return perSecond(limit)
  const methods = methodsOf(route)
  const clients = new Set(methods.flatMap((each) => (each.method === 'apiKey' ? each.clients : [])))
  const isByClient = keys.every((key) => key.from === 'client')
  const isClosed = methods.length > 0 && methods.every(({ method }) => method === 'apiKey')
  return isByClient && isClosed ? perSecond(limit) * clients.size : null
}

/** What one route admits from everybody, with the bucket that says so: a shared bucket counts once. */
function bound(route: AuditedRoute): { readonly bucket: string; readonly total: number } | null {
  const totals = route.limits.flatMap((limit) => {
    const total = totalOf(limit, route)
    return total === null ? [] : [{ bucket: limit.bucket, total }]
  })
  return totals.sort((a, b) => a.total - b.total)[0] ?? null
}

function sum({ upstream, platform, callsPerSecond, routes }: Granted): readonly Spot[] {
  const bounds = routes.map(bound)
  const buckets = new Map(bounds.flatMap((each) => (each === null ? [] : [[each.bucket, each.total] as const])))
  const total = [...buckets.values()].reduce((all, each) => all + each, 0)
  if (bounds.includes(null) || total <= callsPerSecond) return []
  return [
    {
      at: upstream.declaredAt,
      subject: `upstreams.${upstream.name}`,
      message: `The limits of ${routes.length === 1 ? 'its route' : `its ${routes.length} routes`} admit ${rounded(total)} calls a second to ${upstream.name}; ${platform} runs ${callsPerSecond}: ${upstream.reservedConcurrency} reserved × ${callsPerSecond / (upstream.reservedConcurrency ?? 1)}.`,
      hint: 'Lower the quotas, or reserve more; beyond it the platform answers 429 by itself.',
    },
  ]
}

function unbounded({ upstream, platform, callsPerSecond, routes }: Granted): readonly Spot[] {
  const open = routes.find((route) => bound(route) === null)
  if (open === undefined) return []
  const share = Math.max(1, Math.floor(callsPerSecond / routes.length))
  return [
    {
      at: upstream.declaredAt,
      subject: `upstreams.${upstream.name}`,
      message: `${platform} runs ${callsPerSecond} calls of ${upstream.name} a second, and nothing bounds all callers of ${open.id} together.`,
      hint: 'Add a limit that all of them share; beyond it the platform answers 429 by itself.',
      patch: routePatch(open, { rateLimit: { all: { partitionKey: 'route', quota: share, window: '1s' } } }),
    },
  ]
}

function rounded(rate: number): string {
  return rate >= 10 ? String(Math.round(rate)) : String(Math.round(rate * 10) / 10)
}

import type { RoutePlan } from '../../plan/plan.js'
import type { PlannedLimit } from '../../stages/rate-limit/settings.js'
import type { RateLimitSettings } from '../../stages/rate-limit/stage.js'
import type { Place } from '../../values/place.js'
import { formatSelector, type Selector } from '../../values/selector.js'
import type { Caller } from './callers.js'

/** A limit as it holds for the callers of one test. */
export interface TestedLimit {
  readonly name: string
  readonly declaredAt: Place
  readonly algorithm: PlannedLimit['algorithm']
  readonly windowMs: number
  readonly calendar: PlannedLimit['calendar']
  /** Token bucket: how many at once. */
  readonly burst: number
  /** The quota in force: of the tier, where there are tiers. */
  readonly quota: number
  /** What one call takes. */
  readonly cost: number
  /** What it counts by, as the policy says it. */
  readonly countsBy: string
  /** Whose calls are counted together. */
  keyOf(caller: Caller): string
}

/** The enforced limits of a route, in running order, with the quotas of a tier. */
export function limitsOf(route: RoutePlan, tier: string | null): readonly TestedLimit[] {
  return route.steps.flatMap(({ stage, mode, settings }) => {
    if (stage !== 'rateLimit' || mode !== 'enforce') return []
    const { limits } = settings as RateLimitSettings // the settings of this stage
    return limits.map((limit) => tested(limit, tier))
  })
}

function tested(limit: PlannedLimit, tier: string | null): TestedLimit {
  const { name, declaredAt, algorithm, windowMs, calendar, burst, partitionKey, tiers, cost } = limit
  const quota = tiers === null ? limit.quota : (tiers.quotas.find(([each]) => each === tier)?.[1] ?? tiers.fallback)
  return {
    name,
    declaredAt,
    algorithm,
    windowMs,
    calendar,
    burst: burst ?? quota,
    quota,
    cost,
    countsBy: partitionKey.map(formatSelector).join(', '),
    keyOf: (caller) => partitionKey.map((selector) => textOf(selector, caller)).join('\n'),
  }
}

/** What a selector finds in the calls of a caller; calls differ in nothing else. */
function textOf(selector: Selector, { address, client, headers, claims }: Caller): string {
  if (selector.from === 'ip') return address
  if (selector.from === 'client') return selector.field === 'id' ? client : ''
  if (selector.from === 'header') return headers[selector.name] ?? ''
  if (selector.from !== 'jwt') return ''
  let value: unknown = claims
  for (const part of selector.path) value = Object(value)[part]
  return typeof value === 'string' ? value : JSON.stringify(value ?? '')
}

/** Calls that a limit lets through at once, at the most. */
export function atOnce({ algorithm, burst, quota, cost }: TestedLimit): number {
  return Math.floor((algorithm === 'token-bucket' ? burst : quota) / cost)
}

/** Calls a second that it lets through for ever. */
export function ratePerSecond({ quota, windowMs, cost }: TestedLimit): number {
  return (quota / cost / windowMs) * 1000
}

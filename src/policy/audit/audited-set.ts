import type { Plan, RoutePlan, Step } from '../../plan/plan.js'
import type { AuthSettings } from '../../stages/auth/settings.js'
import type { ConcurrencySettings } from '../../stages/concurrency/stage.js'
import type { Section } from '../../stages/contract.js'
import type { ForwardSettings } from '../../stages/forward/stage.js'
import type { InspectSettings } from '../../stages/inspect/settings.js'
import type { RateLimitSettings } from '../../stages/rate-limit/stage.js'
import type { RequestSettings } from '../../stages/request/settings.js'
import type { WrittenSet } from '../onlooker.js'
import { platformOfUpstream } from '../platforms.js'
import type { AuditedRoute, AuditedSet } from './finding.js'

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A plan and the policies it was made from, as rules want to see them. */
export function auditedSet(
  plan: Plan,
  written: WrittenSet,
  policies: ReadonlyMap<RoutePlan, Section>,
  now: number,
): AuditedSet {
  const routes = plan.routes.flatMap((route) => {
    const policy = policies.get(route)
    return policy === undefined ? [] : [auditedRoute(route, policy, plan)]
  })
  return { plan, written, routes, now }
}

function auditedRoute(plan: RoutePlan, policy: Section, { upstreams }: Plan): AuditedRoute {
  const upstream = upstreams[plan.upstream]
  const step = (stage: Step['stage']) => plan.steps.find((each) => each.stage === stage)
  // The settings of a step belong to its stage: the name of the one says the type of the other.
  const enforced = plan.steps.flatMap((each) =>
    each.stage === 'rateLimit' && each.mode === 'enforce' ? (each.settings as RateLimitSettings).limits : [],
  )
  const slots = step('concurrency')
  return {
    id: plan.id,
    plan,
    policy,
    writes: !reading.has(plan.match.method),
    auth: (step('auth')?.settings as AuthSettings | undefined) ?? { method: 'none' },
    request: (step('request')?.settings as RequestSettings | undefined) ?? null,
    forward: (step('forward')?.settings as ForwardSettings | undefined) ?? null,
    inspect: (step('inspect')?.settings as InspectSettings | undefined) ?? null,
    limits: enforced,
    concurrency: slots?.mode === 'enforce' ? (slots.settings as ConcurrencySettings).quota : null,
    upstream,
    platform: upstream === undefined ? undefined : platformOfUpstream(upstream),
  }
}

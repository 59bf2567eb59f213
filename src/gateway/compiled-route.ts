import type { RoutePlan, Step } from '../plan/plan.js'
import { stages } from '../stages/all.js'
import type { Check, Tools } from '../stages/contract.js'
import { compilePreflight } from '../stages/cors/preflight.js'
import type { CorsSettings } from '../stages/cors/settings.js'
import { bodyLimits, type RequestSettings } from '../stages/request/settings.js'

/** A step of the plan with the check its stage made of it. */
export interface CompiledStep {
  readonly step: Step
  readonly check: Check
}

/** A route ready to judge: what runs before a body is read, and what runs after. */
export interface CompiledRoute {
  readonly plan: RoutePlan
  readonly head: readonly CompiledStep[]
  readonly rest: readonly CompiledStep[]
  /** Answers preflights for the route; null where pages of other origins are none of its business. */
  readonly preflight: CompiledStep | null
  /** What the answers of the route say to pages of other origins, refusals before its steps included. */
  readonly cors: Check | null
  readonly maxBodyBytes: number
  /** What happens to a body: read into memory for the steps, passed on as it arrives, or left unread to be refused. */
  readonly bodyIs: 'buffered' | 'streamed' | 'refused'
  /** Whether a parameter of its path may hold `%2F`. */
  readonly takesEncodedSlash: boolean
  /** The step in whose name a body over the cap is refused. */
  readonly requestStep: Step | null
  /** Keys of what its steps keep in the state: whoever goes on using the route goes on keeping them. */
  readonly kept: readonly string[]
}

/** For a route whose plan has no `request` step; the policy's built-in defaults give every route one. */
const fallbackBodyBytes = 256 * 1024

/** Compiles every step of a route; what can fail has failed when the policy was resolved. */
export function compileRoute(plan: RoutePlan, tools: Tools): CompiledRoute {
  const kept = new Set<string>()
  const noting: Tools = {
    ...tools,
    keep(key, make) {
      kept.add(key)
      return tools.keep(key, make)
    },
  }
  const steps = plan.steps.map((step): CompiledStep => {
    const stage = stages[step.stage]
    if (stage === undefined) throw new Error(`no stage is called ${step.stage}`)
    // Settings are `never` to everyone but their stage, which made them and alone reads them.
    return { step, check: stage.compile(step.settings as never, noting) }
  })
  const corsStep = steps.find(({ step }) => step.stage === 'cors') ?? null
  const requestStep = requestStepOf(plan)
  const limits = requestLimits(plan)
  return {
    plan,
    head: steps.filter(({ step }) => step.phase === 'head'),
    rest: steps.filter(({ step }) => step.phase !== 'head'),
    preflight: corsStep === null ? null : preflightOf(corsStep.step),
    cors: corsStep === null ? null : corsStep.check,
    maxBodyBytes: limits?.maxBytes ?? fallbackBodyBytes,
    bodyIs: limits?.acceptsBody === false ? 'refused' : plan.body,
    takesEncodedSlash: limits?.encodedSlash === 'allow',
    requestStep,
    kept: [...kept],
  }
}

function requestStepOf(plan: RoutePlan): Step | null {
  return plan.steps.find(({ stage }) => stage === 'request') ?? null
}

/** What a route's `request` step says to whoever reads paths and bodies; null where it has none. */
export function requestLimits(plan: RoutePlan): ReturnType<typeof bodyLimits> | null {
  const step = requestStepOf(plan)
  // Settings are known to their own stage, which says so of its own in `bodyLimits`.
  return step === null ? null : bodyLimits(step.settings as RequestSettings)
}

/** The step that answers preflights in the name of a route's `cors` step. */
function preflightOf(step: Step): CompiledStep {
  // Settings are known to their own stage, which made these.
  return { step, check: compilePreflight(step.settings as CorsSettings) }
}

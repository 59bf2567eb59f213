import type { Plan, RoutePlan } from '../plan/plan.js'
import type { CompiledRoute } from './compiled-route.js'
import type { Generation } from './generation.js'
import { isSame } from './shared-tools.js'
import { inSlices } from './slices.js'

/** After so many routes that are new by their content too, the rest are taken to be: somebody changed them all. */
const mostStrangers = 32

/**
 * The compiled routes of a generation that the next plan can use as they are: those whose plan says the same, places
 * included, for a denial names its line. Both generations must have the same tools.
 */
export async function reusedRoutes(previous: Generation, plan: Plan): Promise<ReadonlyMap<RoutePlan, CompiledRoute>> {
  const reused = new Map<RoutePlan, CompiledRoute>()
  const slices = inSlices()
  let alike = 0
  let strangers = 0
  for (const route of plan.routes) {
    const known = previous.compiledRoute(route.id)
    if (known === undefined) continue
    if (known.plan !== route) {
      // The plan of a start and that of a reload come from two threads and share no object.
      if (alike === 0 && strangers >= mostStrangers) continue
      if (!isSame(known.plan, route)) {
        strangers++
        continue
      }
      alike++
    }
    reused.set(route, known)
    const rest = slices.rest()
    if (rest !== null) await rest
  }
  return reused
}

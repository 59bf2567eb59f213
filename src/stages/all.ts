import type { StageName } from '../plan/plan.js'
import { auth } from './auth/stage.js'
import { concurrency } from './concurrency/stage.js'
import type { Stage } from './contract.js'
import { cors } from './cors/stage.js'
import { forward } from './forward/stage.js'
import { inspect } from './inspect/stage.js'
import { ip } from './ip/stage.js'
import { rateLimit } from './rate-limit/stage.js'
import { request } from './request/stage.js'
import { response } from './response/stage.js'

/**
 * Every stage by its name; their order is `order.ts`. A name without a stage is reserved: `check` refuses its key by
 * name. Settings are each stage's own business, so here they are `never`: nobody but the stage can make or read them.
 */
export const stages: { readonly [Name in StageName]?: Stage<never> } = {
  cors: cors as Stage<never>,
  auth: auth as Stage<never>,
  request: request as Stage<never>,
  inspect: inspect as Stage<never>,
  forward: forward as Stage<never>,
  response: response as Stage<never>,
  concurrency: concurrency as Stage<never>,
  ip: ip as Stage<never>,
  rateLimit: rateLimit as Stage<never>,
}

import type { RoutePlan } from '../plan/plan.js'
import type { Section } from '../stages/contract.js'
import type { PolicyFile } from './files.js'
import type { NodeSection } from './section.js'
import type { Shared } from './shared.js'

/** What a policy folder says besides its routes, as it was written. */
export interface WrittenSet {
  readonly gateway: NodeSection
  readonly issuers: Shared
  readonly upstreams: Shared
  readonly clients: Shared
  readonly rateLimits: Shared
  readonly files: readonly PolicyFile[]
}

/**
 * Looks on while a folder becomes a plan: sees values together with the places where they were written, which a plan
 * does not keep. A folder that changed under the reader is read again, and then begins again.
 */
export interface Onlooker {
  /** Whether a file of routes need not even be parsed; absent: none. */
  skips?(text: string): boolean
  begin(set: WrittenSet): void
  /** Whether a route is to be resolved at all; absent: every one. Of 10,000, somebody may ask about one. */
  wants?(key: string): boolean
  /** Each route as planned, and its effective policy: every layer merged. */
  route(plan: RoutePlan, policy: Section): void
}

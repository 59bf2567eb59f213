import type { DetectorName } from './detector-names.js'
import type { GraphqlLimits } from './graphql/judge.js'
import type { TextKind } from './view.js'

/** What `inspect` keeps of a route's policy: plain data. */
export interface InspectSettings {
  readonly profile: 'api' | 'event' | 'strict'
  readonly exceptions: readonly ExceptionRule[]
  readonly fields: readonly FieldRule[]
  /** Detectors that the route does without, or only hears of; all others are enforced. */
  readonly detectors: Readonly<Partial<Record<DetectorName, 'report' | 'off'>>>
  /** `reported`: the step beside the first one that runs the detectors in report mode, and no other. */
  readonly part: 'enforced' | 'reported'
  /** What the route lets a GraphQL request ask for; null where it is none. */
  readonly graphql: GraphqlLimits | null
  /** Places whose schema leaves no room for an injection: `body:/quantity`, `query:/page`, `body:/lines/0/sku` with a star for any item. */
  readonly pinned: readonly string[]
}

/** One detector lifted for one place, until a day that somebody answers for. */
export interface ExceptionRule {
  readonly name: string
  readonly rule: DetectorName
  readonly at: string
  readonly owner: string
  /** Epoch ms from which on it no longer holds: the day after `until`, UTC. */
  readonly expiresAt: number
}

/** What a field holds, as the operator says. */
export interface FieldRule {
  readonly at: string
  readonly text: TextKind
}

import type { Plan, RoutePlan, UpstreamPlan } from '../../plan/plan.js'
import type { AuthSettings } from '../../stages/auth/settings.js'
import type { Section } from '../../stages/contract.js'
import type { ForwardSettings } from '../../stages/forward/stage.js'
import type { InspectSettings } from '../../stages/inspect/settings.js'
import type { PlannedLimit } from '../../stages/rate-limit/settings.js'
import type { RequestSettings } from '../../stages/request/settings.js'
import type { Place } from '../../values/place.js'
import type { FrameLine } from '../../values/problem.js'
import type { WrittenSet } from '../onlooker.js'
import type { Platform } from '../platforms.js'
import type { AuditCode, Severity } from './catalog.js'

/** One thing that is allowed and unwise, at one place. */
export interface Finding {
  readonly code: AuditCode
  readonly severity: Severity
  /** What is wrong, with the values that make it so; ends with a full stop. */
  readonly message: string
  /** How to mend it, in words. */
  readonly hint: string
  /** The exact lines that mend it, by file; empty where only the operator can know them. */
  readonly patches: readonly Patch[]
  readonly place: Place
  /** What it concerns: route ids, `upstreams.orders-fn`, `gateway`. One value in a folder's defaults concerns many. */
  readonly subjects: readonly string[]
  readonly frame?: readonly FrameLine[]
  /** The waiver that accepts it. */
  readonly waiver: Waiver | null
}

/** A change to one file: what to merge into it, map by map, as RFC 7386 merges JSON. `null` takes a key away. */
export interface Patch {
  /** Relative to the policy folder. */
  readonly file: string
  readonly merge: Merge
}

export interface Merge {
  readonly [key: string]: string | number | boolean | null | readonly string[] | Merge
}

/** Who accepts a finding, why, and how long. */
export interface Waiver {
  readonly name: string
  readonly code: string
  /** A subject or a file; null: everywhere. */
  readonly at: string | null
  readonly reason: string
  readonly owner: string
  /** Its last day, UTC, as written. */
  readonly until: string
  readonly declaredAt: Place
}

/** What a rule says of one place. */
export interface Spot {
  readonly at: Place
  readonly subject: string
  readonly message: string
  readonly hint: string
  readonly patch?: Patch
}

/** A route with all that rules ask of it, read once. */
export interface AuditedRoute {
  readonly id: string
  readonly plan: RoutePlan
  /** The effective policy, with the place of each value. */
  readonly policy: Section
  /** Whether its method may change something: all but GET, HEAD and OPTIONS. */
  readonly writes: boolean
  readonly auth: AuthSettings
  readonly request: RequestSettings | null
  readonly forward: ForwardSettings | null
  /** Null where it is off. */
  readonly inspect: InspectSettings | null
  /** Enforced limits alone. */
  readonly limits: readonly PlannedLimit[]
  /** The most calls at once of one caller; null where none is enforced. */
  readonly concurrency: number | null
  readonly upstream: UpstreamPlan | undefined
  readonly platform: Platform | undefined
}

/** What the rules judge. */
export interface AuditedSet {
  readonly plan: Plan
  readonly written: WrittenSet
  readonly routes: readonly AuditedRoute[]
  /** Epoch ms. */
  readonly now: number
}

/** Judges one route. */
type RouteRule = (route: AuditedRoute, set: AuditedSet) => Spot | readonly Spot[] | undefined

/** Judges the set as a whole. */
type SetRule = (set: AuditedSet) => readonly Spot[]

/** The findings of one area: rules by the code that they raise. */
export interface RuleTable {
  readonly routes: { readonly [Code in AuditCode]?: RouteRule }
  readonly set: { readonly [Code in AuditCode]?: SetRule }
}

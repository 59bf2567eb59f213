import type { Place } from '../values/place.js'
import { coveringRoutes } from './covering-route.js'
import { type Facts, gatewayFacts, routeFacts, schemasOf, sharedFacts } from './difference-facts.js'
import { type Direction, directionOf, type Fact } from './difference-rules.js'
import { schemaChanges } from './difference-schema.js'
import type { Plan, RoutePlan } from './plan.js'

export type { Direction, Fact }

/** One setting that is not what it was. */
export interface Change {
  /** `rateLimit.per-client.rate`, `auth.jwt.main.scopes`, `request.body: /properties/qty/maximum`. */
  readonly setting: string
  readonly direction: Direction
  /** Undefined where the side does not have it. */
  readonly before: Fact | undefined
  readonly after: Fact | undefined
  /** Where the later plan says it; where the earlier one did, for what is gone. */
  readonly place: Place
}

/** A route or a shared thing that came, went or changed. */
export interface ThingDifference {
  readonly kind: 'route' | 'issuer' | 'client' | 'upstream' | 'gateway'
  /** A route's id, a name; the later one's where it was renamed. */
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** Of a thing that came or went: which way that moves protection. Of a changed one: the weakest of its changes. */
  readonly direction: Direction
  /** Of a route that came or went beside a broader one: what changes for its requests. */
  readonly changes: readonly Change[]
  /** The broader route that took its requests before, or takes them now. */
  readonly beside?: string
  readonly place: Place
}

/** What changes between two plans. */
export interface PlanDifference {
  readonly things: readonly ThingDifference[]
  /** Changes by direction; what came or went counts as one. */
  readonly counts: Readonly<Record<Direction, number>>
}

/** Compares two plans, setting by setting; pure. The same decisions in another order are no difference. */
export function difference(before: Plan, after: Plan): PlanDifference {
  const things = [
    ...changed('gateway', 'gateway.yaml', gatewayFacts(before.gateway), gatewayFacts(after.gateway), [], home),
    ...shared('issuer', before.issuers, after.issuers, sharedFacts.issuers),
    ...shared('client', before.clients, after.clients, sharedFacts.clients),
    ...shared('upstream', before.upstreams, after.upstreams, sharedFacts.upstreams),
    ...routes(before, after),
  ]
  const counts = { weaker: 0, stronger: 0, other: 0 }
  for (const thing of things) {
    if (thing.change === 'changed') for (const { direction } of thing.changes) counts[direction]++
    else counts[thing.direction]++
  }
  return { things, counts }
}

const home: Place = { file: 'gateway.yaml', line: 1, column: 1 }

function shared<T extends { readonly name: string; readonly declaredAt: Place }>(
  kind: 'issuer' | 'client' | 'upstream',
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  factsOf: (thing: T) => Facts,
): ThingDifference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name): ThingDifference[] => {
    const was = Object.hasOwn(before, name) ? before[name] : undefined
    const is = Object.hasOwn(after, name) ? after[name] : undefined
    if (was !== undefined && is !== undefined) {
      return changed(kind, name, factsOf(was), factsOf(is), [], is.declaredAt)
    }
    const thing = is ?? was
    if (thing === undefined) return []
    // By itself neither opens anything: the routes that name it do.
    const change = is === undefined ? 'removed' : 'added'
    return [{ kind, name, change, direction: 'other', changes: [], place: thing.declaredAt }]
  })
}

function routes(before: Plan, after: Plan): ThingDifference[] {
  const earlier = new Map(before.routes.map((route) => [shapeOf(route), route]))
  const later = new Map(after.routes.map((route) => [shapeOf(route), route]))
  const tookBefore = coveringRoutes(before.routes)
  const takesNow = coveringRoutes(after.routes)
  const between = (was: RoutePlan, is: RoutePlan): ThingDifference[] => {
    const schemas = schemaDifferences(was, before, is, after)
    return changed('route', is.id, routeFacts(was), routeFacts(is), schemas, is.declaredAt)
  }
  return [
    ...after.routes.flatMap((route): ThingDifference[] => {
      const was = earlier.get(shapeOf(route))
      if (was !== undefined) return between(was, route)
      const broad = tookBefore(route)
      const direction = isOpen(route) ? 'weaker' : 'other'
      const alone = { kind: 'route', name: route.id, change: 'added', direction, changes: [] } as const
      if (broad === undefined) return [{ ...alone, place: route.declaredAt }]
      return [{ ...alone, ...carved(between(broad, route)), beside: broad.id, place: route.declaredAt }]
    }),
    ...before.routes.flatMap((route): ThingDifference[] => {
      if (later.has(shapeOf(route))) return []
      const broad = takesNow(route)
      const alone = { kind: 'route', name: route.id, change: 'removed', direction: 'other', changes: [] } as const
      if (broad === undefined) return [{ ...alone, place: route.declaredAt }]
      return [{ ...alone, ...carved(between(route, broad)), beside: broad.id, place: route.declaredAt }]
    }),
  ]
}

/** What changes for requests that another route takes; that its id is another one goes without saying. */
function carved(things: readonly ThingDifference[]): Pick<ThingDifference, 'direction' | 'changes'> {
  const changes = things.flatMap((thing) => thing.changes.filter(({ setting }) => setting !== 'id'))
  return { direction: weakest(changes), changes }
}

function weakest(changes: readonly Change[]): Direction {
  if (changes.some(({ direction }) => direction === 'weaker')) return 'weaker'
  return changes.length > 0 && changes.every(({ direction }) => direction === 'stronger') ? 'stronger' : 'other'
}

/** Parameters of other names make no other route. */
function shapeOf({ match }: RoutePlan): string {
  const path = match.segments.map((segment) =>
    'literal' in segment ? segment.literal : 'param' in segment ? '{}' : '{+}',
  )
  return `${match.method} /${path.join('/')}`
}

function isOpen(route: RoutePlan): boolean {
  return routeFacts(route).get('auth.open')?.fact !== false
}

function schemaDifferences(was: RoutePlan, before: Plan, is: RoutePlan, after: Plan): Change[] {
  const earlier = schemasOf(was)
  const later = schemasOf(is)
  const keys = [...new Set([...earlier.keys(), ...later.keys()])]
  return keys.flatMap((key): Change[] => {
    const a = earlier.get(key)
    const b = later.get(key)
    const place = b?.place ?? a?.place ?? is.declaredAt
    if (a === undefined || b === undefined) {
      const setting = `${key} schema`
      const direction = b === undefined ? 'weaker' : 'stronger'
      return [
        {
          setting,
          direction,
          before: a === undefined ? undefined : true,
          after: b === undefined ? undefined : true,
          place,
        },
      ]
    }
    if (a.hash === b.hash) return []
    return schemaChanges(before.schemas[a.hash], after.schemas[b.hash]).map((change) => ({
      ...change,
      setting: `${key}: ${change.setting}`,
      place,
    }))
  })
}

/** The changed settings of one thing; none where nothing changed. */
function changed(
  kind: ThingDifference['kind'],
  name: string,
  before: Facts,
  after: Facts,
  more: readonly Change[],
  place: Place,
): ThingDifference[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])]
  const all = paths.flatMap((setting): Change[] => {
    const was = before.get(setting)
    const is = after.get(setting)
    if (was !== undefined && is !== undefined && same(was.fact, is.fact)) return []
    const direction = directionOf(setting, was?.fact, is?.fact)
    return [{ setting, direction, before: was?.fact, after: is?.fact, place: is?.place ?? was?.place ?? place }]
  })
  const changes = [...withoutConsequences(all), ...more]
  if (changes.length === 0) return []
  return [{ kind, name, change: 'changed', direction: weakest(changes), changes, place }]
}

/** Of a part that came or went as a whole, that alone is told: `rateLimit.per-ip.present`, not its quota. */
function withoutConsequences(changes: readonly Change[]): Change[] {
  const wholes = changes.flatMap(({ setting }) =>
    setting.endsWith('.present') ? [setting.slice(0, -'present'.length)] : [],
  )
  const has = (name: string) => changes.some(({ setting }) => setting === name)
  const isOpened = has('auth.open')
  const isSignedIn = has('upstream.auth')
  return changes.filter(({ setting, before, after }) => {
    // The schemas that came or went are told themselves.
    if (besideSchemas.has(setting) && (before === undefined || after === undefined)) return false
    if (isOpened && setting.startsWith('auth.') && setting !== 'auth.open') return false
    if (isSignedIn && setting.startsWith('upstream.signIn.')) return false
    return !wholes.some((whole) => setting.startsWith(whole) && setting !== `${whole}present`)
  })
}

const besideSchemas = new Set(['request.schemas.mode', 'request.rejectsUnknownQuery', 'response.schema.mode'])

function same(a: Fact, b: Fact): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) {
    const sorted = [...b].sort()
    return a.length === b.length && [...a].sort().every((item, i) => item === sorted[i])
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  return 'quota' in a && 'quota' in b && a.quota === b.quota && a.windowMs === b.windowMs
}

import type { RoutePlan, Step } from '../plan/plan.js'
import type { Planned, Scope, Section, Stage } from '../stages/contract.js'
import { order } from '../stages/order.js'
import { nearest } from '../values/nearest.js'
import type { Place } from '../values/place.js'
import type { Checker } from './check.js'
import { checkGuardrails, type Guardrail } from './guardrails.js'
import { overlay } from './inherit.js'
import { type Entry, keyPlaceOf, type MapNode, placeOf } from './node.js'
import type { Report } from './problems.js'
import { parseRouteKey, type RouteKey, routeMethods } from './route-key.js'
import type { Language, StageTable } from './schema.js'
import { NodeSection } from './section.js'

/** What resolving a route may use: the shared things, and the questions that stages may ask. */
export interface RouteResolving {
  readonly report: Report
  /** Whether every file could be read: what a broken one declares is unknown, not missing. */
  readonly isWhole: boolean
  /** Whether the set is refused already, so that what follows from it need not be said. */
  hasErrors(): boolean
  readonly language: Language
  readonly checker: Checker
  readonly guardrails: readonly Guardrail[]
  readonly builtIn: MapNode
  /** Names of all declared upstreams, sound or not. */
  readonly upstreamNames: ReadonlySet<string>
  readonly scope: Omit<Scope, 'route'>
  /** Shown every route with the effective policy that it was planned from; for the audit. */
  readonly onRoute?: ((plan: RoutePlan, policy: Section) => void) | undefined
}

const slotRank = new Map(order.map(({ slot }, rank) => [slot, rank]))

/** Resolves routes one by one and watches over those that collide. */
export class RouteResolver {
  readonly #with: RouteResolving
  readonly #stages: readonly Stage<never>[]
  /** By path shape, then by method. */
  readonly #taken = new Map<string, Map<string, { readonly id: string; readonly place: Place }>>()
  readonly routes: RoutePlan[] = []

  constructor(resolving: RouteResolving, stages: StageTable) {
    this.#with = resolving
    const names = [...new Set(order.map(({ stage }) => stage))]
    this.#stages = names.flatMap((name) => stages[name] ?? [])
  }

  /** One route over the layers that it inherits. */
  add(entry: Entry, base: MapNode): void {
    const { report } = this.#with
    const place = keyPlaceOf(entry)
    const parsed = parseRouteKey(entry.key)
    if ('code' in parsed) {
      report({ ...parsed, at: place })
      return
    }
    this.#claim(entry.key, parsed, place)
    if (entry.node.kind !== 'map') {
      report({
        code: 'route.value-type',
        message: `${entry.key} is no map of settings.`,
        hint: 'A route has at least upstream: and auth:.',
        at: entry.node.value === null ? place : placeOf(entry.node),
      })
      return
    }
    this.#resolve(entry, entry.node, parsed, base, place)
  }

  /** Routes of an earlier run, whose every circumstance is the same. */
  adopt(entries: readonly Entry[], plans: readonly RoutePlan[]): void {
    for (const entry of entries) {
      const parsed = parseRouteKey(entry.key)
      if (!('code' in parsed)) this.#claim(entry.key, parsed, keyPlaceOf(entry))
    }
    for (const plan of plans) this.routes.push(plan)
  }

  /** Routes that no request can ever reach, once all are known. */
  reportUnreachable(): void {
    for (const methods of this.#taken.values()) {
      const any = methods.get('ANY')
      if (any === undefined || methods.size < routeMethods.length) continue
      this.#with.report({
        code: 'route.unreachable',
        severity: 'warning',
        message: `${any.id} is never reached: every method has a route of its own.`,
        hint: 'Delete it.',
        at: any.place,
      })
    }
  }

  /** What no accepted plan may lack, whatever a stage forgot: someone who asks for credentials, and a function. */
  reportUnguarded(): void {
    for (const { id, steps, declaredAt } of this.routes) {
      for (const stage of ['auth', 'forward'] as const) {
        if (steps.some((step) => step.stage === stage && step.mode === 'enforce')) continue
        this.#with.report({
          code: 'policy.stage-failed',
          message: `${id} would run without ${stage}.`,
          hint: 'This is a fault of Postern; please report it with the route.',
          at: declaredAt,
        })
      }
    }
  }

  #claim(id: string, { method, shape }: RouteKey, place: Place): void {
    const methods = this.#taken.get(shape) ?? new Map<string, { id: string; place: Place }>()
    this.#taken.set(shape, methods)
    const earlier = methods.get(method)
    if (earlier === undefined) {
      methods.set(method, { id, place })
      return
    }
    this.#with.report({
      code: 'route.collision',
      message: `${id} collides with ${earlier.id}: no request could tell the two apart.`,
      hint: `Keep one of them, or change a path: the other is at ${earlier.place.file}:${earlier.place.line}.`,
      at: place,
      related: [{ message: 'the other route', place: earlier.place }],
    })
  }

  #resolve(entry: Entry, own: MapNode, key: RouteKey, base: MapNode, place: Place): void {
    const { report, checker, guardrails, builtIn } = this.#with
    const effective = overlay(base, own, builtIn, report)
    const policy = new NodeSection(effective, undefined, () => place)
    const failed = checker.check({ thing: 'route', node: effective, at: place }, report)
    if (!this.#with.isWhole) return
    this.#checkAuth(entry.key, own, policy, place)
    const upstream = this.#upstream(policy.get('upstream'), entry.key, place, failed.has('upstream'))
    if (failed.size === 0) checkGuardrails(guardrails, policy, report)
    const scope: Scope = { ...this.#with.scope, route: { id: entry.key, method: key.method, segments: key.segments } }
    const steps = this.#steps(policy, scope, failed, place)
    if (upstream === undefined) return
    const plan: RoutePlan = {
      id: entry.key,
      match: { method: key.method, segments: key.segments },
      body: steps.some(({ needsBody }) => needsBody) ? 'buffered' : 'streamed',
      steps: steps.map(({ step }) => step),
      upstream,
      declaredAt: place,
    }
    this.routes.push(plan)
    this.#with.onRoute?.(plan, policy)
  }

  /** Openness is written down in the route itself, with a reason; it is never inherited and never forgotten. */
  #checkAuth(id: string, own: MapNode, policy: NodeSection, place: Place): void {
    const { report } = this.#with
    const auth = policy.get('auth')
    if (auth.value === undefined) {
      report({
        code: 'route.auth-missing',
        message: `${id} does not say who may call it.`,
        hint: 'Add auth: { jwt: <issuer> } or auth: { apiKey: [<client>] }; for everyone, auth: none and a reason.',
        at: place,
      })
    } else if (
      auth.value === 'none' &&
      own.entries.get('auth') !== undefined &&
      policy.get('reason').value === undefined
    ) {
      report({
        code: 'route.reason-missing',
        message: `${id} is open to everyone and does not say why.`,
        hint: 'Add reason: <why everyone may call it>, in the route itself.',
        at: auth.place,
      })
    }
  }

  #upstream(section: NodeSection, id: string, place: Place, failed: boolean): string | undefined {
    const { report, upstreamNames } = this.#with
    if (failed) return undefined
    const name = section.value
    if (typeof name !== 'string') {
      report({
        code: 'route.upstream-missing',
        message: `${id} does not say which function serves it.`,
        hint: 'Add upstream: <name>, a name under upstreams:.',
        at: place,
      })
      return undefined
    }
    if (upstreamNames.has(name)) return name
    const guess = nearest(name, upstreamNames)
    report({
      code: 'route.upstream-unknown',
      message: `Upstream "${name}" is not defined.`,
      hint: `Known upstreams: ${[...upstreamNames].sort().slice(0, 10).join(', ') || 'none'}.${guess === undefined ? '' : ` Did you mean ${guess}?`}`,
      at: section.place,
    })
    return undefined
  }

  #steps(policy: Section, scope: Scope, failed: ReadonlySet<string>, place: Place) {
    const steps: { readonly step: Step; readonly rank: number; readonly needsBody: boolean }[] = []
    for (const stage of this.#stages) {
      // What does not fit its schema has been reported; a stage may rely on the shape of its own keys.
      if (Object.keys(stage.keys).some((key) => failed.has(key))) continue
      for (const planned of this.#resolveStage(stage, policy, scope, place)) {
        const rank = slotRank.get(planned.slot)
        const found = rank === undefined ? undefined : order[rank]
        if (rank === undefined || found === undefined)
          throw new Error(`stage ${stage.name} plans the unknown slot ${planned.slot}`)
        const { slot, mode, settings, declaredAt } = planned
        const step: Step = { stage: stage.name, slot, phase: found.phase, mode, settings, declaredAt }
        steps.push({ step, rank, needsBody: planned.needsBody === true })
      }
    }
    return steps.sort((a, b) => a.rank - b.rank)
  }

  /** A stage that throws is broken; the policy is refused with its name rather than the loader brought down. */
  #resolveStage(stage: Stage<never>, policy: Section, scope: Scope, place: Place): readonly Planned<never>[] {
    try {
      return stage.resolve(policy, scope)
    } catch (error) {
      if (this.#with.hasErrors()) return []
      this.#with.report({
        code: 'policy.stage-failed',
        message: `The stage ${stage.name} could not read this route: ${error instanceof Error ? error.message : 'it failed'}.`,
        hint: 'This is a fault of Postern; please report it with the route.',
        at: place,
      })
      return []
    }
  }
}

/** Whether a dotted path names something that a route can have: for guardrails. */
export function routeHas(language: Language): (path: readonly string[]) => boolean {
  const has = (schema: unknown, path: readonly string[]): boolean => {
    const [head, ...rest] = path
    if (head === undefined) return true
    if (schema === null || typeof schema !== 'object') return false
    const { properties, additionalProperties, anyOf, oneOf } = schema as Readonly<Record<string, unknown>> // JSON Schema
    const branches = [...(Array.isArray(anyOf) ? anyOf : []), ...(Array.isArray(oneOf) ? oneOf : [])]
    if (branches.some((branch) => has(branch, path))) return true
    const known = Object(properties)
    if (Object.hasOwn(known, head)) return has(known[head], rest)
    return typeof additionalProperties === 'object' && has(additionalProperties, rest)
  }
  return (path) => has(language.route, path)
}

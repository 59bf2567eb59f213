import type { Plan, Step } from '../../plan/plan.js'
import type { DecisionRecord } from '../../record/record.js'
import { formatPlace, type Place } from '../../values/place.js'

/** A line of the policies that may refuse a request. */
interface Rule {
  /** `auth`, `rateLimit.per-ip`. */
  readonly name: string
  readonly declaredAt: Place
  /** The routes it guards. */
  readonly routes: readonly string[]
}

export interface CoverageReport {
  /** How many rules there are, and those no test ever made refuse. */
  readonly rules: number
  readonly neverHit: readonly Rule[]
  /** Routes that no test ever reached. */
  readonly neverCalled: readonly string[]
}

/** Stages that refuse for the function's sake and not for the caller's: what they do is no rule of the policy. */
const notRules: ReadonlySet<string> = new Set(['forward', 'response', 'cors'])

/** Which lines of the policies the tests have seen at work. A rule written once in defaults is one rule, however many routes it guards. */
export class Coverage {
  readonly #rules = new Map<string, { readonly name: string; readonly declaredAt: Place; readonly routes: string[] }>()
  readonly #uncalled: Set<string>
  readonly #hit = new Set<string>()

  constructor(plan: Plan) {
    this.#uncalled = new Set(plan.routes.map(({ id }) => id))
    for (const { id, steps } of plan.routes) {
      for (const step of steps) for (const rule of rulesOf(step)) this.#add(rule, id)
    }
  }

  note(record: DecisionRecord): void {
    if (record.route !== null) this.#uncalled.delete(record.route)
    for (const { outcome, stage, declaredAt } of record.steps) {
      if (outcome === 'deny') this.#hit.add(keyOf(stage, declaredAt))
    }
  }

  report(): CoverageReport {
    const neverHit = [...this.#rules].filter(([key]) => !this.#hit.has(key)).map(([, rule]) => rule)
    return { rules: this.#rules.size, neverHit, neverCalled: [...this.#uncalled] }
  }

  #add({ stage, name, declaredAt }: ReturnType<typeof rulesOf>[number], route: string): void {
    const key = keyOf(stage, declaredAt)
    const known = this.#rules.get(key)
    if (known === undefined) this.#rules.set(key, { name, declaredAt, routes: [route] })
    else known.routes.push(route)
  }
}

function keyOf(stage: string, place: Place): string {
  return `${stage} ${formatPlace(place)}`
}

/** The rules of one step. Settings are each stage's own, so what is looked for in them may be missing. */
function rulesOf({ stage, settings, declaredAt }: Step): { stage: string; name: string; declaredAt: Place }[] {
  if (notRules.has(stage) || (stage === 'auth' && Object(settings).method === 'none')) return []
  const limits: unknown = Object(settings).limits
  if (stage !== 'rateLimit' || !Array.isArray(limits)) return [{ stage, name: stage, declaredAt }]
  return limits.map((limit) => ({
    stage,
    name: `${stage}.${String(Object(limit).name)}`,
    declaredAt: Object(limit).declaredAt ?? declaredAt,
  }))
}

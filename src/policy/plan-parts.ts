import { createHash } from 'node:crypto'
import type { Plan } from '../plan/plan.js'
import type { Problem } from '../values/problem.js'

/** Names a part in the talk between the loader and its thread; the same content has the same number. */
export type PartId = number

type Named = readonly (readonly [name: string, id: PartId])[]

/** A plan whose parts are told by number: what has not changed is with the other side already. */
export interface PlanLayout {
  readonly fingerprint: string
  readonly gateway: Plan['gateway']
  readonly issuers: Named
  readonly clients: Named
  readonly upstreams: Named
  readonly schemas: Named
  readonly routes: readonly PartId[]
}

export type Part = readonly [id: PartId, value: object]

/** Parts sent at once stay below this much JSON: taking them over stalls the other thread for a millisecond or two. */
const portionCharacters = 128 * 1024

interface Kept {
  readonly id: PartId
  readonly value: object
  readonly characters: number
}

/** The parts of the last plan on the side that makes plans. */
export class PartStore {
  /** By the digest of their JSON: what the last two plans held. */
  #current = new Map<string, Kept>()
  #previous = new Map<string, Kept>()
  /** Spares the JSON of what is the very object of an earlier run. */
  readonly #known = new WeakMap<object, { readonly digest: string; readonly characters: number }>()
  #byId = new Map<PartId, Kept>()
  #nextId = 0

  /** Takes the parts of a run's outcome; they can be asked for until the next run. */
  lay(plan: Plan | null, problems: readonly Problem[]): { plan: PlanLayout | null; problems: readonly PartId[] } {
    this.#byId = new Map()
    // A set that is refused does not make the other side forget the last one that was not.
    if (plan !== null) {
      this.#previous = this.#current
      this.#current = new Map()
    }
    return {
      plan: plan === null ? null : this.#layout(plan),
      problems: problems.map((problem) => this.#offer(this.#fresh(problem))),
    }
  }

  /** The first of these parts that fit into one portion, one at least. */
  take(ids: readonly PartId[]): Part[] {
    const parts: Part[] = []
    let characters = 0
    for (const id of ids) {
      const part = this.#byId.get(id)
      if (part === undefined) throw new Error('a part was asked for that the last plan does not have')
      characters += part.characters
      if (parts.length > 0 && characters > portionCharacters) break
      parts.push([id, part.value])
    }
    return parts
  }

  #layout({ fingerprint, gateway, issuers, clients, upstreams, schemas, routes }: Plan): PlanLayout {
    const named = (things: Readonly<Record<string, object>>): Named =>
      Object.entries(things).map(([name, thing]) => [name, this.#part(thing)])
    return {
      fingerprint,
      gateway,
      issuers: named(issuers),
      clients: named(clients),
      upstreams: named(upstreams),
      schemas: named(schemas),
      routes: routes.map((route) => this.#part(route)),
    }
  }

  #part(value: object): PartId {
    let known = this.#known.get(value)
    if (known === undefined) {
      const text = JSON.stringify(value)
      known = { digest: createHash('sha256').update(text).digest('base64'), characters: text.length }
      this.#known.set(value, known)
    }
    const { digest, characters } = known
    const earlier = this.#current.get(digest) ?? this.#previous.get(digest)
    const part = earlier ?? { id: this.#nextId++, value, characters }
    this.#current.set(digest, part)
    return this.#offer(part)
  }

  #fresh(problem: Problem): Kept {
    return { id: this.#nextId++, value: problem, characters: JSON.stringify(problem).length }
  }

  #offer(part: Kept): PartId {
    this.#byId.set(part.id, part)
    return part.id
  }
}

/** Which parts of an outcome are not held yet. */
export function missingParts(
  layout: PlanLayout | null,
  problems: readonly PartId[],
  held: ReadonlyMap<PartId, object>,
): PartId[] {
  return [...(layout === null ? [] : partsOf(layout)), ...problems].filter((id) => !held.has(id))
}

/** Every part that a plan is made of. */
export function partsOf({ issuers, clients, upstreams, schemas, routes }: PlanLayout): PartId[] {
  return [...[issuers, clients, upstreams, schemas].flatMap((things) => things.map(([, id]) => id)), ...routes]
}

/** The plan of a layout from parts that are all held. */
export function planOf(layout: PlanLayout, held: ReadonlyMap<PartId, object>): Plan {
  const part = <T>(id: PartId): T => {
    const value = held.get(id)
    if (value === undefined) throw new Error('a part of the plan has not arrived')
    return value as T // a layout names each part where its kind belongs
  }
  const named = <T>(things: Named): Record<string, T> =>
    Object.fromEntries(things.map(([name, id]) => [name, part<T>(id)]))
  const { fingerprint, gateway } = layout
  return {
    fingerprint,
    gateway,
    issuers: named(layout.issuers),
    clients: named(layout.clients),
    upstreams: named(layout.upstreams),
    schemas: named(layout.schemas),
    routes: layout.routes.map((id) => part(id)),
  }
}

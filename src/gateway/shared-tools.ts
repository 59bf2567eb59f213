import type { Plan } from '../plan/plan.js'
import type { Tools } from '../stages/contract.js'
import type { Vault } from '../values/secret.js'

/** What tools are made of: the part of a plan that routes share, and the secrets it names. */
interface Shared {
  readonly plan: Plan
  readonly vault: Vault
}

/**
 * Tools that one generation hands on to the next while everything they are made of stays the same. Routes that did not
 * change then keep their compiled steps, which hold on to these tools. Given back when the last generation has gone.
 */
export class SharedTools {
  readonly tools: Tools
  readonly #madeOf: Shared
  readonly #release: () => Promise<void>
  #users = 0

  constructor(madeOf: Shared, tools: Tools, release: () => Promise<void>) {
    this.#madeOf = madeOf
    this.tools = tools
    this.#release = release
  }

  /** Whether tools of this policy would be the same. */
  fit({ plan, vault }: Shared): boolean {
    const { plan: own, vault: ownVault } = this.#madeOf
    return (
      isSame(own.gateway, plan.gateway) &&
      areSame(own.issuers, plan.issuers) &&
      areSame(own.clients, plan.clients) &&
      areSame(own.upstreams, plan.upstreams) &&
      ownVault.size === vault.size &&
      [...vault].every(([name, secret]) => ownVault.get(name)?.reveal() === secret.reveal())
    )
  }

  take(): this {
    this.#users++
    return this
  }

  async release(): Promise<void> {
    if (--this.#users === 0) await this.#release()
  }
}

/** Whether two parts of plans say the same; parts that a reload did not touch are mostly one object. */
export function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

function areSame(some: Readonly<Record<string, unknown>>, others: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(others)
  return Object.keys(some).length === names.length && names.every((name) => isSame(some[name], others[name]))
}

import type { Plan } from '../plan/plan.js'
import { createRecorder } from '../record/open-record.js'
import type { RecordReader } from '../record/record.js'
import { createRedactor } from '../record/redact.js'
import type { Clock } from '../stages/contract.js'
import type { State } from '../state/state.js'
import type { Vault } from '../values/secret.js'
import { createAddressTier } from './address-tier.js'
import { clientAddress } from './client-address.js'
import { type FrontDoor, openFrontDoor } from './front-door.js'
import { createFastify, createGeneration, type Generation } from './generation.js'
import { lendTools, openUpstreams } from './lend-tools.js'
import { createLimiter } from './tools/limiter.js'
import { securityHeaders } from './tools/security-headers.js'

/** A plan and the secrets it names. */
export interface Policy {
  readonly plan: Plan
  readonly vault: Vault
}

export interface GatewayOptions extends Policy {
  readonly state: State
  readonly clock: Clock
  /** Log, metrics, the recent ring: each sees every record. */
  readonly readers: readonly RecordReader[]
  /** Hears of what harms no request but should not happen: a reader that throws, a route that does not compile. */
  readonly onFault?: (error: unknown) => void
}

/** The door and the generation behind it. */
export interface Gateway {
  readonly address: FrontDoor['address']
  readonly plan: Plan
  readonly inFlight: number
  readonly connections: number
  readonly loopDelayMs: number
  readonly isDraining: boolean
  /** Builds the next generation beside the current one, then swaps: no request sees a half-made policy. */
  apply(policy: Policy): Promise<void>
  /** Stops accepting and settles when all is answered, with the number of requests cut at the deadline. */
  drain(deadlineMs?: number): Promise<number>
}

/** Opens the gateway on its plan's public listener. Rejects when the address cannot be had. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { state, clock, readers, onFault } = options
  const headersOf = await securityHeaders()
  let current: Generation
  let door: FrontDoor | null = null

  async function build({ plan, vault }: Policy): Promise<Generation> {
    state.kept.turn()
    const app = createFastify()
    const origins = Object.values(plan.upstreams)
    const tools = lendTools(
      { plan, vault },
      {
        app,
        state,
        clock,
        limiter: createLimiter(state.counters, { isCounting: true }),
        http: openUpstreams(plan, state),
        securityHeaders: headersOf,
      },
    )
    const tier = await createAddressTier(app, plan, state.counters)
    return createGeneration(app, {
      plan,
      tools,
      tier,
      recorder: createRecorder({
        plan: plan.fingerprint,
        redactor: createRedactor(plan.gateway.accessLog.redact),
        readers,
        ...(onFault === undefined ? {} : { onFault }),
      }),
      isDraining: () => door?.isDraining ?? false,
      release: async () => {
        for (const { origin } of origins) state.pools.release(origin)
      },
    })
  }

  /** A route that does not compile answers 503 for itself; the operator hears of it once, here. */
  function warmUp(generation: Generation): void {
    generation.warmUp().catch((error: unknown) => onFault?.(error))
  }

  current = await build(options)
  const opened = await openFrontDoor({
    listener: options.plan.gateway.listeners.public,
    limits: options.plan.gateway.limits,
    generation: current,
    clientAddress: clientAddress(options.plan.gateway.trustedProxies),
  })
  door = opened
  // Routes compile at their first request; the rest in the pauses, so that nobody waits for them.
  warmUp(current)

  return {
    address: opened.address,
    get plan() {
      return current.plan
    },
    get inFlight() {
      return opened.inFlight
    },
    get connections() {
      return opened.connections
    },
    get loopDelayMs() {
      return opened.loopDelayMs
    },
    get isDraining() {
      return opened.isDraining
    },
    async apply(policy) {
      const next = await build(policy)
      current = next
      opened.swap(next, clientAddress(policy.plan.gateway.trustedProxies))
      warmUp(next)
    },
    async drain(deadlineMs = options.plan.gateway.limits.drainMs) {
      const cut = await opened.drain(deadlineMs)
      await current.close()
      return cut
    },
  }
}

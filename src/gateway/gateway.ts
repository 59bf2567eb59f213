import { isDeepStrictEqual } from 'node:util'
import type { Plan, RoutePlan } from '../plan/plan.js'
import { createRecorder } from '../record/open-record.js'
import type { RecordReader } from '../record/record.js'
import { createRedactor } from '../record/redact.js'
import type { Clock } from '../stages/contract.js'
import { createRevocationFile } from '../state/revocation-file.js'
import type { RevocationStore } from '../state/revocations.js'
import type { State } from '../state/state.js'
import { type CertificateFacts, readKeyPair } from '../values/certificate.js'
import type { Vault } from '../values/secret.js'
import { createAddressTier } from './address-tier.js'
import { clientAddress } from './client-address.js'
import type { CompiledRoute } from './compiled-route.js'
import { type DoorTls, doorTls } from './door-tls.js'
import { type FrontDoor, openFrontDoor } from './front-door.js'
import { createFastify, createGeneration, type Generation } from './generation.js'
import { lendTools, openUpstreams } from './lend-tools.js'
import { reusedRoutes } from './reused-routes.js'
import { SharedTools } from './shared-tools.js'
import { storeSettings } from './store-settings.js'
import { openLimiter } from './tools/limiter.js'
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
  readonly refusedConnections: FrontDoor['refusedConnections']
  /** The certificate that new connections get; null on plain HTTP. */
  readonly certificate: CertificateFacts | null
  /** Builds the next generation beside the current one, then swaps: no request sees a half-made policy. */
  apply(policy: Policy): Promise<Applied>
  /** Stops accepting and settles when all is answered, with the number of requests cut at the deadline. */
  drain(deadlineMs?: number): Promise<number>
}

/** What became of a new policy. */
export interface Applied {
  /** Routes whose compiled steps the generation before has left to this one. */
  readonly reused: number
}

/** A generation with the tools that it may hand on. */
interface Built {
  readonly generation: Generation
  readonly lent: SharedTools
  readonly reused: number
}

/** Opens the gateway on its plan's public listener. Rejects when the address cannot be had. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { state, clock, readers, onFault } = options
  const headersOf = await securityHeaders()
  let door: FrontDoor | null = null

  async function lend(policy: Policy): Promise<SharedTools> {
    const { plan } = policy
    const app = createFastify()
    const tools = lendTools(policy, {
      app,
      state,
      clock,
      limiter: openLimiter(plan.gateway.store, state, clock),
      http: openUpstreams(plan, state),
      credentials: state.credentials,
      securityHeaders: headersOf,
    })
    await app.ready()
    return new SharedTools(policy, tools, async () => {
      await app.close()
      for (const upstream of Object.values(plan.upstreams)) {
        state.pools.release(upstream)
        state.gates.release(upstream)
      }
    })
  }

  async function build(policy: Policy, previous: Built | null): Promise<Built> {
    const { plan } = policy
    state.kept.turn()
    await state.store.use(storeSettings(plan.gateway.store, policy.vault))
    await state.revocations.follow(state.store.revocations ?? fileOf(plan.gateway.revocation.file))
    const isHandedOn = previous?.lent.fit(policy) === true
    const lent = (isHandedOn ? previous.lent : await lend(policy)).take()
    try {
      const reused = isHandedOn ? await reusedRoutes(previous.generation, plan) : new Map<RoutePlan, CompiledRoute>()
      for (const { kept } of reused.values()) state.kept.touch(kept)
      const app = createFastify()
      const generation = await createGeneration(app, {
        plan,
        tools: { ...lent.tools, schemas: plan.schemas },
        reused,
        tier: await createAddressTier(app, plan, state.counters),
        recorder: createRecorder({
          plan: plan.fingerprint,
          redactor: createRedactor(plan.gateway.accessLog.redact),
          readers,
          ...(onFault === undefined ? {} : { onFault }),
        }),
        isDraining: () => door?.isDraining ?? false,
        release: () => lent.release(),
      })
      return { generation, lent, reused: reused.size }
    } catch (error) {
      await lent.release()
      throw error
    }
  }

  /** One store for one file, so that a reload goes on with the one it has. */
  function fileOf(path: string | null): RevocationStore | null {
    return path === null ? null : state.kept.keep(`revocations:${path}`, () => createRevocationFile(path))
  }

  /** A route that does not compile answers 503 for itself; the operator hears of it once, here. */
  function warmUp(generation: Generation): void {
    generation.warmUp().catch((error: unknown) => onFault?.(error))
  }

  let current = await build(options, null)
  let tls = doorTls(options.plan.gateway.listeners.public.tls, options.vault)
  const opened = await openFrontDoor({
    listener: options.plan.gateway.listeners.public,
    tls,
    limits: options.plan.gateway.limits,
    generation: current.generation,
    clientAddress: clientAddress(options.plan.gateway.trustedProxies),
  })
  door = opened
  let certificate = factsOf(tls)
  // Routes compile at their first request; the rest in the pauses, so that nobody waits for them.
  warmUp(current.generation)

  /** Whether there is TLS at all belongs to the open port, like its address: the next start changes it. */
  function renewTls(next: DoorTls | null): void {
    if (tls === null || next === null || isDeepStrictEqual(tls, next)) return
    opened.renewTls(next)
    tls = next
    certificate = factsOf(next)
  }

  return {
    address: opened.address,
    get plan() {
      return current.generation.plan
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
    get refusedConnections() {
      return opened.refusedConnections
    },
    get certificate() {
      return certificate
    },
    async apply(policy) {
      const next = await build(policy, current)
      renewTls(doorTls(policy.plan.gateway.listeners.public.tls, policy.vault))
      current = next
      opened.swap(next.generation, clientAddress(policy.plan.gateway.trustedProxies))
      warmUp(next.generation)
      return { reused: next.reused }
    },
    async drain(deadlineMs = options.plan.gateway.limits.drainMs) {
      const cut = await opened.drain(deadlineMs)
      await current.generation.close()
      return cut
    },
  }
}

/** Null where there is none; a pair that cannot be used has been refused before it came here. */
function factsOf(tls: DoorTls | null): CertificateFacts | null {
  const found = tls === null ? null : readKeyPair(tls.cert, tls.key)
  return found === null || 'message' in found ? null : found
}

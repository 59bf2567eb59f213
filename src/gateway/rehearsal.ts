import type { IssuerPlan, Plan, Step } from '../plan/plan.js'
import { createRecorder } from '../record/open-record.js'
import type { DecisionRecord } from '../record/record.js'
import { createRedactor } from '../record/redact.js'
import type { Clock, Credential, Tools } from '../stages/contract.js'
import type { ResponseSettings } from '../stages/response/settings.js'
import { Kept } from '../state/kept.js'
import type { KeySets } from '../state/key-sets.js'
import { createState } from '../state/state.js'
import type { Vault } from '../values/secret.js'
import { createAddressTier } from './address-tier.js'
import { clientAddress } from './client-address.js'
import { openFrontDoor } from './front-door.js'
import { createFastify, createGeneration } from './generation.js'
import { type Lender, lendTools } from './lend-tools.js'
import { MemoryConnection } from './rehearsal/memory-connection.js'
import { type RawAnswer, readAnswer } from './rehearsal/raw-answer.js'
import { type Sent, type StandInAnswer, standInFunctions } from './rehearsal/stand-in-function.js'
import { createLimiter } from './tools/limiter.js'
import { securityHeaders } from './tools/security-headers.js'

export type { Sent, StandInAnswer } from './rehearsal/stand-in-function.js'

export interface RehearsalOptions {
  readonly plan: Plan
  readonly vault: Vault
  readonly clock: Clock
  /** What the function says; by default 201 to a POST and 200 to the rest. */
  readonly answer?: (sent: Sent) => StandInAnswer
  /** Whether limits spend what they grant; without, they answer as they stand. */
  readonly isCounting: boolean
  /** JWK sets as JSON text, by the name of the issuer whose published keys they are. */
  readonly keys?: Readonly<Record<string, string>>
  /** What one rehearsal compiled, for the next: detectors' tables and schemas, by their content. */
  readonly kept?: Kept
}

/** What became of one request. */
export interface Judged extends RawAnswer {
  readonly record: DecisionRecord
  /** What reached the function; null when nothing did. */
  readonly sent: Sent | null
}

/** A gateway on no port, with functions that are none: it judges, and nothing else comes of it. */
export interface Rehearsal {
  /**
   * Judges the bytes of one request as they would come over a connection, wire checks included. One at a time, in the
   * order of the calls. An empty request is judged by nobody: it rejects.
   */
  judge(bytes: Buffer, peer?: string): Promise<Judged>
  close(): Promise<void>
}

/**
 * Opens a rehearsal: the front door without its port, a generation of the real code, and a network that is off. Issuers
 * that publish their keys are unavailable unless their keys are given.
 */
export async function openRehearsal(options: RehearsalOptions): Promise<Rehearsal> {
  const { vault, clock, isCounting, keys = {}, answer = cheerful, kept = new Kept() } = options
  const judged = withKeys(options.plan, keys)
  // What a stand-in says by default is nobody's promise.
  const plan = options.answer === undefined ? withoutAnswerSchemas(judged) : judged
  const state = { ...createState(clock), keySets: unreachable, kept }
  const app = createFastify()
  let sent: Sent | null = null
  let seen: ((record: DecisionRecord) => void) | null = null
  const remember = (request: Sent): void => {
    sent = request
  }
  const tools = lendTools(
    { plan, vault },
    {
      app,
      state,
      clock,
      limiter: createLimiter(state.counters, { isCounting }),
      http: standInFunctions(answer, remember),
      credentials: rehearsed,
      securityHeaders: await securityHeaders(),
      introspector: standInIntrospector,
    },
  )
  const { gateway } = plan
  const tierPlan = isCounting ? plan : { ...plan, gateway: { ...gateway, addressLimit: null } }
  const generation = await createGeneration(app, {
    plan,
    tools,
    tier: await createAddressTier(app, tierPlan, state.counters),
    recorder: createRecorder({
      plan: plan.fingerprint,
      redactor: createRedactor(gateway.accessLog.redact),
      readers: [(record) => seen?.(record)],
    }),
    isDraining: () => false,
    release: async () => {},
  })
  const door = await openFrontDoor({
    listener: null,
    tls: null,
    // A busy machine is no reason to refuse what is only rehearsed.
    limits: { ...gateway.limits, eventLoopDelayMs: Number.POSITIVE_INFINITY },
    generation,
    clientAddress: clientAddress(gateway.trustedProxies),
  })

  async function judgeNow(bytes: Buffer, peer: string): Promise<Judged> {
    if (bytes.length === 0) throw new Error('an empty request is no request')
    const connection = new MemoryConnection(bytes, peer)
    sent = null
    const recorded = new Promise<DecisionRecord>((resolve, reject) => {
      seen = resolve
      // Whatever becomes of a request leaves a record, at the latest when its connection has gone.
      const nobody = (): void => reject(new Error('the connection ended without a record'))
      connection.once('close', () => setImmediate(nobody))
    })
    const done = { yet: false }
    door.accept(connection)
    void hangUpWhenCut(connection, done)
    const record = await recorded
    seen = null
    done.yet = true
    // A refusal of what was no request is written after its record.
    await new Promise((resolve) => setImmediate(resolve))
    const read = readAnswer(connection.written)
    connection.destroy()
    return { ...read, record, sent }
  }

  let last: Promise<unknown> = Promise.resolve()
  return {
    judge(bytes, peer = '127.0.0.1') {
      const mine = last.then(() => judgeNow(bytes, peer))
      last = mine.catch(() => {})
      return mine
    },
    async close() {
      await last
      await door.drain(0)
      await generation.close()
      await state.close()
    },
  }
}

/**
 * A caller who has sent everything and whose request is still not whole would wait for ever, and so would we: it is told
 * that nothing more will come. Until the parser has taken all bytes, nobody can know.
 */
async function hangUpWhenCut(connection: MemoryConnection, done: { readonly yet: boolean }): Promise<void> {
  for (let turn = 0; !done.yet; turn++) {
    await new Promise((resolve) => (turn < 8 ? setImmediate(resolve) : setTimeout(resolve, 2)))
    if (done.yet || connection.destroyed) return
    const hasLeft = connection.readableLength === 0 && connection.readableFlowing === true
    if (!hasLeft || turn < 2) continue
    if (connection.posternExchange?.request.complete !== true) connection.hangUp()
    return
  }
}

function cheerful({ method }: Sent): StandInAnswer {
  const status = method === 'POST' ? 201 : 200
  return { status, headers: ['content-type', 'application/json'], body: Buffer.from('{"ok":true}') }
}

/** Nobody is asked about a token: one that can be read is judged by itself, as those of test callers are. */
const standInIntrospector: NonNullable<Lender['introspector']> = (verifier) => (issuer) => ({
  verify: (token) =>
    token.split('.').length === 3
      ? verifier(issuer).verify(token)
      : { valid: false, fault: 'issuer-unavailable', evidence: { issuer, asked: 'nobody, in a rehearsal' } },
})

/** Key sets of a machine without a network: nothing is ever fetched, and every token is answered 503. */
const unreachable: KeySets = {
  open: () => ({
    ready: () => null,
    wait: async () => ({ current: null, certain: false, retryAfterSeconds: 1 }),
    close() {},
  }),
  stats: () => [],
  close: async () => {},
}

/** What shows where a sign-in would stand, and opens nothing. */
const rehearsed: Tools['credentials'] = {
  aws: () => always(Object.freeze({ accessKeyId: 'REHEARSED', secretAccessKey: 'rehearsed', sessionToken: null })),
  googleIdToken: () => always('rehearsed'),
  azureToken: () => always('rehearsed'),
}

function always<T>(value: T): Credential<T> {
  return { get: () => value, doubt() {} }
}

function withoutAnswerSchemas(plan: Plan): Plan {
  const isSchemas = ({ stage, settings }: Step): boolean =>
    stage === 'response' && (settings as ResponseSettings).schema !== null // the stage's own settings
  const routes = plan.routes.map((route) => {
    if (!route.steps.some(isSchemas)) return route
    const steps = route.steps.map((step) =>
      isSchemas(step) ? { ...step, settings: { ...(step.settings as ResponseSettings), schema: null } } : step,
    )
    return { ...route, steps }
  })
  return { ...plan, routes }
}

function withKeys(plan: Plan, keys: Readonly<Record<string, string>>): Plan {
  const issuers: Record<string, IssuerPlan> = { ...plan.issuers }
  for (const [name, json] of Object.entries(keys)) {
    const issuer = Object.hasOwn(issuers, name) ? issuers[name] : undefined
    if (issuer !== undefined) issuers[name] = { ...issuer, keys: { kind: 'jwks', json } }
  }
  return { ...plan, issuers }
}

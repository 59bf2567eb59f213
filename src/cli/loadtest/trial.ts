import type { RoutePlan } from '../../plan/plan.js'
import type { TestCaller } from '../../policy/test-file.js'
import type { PlannedLimit } from '../../stages/rate-limit/settings.js'
import type { RateLimitSettings } from '../../stages/rate-limit/stage.js'
import type { Selector } from '../../values/selector.js'
import type { Call } from './call.js'
import type { Caller } from './callers.js'
import type { SampleCall } from './sample.js'
import { Sender } from './sender.js'
import { type LoadPlan, schedule } from './shapes.js'
import { atOnce, ratePerSecond, type TestedLimit } from './tested-limit.js'
import type { RetryTrial, Run } from './verdict.js'

/** Makes the header that shows a caller's credential. */
export type MakeCredential = (credential: TestCaller['credential']) => Promise<readonly [string, string] | null>

export interface TrialOptions {
  readonly route: RoutePlan
  readonly limits: readonly TestedLimit[]
  readonly load: LoadPlan
  readonly sample: SampleCall
  readonly targets: readonly URL[]
  /** Names of the clients whose keys can be shown, for limits by client. */
  readonly clients: readonly string[]
  readonly tier: string | null
  readonly credential: MakeCredential
  /** Callers that somebody else made, for a gateway whose keys we do not have; the first makes the load. */
  readonly given: readonly Caller[] | null
  readonly isFresh: boolean
  readonly onCall: (call: Call, startedAt: number) => void
  readonly isStopped: () => boolean
}

/** A trial that could not begin: what the first call was answered. */
export interface NoTrial {
  readonly status: number
  readonly code: string
}

const longestWaitSeconds = 20
/** Names of the loud caller, at the most. */
const mostNames = 400

/** Puts load on one limit and gives what came of it. */
export async function tryLimit(options: TrialOptions): Promise<Run | NoTrial> {
  const { load, sample, targets, limits, isFresh } = options
  const loud = options.given === null ? namesOfLoud(options) : 1
  const callers = options.given ?? (await makeCallers(options, loud))
  const sender = new Sender(targets, sample.sample, callers)
  try {
    // Its own caller, so that the others start unused where the limit tells them apart.
    const first = await sender.send(callers.length - 1)
    if (first.outcome === 'other') return { status: first.status, code: first.code }
    // Connections and code are warm from the first call on.
    const epochOffset = Date.now() - performance.now()
    const startedAt = performance.now()
    // The loud one may show itself under several names, in turn.
    const due = schedule(load).map(({ at, caller }, i) => ({ at, caller: caller === 0 ? i % loud : loud + caller - 1 }))
    const run = await sender.run(due, (call) => options.onCall(call, startedAt), options.isStopped)
    const after: Call[] = []
    const retry = options.isStopped() ? null : await tryRetry(sender, load.limit, after)
    return {
      plan: load,
      limits,
      callers,
      loud,
      calls: [first, ...run.calls, ...after].sort((a, b) => a.sentAt - b.sentAt),
      startedAt: run.startedAt,
      lateMs: run.lateMs,
      retry,
      isFresh,
      epochOffset,
    }
  } finally {
    sender.close()
  }
}

/** Asks until it is refused, waits as long as it is told and asks once more. */
async function tryRetry(sender: Sender, limit: TestedLimit, calls: Call[]): Promise<RetryTrial | null> {
  for (let i = 0; i <= atOnce(limit) && i < 2_000; i++) {
    const call = await sender.send(0)
    calls.push(call)
    if (call.outcome === 'other') return null
    if (call.outcome === 'admitted') continue
    const { retryAfter } = call
    if (retryAfter === null) return { retryAfter, outcome: 'missing' }
    if (retryAfter > longestWaitSeconds) return { retryAfter, outcome: 'unasked' }
    await new Promise((resolve) => setTimeout(resolve, call.answeredAt + retryAfter * 1000 - performance.now()))
    const again = await sender.send(0)
    calls.push(again)
    return again.outcome === 'other' ? null : { retryAfter, outcome: again.outcome }
  }
  return null
}

/**
 * Other limits of the route must not stand in the way of the one under test: where they count by something else, the loud
 * caller changes its name there as often as they ask for it.
 */
function namesOfLoud({ load, limits }: TrialOptions): number {
  const through = atOnce(load.limit) + ratePerSecond(load.limit) * (load.durationMs / 1000)
  const others = limits.filter(({ countsBy }) => countsBy !== load.limit.countsBy)
  return Math.min(mostNames, 1 + Math.max(0, ...others.map((limit) => Math.floor((through * 1.3) / atOnce(limit)))))
}

/** The names of the loud caller, the quiet ones, and one for the first call. */
async function makeCallers(options: TrialOptions, loud: number): Promise<Caller[]> {
  const { load, sample, clients, route, tier } = options
  const count = loud + load.quiet + 1
  const callers: Caller[] = []
  for (let i = 0; i < count; i++) {
    const who = i < loud ? 'loud' : i === count - 1 ? 'first' : `quiet-${i - loud + 1}`
    const name = i < loud ? `loud-${i + 1}` : who
    const client = clients[(i < loud ? 0 : i - loud + 1) % Math.max(1, clients.length)]
    const made = differ(sample.credential, plannedLimits(route), { tested: load.limit.name, who, name, client, tier })
    const shown = await options.credential(made.credential)
    const headers = { ...made.headers, ...(shown !== null && { [shown[0].toLowerCase()]: shown[1] }) }
    const isByAddress = plannedLimits(route).some((limit) => limit.name === load.limit.name && isOf(limit, 'ip'))
    const address = addressOf(isByAddress && i < loud ? 0 : i)
    callers.push({ name, address, client: made.client, claims: made.claims, headers })
  }
  return callers
}

const isOf = ({ partitionKey }: PlannedLimit, from: Selector['from']): boolean =>
  partitionKey.some((selector) => selector.from === from)

/** Linux answers for the whole of 127.0.0.0/8; elsewhere only one address is there to call from. */
function addressOf(index: number): string {
  return process.platform === 'linux' ? `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}` : '127.0.0.1'
}

function plannedLimits(route: RoutePlan): readonly PlannedLimit[] {
  return route.steps.flatMap(
    ({ stage, settings }) => (stage === 'rateLimit' ? (settings as RateLimitSettings).limits : []), // the settings of this stage
  )
}

interface Naming {
  /** The limit under test, for which the caller is `who`; for all others it is `name`. */
  readonly tested: string
  readonly who: string
  readonly name: string
  /** Whose API key it shows. */
  readonly client: string | undefined
  readonly tier: string | null
}

/** The credential and the headers by which limits tell this caller from the others. */
function differ(
  credential: TestCaller['credential'],
  limits: readonly PlannedLimit[],
  { tested, who, name, client, tier }: Naming,
): Omit<Caller, 'name' | 'address'> & { readonly credential: TestCaller['credential'] } {
  // The limit under test has the last word on what it counts by.
  const inTurn = [...limits].sort((a, b) => Number(a.name === tested) - Number(b.name === tested))
  const marks = inTurn.flatMap((limit) =>
    limit.partitionKey.map((selector) => ({ selector, as: limit.name === tested ? who : name })),
  )
  const headers: Record<string, string> = {}
  for (const { selector, as } of marks) if (selector.from === 'header') headers[selector.name] = as
  if (credential.kind === 'apiKey') {
    const shown = client ?? credential.client
    return { credential: { ...credential, client: shown, key: null }, headers, claims: {}, client: shown }
  }
  if (credential.kind === 'none') return { credential, headers, claims: {}, client: '' }
  const claims: Record<string, unknown> = { ...credential.claims, sub: name }
  for (const { selector, as } of marks) mark(claims, selector, as)
  for (const { tiers } of limits) if (tiers !== null && tier !== null) mark(claims, tiers.from, tier)
  return { credential: { ...credential, claims }, headers, claims, client: String(claims['client_id'] ?? '') }
}

function mark(claims: Record<string, unknown>, selector: Selector, value: string): void {
  if (selector.from === 'client') claims[selector.field === 'id' ? 'client_id' : 'plan'] = value
  if (selector.from !== 'jwt') return
  let level = claims
  for (const part of selector.path.slice(0, -1)) {
    const inner = level[part]
    const next: Record<string, unknown> = typeof inner === 'object' && inner !== null ? { ...inner } : {}
    level[part] = next
    level = next
  }
  const last = selector.path.at(-1)
  if (last !== undefined) level[last] = value
}

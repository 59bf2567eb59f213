import { formatDuration } from '../../values/duration.js'
import type { Call } from './call.js'
import type { Caller } from './callers.js'
import { type Ideal, playIdeal } from './ideal.js'
import { type Excess, excessOf, type MayBeSpent, refusalsExplained } from './proofs.js'
import type { LoadPlan } from './shapes.js'
import type { TestedLimit } from './tested-limit.js'

/** What a refused caller was told, and whether it was true. */
export interface RetryTrial {
  /** Seconds; null: the answer said nothing. */
  readonly retryAfter: number | null
  /** `unasked`: it was longer than a test waits for. */
  readonly outcome: 'admitted' | 'refused' | 'unasked' | 'missing'
}

/** All that a run left behind. */
export interface Run {
  readonly plan: LoadPlan
  /** All enforced limits of the route: a call passes all of them, or none spends. */
  readonly limits: readonly TestedLimit[]
  /** First the names under which one caller makes the load, then the quiet ones, then who made the first call. */
  readonly callers: readonly Caller[]
  /** Names of the loud caller. */
  readonly loud: number
  /** Sorted by when they were sent; those before the load and after it included. */
  readonly calls: readonly Call[]
  readonly startedAt: number
  readonly lateMs: { readonly median: number; readonly p99: number }
  readonly retry: RetryTrial | null
  /** Whether the counters were unused at the start. */
  readonly isFresh: boolean
  /** Epoch ms at the zero of the clock of the calls. */
  readonly epochOffset: number
}

export interface Verdict {
  readonly outcome: 'holds' | 'violated' | 'inconclusive'
  /** Sentences: what violates it, or what kept the test from proving anything. */
  readonly why: readonly string[]
  readonly ideal: Ideal
  readonly admitted: number
  readonly refused: number
  readonly other: number
  /** Codes and statuses of calls that prove nothing, the most frequent first. */
  readonly otherCodes: readonly (readonly [string, number])[]
  /** The worst that nothing but a limit too wide can explain. */
  readonly excess: Excess | null
  /** Refusals that nothing but a limit too narrow can explain. */
  readonly wrongRefusals: number
  readonly overPercent: number
  readonly underPercent: number
  /** Admitted against what an exact limiter would have admitted at these times. */
  readonly errorPercent: number
  /** Refusals that said when to come back. */
  readonly withRetryAfter: number
  /** Callers beside the first. */
  readonly quiet: { readonly sent: number; readonly admitted: number }
  readonly latencyMs: { readonly admitted: Spread; readonly refused: Spread }
}

interface Spread {
  readonly p50: number
  readonly p99: number
}

/** Judges a run by what can be proven of it. */
export function judgeRun(run: Run): Verdict {
  const { calls, callers, limits, epochOffset } = run
  const ideal = playIdeal(calls, callers, limits, epochOffset)
  const admitted = calls.filter(({ outcome }) => outcome === 'admitted')
  const refused = calls.filter(({ outcome }) => outcome === 'refused')
  const other = calls.filter(({ outcome }) => outcome === 'other')
  const counters = countersOf(run, admitted)
  const excess = worstOf(counters.flatMap(({ limit, calls: mine }) => excessOf(limit, mine) ?? []))
  const wrongRefusals = refused.filter((call) => !isExplained(call, run, counters)).length
  const facts = {
    ideal,
    admitted: admitted.length,
    refused: refused.length,
    other: other.length,
    otherCodes: frequencies(other),
    excess,
    wrongRefusals,
    overPercent: excess === null ? 0 : (excess.admitted / excess.allowed - 1) * 100,
    underPercent: (wrongRefusals / Math.max(1, ideal.admitted)) * 100,
    errorPercent: (admitted.length / Math.max(1, ideal.admitted) - 1) * 100,
    withRetryAfter: refused.filter(({ retryAfter }) => retryAfter !== null).length,
    quiet: quietOf(run),
    latencyMs: { admitted: spreadOf(admitted), refused: spreadOf(refused) },
  }
  const violations = violationsOf(run, facts)
  if (violations.length > 0) return { ...facts, outcome: 'violated', why: violations }
  const doubts = doubtsOf(run, facts)
  return { ...facts, outcome: doubts.length > 0 ? 'inconclusive' : 'holds', why: doubts }
}

type Facts = Omit<Verdict, 'outcome' | 'why'>

interface CounterCalls {
  readonly limit: TestedLimit
  readonly key: string
  /** Admitted ones. */
  readonly calls: readonly Call[]
  readonly mayBeSpent: MayBeSpent
}

function countersOf(
  { callers, limits, startedAt, isFresh, epochOffset }: Run,
  admitted: readonly Call[],
): CounterCalls[] {
  const knownFrom = isFresh ? Number.NEGATIVE_INFINITY : startedAt
  return limits.flatMap((limit) => {
    const byKey = new Map<string, Call[]>(callers.map((caller) => [limit.keyOf(caller), []]))
    for (const call of admitted) {
      const caller = callers[call.caller]
      if (caller !== undefined) byKey.get(limit.keyOf(caller))?.push(call)
    }
    return [...byKey].map(([key, calls]) => ({
      limit,
      key,
      calls,
      mayBeSpent: refusalsExplained(limit, calls, knownFrom, epochOffset),
    }))
  })
}

function isExplained(call: Call, { callers }: Run, counters: readonly CounterCalls[]): boolean {
  const caller = callers[call.caller]
  if (caller === undefined) return true
  return counters.some(({ limit, key, mayBeSpent }) => limit.keyOf(caller) === key && mayBeSpent(call))
}

function worstOf(found: readonly Excess[]): Excess | null {
  const share = ({ admitted, allowed }: Excess): number => admitted / allowed
  return found.reduce<Excess | null>(
    (worst, each) => (worst === null || share(each) > share(worst) ? each : worst),
    null,
  )
}

function violationsOf({ retry }: Run, { excess, wrongRefusals, refused, withRetryAfter }: Facts): string[] {
  const why: string[] = []
  if (excess !== null) {
    const { limit, admitted, allowed, fromMs, toMs } = excess
    why.push(
      `${admitted} calls came through ${limit.name} within ${Math.round(toMs - fromMs)} ms; it allows ${allowed} in that time.`,
    )
  }
  if (wrongRefusals > 0) why.push(`${wrongRefusals} calls were refused although every limit of the route had room.`)
  if (withRetryAfter < refused) why.push(`${refused - withRetryAfter} refusals came without Retry-After.`)
  if (retry?.outcome === 'refused')
    why.push(`A caller waited the ${retry.retryAfter} s it was told to, and was refused again.`)
  return why
}

function doubtsOf({ plan, calls, lateMs }: Run, { other, otherCodes, latencyMs }: Facts): string[] {
  const why: string[] = []
  const { windowMs, name, quota } = plan.limit
  if (other > calls.length / 100) {
    const [first] = otherCodes
    why.push(
      `${other} of ${calls.length} calls were neither let through nor limited, most of them by ${first?.[0] ?? 'nothing'}.`,
    )
  }
  const reached = calls.some(
    ({ outcome, spent }) => outcome === 'refused' && (spent.length === 0 || spent.includes(name)),
  )
  if (!reached && why.length === 0) {
    const first = calls.find(({ outcome }) => outcome === 'refused')?.spent[0]
    why.push(
      first === undefined
        ? `The load never reached ${name} (${quota} in ${formatDuration(windowMs)}); ask for more with --offered or --for.`
        : `The limit ${first} refused before ${name} was reached.`,
    )
  }
  if (lateMs.p99 > Math.max(50, windowMs / 20)) {
    why.push(`This machine could not keep the pace: one call in a hundred left ${Math.round(lateMs.p99)} ms late.`)
  }
  if (latencyMs.admitted.p99 > Math.max(50, windowMs / 4)) {
    why.push(`Answers took up to ${Math.round(latencyMs.admitted.p99)} ms, too long to tell when a call was judged.`)
  }
  return why
}

function quietOf({ calls, plan, loud }: Run): Verdict['quiet'] {
  const theirs = calls.filter(({ caller }) => caller >= loud && caller < loud + plan.quiet)
  return { sent: theirs.length, admitted: theirs.filter(({ outcome }) => outcome === 'admitted').length }
}

function frequencies(calls: readonly Call[]): (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { code, status } of calls) {
    const what = status === 0 ? 'no answer' : code === '' ? `status ${status}` : code
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}

function spreadOf(calls: readonly Call[]): Spread {
  const sorted = calls.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

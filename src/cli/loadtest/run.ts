import { writeFileSync } from 'node:fs'
import type { Plan, RoutePlan } from '../../plan/plan.js'
import { loadPolicy } from '../../policy/load.js'
import { readPolicyTests } from '../../policy/test-reader.js'
import type { AuthSettings } from '../../stages/auth/settings.js'
import { formatDuration } from '../../values/duration.js'
import { nearest } from '../../values/nearest.js'
import { formatPlace } from '../../values/place.js'
import { exitCode, Refusal } from '../command.js'
import { formatProblems } from '../problems.js'
import type { Terminal } from '../terminal.js'
import { version } from '../version.js'
import type { Call } from './call.js'
import type { Tested } from './html.js'
import { liveView } from './live-view.js'
import { type OwnGateways, startOwnGateways } from './own-gateway.js'
import { formatRun, limitWords } from './print.js'
import { sampleFor } from './sample.js'
import { type LoadPlan, usualDurationMs } from './shapes.js'
import { limitsOf, ratePerSecond, type TestedLimit } from './tested-limit.js'
import { type NoTrial, tryLimit } from './trial.js'
import { judgeRun, type Verdict } from './verdict.js'
import type { LoadWish } from './wish.js'

/** What the sender can make with some precision. */
const mostPerSecond = 2_000
/** Nothing was proven, neither way. */
const inconclusive = 2

/** One limit of one route. */
interface Subject {
  readonly route: RoutePlan
  readonly limit: TestedLimit
}

type Result = Tested | { readonly route: string; readonly limit: TestedLimit; readonly none: NoTrial }

/** Tests what the wish names, one limit after the other, and gives the exit code. */
export async function testLimits(wish: LoadWish, terminal: Terminal): Promise<number> {
  const loaded = await loadPolicy(wish.folder, { standInSecrets: true })
  const { plan } = loaded
  if (plan === null) return refuse(formatProblems(loaded.problems, wish.named, terminal.errPaint), terminal)
  const subjects = subjectsOf(plan, wish)
  let isStopped = false
  const stop = (): void => {
    isStopped = true
  }
  process.once('SIGINT', stop)
  const results: Result[] = []
  let last: Pick<OwnGateways, 'store' | 'isStoreLeftOut'> | null = null
  try {
    for (const subject of subjects) {
      if (isStopped) break
      // Each limit meets counters that nobody has used.
      const own = wish.targets.length > 0 ? null : await startOwnGateways(wish)
      if (own !== null && 'problems' in own) {
        return refuse(formatProblems(own.problems, wish.named, terminal.errPaint), terminal)
      }
      last = own
      try {
        const result = await testOne(subject, { wish, plan, own, terminal, isStopped: () => isStopped })
        results.push(result)
        if (!wish.json) tell(result, terminal)
      } finally {
        await own?.close()
      }
    }
  } finally {
    process.off('SIGINT', stop)
  }
  const store = last === null ? `the gateway at ${wish.targets.map(({ host }) => host).join(', ')}` : last.store
  const tested = results.filter((result): result is Tested => 'run' in result)
  if (wish.html !== null) {
    const { htmlReport } = await import('./html.js')
    writeFileSync(wish.html, htmlReport(tested, { version, at: new Date(), store }))
  }
  if (wish.json) terminal.out(`${JSON.stringify({ store, tested: results.map(asJson) }, null, 2)}\n`)
  else tellAll(results, wish, last, terminal)
  return codeOf(results)
}

interface Surroundings {
  readonly wish: LoadWish
  readonly plan: Plan
  readonly own: OwnGateways | null
  readonly terminal: Terminal
  readonly isStopped: () => boolean
}

async function testOne({ route, limit }: Subject, around: Surroundings): Promise<Result> {
  const { wish, plan, own, terminal, isStopped } = around
  const limits = limitsOf(route, wish.tier)
  const load: LoadPlan = {
    limit,
    shape: wish.shape,
    durationMs: wish.durationMs ?? usualDurationMs(limit),
    offered: wish.offered,
    quiet: wish.callers === null ? wish.quiet : Math.max(0, wish.callers.length - 1),
    mostPerSecond,
    quietPerSecond: Math.min(...limits.map(ratePerSecond)) / 2,
  }
  const calls: Call[] = []
  const view = liveView(`${route.id}  ${limitWords(limit)}`, load, terminal)
  const made = await tryLimit({
    route,
    limits,
    load,
    sample: sampleFor(route, plan, readPolicyTests(wish.folder).files, wish.sample),
    targets: own?.urls ?? wish.targets,
    clients: clientsOf(route),
    tier: wish.tier,
    credential: async (credential) => (own === null ? null : await own.credential(route.id, credential)),
    given: own === null ? (wish.callers ?? [anonymous]) : null,
    isFresh: own !== null,
    onCall: (call, startedAt) => {
      calls.push(call)
      view.show(calls, startedAt)
    },
    isStopped,
  })
  view.end()
  if (!('calls' in made)) return { route: route.id, limit, none: made }
  return { route: route.id, run: made, verdict: judgeRun(made) }
}

const anonymous = { name: 'caller', address: '', client: '', claims: {}, headers: {} }

function subjectsOf(plan: Plan, { route: id, limit: name, tier }: LoadWish): readonly Subject[] {
  const routes = id === null ? plan.routes : plan.routes.filter((route) => route.id === id)
  if (routes.length === 0) {
    const meant = nearest(
      id ?? '',
      plan.routes.map((route) => route.id),
    )
    throw new Refusal(`There is no route "${id}".${meant === undefined ? '' : ` Did you mean '${meant}'?`}`)
  }
  const subjects = routes.flatMap((route) =>
    limitsOf(route, tier)
      .filter((limit) => name === null || limit.name === name)
      .map((limit) => ({ route, limit })),
  )
  if (subjects.length > 0) return subjects
  const known = routes.flatMap((route) => limitsOf(route, tier).map((limit) => limit.name))
  throw new Refusal(
    known.length === 0
      ? `${id ?? 'No route'} has ${id === null ? 'a' : 'no'} limit that is enforced.`
      : `${id ?? 'No route'} has no limit "${name}". It has ${known.join(', ')}.`,
  )
}

function clientsOf(route: RoutePlan): readonly string[] {
  const settings = route.steps.find(({ stage }) => stage === 'auth')?.settings as AuthSettings | undefined // of this stage
  if (settings === undefined) return []
  const methods = settings.method === 'anyOf' ? settings.methods : [settings]
  return methods.flatMap((method) => (method.method === 'apiKey' ? method.clients : []))
}

function tell(result: Result, terminal: Terminal): void {
  if ('run' in result) terminal.out(`${formatRun(result.route, result.run, result.verdict, terminal.outPaint)}\n`)
  else {
    const { status, code } = result.none
    const answer = status === 0 ? 'nothing' : `${status}${code === '' ? '' : ` ${code}`}`
    terminal.out(
      `${result.route}  ${limitWords(result.limit)}\n${terminal.outPaint('yellow', 'INCONCLUSIVE')}  ` +
        `The first call was answered with ${answer}. Give a request that the route takes: --send, --body, --header; or write ` +
        'a policy test that expects it to succeed.\n\n',
    )
  }
}

/** What holds for all of it; the last line is the summary. */
function tellAll(
  results: readonly Result[],
  wish: LoadWish,
  own: Pick<OwnGateways, 'store' | 'isStoreLeftOut'> | null,
  terminal: Terminal,
): void {
  if (own?.isStoreLeftOut === true) {
    terminal.out(
      'The policy counts in a shared store whose secret is not to be had here: memory was tested in its place.\n',
    )
  }
  if (own?.store === 'memory' && wish.gateways > 1) {
    terminal.out(
      `${wish.gateways} gateways without a shared store count each for itself: together they let that many times more through.\n`,
    )
  }
  if (wish.html !== null) terminal.out(`Report: ${wish.html}\n`)
  const count = (outcome: Verdict['outcome']): number =>
    results.filter((result) => ('run' in result ? result.verdict.outcome : 'inconclusive') === outcome).length
  const took = results.reduce((sum, result) => sum + ('run' in result ? result.run.plan.durationMs : 0), 0)
  terminal.out(
    `${count('holds')} hold, ${count('violated')} violated, ${count('inconclusive')} inconclusive (${formatDuration(Math.round(took / 1000) * 1000)} of load)\n`,
  )
}

function codeOf(results: readonly Result[]): number {
  const outcomes = results.map((result) => ('run' in result ? result.verdict.outcome : 'inconclusive'))
  if (outcomes.includes('violated')) return exitCode.problems
  return outcomes.includes('inconclusive') || outcomes.length === 0 ? inconclusive : exitCode.fine
}

function asJson(result: Result): object {
  if (!('run' in result)) {
    const { route, limit, none } = result
    return { route, limit: limit.name, outcome: 'inconclusive', firstAnswer: none }
  }
  const { route, run, verdict } = result
  const { limit, shape, durationMs, offered } = run.plan
  const { ideal, excess, ...rest } = verdict
  return {
    route,
    limit: limit.name,
    declaredAt: formatPlace(limit.declaredAt),
    shape,
    durationMs,
    offered,
    calls: run.calls.length,
    ideal: ideal.admitted,
    ...rest,
    excess: excess && {
      limit: excess.limit.name,
      admitted: excess.admitted,
      allowed: excess.allowed,
      ms: excess.toMs - excess.fromMs,
    },
    retry: run.retry,
    lateMs: run.lateMs,
  }
}

function refuse(problems: string, terminal: Terminal): number {
  terminal.err(`${problems}\nNothing was tested.\n`)
  return exitCode.problems
}

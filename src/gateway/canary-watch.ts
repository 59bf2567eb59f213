import type { Plan, UpstreamPlan } from '../plan/plan.js'
import type { Pools } from '../state/pools.js'
import { type CanaryResult, tryCanary } from './canary.js'

/** What an operator hears: that a function is open, that it is closed again, or that nothing can be told. */
export interface CanaryNotice {
  readonly upstream: string
  readonly level: 'info' | 'warn'
  readonly verdict: CanaryResult['verdict']
  readonly message: string
}

/** For metrics. */
export interface CanaryStats {
  readonly upstream: string
  readonly verdict: CanaryResult['verdict']
  readonly checks: Readonly<Record<CanaryResult['verdict'], number>>
}

/** Tries functions without their sign-in, in the background, as their policy says. */
export interface CanaryWatch {
  /** Takes the canaries of a plan; those that have not changed go on where they are. */
  watch(plan: Plan): void
  stats(): readonly CanaryStats[]
  close(): void
}

/** Runs `work` after so many ms and returns what calls it off. */
export type Schedule = (work: () => void, ms: number) => () => void

interface Watched {
  readonly key: string
  callOff: () => void
  verdict: CanaryResult['verdict'] | null
  readonly checks: { open: number; closed: number; unclear: number }
}

/** Soon after a start, and not in the moment of it. */
const firstWithinMs = 10_000

/** A timer that keeps no process alive. */
const later: Schedule = (work, ms) => {
  const timer = setTimeout(work, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

export function createCanaryWatch(options: {
  readonly pools: Pools
  readonly notify: (notice: CanaryNotice) => void
  readonly schedule?: Schedule
  readonly random?: () => number
}): CanaryWatch {
  const { pools, notify, schedule = later, random = Math.random } = options
  const watched = new Map<string, Watched>()

  async function check(plan: UpstreamPlan, mine: Watched): Promise<void> {
    const result = await tryCanary(plan, pools)
    // A reload took it away meanwhile.
    if (watched.get(plan.name) !== mine) return
    mine.checks[result.verdict]++
    if (result.verdict !== mine.verdict && (mine.verdict !== null || result.verdict !== 'closed')) {
      const level = result.verdict === 'closed' ? 'info' : 'warn'
      notify({ upstream: plan.name, level, verdict: result.verdict, message: result.says })
    }
    mine.verdict = result.verdict
    const everyMs = plan.canary?.everyMs ?? null
    // Never later than one interval after the last: that is what was promised.
    if (everyMs !== null) mine.callOff = schedule(() => void check(plan, mine), everyMs * (0.8 + 0.2 * random()))
  }

  return {
    watch(plan) {
      const wanted = Object.values(plan.upstreams).filter(({ canary }) => canary !== undefined)
      for (const [name, { callOff }] of watched) {
        if (wanted.some((upstream) => upstream.name === name)) continue
        callOff()
        watched.delete(name)
      }
      for (const upstream of wanted) {
        const { origin, basePath, auth, canary } = upstream
        const key = JSON.stringify([origin, basePath, auth.kind, canary])
        const known = watched.get(upstream.name)
        if (known?.key === key) continue
        known?.callOff()
        const made: Watched = { key, callOff: () => {}, verdict: null, checks: { open: 0, closed: 0, unclear: 0 } }
        watched.set(upstream.name, made)
        made.callOff = schedule(() => void check(upstream, made), firstWithinMs * random())
      }
    },
    stats: () =>
      [...watched].flatMap(([upstream, { verdict, checks }]) =>
        verdict === null ? [] : [{ upstream, verdict, checks: { ...checks } }],
      ),
    close() {
      for (const { callOff } of watched.values()) callOff()
      watched.clear()
    },
  }
}

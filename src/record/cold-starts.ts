import type { Plan } from '../plan/plan.js'
import type { RecordReader } from './record.js'

/** What is known of the first byte of one route's answers. */
export interface FirstByte {
  readonly route: string
  /** What a warm function usually takes, in ms. */
  readonly typicalMs: number
  readonly answers: number
  /** Answers so much later than usual that the platform most likely had to start an instance first. */
  readonly coldStarts: number
}

/** Watches for cold starts on routes to functions of known platforms; others are not looked at. */
export interface ColdStarts {
  readonly read: RecordReader
  /** Takes the routes of a plan; what was learned of a route stays. */
  use(plan: Plan): void
  stats(): readonly FirstByte[]
}

interface Learned {
  typical: number
  answers: number
  cold: number
}

/** Too few answers say nothing about what is usual. */
const leastAnswers = 5
/** How much later than usual, in multiples and in microseconds besides: an instance takes a good part of a second. */
const timesUsual = 4
const laterMicros = 150_000
/** The usual follows quick answers at once and slow ones hardly: cold starts must not become usual. */
const fall = 0.2
const rise = 0.02

/**
 * No platform says that an instance was started for a call; the time to the first byte gives it away. It is a guess, and
 * named so: a function that waits for something slow now and then looks the same.
 */
export function createColdStarts(): ColdStarts {
  const learned = new Map<string, Learned>()
  let watched: ReadonlySet<string> = new Set()
  return {
    use(plan) {
      const onPlatform = plan.routes.filter(({ upstream }) => plan.upstreams[upstream]?.platform !== undefined)
      watched = new Set(onPlatform.map(({ id }) => id))
      for (const id of learned.keys()) if (!watched.has(id)) learned.delete(id)
    },
    read({ route, upstream }) {
      if (watched.size === 0 || route === null || upstream === undefined || upstream.status === 0) return
      if (!watched.has(route) || upstream.attempts !== 1) return
      const { micros } = upstream
      const known = learned.get(route)
      if (known === undefined) {
        learned.set(route, { typical: micros, answers: 1, cold: 0 })
        return
      }
      known.answers++
      if (known.answers > leastAnswers && micros > known.typical * timesUsual + laterMicros) known.cold++
      known.typical += (micros - known.typical) * (micros < known.typical ? fall : rise)
    },
    stats: () =>
      [...learned].map(([route, { typical, answers, cold }]) => ({
        route,
        typicalMs: typical / 1000,
        answers,
        coldStarts: cold,
      })),
  }
}

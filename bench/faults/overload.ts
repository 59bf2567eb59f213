import { ask, lostOf, type Outcome, others, p99, pause, type Seen, startWorld, statuses } from './world.js'

const places = 10
const lateMs = 20
const capacity = (places * 1_000) / lateMs

/** Ten times what the function can do, then half of it. */
export async function overload(): Promise<Outcome> {
  const world = await startWorld(
    '  GET /late: { auth: none, reason: a bench }\n',
    `, capacity: { concurrency: ${places} }`,
  )
  try {
    const { port } = world.postern
    const target = `/late?ms=${lateMs}`
    await warm(port)
    const heavy = ask(port, target, { connections: 300, rate: capacity * 10 })
    await pause(6_000)
    const heavyReport = await heavy.stop()
    const after = await aftermath(port, target, capacity / 2)
    return told('overload, function', heavy.seen, lostOf(heavyReport), after)
  } finally {
    await world.close()
  }
}

/** A thousand callers who ask again as soon as they are answered: more than the process itself can do. */
export async function flood(): Promise<Outcome> {
  const world = await startWorld('')
  try {
    const { port } = world.postern
    await warm(port)
    const heavy = ask(port, '/well', { connections: 1_000 })
    await pause(6_000)
    const heavyReport = await heavy.stop()
    const after = await aftermath(port, '/well', 300)
    return told('overload, gateway', heavy.seen, lostOf(heavyReport), after)
  } finally {
    await world.close()
  }
}

/** A process that has served for a while: one that has just started runs code that is not compiled yet. */
async function warm(port: number): Promise<void> {
  const load = ask(port, '/well', { connections: 50, rate: 1_500 })
  await pause(3_000)
  await load.stop()
}

interface Aftermath {
  readonly seen: readonly Seen[]
  readonly lost: number
  /** Ms from the end of the overload to the last refusal. */
  readonly normalAfterMs: number
}

async function aftermath(port: number, target: string, rate: number): Promise<Aftermath> {
  const from = performance.now()
  const load = ask(port, target, { connections: 50, rate })
  await pause(3_000)
  const lost = lostOf(await load.stop())
  const refused = load.seen.filter(({ status }) => status !== 200)
  return { seen: load.seen, lost, normalAfterMs: Math.max(from, ...refused.map(({ sentAt }) => sentAt)) - from }
}

function told(name: string, seen: readonly Seen[], lostThen: number, after: Aftermath): Outcome {
  const refused = seen.filter(({ status }) => status !== 200)
  const lost = lostThen + after.lost
  const slowest = refused.length === 0 ? 0 : p99(refused)
  return {
    rows: [
      [`${name}: answers`, statuses(seen), 'only 429, 503 beside 200'],
      [`${name}: lost`, String(lost), '0'],
      [`${name}: refusals, p99`, refused.length === 0 ? 'none' : `${slowest.toFixed(1)} ms`, '≤ 50 ms'],
      [`${name}: normal again after`, `${after.normalAfterMs.toFixed(0)} ms`, '≤ 1,000 ms'],
    ],
    figures: {
      [`${name}: lost`]: lost,
      [`${name}: p99 of refusals ms`]: slowest,
      [`${name}: ms until normal`]: after.normalAfterMs,
    },
    wrong: [...others(seen, [200, 429, 503]), ...others(after.seen, [200, 429, 503])],
  }
}

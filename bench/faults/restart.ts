import { startProcess } from '../support/processes.js'
import { ask, lostOf, type Outcome, others, p99, pause, startWorld, statuses } from './world.js'

const seconds = 2

/** The function is killed under load and comes back two seconds later. */
export async function restart(breaker: boolean): Promise<Outcome> {
  const settings = breaker ? ', breaker: { openFor: 250ms }' : ''
  const world = await startWorld('  GET /fast: { auth: none, reason: a bench }\n', settings)
  try {
    const load = ask(world.postern.port, '/fast', { connections: 60, rate: 500 })
    await pause(seconds * 1_000)
    world.ill.child.kill('SIGKILL')
    await pause(seconds * 1_000)
    world.ill = await startProcess('ill-upstream', 1, [String(world.illPort)])
    const backAt = performance.now()
    await pause(seconds * 1_500)
    const report = await load.stop()
    const failures = load.seen.filter(({ status }) => status !== 200)
    const lastFailure = Math.max(backAt, ...failures.map(({ sentAt }) => sentAt))
    const recovery = lastFailure - backAt
    const lost = lostOf(report)
    const name = breaker ? 'killed, restarted, with a breaker' : 'killed, restarted'
    return {
      rows: [
        [`${name}: answers`, statuses(load.seen), 'only 502, 503, 504 beside 200'],
        [`${name}: lost`, String(lost), '0'],
        [`${name}: last failure after it is back`, `${recovery.toFixed(0)} ms`, '≤ 500 ms'],
        [`${name}: p99 of the failures`, `${p99(failures).toFixed(1)} ms`, ''],
      ],
      figures: { 'restart: lost': lost, 'restart: ms to the last failure': recovery },
      wrong: [...others(load.seen, [200, 502, 503, 504]), ...(failures.length === 0 ? ['nothing failed at all'] : [])],
    }
  } finally {
    await world.close()
  }
}

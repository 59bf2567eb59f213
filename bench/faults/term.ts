import { once } from 'node:events'
import { ask, lostOf, type Outcome, others, pause, startWorld, statuses } from './world.js'

const slowMs = 1_000

/** SIGTERM while fast and slow requests are under way. */
export async function term(): Promise<Outcome> {
  const world = await startWorld('  GET /late: { auth: none, reason: a bench }\n')
  try {
    const { port, child } = world.postern
    const fast = ask(port, '/well', { connections: 40, rate: 500 })
    const slow = ask(port, `/late?ms=${slowMs}`, { connections: 100 })
    await pause(3_000)
    const gone = once(child, 'exit')
    const from = performance.now()
    child.kill('SIGTERM')
    const [code] = await gone
    const took = performance.now() - from
    const reports = await Promise.all([fast.stop(), slow.stop()])
    // A connection that comes too late is refused by the system and was nobody's request.
    const lost = reports.reduce((sum, report) => sum + report.lost, 0)
    const late = reports.reduce((sum, report) => sum + lostOf(report), 0) - lost
    return {
      rows: [
        ['SIGTERM: answers', `${statuses(fast.seen)}; late ${statuses(slow.seen)}`, 'only 200'],
        ['SIGTERM: lost', String(lost), '0'],
        ['SIGTERM: connections that came too late', String(late), ''],
        ['SIGTERM: until exit', `${took.toFixed(0)} ms, code ${String(code)}`, `≤ ${slowMs + 1_000} ms, code 0`],
      ],
      figures: { 'term: lost': lost, 'term: ms until exit': took },
      wrong: [...others([...fast.seen, ...slow.seen], [200]), ...(code === 0 ? [] : [`exit code ${String(code)}`])],
    }
  } finally {
    await world.close()
  }
}

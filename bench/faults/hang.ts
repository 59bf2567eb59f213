import { quantile } from '../../test/support/load.js'
import { ask, lostOf, type Outcome, others, p99, pause, startWorld, statuses, tookMs } from './world.js'

const deadlineMs = 2_000

/** Two hundred calls a second go to a function that never answers, and others go about their business. */
export async function hang(): Promise<Outcome> {
  const world = await startWorld(
    `  GET /hang: { auth: none, reason: a bench, timeout: { headers: ${deadlineMs}ms, total: ${deadlineMs}ms } }\n`,
  )
  const { port } = world.postern
  const business = async (ms: number) => {
    const well = ask(port, '/well', { connections: 40, rate: 300 })
    const refused = ask(port, '/guarded', { connections: 40, rate: 300 })
    await pause(ms)
    const reports = await Promise.all([well.stop(), refused.stop()])
    return { well: well.seen, refused: refused.seen, lost: reports.reduce((sum, report) => sum + lostOf(report), 0) }
  }
  try {
    await business(1_000)
    const before = await business(4_000)
    const waiting = ask(port, '/hang', { connections: 500, rate: 200 })
    const during = await business(6_000)
    const report = await waiting.stop()
    const longest = Math.max(...tookMs(waiting.seen))
    const added = Math.max(p99(during.well) - p99(before.well), p99(during.refused) - p99(before.refused))
    const lost = during.lost + lostOf(report)
    const ms = (value: number) => `${value.toFixed(1)} ms`
    return {
      rows: [
        ['hangs: waiters', statuses(waiting.seen), 'only 504'],
        ['hangs: lost', String(lost), '0'],
        ['hangs: longest wait', ms(longest), `≤ ${deadlineMs * 1.1} ms`],
        [
          'hangs: other routes, p99 before → meanwhile',
          `${ms(p99(before.well))} → ${ms(p99(during.well))}`,
          '+ ≤ 20 ms',
        ],
        [
          'hangs: refusals, p99 before → meanwhile',
          `${ms(p99(before.refused))} → ${ms(p99(during.refused))}`,
          '+ ≤ 20 ms',
        ],
        ['hangs: other routes, p50 meanwhile', ms(quantile(tookMs(during.well), 0.5)), ''],
      ],
      figures: { 'hang: lost': lost, 'hang: longest wait ms': longest, 'hang: ms added to others': added },
      wrong: [
        ...others(waiting.seen, [504]),
        ...others(during.well, [200]),
        ...others(during.refused, [401]),
        ...(waiting.seen.length === 0 ? ['nobody waited'] : []),
      ],
    }
  } finally {
    await world.close()
  }
}

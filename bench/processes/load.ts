// The callers: told by its parent what to send, for how long and how fast, it answers with what became of it.
import { type LoadReport, quantile, startLoad } from '../../test/support/load.js'

/** One turn of load. */
export interface LoadTurn {
  readonly port: number
  readonly connections: number
  /** Requests a second; null: as fast as the connections are answered. */
  readonly rate: number | null
  readonly ms: number
  /** Sent one after the other, round and round. */
  readonly requests: readonly Buffer[]
  readonly status: number
}

/** What a turn came to. Times in milliseconds. */
export interface LoadResult {
  readonly answered: number
  readonly ms: number
  readonly p50: number
  readonly p99: number
  /** What went wrong, empty if nothing. A turn with faults measures nothing. */
  readonly faults: readonly string[]
}

process.on('message', (turn: LoadTurn) => {
  void run(turn).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: 0 })

async function run(turn: LoadTurn): Promise<LoadResult> {
  let sent = 0
  const judge = ({ status, head }: { status: number; head: string }) =>
    status === turn.status ? null : `${turn.status} expected, got ${head.slice(0, 40).split('\r\n', 1)[0]}`
  const requests = turn.requests.map((bytes) => ({ bytes, judge }))
  const [first] = requests
  if (first === undefined) throw new Error('a turn needs at least one request')
  const started = performance.now()
  const load = startLoad({
    port: turn.port,
    connections: turn.connections,
    ...(turn.rate === null ? {} : { rate: turn.rate }),
    next: () => requests[sent++ % requests.length] ?? first,
  })
  await new Promise((resolve) => setTimeout(resolve, turn.ms))
  const report = await load.stop()
  return {
    answered: report.answered,
    ms: performance.now() - started,
    p50: quantile(report.latencies, 0.5),
    p99: quantile(report.latencies, 0.99),
    faults: faults(report),
  }
}

function faults(report: LoadReport): string[] {
  const found = [...report.wrong]
  if (report.lost > 0) found.push(`${report.lost} lost`)
  if (report.unaccepted > 0) found.push(`${report.unaccepted} not accepted`)
  if (report.refused > 0) found.push(`${report.refused} refused`)
  if (report.answered === 0) found.push('nothing answered')
  return found
}

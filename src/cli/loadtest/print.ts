import { formatDuration } from '../../values/duration.js'
import { formatPlace } from '../../values/place.js'
import type { Paint } from '../terminal.js'
import { plotLines } from './plot.js'
import { seriesOf } from './series.js'
import { shapeWords } from './shapes.js'
import type { TestedLimit } from './tested-limit.js'
import type { Run, Verdict } from './verdict.js'

/** Columns of the plot. */
const slices = 60

/** A limit in words: `100 in 1m by jwt.sub`. */
export function limitWords({ name, quota, windowMs, calendar, algorithm, burst, countsBy, cost }: TestedLimit): string {
  const window = calendar ?? formatDuration(windowMs)
  const extra =
    algorithm === 'token-bucket' ? `, at most ${burst} at once` : algorithm === 'fixed-window' ? ', fixed window' : ''
  return `${name}: ${quota} in ${window}${extra}${cost === 1 ? '' : `, each call takes ${cost}`}, by ${countsBy}`
}

/** What came of one limit, for a person. */
export function formatRun(route: string, run: Run, verdict: Verdict, paint: Paint): string {
  const { plan, calls, callers, startedAt } = run
  const { limit, shape, durationMs } = plan
  const mine = callers[0] === undefined ? [] : calls.filter(({ caller }) => keyOf(run, caller) === keyOf(run, 0))
  const row = (name: string, text: string): string => `  ${name.padEnd(12)}${text}\n`
  const { quiet, latencyMs } = verdict
  let out = `${paint('bold', route)}  ${limitWords(limit)}  ${paint('dim', formatPlace(limit.declaredAt))}\n`
  out += paint('dim', `${shape}: ${shapeWords[shape]}; ${formatDuration(Math.round(durationMs / 100) * 100)}\n`)
  out += `${plotLines(seriesOf(limit, mine, startedAt, durationMs, slices), paint).join('\n')}\n\n`
  out += row(
    'admitted',
    `${verdict.admitted} of ${calls.length}; an exact limiter, at these times: ${verdict.ideal.admitted} (${signed(verdict.errorPercent)} %)`,
  )
  out += row(
    'too many',
    verdict.excess === null
      ? 'none that can be proven'
      : `${signed(verdict.overPercent)} % in the worst ${Math.round(verdict.excess.toMs - verdict.excess.fromMs)} ms`,
  )
  out += row(
    'too few',
    verdict.wrongRefusals === 0
      ? 'no refusal without a reason'
      : `${verdict.wrongRefusals} refused without a reason (${verdict.underPercent.toFixed(2)} %)`,
  )
  out += row('refused', `${verdict.refused}, Retry-After on ${verdict.withRetryAfter}; ${retryWords(run)}`)
  if (quiet.sent > 0 && isApart(run))
    out += row('others', `${quiet.admitted} of ${quiet.sent} calls of quiet callers came through`)
  out += row(
    'latency',
    `admitted ${spread(latencyMs.admitted)}, refused ${spread(latencyMs.refused)}; calls left ${run.lateMs.median.toFixed(1)} ms late (p99 ${run.lateMs.p99.toFixed(1)})`,
  )
  if (verdict.other > 0)
    out += row(
      'neither',
      verdict.otherCodes
        .slice(0, 3)
        .map(([what, count]) => `${count} × ${what}`)
        .join(', '),
    )
  return `${out}${verdictLine(verdict, paint)}\n`
}

/** The last line: the word, and why. */
function verdictLine({ outcome, why }: Verdict, paint: Paint): string {
  const color = outcome === 'holds' ? 'green' : outcome === 'violated' ? 'red' : 'yellow'
  return `${paint(color, outcome.toUpperCase())}${why.length === 0 ? '' : `  ${why.join('\n          ')}`}`
}

/** Whether the limit tells the callers apart at all. */
function isApart(run: Run): boolean {
  return run.plan.quiet > 0 && keyOf(run, 0) !== keyOf(run, run.loud)
}

function keyOf({ plan, callers }: Run, caller: number): string {
  const who = callers[caller]
  return who === undefined ? '' : plan.limit.keyOf(who)
}

function retryWords({ retry }: Run): string {
  if (retry === null) return 'not waited for'
  if (retry.outcome === 'unasked') return `not waited for: ${retry.retryAfter} s`
  if (retry.outcome === 'missing') return 'nobody knows when to come back'
  return retry.outcome === 'admitted'
    ? `after ${retry.retryAfter} s the call came through`
    : `after ${retry.retryAfter} s it was refused again`
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(2)}`
const spread = ({ p50, p99 }: { readonly p50: number; readonly p99: number }): string =>
  `${p50.toFixed(1)} ms (p99 ${p99.toFixed(1)})`

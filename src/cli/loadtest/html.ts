import { formatDuration } from '../../values/duration.js'
import { formatPlace } from '../../values/place.js'
import { limitWords } from './print.js'
import { seriesOf } from './series.js'
import { shapeWords } from './shapes.js'
import type { Run, Verdict } from './verdict.js'

const width = 720
const height = 220
const slices = 180

/** One tested limit with its verdict. */
export interface Tested {
  readonly route: string
  readonly run: Run
  readonly verdict: Verdict
}

/** A page that needs nothing but itself: for a colleague, or the files of a CI run. */
export function htmlReport(
  tested: readonly Tested[],
  facts: { readonly version: string; readonly at: Date; readonly store: string },
): string {
  const body = tested.map(section).join('\n')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Load test of rate limits</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem;color:#1a1d21;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin:2rem 0 .2rem}p{margin:.3rem 0}small,.dim{color:#667}
.holds{color:#0a7d33}.violated{color:#c0182b}.inconclusive{color:#9a6200}
table{border-collapse:collapse;margin:.5rem 0}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
svg{width:100%;height:auto}.level{fill:#2f7d5b}.over{fill:#c0182b}.bound{stroke:#c77700;stroke-dasharray:5 4}.asked{fill:none;stroke:#5b7fb5}
text{font:11px system-ui,sans-serif;fill:#667}
@media (prefers-color-scheme:dark){body{color:#e4e6ea;background:#16181c}small,.dim,text{color:#9aa;fill:#9aa}}
</style></head><body>
<h1>Load test of rate limits</h1>
<p class="dim">Postern ${markup(facts.version)} · ${facts.at.toISOString()} · counters in ${markup(facts.store)}</p>
${body}
</body></html>
`
}

function section({ route, run, verdict }: Tested): string {
  const { limit, shape, durationMs } = run.plan
  const rows: (readonly [string, string])[] = [
    ['Load', `${shape}: ${shapeWords[shape]}; ${formatDuration(Math.round(durationMs / 100) * 100)}`],
    [
      'Admitted',
      `${verdict.admitted} of ${run.calls.length}; an exact limiter at these times: ${verdict.ideal.admitted} (${verdict.errorPercent.toFixed(2)} %)`,
    ],
    [
      'Too many',
      verdict.excess === null
        ? 'none that can be proven'
        : `${verdict.excess.admitted} where ${verdict.excess.allowed} are allowed (${verdict.overPercent.toFixed(2)} %)`,
    ],
    ['Too few', `${verdict.wrongRefusals} refusals without a reason`],
    ['Retry-After', `on ${verdict.withRetryAfter} of ${verdict.refused} refusals`],
    ['Quiet callers', `${verdict.quiet.admitted} of ${verdict.quiet.sent} calls came through`],
    [
      'Latency',
      `admitted p50 ${verdict.latencyMs.admitted.p50.toFixed(1)} ms, p99 ${verdict.latencyMs.admitted.p99.toFixed(1)} ms; refused p99 ${verdict.latencyMs.refused.p99.toFixed(1)} ms`,
    ],
  ]
  const why = verdict.why.map((sentence) => `<p>${markup(sentence)}</p>`).join('')
  return `<h2>${markup(route)} <small>${markup(limitWords(limit))} · ${markup(formatPlace(limit.declaredAt))}</small></h2>
<p class="${verdict.outcome}"><strong>${verdict.outcome.toUpperCase()}</strong></p>${why}
${svg(run)}
<table>${rows.map(([name, text]) => `<tr><td class="dim">${name}</td><td>${markup(text)}</td></tr>`).join('')}</table>`
}

/** What came through against the limit, and above it what was asked. */
function svg(run: Run): string {
  const { limit, durationMs } = run.plan
  const first = run.callers[0]
  const key = first === undefined ? '' : limit.keyOf(first)
  const mine = run.calls.filter(({ caller }) => {
    const who = run.callers[caller]
    return who !== undefined && limit.keyOf(who) === key
  })
  const { level, bound, offered, label } = seriesOf(limit, mine, run.startedAt, durationMs, slices)
  const top = Math.max(bound * 1.25, ...level)
  const y = (value: number): number => height - 20 - (value / top) * (height - 40)
  const step = width / slices
  const bars = level
    .map((value, i) =>
      value === 0
        ? ''
        : `<rect class="${value > bound + 1e-9 ? 'over' : 'level'}" x="${(i * step).toFixed(1)}" y="${y(value).toFixed(1)}" width="${(step * 0.9).toFixed(2)}" height="${(height - 20 - y(value)).toFixed(1)}"/>`,
    )
    .join('')
  const most = Math.max(1, ...offered)
  const asked = offered.map(
    (value, i) => `${(i * step).toFixed(1)},${(height - 20 - (value / most) * (height - 40)).toFixed(1)}`,
  )
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${markup(label)}">${bars}<polyline class="asked" points="${asked.join(' ')}"/><line class="bound" x1="0" x2="${width}" y1="${y(bound).toFixed(1)}" y2="${y(bound).toFixed(1)}"/><text x="4" y="${(y(bound) - 4).toFixed(1)}">limit ${Math.round(bound)}</text><text x="4" y="${height - 5}">0 s · bars: ${markup(label)} · line: calls asked (its own scale)</text><text x="${width - 40}" y="${height - 5}">${formatDuration(Math.round(durationMs / 100) * 100)}</text></svg>`
}

function markup(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

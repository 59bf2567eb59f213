import { formatDuration } from '../../values/duration.js'
import type { Terminal } from '../terminal.js'
import type { Call } from './call.js'
import { plotLines } from './plot.js'
import { seriesOf } from './series.js'
import type { LoadPlan } from './shapes.js'

const everyMs = 250
const slices = 60

/** Shows a run while it goes on: a plot that grows on a terminal, one line elsewhere. */
export interface LiveView {
  show(calls: readonly Call[], startedAt: number): void
  /** Takes the plot away: the result shows it again, whole. */
  end(): void
}

export function liveView(title: string, { limit, durationMs }: LoadPlan, terminal: Terminal): LiveView {
  const length = formatDuration(Math.round(durationMs / 100) * 100)
  if (!terminal.errIsTerminal) {
    terminal.err(`${title}: ${length}\n`)
    return { show: () => {}, end: () => {} }
  }
  let shownAt = Number.NEGATIVE_INFINITY
  let lines = 0
  const erase = (): string => (lines === 0 ? '' : `\u001b[${lines}A\u001b[J`)
  return {
    show(calls, startedAt) {
      const now = performance.now()
      if (now - shownAt < everyMs) return
      shownAt = now
      const loud = calls.filter(({ caller }) => caller === 0)
      const drawn = plotLines(seriesOf(limit, loud, startedAt, durationMs, slices), terminal.errPaint)
      const gone = Math.min(durationMs, now - startedAt)
      const text = [title, ...drawn, `${(gone / 1000).toFixed(1)} s of ${length}`]
      terminal.err(`${erase()}${text.join('\n')}\n`)
      lines = text.length
    },
    end() {
      terminal.err(erase())
      lines = 0
    },
  }
}

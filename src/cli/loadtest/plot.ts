import type { Paint } from '../terminal.js'
import type { Series } from './series.js'

const height = 8
const blocks = ' ▁▂▃▄▅▆▇█'

/** The run as lines of text: bars of what came through, the limit across them, and what was offered and refused below. */
export function plotLines({ level, bound, offered, refused, label }: Series, paint: Paint): string[] {
  const top = Math.max(bound * 1.25, ...level)
  const boundRow = Math.min(height - 1, Math.floor((bound / top) * height))
  const width = Math.max(5, String(Math.ceil(top)).length)
  const lines = [paint('dim', `${' '.repeat(width)} ${label}`)]
  for (let row = height - 1; row >= 0; row--) {
    const isBound = row === boundRow
    const axis = isBound
      ? String(Math.round(bound))
      : row === height - 1
        ? String(Math.ceil(top))
        : row === 0
          ? '0'
          : ''
    const bars = level
      .map((value) => {
        const fill = Math.round((value / top) * height * 8) - row * 8
        if (fill <= 0) return isBound ? paint('yellow', '─') : ' '
        return paint(value > bound + 1e-9 ? 'red' : 'green', blocks.charAt(Math.min(8, fill)))
      })
      .join('')
    lines.push(`${axis.padStart(width)} ${isBound ? '┼' : '┤'}${bars}${isBound ? paint('yellow', ' limit') : ''}`)
  }
  lines.push(`${'asked'.padStart(width)} ${paint('cyan', ` ${spark(offered)}`)}`)
  lines.push(`${'429'.padStart(width)} ${paint('yellow', ` ${spark(refused)}`)}`)
  return lines
}

function spark(values: readonly number[]): string {
  const most = Math.max(1, ...values)
  return values
    .map((value) => (value === 0 ? ' ' : blocks.charAt(Math.max(1, Math.round((value / most) * 8)))))
    .join('')
}

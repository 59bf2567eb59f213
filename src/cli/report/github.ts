import { join } from 'node:path'
import { patchLines } from '../../policy/audit/patch.js'
import { summary } from './human.js'
import type { Level, Report } from './report.js'

const commands: Readonly<Record<Level, 'error' | 'warning' | 'notice'>> = {
  error: 'error',
  warning: 'warning',
  high: 'error',
  medium: 'warning',
  low: 'notice',
  note: 'notice',
}

/** Workflow commands of GitHub Actions: annotations in a pull request. The summary is the last line. */
export function formatGithub(report: Report): string {
  const lines = report.items.flatMap(({ level, code, message, hint, place, patches, waiver }) => {
    if (waiver !== null) return []
    const at = [
      `file=${property(join(report.folder, place.file))}`,
      `line=${place.line}`,
      `col=${place.column}`,
      `endColumn=${place.column + (place.length ?? 1)}`,
      `title=${property(code)}`,
    ]
    const mend = patches.flatMap((patch) => [`In ${patch.file}:`, ...patchLines(patch)])
    return [
      `::${commands[level]} ${at.join(',')}::${data([hint === null ? message : `${message} ${hint}`, ...mend].join('\n'))}`,
    ]
  })
  return [...lines, summary(report), ''].join('\n')
}

// What a line break or a `::` of a policy text could otherwise do: begin a command of its own.
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from '../../values/place.js'
import type { Paint } from '../terminal.js'

/** Longer source lines are cut. */
const widest = 110

/**
 * The line of a place and an underline beneath it; empty where the file is no longer there or has no such line (the
 * built-in policy is no file).
 */
export function sourceFrame(folder: string, place: Place, paint: Paint, indent = ''): readonly string[] {
  if (place.file.startsWith('(') || place.column > widest) return []
  let text: string
  try {
    text = readFileSync(join(folder, place.file), 'utf8')
  } catch {
    return []
  }
  const line = text.split(/\r?\n/)[place.line - 1]
  if (line === undefined) return []
  const shown = line.slice(0, widest).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ')
  const number = String(place.line).padStart(5)
  const before = ' '.repeat(place.column - 1)
  const marks = '^'.repeat(Math.max(1, Math.min(place.length ?? 1, shown.length - place.column + 1)))
  return [
    `${indent}${paint('dim', `${number} |`)} ${shown}`,
    `${indent}${paint('dim', `${' '.repeat(number.length)} |`)} ${before}${paint('yellow', marks)}`,
  ]
}

import type { View } from '../view.js'
import { fits, indexWithin, lead, skipBlanks } from './near.js'
import { commandRank } from './shell-commands.js'
import { argument, readWord } from './shell-word.js'

/** `` `whoami` ``, `$(cat /etc/passwd)`, `<(id)`. In prose, backticks hold names of things. */
export function substitution(view: View, at: number, from: number): string | null {
  const { lower } = view
  const backtick = lower.charCodeAt(at) === 96
  const word = readWord(lower, skipBlanks(lower, from))
  if (word.name === '') return null
  const { rank, alone } = commandRank(word.name)
  if (rank === 0) {
    const unknown = /[a-z][\w.-]{2,20}\s{1,3}(?:-[a-z]|--[a-z]|\/[a-z]|['"$])[^)]{0,80}\)/y
    return !backtick && !view.document && fits(unknown, lower, from) ? 'command substitution' : null
  }
  const close = backtick ? indexWithin(lower, '`', word.end) : indexWithin(lower, ')', word.end)
  const next = skipBlanks(lower, word.end)
  const args = next !== word.end && fits(argument, lower, next)
  if (backtick) {
    if (view.whole === '' || view.document) return null
    // In prose, backticks with blanks around them hold names; an attack's are the value or glued to something.
    const glued = at === 0 || /[;|&="'`$<>/\\:\w]/.test(lower.charAt(at - 1))
    const whole = at === 0 && (close === -1 || close + 1 >= view.whole.length)
    return (rank === 2 || args || alone) && (whole || (glued && at > 0)) ? 'command substitution' : null
  }
  if (view.document) return null
  if (lower.charCodeAt(word.end) === 40 || lower.charCodeAt(word.end) === 46 || lower.charCodeAt(word.end) === 39)
    return null
  if (rank === 2 || args) return 'command substitution'
  // `use ${VAR} and $(cmd) in scripts` talks about it.
  const mentioned = lower.charCodeAt(at - 1) === 32 && /[a-z]{2,} [^;|&]{0,20}[a-z]{2,} $/.test(lead(lower, at, 40))
  return alone && !mentioned && (close === next || next >= lower.length) ? 'command substitution' : null
}

/** A line of its own that is a command, in a value of hardly more. */
export function afterLine(view: View, at: number): string | null {
  const { lower } = view
  const from = skipBlanks(lower, at)
  const word = readWord(lower, from)
  const { rank, alone } = commandRank(word.name)
  if (rank === 0) return null
  const next = skipBlanks(lower, word.end)
  if (isColumn(lower)) return null
  const lineEnds = next >= lower.length || /[\r\n|;&]/.test(lower.slice(word.end, next + 1))
  if (lineEnds)
    return (alone || word.path) &&
      at < 64 &&
      lower.slice(0, at).trim().length < 24 &&
      !lower.slice(0, at).trim().includes(' ')
      ? 'command on a new line'
      : null
  if (!fits(argument, lower, next)) return null
  return rank === 2
    ? /[-/\\]|:\/\//.test(lower.slice(next, next + 40))
      ? 'command on a new line'
      : null
    : at < 64 && lower.slice(0, at).trim().length < 24 && fits(/[-/\\]/y, lower, next)
      ? 'command on a new line'
      : null
}

/** Three lines or more of one plain word each: a list, not a script. */
const isColumn = (text: string): boolean =>
  text.length < 400 && /^\s{0,4}[a-z][\w-]{0,24}(?:\s{0,4}[\r\n]{1,4}\s{0,4}[a-z][\w-]{0,24}){2,40}\s{0,4}$/.test(text)

import { has } from '../character-classes.js'
import type { Finding, View } from '../view.js'
import { fits, indexWithin, isWordAt, lead, skipBlanks } from './near.js'
import { knownArguments } from './shell-arguments.js'
import { commandRank } from './shell-commands.js'
import { afterLine, substitution } from './shell-substitutions.js'
import { argument, isJoint, isRun, maxWord, readWord, type Word } from './shell-word.js'
import { wildcard } from './whole-commands.js'

/** Signs that part commands, or begin a substitution. */
export const separators =
  has.pipe |
  has.ampersand |
  has.semicolon |
  has.backtick |
  has.dollar |
  has.lineFeed |
  has.carriageReturn |
  has.less |
  has.greater

/** Signs that shells drop from inside a word, and that names and prose hardly ever have there. */
export const hiding = has.doubleQuote | has.backslash

/** Reads on at every separator of a value. */
export function atSeparators(view: View): Finding | null {
  const { lower } = view
  if ((view.chars & hiding) !== 0 && lower.length <= maxWord && isHiddenCommand(lower)) {
    return { technique: 'hidden command', at: 0 }
  }
  const { length } = lower
  let backticks = 0
  for (let i = 0; i < length; i++) {
    const code = lower.charCodeAt(i)
    let technique: string | null = null
    if (code === 59 || code === 124 || code === 38) {
      technique = afterSeparator(view, i)
      // Of a row of separators, what follows the first follows them all.
      if (technique === null) while (isRun(lower.charCodeAt(i + 1))) i++
    } else if (code === 96) technique = backticks++ % 2 === 0 ? substitution(view, i, i + 1) : null
    else if (code === 36 && lower.charCodeAt(i + 1) === 40) technique = substitution(view, i, i + 2)
    else if ((code === 60 || code === 62) && lower.charCodeAt(i + 1) === 40)
      technique =
        i === 0 && !view.document && /^[<>]\([a-z][\w./-]{1,30}(?:\s[^()]{0,60})?\)$/.test(view.whole)
          ? 'process substitution'
          : substitution(view, i, i + 2)
    else if ((code === 10 || code === 13) && !view.document) technique = afterLine(view, i)
    if (technique !== null) return { technique, at: i }
  }
  return null
}

/** `w"h"oami`, `c\at /etc/x`: the first word of a value is a program once the shell has dropped what hides it. */
function isHiddenCommand(text: string): boolean {
  const word = readWord(text, 0)
  if (!word.hidden || word.path || word.name.length < 3 || commandRank(word.name).rank !== 2) return false
  return /["'\\]\w/.test(text.slice(1, word.end))
}

/** Whether a separator stands inside backticks in a sentence: ``I ran `a && b` and it worked``. */
function isMentioned(view: View, at: number): boolean {
  if ((view.chars & has.backtick) === 0 || (view.chars & has.blank) === 0) return false
  const { lower } = view
  const open = lower.lastIndexOf('`', at)
  if (open < 3 || at - open > 200 || !/[a-z]{2} $/.test(lead(lower, open, 3))) return false
  const close = indexWithin(lower, '`', at + 1, 200)
  return close !== -1 && /^(?:[\s.,;:!?)]|$)/.test(lower.slice(close + 1, close + 2))
}

function afterSeparator(view: View, at: number): string | null {
  const { lower } = view
  if (isMentioned(view, at)) return null
  const sign = lower.charCodeAt(at)
  let from = at + 1
  while (from < lower.length && from - at < 24 && isJoint(lower.charCodeAt(from))) from++
  // `. /tmp/x` reads a script.
  if (lower.charCodeAt(from) === 46 && fits(/\.\s{1,3}[/~$]/y, lower, from) && !view.document)
    return 'command behind a separator'
  const word = readWord(lower, from)
  if (word.name === '')
    return word.path && word.hidden
      ? 'command behind a separator'
      : wildcard(lower, from) && !view.document
        ? 'command by wildcard'
        : null
  const after = lower.charCodeAt(word.end)
  // `&id=5` and `;q=0.8` are parameters.
  if (word.name.includes('=')) return assignment(view, lower, from) ? 'command behind an assignment' : null
  if (word.path && /[?*]/.test(lower.slice(from, word.end)) && !view.document) return 'command by wildcard'
  // ;if …;then …;fi and ;for …;do …;done
  if ((word.name === 'then' || word.name === 'do') && !view.document)
    return /;\s{0,3}(?:fi|done)\b/.test(lower.slice(word.end, word.end + 200)) ? 'shell statement' : null
  const { rank, alone } = commandRank(word.name)
  // A program that is on no list gives itself away by its arguments: `; foo -x`, `| bar /etc/x`.
  if (rank === 0 && (sign !== 38 || lower.charCodeAt(at + 1) === 38)) {
    if (
      fits(
        /[a-z][\w.-]{2,20}\s{1,3}(?:-[a-z]{1,2}\b(?!-)|--[a-z]{2,20}\b|\/(?:etc|tmp|var|usr|bin|home|dev|root|opt)\b)/y,
        lower,
        from,
      ) &&
      !view.document
    )
      return 'command behind a separator'
  }
  if (rank === 0 && at <= 1 && leadsAlone(lower, at, from, word.end) && !view.document)
    return 'command behind a separator'
  if (rank === 0)
    return word.path && /^\/(?:usr\/|s?bin\/|etc\/|opt\/)/.test(lower.slice(from, from + 6)) && !view.document
      ? 'program behind a separator'
      : null
  if (after === 40 || after === 44)
    return after === 40 &&
      (word.name === 'system' || (rank === 2 && !view.document && lower.charCodeAt(word.end - 1) !== 32 && false))
      ? 'command behind a separator'
      : null
  if (word.path) return view.document && rank < 2 ? null : 'program behind a separator'
  if (word.hidden && !view.document) return 'hidden command behind a separator'
  const next = skipBlanks(lower, after === 43 ? word.end + 1 : word.end)
  const ends = next >= lower.length
  const glued = next === word.end
  if (view.document) return inDocument(view, sign, word, rank, next)
  if (rank === 2) return isSubject(view, sign, word.end) ? null : 'command behind a separator'
  // `Name | Date | Time`: with the next separator, the word is over.
  if (!ends && /[|;&]/.test(lower.charAt(next)) && !glued) {
    return alone && isLoneCommand(view, at, sign, word.name) ? 'command behind a separator' : null
  }
  if (ends) return alone && isLoneCommand(view, at, sign, word.name) ? 'command behind a separator' : null
  if (glued) {
    // `;id|`, `|id;`, `&dir&`, `` `id` ``
    return alone && /[;|&`)'"#<>\n]/.test(lower.charAt(word.end)) && isLoneCommand(view, at, sign, word.name)
      ? 'command behind a separator'
      : null
  }
  const known = knownArguments[word.name]
  if (known !== undefined && fits(known, lower, next)) return 'command behind a separator'
  if (!fits(argument, lower, next)) return null
  // Versions and figures follow names in prose: `; gcc 4.3`.
  if (
    /\d/.test(lower.charAt(next)) &&
    rank === 1 &&
    !/^(?:sleep|ping|kill|head|tail|expr|seq|nc|telnet|nice|at|bc|cal|fg|who)$/.test(word.name)
  )
    return null
  // A union of quoted words: 'GET' | 'HEAD' | 'POST'
  if (/^['"]\w+['"]$/.test(lower.slice(from - 1, word.end))) return null
  return sign === 38 &&
    lower.charCodeAt(at + 1) === 32 &&
    isWordAt(lower, at - 2) &&
    !fits(/[-/\\$]|\d{1,3}\.\d|[a-z]:/y, lower, next)
    ? null
    : 'command behind a separator'
}

/** `; curl is another`, `(llvm & clang)`: a program that somebody writes about. */
function isSubject(view: View, sign: number, end: number): boolean {
  const rest = view.lower.slice(end, end + 24)
  return (
    /^\s(?:is|was|are|and|or|to|for|has|can|will|in|on|as|from|with|does|did|needs?|works?|support|users?)\b/.test(
      rest,
    ) ||
    (sign === 38 && /^\)/.test(rest) && /\([^)]*$/.test(lead(view.lower, end)))
  )
}

/** Among prose and code, a command counts whose arguments no sentence has, on a separator that no code has. */
function inDocument(view: View, sign: number, word: Word, rank: number, next: number): string | null {
  // Scripts have lines; what is planted at the end of a long text is one.
  if ((view.chars & has.lineFeed) !== 0) return null
  const { lower } = view
  const ends = next >= lower.length || /['"`;|&)]/.test(lower.charAt(next))
  if (rank === 2 && ends) return word.name.length > 3 || sign !== 59 ? 'command behind a separator' : null
  const args =
    rank === 2
      ? /(?:-[a-z]{1,3}\s|https?:|\/etc\/|\/tmp\/|\/dev\/)/y
      : /(?:\/etc\/|-[a-z] \d|\/dev\/|-[a-z]{1,4} [/"'\d])/y
  return fits(args, lower, next) ? 'command behind a separator' : null
}

/** `name;id;ls` may be a header line of a table: a lone word counts beside an empty piece, a quote or a bracket. */
function isLoneCommand(view: View, at: number, sign: number, name: string): boolean {
  const { lower, whole } = view
  if (sign === 38 && lower.charCodeAt(at + 1) !== 38 && lower.charCodeAt(at - 1) !== 38 && isWordAt(lower, at - 1))
    return false
  if (whole === '') return true
  if (whole.startsWith('||') && whole.endsWith('||') && name.length > 3) return false // how chats hide a word
  const plain = whole.split(/[;|&]+/, 8).filter((piece) => /^\s{0,2}[\w-]{2,24}\s{0,2}$/.test(piece))
  return plain.length < 3
}

/** A value that begins with a separator and then is a single word, perhaps with a flag or a path: `;htop`, `| foo -x`. */
function leadsAlone(text: string, at: number, from: number, end: number): boolean {
  if (text.charCodeAt(at) === 38 && text.charCodeAt(at + 1) !== 38) return false
  if (text.startsWith('||') && text.endsWith('||')) return false // how chats hide a word
  if (at === 1 && !/['"`)]/.test(text.charAt(0))) return false
  return (
    /^[a-z][a-z0-9_-]{2,20}$/.test(text.slice(from, end)) &&
    /^(?:\s{0,3}['";&|`)]{0,4}\s{0,3}$|\s{1,4}(?:-{1,2}[a-z]|\/[a-z]))/.test(text.slice(end, end + 12))
  )
}

/** `;x=id;$x`: a variable is set and then run. */
function assignment(_view: View, text: string, from: number): boolean {
  const found = /^([a-z_]{1,12})=['"]?([\w/.-]{1,40})['"]?\s{0,4}[;&|]{1,2}\s{0,4}['"]?\$\{?([a-z_]{1,12})/.exec(
    text.slice(from, from + 120),
  )
  return found !== null && found[1] === found[3]
}

import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'
import { fits, indexWithin, isWordAt, lead, skipBlanks } from './near.js'
import { knownArguments } from './shell-arguments.js'
import { commandRank } from './shell-commands.js'

const separators =
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
const hiding = has.doubleQuote | has.backslash

/*
 * Stops: shell injection on POSIX, Windows and PowerShell – a command behind a separator or in a substitution, with the
 *   quotes, carets, backslashes and variables that hide its name; shells by path, reverse shells, Shellshock.
 * How: at every separator the next word is read as a shell would read it. A name that is no word of prose is enough; one
 *   that is (cat, find, sort) must have arguments like a command's: a flag, a path, a variable, a redirection.
 * Limits: programs that are not on the list pass unless named by path; a newline separates commands only in short values.
 */
export const osCommand: Detector = {
  name: 'os-command',
  lexer: { chars: separators, pair: [hiding, hiding], find: atSeparators },
  anchors: [
    {
      words:
        'process service childitem item content location object expression webrequest restmethod command job wmiobject wmimethod ciminstance eventlog acl module variable alias history host computer netadapter netipaddress localuser localgroup localgroupmember aduser addomain adgroup credential member itemproperty psdrive pssession hotfix executionpolicy clipboard date random sleep securestring csv json string webservice transcript tracesource counter mailmessage typedata psprovider psbreakpoint scheduledtask scheduledjob smbshare netfirewallrule mppreference filehash authenticodesignature'
          .split(' ')
          .map((noun) => `-${noun}`),
      check: cmdlet,
    },
    {
      // `nmap -sV`, `tcpdump --version`, `mkfifo /tmp/x`: a tool with its arguments as the whole value.
      words: [
        ...[...'abcdefghijklmnopqrstuvwxyz'].map((letter) => ` -${letter}`),
        ' --',
        ' /e',
        ' /t',
        ' /v',
        ' /u',
        ' /d',
        ' /p',
        ' /h',
        ' /b',
        ' /r',
        ' /o',
        ' /m',
        ' /s',
        ' /l',
        ' ./',
        ' ~/',
        ' >/',
        ' > /',
        ' http',
        ' ftp:',
      ],
      check: (view, start) => {
        if (view.document || start > 24) return null
        const name = view.lower
          .slice(0, start)
          .replace(/^(?:time|sudo|nohup|exec|env)\s/, '')
          .trim()
        return /^[a-z][\w.+-]{1,20}$/.test(name) && commandRank(name).rank === 2 && !/^(?:mv|cp|rm|ls)$/.test(name)
          ? 'command'
          : null
      },
    },
    {
      words: ['{,'],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[;&|`(\s]/.test(view.lower.charAt(start - 1))) &&
        /^[\w./-]{1,20},[^}]{0,60}\}/.test(view.lower.slice(end, end + 90))
          ? 'brace expansion'
          : null,
    },
    {
      words: ['<<<'],
      check: (view, start, end) => {
        if (view.document || !/^\s?['"$(\w]/.test(view.lower.slice(end, end + 3))) return null
        const name = /(\$\{?0\}?|[\w./-]{1,40})\s?$/.exec(lead(view.lower, start, 44))?.[1] ?? ''
        return name.startsWith('$') || commandRank(name.slice(name.lastIndexOf('/') + 1)).rank > 0
          ? 'here-string'
          : null
      },
    },
    { words: ['~+', '~-'], check: (view) => (/^~[+-]\d{0,3}$/.test(view.whole) ? 'tilde expansion' : null) },
    {
      words: ['.shell ', '.system ', '.load ', '.import '],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[\s;'"]/.test(view.lower.charAt(start - 1))) &&
        start < 8 &&
        /^(?:[\w./'"-]{1,40})(?:\s|$)/.test(view.lower.slice(end, end + 42)) &&
        (end - start > 7 ||
          /[/\\'"]/.test(view.lower.slice(end, end + 24)) ||
          commandRank(readWord(view.lower, end).name).rank > 0)
          ? 'command of a database shell'
          : null,
    },
    {
      words: [
        ' geq ',
        ' gtr ',
        ' equ ',
        ' lss ',
        ' leq ',
        ' neq ',
        'if "%',
        'if %',
        'if not ',
        'if /i',
        'if (',
        'if [',
        'for %',
        'if exist',
        'if defined',
      ],
      check: batch,
    },
    { words: ['/etc/', '/e?', '/e*', '/??', '/?t', 'cat /'], check: hiddenFile },
    {
      words: ['alias '],
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || /[;&|]\s{0,2}$/.test(lead(view.lower, start, 4))) &&
        /^[\w-]{1,20}=[\w"'$]/.test(view.lower.slice(end, end + 40))
          ? 'alias'
          : null,
    },
    { words: ['/bin/', '/sbin/', '/usr/local/bin/'], check: program },
    {
      words:
        'bin/sh bin/bash bin/csh bin/ksh bin/zsh bin/dash bin/tcsh bin/cat bin/nc bin/perl bin/python bin/env bin/id bin/ls'.split(
          ' ',
        ),
      check: (view, start, end) =>
        !view.document &&
        (start === 0 || view.whole.startsWith('usr/')) &&
        start <= 10 &&
        /^[\d.]{0,4}(?:$|[\s;|&])/.test(view.lower.slice(end, end + 6))
          ? 'program by path'
          : null,
    },
    {
      words: ['() {', '(){', '() :', '() _', '() ;'],
      check: (view, start) => shellshock(view, start),
    },
    {
      words: ['/dev/tcp/', '/dev/udp/'],
      check: (view, start) =>
        view.document && !/[<>&]\s{0,2}$/.test(view.lower.slice(Math.max(0, start - 3), start))
          ? null
          : 'reverse shell',
    },
    {
      words: ['${ifs', '$ifs', '$@|', '${path:', '${home:', '${shell', '$((', "$'\\"],
      check: (view, start, end) =>
        view.document || /^\$\{(?:path|home|shell)\w{0,3}(?::[-=+?]|\}|\.)/.test(view.lower.slice(start, start + 14))
          ? null
          : view.lower.slice(end - 3, end) === '$((' && !/^[\d\s+*-]{1,12}\)\)/.test(view.lower.slice(end, end + 16))
            ? null
            : 'shell variable',
    },
    {
      words: [
        'cmd.exe',
        'cmd /c',
        'cmd /k',
        'cmd /v',
        'cmd /q',
        'cmd /s',
        'cmd.exe/c',
        'powershell',
        'pwsh',
        'system32\\',
        'system32/',
        '%comspec%',
        '%systemroot%',
        '%windir%',
        '%programfiles',
        '%path:',
        '%userprofile%',
        '%temp%',
        '%computername%',
        'wscript.',
        'mshta ',
        'rundll32',
        'certutil',
        'bitsadmin',
        'regsvr32',
        'wmic ',
        'schtasks',
      ],
      check: windows,
    },
    {
      words: [
        'bash -',
        'ksh -c',
        'dash -c',
        'zsh -c',
        'ash -c',
        'csh -c',
        'busybox ',
        'sh -c',
        'sh -i',
        'nc -',
        'ncat ',
        'netcat ',
        'mkfifo',
        'python -c',
        'python3 -c',
        'perl -e',
        'ruby -e',
        'php -r',
        'node -e',
        'lua -e',
        'chmod ',
        'wget ',
        'curl ',
        'socat ',
        'telnet ',
        'nslookup ',
        'uname -',
        'ifconfig',
        'whoami',
        'cat /',
        'ls -',
        'ls /',
        'rm -',
        'ping -',
        'iex ',
        'iex(',
        'invoke-',
        'new-object',
        'start-process',
        'net user',
        'net localgroup',
        'net view',
        'net share',
        'reg add',
        'reg query',
        'dir c:',
        'type c:',
        'type %',
        'del c:',
        'for /',
        'set /',
        'find /',
        'grep /',
        'less /',
        'more /',
        'head /',
        'tail /',
        'vi /',
        'nano /',
        'echo $',
        'echo %',
        'echo `',
        'nohup ',
        'setsid ',
        'timeout ',
        'sleep ',
        'sudo ',
        'tftp ',
        'scp ',
        'crontab',
        'kill -',
        'ps -',
        'id;',
        'uname',
        'passwd',
      ],
      check: bareCommand,
    },
    {
      words: [
        '{cat,',
        '{ls,',
        '{id,',
        '{ifconfig',
        ',ifconfig',
        '{wget,',
        '{curl,',
        '{echo,',
        '{sh,',
        '{bash,',
        '{uname,',
        '{nc,',
        '{ping,',
        '{sleep,',
      ],
      check: (view) => (view.document ? null : 'brace expansion'),
    },
  ],
}

interface Word {
  readonly name: string
  readonly end: number
  /** Whether quotes, carets or variables hid it. */
  readonly hidden: boolean
  readonly path: boolean
}

/** Longest word that is read behind a separator. */
const maxWord = 64

/** The next word as a shell reads it: quotes, carets, backslashes and empty variables vanish, a path keeps its last part. */
function readWord(text: string, from: number): Word {
  let at = from
  let name = ''
  let hidden = false
  let path = false
  while (at < text.length && at - from < maxWord) {
    const code = text.charCodeAt(at)
    if (
      code <= 32 ||
      code === 59 ||
      code === 124 ||
      code === 38 ||
      code === 60 ||
      code === 62 ||
      code === 41 ||
      code === 40 ||
      code === 43 ||
      code === 44
    )
      break
    if (code === 96 && text.charCodeAt(at + 1) === 96 && name !== '') {
      hidden = true
      at += 2
      continue
    }
    if (code === 96 && at > from) break
    if (code === 39 || code === 34) {
      // A quote at the end belongs to the host's text: 'id' is a command in quotes, id' is the end of one.
      if (isWordAt(text, at + 1) && name !== '') hidden = true
      at++
      continue
    }
    if (code === 92 || code === 94) {
      if (isWordAt(text, at + 1) && name !== '') hidden = true
      if (code === 92 && at > from && path === false && /^[a-z]:/.test(name)) {
        path = true
        name = ''
      }
      at++
      continue
    }
    if (code === 36) {
      const variable = /^\$(?:[@*#?!\d_]|\{[^}\s]{0,24}\}|[a-z_]{1,3}(?=[^a-z]|$)|\([^)\s]{0,12}\))/.exec(
        text.slice(at, at + 30),
      )
      if (variable === null) break
      hidden = name !== ''
      at += variable[0].length
      continue
    }
    if (code === 47) {
      path = true
      name = ''
      at++
      continue
    }
    name += text.charAt(at)
    at++
  }
  return { name, end: at, hidden, path }
}

function atSeparators(view: View): Finding | null {
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

const isRun = (code: number): boolean => code === 59 || code === 124 || code === 38 || code === 32

/** What a command's arguments begin with and prose does not. */
const argument =
  /(?:[-/\\.~$*|;&<>`"'{(%]|\d|[a-z]:(?:[\\/+]|$)|[a-z0-9-]{1,30}\.[a-z0-9.-]{2,}|[a-z]{1,12}=|\\|@|[\w-]{1,20}[/\\])/y

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

/** Characters between a separator and its command: blanks, more separators, brackets, plus signs of a form, quotes. */
function isJoint(code: number): boolean {
  return (
    code <= 32 ||
    code === 59 ||
    code === 124 ||
    code === 38 ||
    code === 43 ||
    code === 40 ||
    code === 123 ||
    code === 33 ||
    code === 64 ||
    code === 39 ||
    code === 34 ||
    code === 36
  )
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

const wildcard = (text: string, from: number): boolean =>
  /^\/[a-z?*]{1,8}\/[a-z?*[\]]{1,8}\/?/.test(text.slice(from, from + 24)) && /[?*]/.test(text.slice(from, from + 16))

/** `` `whoami` ``, `$(cat /etc/passwd)`, `<(id)`. In prose, backticks hold names of things. */
function substitution(view: View, at: number, from: number): string | null {
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
function afterLine(view: View, at: number): string | null {
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

const verbs =
  /(?:get|set|new|invoke|start|stop|remove|add|import|export|out|write|read|test|enable|disable|copy|move|rename|clear|convert(?:to|from)|select|where|foreach|measure|resolve|restart|suspend|resume|register|unregister|send|receive|wait|debug|enter|exit|push|pop|join|split|format|group|sort|tee|compare|find|update|trace|show)$/

/** `Get-Process`, `Invoke-Expression $x`: a verb and a noun of PowerShell, as a command. */
function cmdlet(view: View, start: number, end: number): string | null {
  if (view.document || isWordAt(view.lower, end)) return null
  const before = lead(view.lower, start, 14)
  const verb = verbs.exec(before)
  if (verb === null) return null
  const from = start - verb[0].length
  if (isWordAt(view.lower, from - 1) || /[-./]/.test(view.lower.charAt(from - 1))) return null
  const rest = view.lower.slice(end, end + 40)
  const leads = from === 0 || /[;|&({`"'=]\s{0,3}$/.test(lead(view.lower, from, 4))
  if (!leads) return null
  // A slug or a scope (`get-item`, `write-content`) is a word alone, in small letters; PowerShell's own are capitalised.
  if (/^\s{0,3}$/.test(rest)) return /[A-Z]/.test(view.text.slice(from, end)) || from > 0 ? 'PowerShell command' : null
  return /^\s{0,3}(?:\s-[a-z]|[|;)}&]|\s\$|\s["'(]|\s[a-z]:\\|\shttps?:|\s[\w.\\-]{1,30}$)/.test(rest)
    ? 'PowerShell command'
    : null
}

/** IF and FOR of Windows batch files, as a whole value. */
function batch(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const word = lower.slice(start, end)
  if (word === 'for %')
    return /^%?~?[\w]{1,12}\s{1,4}in\s{0,4}\(/.test(lower.slice(end, end + 32)) ? 'Windows command' : null
  const first = /^[^\w]{0,4}if\s{1,20}(?:\/i\s{1,20})?(?:not\s{1,20})?/.exec(lower.slice(0, 90))
  if (first === null) return null
  const rest = lower.slice(first[0].length, first[0].length + 200)
  const compared =
    /^(?:["'([]?\s{0,4}%?~?[\w%]{1,30}%?\s{0,4}[\])"']?)\s{0,9}(?:==|equ\s|neq\s|lss\s|leq\s|gtr\s|geq\s)/.test(rest)
  const exists =
    /^(?:exist\s{1,9}(?:[a-z]:|\\|%|\S{1,60}\.\w)|defined\s{1,9}[\w_]{1,40}\s{1,9}\w|errorlevel\s{1,9}\d)/.test(rest)
  return (compared &&
    /\b(?:echo|goto|set|cd|del|call|exit|start|copy|\.\.\.|@echo|cmd|equ|geq|gtr|lss|leq|neq)/.test(rest)) ||
    exists
    ? 'Windows command'
    : null
}

/** `/etc/[m-z]asswd`, `/e?c/p*d`: a wildcard inside the name of a system file. */
function hiddenFile(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const word = view.lower.slice(start, end)
  const rest = view.lower.slice(end, end + 40)
  if (word === '/etc/')
    return /^[a-z]{0,6}(?:\[[^\]]{1,9}\]|[?*]{1,3}[a-z]|\{)[\w*?/\]]{0,12}/.test(rest) && !/\s\*/.test(rest)
      ? 'file by wildcard'
      : null
  if (word === 'cat /') return /^[a-z]{0,3}[[?*]/.test(rest) ? 'file by wildcard' : null
  return /^(?:[a-z?*]{0,3}\/[a-z?*]{3,10})/.test(rest) ? 'file by wildcard' : null
}

function program(view: View, start: number, end: number): string | null {
  const { lower } = view
  const word = readWord(lower, end)
  const root = /usr$/.test(lead(lower, start, 4)) ? start - 4 : start
  if (lower.charCodeAt(root - 1) === 46) return null // ./bin/x is a file of a project
  const leads = root <= 0 || /^[\s"'`;|&(=$]{1,6}$/.test(lower.slice(0, Math.min(root, 8)))
  if (!view.document && leads && /^[\w.-]{1,24}(?:\s|$|[;|&])/.test(lower.slice(end, end + 26)))
    return 'program by path'
  if (word.name === '' || commandRank(word.name).rank === 0)
    return !view.document && /^[a-z]{0,3}[?*]/.test(lower.slice(end, end + 6)) ? 'command by wildcard' : null
  if (isWordAt(lower, start - 1) && !/usr$/.test(lead(lower, start, 4))) return null
  // A script's first line, and any text of several lines that names its tools.
  if (view.document || lower.startsWith('#!')) return null
  // `Register /bin/more as pager`: a path that a sentence names, with nothing before it that would run it.
  const ahead = lead(lower, root, 40)
  if (
    !leads &&
    /[a-z:"(]\s?$|#!$|\)$|[a-z]"? $/.test(ahead) &&
    /[a-z]{2,}[ :"]/.test(ahead) &&
    !/[;|&`=]\s{0,2}$|-\w\s$/.test(ahead)
  )
    return null
  if (lower.slice(Math.max(0, start - 10), start).includes('://')) return null
  return 'program by path'
}

function shellshock(view: View, start: number): string | null {
  const piece = view.lower.slice(start, start + 48)
  if (view.document) return /^\(\)\s{0,2}\{\s{0,2}:;\s{0,2}\}/.test(piece) ? 'Shellshock' : null
  return /^\(\)\s{0,4}\{\s{0,4}(?::;|_;|_\s|_\}|\w{1,8};|:\s|[^}]{0,20}\}\s{0,4};)|^\(\)\s{0,4}:/.test(piece)
    ? 'Shellshock'
    : null
}

function windows(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (isWordAt(lower, start - 1) || lower.charCodeAt(start - 1) === 96) return null
  if (name.startsWith('%') || name.startsWith('system32')) return 'Windows command'
  const next = skipBlanks(lower, end)
  if (name === 'powershell' || name === 'pwsh') {
    return fits(
      /(?:\.exe)?(?:\s{1,4}(?:-[a-z]|\/|iex|invoke|get-|start-|\$|i?wr|["'{(&]{1,2}\$)|\.exe|["'(&]{1,3}[a-z$])/y,
      lower,
      end,
    )
      ? 'Windows command'
      : null
  }
  if (name.startsWith('cmd')) return 'Windows command'
  return next < lower.length &&
    fits(/(?:\.exe)?\s{0,4}(?:[-/"'\\%]|\w{1,30}\.|http|process|os|create|javascript:|\w{1,20} )/y, lower, end)
    ? 'Windows command'
    : null
}

/** A command as the whole value, or behind something that hands it to a shell. */
function bareCommand(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  if (isWordAt(lower, start - 1) || lower.charCodeAt(start - 1) === 45 || lower.charCodeAt(start - 1) === 46)
    return null
  // Only at the start, behind brackets and quotes, or behind another command's name.
  const ahead = lead(lower, start).trim()
  const leads = ahead === '' || /^[^a-z0-9]{1,12}$/.test(ahead) || /['"=;|&]$|^\W*[(`]$/.test(ahead)
  const name = lower.slice(start, end).trim()
  const rest = lower.slice(end, end + 80)
  // `curl https://… returns the wrong type`: a sentence that begins with a command's name.
  if (/(?:\s[a-z]{1,20}){3}/.test(rest) && !/['"]/.test(rest)) return null
  switch (name) {
    case 'whoami':
    case 'ifconfig':
    case 'id;':
    case 'uname':
    case 'passwd':
    case 'crontab':
      return ahead === '' && rest.trim() === '' && name !== 'passwd' && name !== 'crontab' ? 'command' : null
    case 'wget':
    case 'curl':
      return leads && /^(?:-|["']?(?:https?|ftp):|[\w.-]{1,60}\.[a-z]{2,6}[/\s:]|\d{1,3}\.\d|\$)/.test(rest)
        ? 'command'
        : null
    case 'sleep':
      return ahead === '' && /^\d{1,5}[smh]?$/.test(rest.trim()) ? 'command' : null
    case 'nohup':
    case 'setsid':
    case 'timeout':
      return leads && commandRank(readWord(rest.replace(/^\d{1,5}\s/, ''), 0).name).rank > 0 ? 'command' : null
    case 'sudo':
      return leads && commandRank(readWord(rest, 0).name).rank > 0 ? 'command' : null
    case 'chmod':
      return leads && /^(?:[0-7]{3,4}|[ugoa]{0,4}[+-][rwxs]{1,3})\s{1,4}[^\s;|&]{1,70}\s{0,4}(?:[;|&]|$)/.test(rest)
        ? 'command'
        : null
    case 'telnet':
    case 'nslookup':
    case 'socat':
    case 'tftp':
    case 'scp':
      return leads && /[\d.:/-]/.test(rest) && !/^(?:is|and|to|for|from|the) /.test(rest) ? 'command' : null
    case 'ncat':
    case 'netcat':
      return leads && /^(?:-|\d)/.test(rest) ? 'command' : null
    case 'nc -':
      return /^[a-z]{1,5}\s/.test(rest) ? 'command' : null
    case 'rm -':
      return leads && /^\w{1,5}\s{1,3}\S/.test(rest) ? 'command' : null
    case 'invoke-':
      return /^(?:expression|webrequest|restmethod|command|item|wmi|mimikatz|shellcode)/.test(rest)
        ? 'PowerShell command'
        : null
    case 'new-object':
      return /^\s{0,3}(?:-|system|net\.|io\.)/.test(rest) ? 'PowerShell command' : null
    case 'iex':
    case 'iex(':
      return /[($'"&]/.test(name + rest.slice(0, 2)) && leads ? 'PowerShell command' : null
    case 'for /':
      return /^[fdlr]\s/.test(rest) ? 'Windows command' : null
    case 'set /':
      return /^[ap]\s/.test(rest) ? 'Windows command' : null
    case 'cat /':
    case 'less /':
    case 'more /':
    case 'head /':
    case 'tail /':
    case 'grep /':
    case 'vi /':
    case 'nano /':
      return leads && /^(?:etc|proc|var|root|home|usr|opt|tmp|dev|\*|\.\.)/.test(rest) ? 'command' : null
    default:
      return leads ? 'command' : null
  }
}

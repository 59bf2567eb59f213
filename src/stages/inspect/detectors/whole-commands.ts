import type { View } from '../view.js'
import { isWordAt, lead } from './near.js'
import { commandRank } from './shell-commands.js'
import { readWord } from './shell-word.js'

/** Whether a path is written with wildcards. */
export const wildcard = (text: string, from: number): boolean =>
  /^\/[a-z?*]{1,8}\/[a-z?*[\]]{1,8}\/?/.test(text.slice(from, from + 24)) && /[?*]/.test(text.slice(from, from + 16))

/** `/etc/[m-z]asswd`, `/e?c/p*d`: a wildcard inside the name of a system file. */
export function hiddenFile(view: View, start: number, end: number): string | null {
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

/** A program by its path, unless a sentence mentions it. */
export function program(view: View, start: number, end: number): string | null {
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

/** The beginning of a function definition, as Shellshock exploits it. */
export function shellshock(view: View, start: number): string | null {
  const piece = view.lower.slice(start, start + 48)
  if (view.document) return /^\(\)\s{0,2}\{\s{0,2}:;\s{0,2}\}/.test(piece) ? 'Shellshock' : null
  return /^\(\)\s{0,4}\{\s{0,4}(?::;|_;|_\s|_\}|\w{1,8};|:\s|[^}]{0,20}\}\s{0,4};)|^\(\)\s{0,4}:/.test(piece)
    ? 'Shellshock'
    : null
}

/** A command as the whole value, or behind something that hands it to a shell. */
export function bareCommand(view: View, start: number, end: number): string | null {
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

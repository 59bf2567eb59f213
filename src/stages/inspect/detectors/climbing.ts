import { has } from '../character-classes.js'
import type { View } from '../view.js'
import { indexWithin } from './near.js'

/** Longest run of a climb that is read. */
const window = 160

/** Steps out of a folder, counted. */
export function climb(view: View, start: number, _end: number): string | null {
  const { lower } = view
  if (
    start > 0 &&
    lower.charCodeAt(start - 1) === 46 &&
    lower.charCodeAt(start) === 46 &&
    start > 1 &&
    lower.charCodeAt(start - 2) === 46 &&
    lower.charCodeAt(start - 3) === 46
  )
    return null
  const run = lower.slice(start, start + window)
  if (/^(?:\.[/\\]){8}/.test(run)) return 'padded path'
  const steps = countSteps(run)
  if (steps === 0) return null
  if (view.document && steps < 3) return null
  const rest = run.replace(/^(?:0x2[ef]|0x5c|%?2[ef]|%?5c|[/\\;,%]|\.(?![a-z]))+/, '')
  if (view.document) {
    return steps >= 3 && isSensitive(rest) ? 'climb to a system file' : null
  }
  if (isSensitive(rest) || (steps >= 3 && isServerFolder(rest))) return 'climb to a system file'
  // An import or a schema reference in a whole value climbs as well, in one plain spelling, to a file with an extension.
  if (steps >= 2) {
    if (!isReference(view, start, rest)) return 'climb'
    return steps >= 4 && !/[a-z]\s$/.test(lower.slice(Math.max(0, start - 2), start)) ? 'climb' : null
  }
  // Dots that were encoded once more than a parameter needs, where a caller names a file.
  if (view.home !== 'body' && view.home !== 'key' && /percent|unicode|escapes/.test(view.decoded)) return 'climb'
  const odd = /^\.\.[\\;,]|^\.{3,}[\\/]|^\.\.\/\/|^\.[\\/]\.[\\/]/.test(run) && !/^\.\.\\[a-z]/.test(run)
  return odd && view.home !== 'body' && /\.\.[\\/;]/.test(run) ? 'climb' : null
}

/** `..2f..2f..2f`: the slash lost its percent sign, or is a sign that some decoder takes for one. */
export function oddClimb(view: View, start: number, _end: number): string | null {
  const { lower } = view
  if (start > 0 && lower.charCodeAt(start - 1) === 46) return null
  if (!view.document && /^\.\.(?:2f|5c)[\w.-]{2,40}(?:2f|5c)/.test(lower.slice(start, start + 60))) return 'climb'
  const next = indexWithin(lower, '..', start + 3, 8)
  if (next === -1 || next - start > 8 || next - start < 3) return null
  const unit = lower.slice(start, next)
  return lower.startsWith(unit.repeat(3), start) && !/\s/.test(unit) ? 'climb' : null
}

function countSteps(run: string): number {
  let steps = 0
  let at = 0
  while (at < run.length) {
    const found =
      /^(?:\.{2,}[;,]?[/\\]+|\.[/\\]\.[/\\]|\\?\.\.[/\\]+|0x2e0x2e(?:0x2f|0x5c|[/\\])|\.\.0x(?:2f|5c)|\.{2}$|[/\\]+\.{2}|\.[/\\]+)/.exec(
        run.slice(at, at + 24),
      )
    if (found === null) break
    if (/\.\.|0x2e0x2e|^\.[/\\]\./.test(found[0])) steps++
    at += found[0].length
  }
  return steps
}

function isSensitive(rest: string): boolean {
  return /^(?:\w{1,20}[/\\]){0,5}(?:etc[/\\]|passwd|shadow|boot\.ini|win\.ini|winnt|windows|system32|proc[/\\]|web-inf|\.ssh|\.aws|\.env|\.git|\.htaccess|id_rsa|var[/\\]log|root[/\\]|config\.|(?:config|conf|settings)[/\\](?:database|secrets?|master|credentials|parameters|settings|app)|wp-config|php\.ini|secrets?\b|credentials|httpd|apache|logs?[/\\]|inetpub|autoexec|private[/\\])/.test(
    rest,
  )
}

const isServerFolder = (rest: string): boolean => /^(?:usr|bin|dev|tmp|home|opt|mnt|srv|lib)[/\\]/.test(rest)

/** `../../schemas/order.json`: forward slashes only, from the start, to a named file. */
function isReference(view: View, start: number, rest: string): boolean {
  if (
    view.home === 'query' ||
    view.home === 'path' ||
    view.home === 'header' ||
    view.home === 'cookie' ||
    view.home === 'file-name'
  )
    return false
  if (rest === '' && view.whole === view.lower && /^(?:\.\.\/){1,3}$/.test(view.whole)) return true
  const plain = /^((?:[\w@.-]{1,40}\/){0,8}[\w@.-]{1,60}(?:#[\w/-]{0,60})?)(?=$|[\s)'",;])/.exec(rest)?.[1]
  if (plain === undefined || (view.chars & has.backslash) !== 0 || view.decoded !== '') return false
  if (start !== 0 && !/[\s('"]/.test(view.lower.charAt(start - 1))) return false
  return (
    /\.[a-z]{1,8}(?:$|#)|^[\w@-]+(?:\/[\w@-]+)*$/.test(plain) &&
    !/\.(?:log|ini|conf|cfg|db|bak|old|sql|htpasswd|key|pem)$/.test(plain)
  )
}

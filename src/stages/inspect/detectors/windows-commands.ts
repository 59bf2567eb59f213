import type { View } from '../view.js'
import { fits, isWordAt, lead, skipBlanks } from './near.js'

const verbs =
  /(?:get|set|new|invoke|start|stop|remove|add|import|export|out|write|read|test|enable|disable|copy|move|rename|clear|convert(?:to|from)|select|where|foreach|measure|resolve|restart|suspend|resume|register|unregister|send|receive|wait|debug|enter|exit|push|pop|join|split|format|group|sort|tee|compare|find|update|trace|show)$/

/** `Get-Process`, `Invoke-Expression $x`: a verb and a noun of PowerShell, as a command. */
export function cmdlet(view: View, start: number, end: number): string | null {
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
export function batch(view: View, start: number, end: number): string | null {
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

/** A program or variable of Windows with its arguments. */
export function windows(view: View, start: number, end: number): string | null {
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

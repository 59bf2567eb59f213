import type { View } from '../view.js'
import { fits, isWordAt, skipBlanks } from './near.js'

/** A URL that runs script, outside tags. */
export function scriptUrl(view: View, start: number, end: number): string | null {
  if (view.lower.charCodeAt(start) === 115) {
    const scheme = /(?:j\s{0,4}a\s{0,4}v\s{0,4}a|v\s{0,4}b|l\s{0,4}i\s{0,4}v\s{0,4}e|j)\s{0,4}$/.exec(
      view.lower.slice(Math.max(0, start - 24), start),
    )
    if (scheme === null) return null
    start -= scheme[0].length
    if (/\s/.test(scheme[0]) && !view.document) return fits(/\S{0,60}[(=`[/{]/y, view.lower, end) ? 'script URL' : null
  }
  const at = skipBlanks(view.lower, end)
  if (at >= view.lower.length) return null
  if (view.document) {
    // Text about `javascript:` URLs names them; a link that carries one calls something.
    return /["'(=]\s{0,9}$/.test(view.lower.slice(Math.max(0, start - 4), start)) &&
      fits(/[^\s"']{0,40}\(/y, view.lower, end)
      ? 'script URL'
      : null
  }
  if (fits(/[^\s]{0,60}[(=`[/{]/y, view.lower, at)) return 'script URL'
  return start === 0 || /["'=(]/.test(view.lower.charAt(start - 1)) ? (at === end ? 'script URL' : null) : null
}

/** A data URL that is a page. */
export function dataUrl(view: View, start: number): string | null {
  if (view.document) return null
  const before = view.lower.charAt(start - 1)
  if (start !== 0 && !/[\s"'=(,]/.test(before)) return null
  const rest = view.lower.slice(start, start + 64)
  return /^data:(text\/(html|xml|javascript)|application\/x)[^,]{0,40},/.test(rest) ||
    (/^data:image\/svg[^,]{0,40},/.test(rest) && /["'(]/.test(before))
    ? 'data URL that is a page'
    : null
}

/** `alert(1)`, `prompt`1``, `eval.call(…)`, `(alert)(1)`, `[1].find(alert)`. */
export function call(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  // `eval`, unsafe-eval: named, not called.
  if (lower.charCodeAt(start - 1) === 96 || lower.charCodeAt(start - 1) === 45) return null
  // `prompt(s)`, and the scope of a commit: `fetch(api): retry`.
  if (fits(/\((?:s|es|ed)\)|\([\w.,/ -]{1,30}\)!?:\s/y, lower, end)) return null
  // The whole value is the call: `fetch(…)`, `import(…)`.
  if (start <= 1 && lower.charCodeAt(end) === 40 && !/^[a-z]{2,4}\)/.test(lower.slice(end + 1, end + 6)))
    return 'script call'
  if (name === 'settimeout' || name === 'setinterval') {
    return fits(/\s{0,3}(?:\(|`)\s{0,3}(?:['"`]|alert|eval|confirm|prompt|document|window|location|atob)/y, lower, end)
      ? 'script call'
      : null
  }
  if (name === 'fetch' || name === 'import') {
    return fits(/\s{0,3}\(\s{0,3}['"`][^)]{0,60}(?:\/\/|cookie)/y, lower, end) ? 'script call' : null
  }
  const code = lower.charCodeAt(end)
  if (code === 40) {
    if (isWordAt(lower, start - 1) && name !== 'alert') return null
    if (
      name === 'eval' &&
      lower.charCodeAt(end + 1) === 41 &&
      /[a-z]\s$|:$/.test(lower.slice(Math.max(0, start - 3), start))
    )
      return null
    // `confirm(s)`, `prompt(s)`: a plural in prose.
    if (fits(/\((?:s|es|ed)\)/y, lower, end)) return null
    return 'script call'
  }
  if (code === 96) return 'script call'
  if ((code === 59 || code === 44) && lower.charCodeAt(start - 1) === 61) return 'script call'
  if (
    fits(/\s{0,4}(?:\?\.)?\s{0,4}(?:\.\s{0,4}(?:call|apply|bind)|\[)\s{0,4}/y, lower, end) &&
    fits(/[^a-z]{0,2}(?:call|apply|bind|\?\.|\.)/y, lower, end)
  )
    return 'script call'
  if (
    fits(/\s{0,4}\)\s{0,4}\(|\)\s{0,2}[>`;]?$/y, lower, end) &&
    /[([=]$/.test(
      lower
        .slice(Math.max(0, start - 12), start)
        .trimEnd()
        .slice(-1),
    )
  )
    return 'script call'
  return fits(/\s{1,4}\(\s{0,4}['"\d/]/y, lower, end) && fits(/\s{1,4}\([^)]{0,40}\)\s{0,4}(?:;|<|$)/y, lower, end)
    ? 'script call'
    : null
}

/** An object of the page, as scripts of attackers use it. */
export function scriptObject(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  if (isWordAt(lower, start - 1) && lower.charCodeAt(start) !== 46) return null
  if (lower.charCodeAt(start - 1) === 96) return null
  const name = lower.slice(start, end)
  const rest = lower.slice(end, end + 60)
  switch (name) {
    case 'document.':
      return /^(?:(?:forms|links|images|scripts|all|referrer)\s{0,2}[.[]|(?:getelement|queryselector|execcommand)\w{0,20}\s{0,2}\(\s{0,2}['"`]|title\s{0,2}=|implementation\.)/.test(
        rest,
      )
        ? 'script object'
        : null
    case 'window[':
    case 'self[':
    case 'top[':
    case 'globalthis[':
    case 'frames[':
    case 'document[':
      return /^\s{0,4}['"`/(+a-z0-9]/.test(rest) && /\]/.test(rest) ? 'script object' : null
    case 'location=':
      return /^\s{0,4}['"`]|^\s{0,4}(name|location|document|window|javascript|atob|\/\/)/.test(rest)
        ? 'script object'
        : null
    case 'innerhtml':
    case 'outerhtml':
      return /^\s{0,4}\+?=/.test(rest) ? 'script object' : null
    case 'xmlhttprequest':
      return lower.slice(Math.max(0, start - 6), start).includes('new') ? 'script object' : null
    case '.parentnode':
    case 'insertadjacenthtml':
      return /^\s{0,3}[.([]/.test(rest) ? 'script object' : null
    case '.constructor(':
      return 'script object'
    default:
      return 'script object'
  }
}

const events =
  /on(?:error|load|click|mouse|focus|blur|key|toggle|pointer|animation|transition|begin|end|start|scroll|change|input|submit|wheel|copy|cut|paste|drag|drop|play|can|dbl|resize|page|hash|message|select|reset|context|after|before|ready|finish|bounce|search|invalid|show|progress|touch|unload|storage|popstate|property|row|data|cell|layout|lose|move|time|resume|reverse|repeat|seek|sync|media|track|url|out|unhandled|form|abort|activate|aux|help|filter|fullscreen|gesture|volume|waiting|suspend|stalled|rate|emptied|duration|cue|close|cancel|slot|security|auto|webkit|zoom|beforematch|content|lang|orientation|device|vr|offline|online|controller|dom|stop|deactivate|error)[a-z]{0,20}/y

/** `" onfocus=alert(1) autofocus x="`: an event attribute that breaks out of the attribute it was put in. */
export function eventAttribute(view: View, start: number): string | null {
  const { lower } = view
  const before = lower.charCodeAt(start - 1)
  if (isWordAt(lower, start - 1) || before === 46 || before === 45) return null
  events.lastIndex = start
  const name = events.exec(lower)
  if (name === null) return null
  const equals = skipBlanks(lower, start + name[0].length)
  if (lower.charCodeAt(equals) !== 61 || lower.charCodeAt(equals + 1) === 61 || lower.charCodeAt(equals + 1) === 62)
    return null
  const afterQuote = /["'`]\s{0,9}\/?\s{0,9}$/.test(lower.slice(Math.max(0, start - 12), start))
  if (view.document && !afterQuote) return null
  const value = skipBlanks(lower, equals + 1)
  if (value >= lower.length) return afterQuote ? 'break-out with an event attribute' : null
  if (!fits(/["'`]?[^"'`\s]{0,80}[(=`.[\\&:]/y, lower, value)) return null
  return afterQuote || !/\s/.test(lower.charAt(equals - 1)) ? 'break-out with an event attribute' : 'event attribute'
}

/** JavaScript written with six characters. */
export function bracketsOnly(view: View, start: number): string | null {
  const piece = view.lower.slice(start, start + 24)
  if (view.document) return /^[[\]()!+ {}]{24}/.test(piece) ? 'script without letters' : null
  if (/^!!?\[\]/.test(piece) && view.lower.length < 12) return 'script without letters'
  return piece.length >= 8 && /^[[\]()!+ {}]{8,}/.test(piece) && /!|\+/.test(piece) ? 'script without letters' : null
}

/** Style that loads or runs something. */
export function activeStyle(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  const before = lower.slice(Math.max(0, start - 20), start)
  if (name === '@import') return fits(/\s{0,4}(?:['"]|url)/y, lower, end) ? 'active style' : null
  if (name === 'expression(') return /[:\w*/]\s{0,4}$/.test(before) && before.includes(':') ? 'active style' : null
  return fits(/[^;]{0,8}url\(|\s{0,4}:/y, lower, end) ? 'active style' : null
}

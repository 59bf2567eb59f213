import { has } from '../character-classes.js'
import type { Anchor, Detector, Finding, View } from '../view.js'
import { readTag, type Tag } from './html-lexer.js'
import { fits, isWordAt, skipBlanks } from './near.js'

/*
 * Stops: cross-site scripting – elements that run script, event attributes, script URLs, style that runs code, breaking
 *   out of an attribute or of a script, bare calls of the functions that attackers call.
 * How: an HTML tokeniser after the standard reads every tag; plain markup (b, a href, img src) passes. Outside tags, the
 *   names of events, script schemes and functions are looked at with what stands around them.
 * Limits: HTML that merely deceives (a link elsewhere, a picture) passes; documents that show code pass unless a tag in
 *   them would run; JavaScript without any known name or tag is not recognised.
 */
export const xss: Detector = {
  name: 'xss',
  lexer: { chars: has.less, find: findTag },
  anchors: [
    {
      // Nobody pads a reference to an ASCII sign but to get past a filter.
      words: ['&#000', '&#x000'],
      check: (view, start) =>
        /^&#(?:x0{3,9}(?:[2-7][0-9a-f])(?![0-9a-f])|0{3,9}(?:3[3-9]|4\d|5[89]|6[0-4]|9[1-6]|12[3-6]|9\d|1[01]\d)(?!\d))/.test(
          view.lower.slice(start, start + 20),
        )
          ? 'padded character reference'
          : null,
    },
    {
      words: ['xlink:href', 'formaction'],
      needs: has.equals,
      check: (view, start, end) =>
        !view.document &&
        /[\s"'/<`;]/.test(view.lower.charAt(start - 1) || ' ') &&
        fits(/\s{0,4}=\s{0,4}["'`]?\s{0,4}[a-z&#/]/y, view.lower, end)
          ? 'attribute that runs script'
          : null,
    },
    { words: ['script:', 'mocha:'], check: scriptUrl },
    {
      words: ['data:text/html', 'data:text/xml', 'data:image/svg', 'data:text/javascript', 'data:application/x'],
      check: dataUrl,
    },
    {
      words: [
        'alert',
        'prompt',
        'confirm',
        'eval',
        'settimeout',
        'setinterval',
        'atob',
        'btoa',
        'execscript',
        'fetch',
        'import',
      ],
      needs: has.paren | has.backtick,
      check: call,
    },
    {
      words: [
        'document.cookie',
        'document.domain',
        'document.location',
        'document.write',
        'document.url',
        'document.body',
        'document.createelement',
        'document[',
        'document.',
        'window.location',
        'window.name',
        'window.open',
        'window[',
        'self[',
        'top[',
        'globalthis[',
        'frames[',
        'location=',
        'location.href',
        'location.hash',
        'fromcharcode',
        'innerhtml',
        'outerhtml',
        '.parentnode',
        'insertadjacenthtml',
        'localstorage.',
        'sessionstorage.',
        'xmlhttprequest',
        'navigator.sendbeacon',
        '.constructor(',
      ],
      check: scriptObject,
    },
    {
      words: [' on', '\ton', '\non', '\ron', '"on', "'on", '/on', '`on', ';on', ')on', '>on', '\u000bon', '\u000con'],
      needs: has.equals,
      check: (view, start) => eventAttribute(view, start + 1),
    },
    {
      // {onerror=alert}throw 1
      words: ['=alert', '=eval', '=confirm', '=prompt'],
      check: (view, start) =>
        !view.document && /(?:^|[\s{;,(/])on[a-z]{3,20}\s?$/.test(view.lower.slice(Math.max(0, start - 26), start))
          ? 'event handler'
          : null,
    },
    { words: ['[][', '![]', '[]+', '+[]', '[+'], needs: has.plus | has.punctuation, check: bracketsOnly },
    { words: ['+adw-', '+adwa-'], check: () => 'UTF-7 tag' },
    { words: ['@import', '-moz-binding', 'expression(', 'behavior:', 'behaviour:'], check: activeStyle },
  ] satisfies Anchor[],
}

/** Elements that run or load code, or change where a page's requests go, whatever their attributes. */
const active = new Set([
  'script',
  'iframe',
  'frame',
  'frameset',
  'object',
  'embed',
  'applet',
  'isindex',
  'bgsound',
  'layer',
  'ilayer',
  'vmlframe',
  'noembed',
  'portal',
  'fencedframe',
  'import',
  'xss',
  'foreignobject',
  'handler',
  'listener',
  'animation',
])

/** Elements that do so with one of these attributes. */
const activeWith: Readonly<Record<string, readonly string[]>> = {
  meta: ['http-equiv', 'charset'],
  base: ['href'],
  link: ['href', 'rel'],
  input: ['formaction'],
  button: ['formaction'],
  form: ['formaction'],
  set: ['attributename'],
  animate: ['attributename'],
  a: ['ping'],
  '?import': ['implementation'],
}

function findTag(view: View): Finding | null {
  const { lower } = view
  // A sign inside a tag may open another for some parsers. Reading on from it is allowed for as many characters as the
  // text has; after that, reading goes on behind the tag, whose attributes have all been judged.
  let spare = lower.length
  let at = lower.indexOf('<')
  while (at !== -1) {
    // A row of signs opens at most one tag: its last.
    while (lower.charCodeAt(at + 1) === 60) at++
    const tag = readTag(lower, at)
    let from = at + 1
    if (tag !== null) {
      const technique = judge(view, tag)
      if (technique !== null) return { technique, at }
      spare -= tag.end - at
      if (spare < 0) from = tag.end
    }
    at = lower.indexOf('<', from)
  }
  return null
}

function judge(view: View, tag: Tag): string | null {
  const name = tag.name.includes(':') ? tag.name.slice(tag.name.lastIndexOf(':') + 1) : tag.name
  if (tag.closing) return null
  for (const attribute of tag.attributes) {
    const technique = judgeAttribute(view, attribute.name, attribute.value)
    if (technique !== null) return technique
  }
  const bare = /^[a-z]{2,14}/.exec(name)?.[0] ?? name
  // `<script>` in backticks is a mention.
  const isMention = view.lower.charCodeAt(tag.start - 1) === 96 && view.lower.charCodeAt(tag.end) === 96
  if (isMention) return null
  if (active.has(name) || (active.has(bare) && !/^[a-z0-9-]+$/.test(name))) {
    if (!view.document) return 'active element'
    return runs(view, tag, name) ? 'active element' : null
  }
  if (name === 'style' || name === 'svg' || name === 'math' || name === 'xml' || name === 'stylesheet') {
    const rest = view.lower.slice(tag.end, tag.end + 400)
    if (name === 'style') {
      const runs = view.document
        ? /expression\s{0,4}\(|javascript:|-moz-binding/
        : /@im|expression|javascript|behavior|-moz-binding|url\(|<!--|\\/
      return runs.test(rest) ? 'active style' : null
    }
    return name === 'xml' && !view.document && /^\s*(id|src|onp)/.test(tag.attributes[0]?.name ?? '')
      ? 'active element'
      : null
  }
  const needs = activeWith[name]
  if (needs !== undefined && !view.document) {
    for (const { name: attribute, value } of tag.attributes) {
      if (!needs.includes(attribute)) continue
      // What every page has in its head.
      if (name === 'meta' && !/refresh|cookie|utf-?7|url|link|policy/.test(value)) continue
      if (
        name === 'link' &&
        (attribute === 'rel'
          ? !/stylesheet|import|preload|prefetch/.test(value)
          : !/^\s*(?:javascript|data|vbscript)/.test(value))
      )
        continue
      return 'active element'
    }
  }
  return null
}

/** In a document, a mere mention such as `<script>` is text about HTML; one with a source or a body of code runs. */
function runs(view: View, tag: Tag, name: string): boolean {
  if (name !== 'script') {
    return tag.attributes.some(
      ({ name: attribute, value }) =>
        attribute === 'srcdoc' || (/^(src|data|code)$/.test(attribute) && /^\s*(javascript|data|\/\/)/.test(value)),
    )
  }
  // A value that begins with the element, or breaks out of something right before it, is no document about HTML.
  if (/^[\s"'`>)}\]/<-]{0,12}$/.test(view.lower.slice(0, Math.min(tag.start, 16))) && tag.start < 16) {
    if (/[(=.]/.test(view.lower.slice(tag.end, tag.end + 400))) return true
  }
  const body = view.lower.slice(tag.end, tag.end + 200)
  return /(alert|prompt|confirm|eval)\s{0,9}[(`]|document\.(cookie|location)|fromcharcode/.test(body)
}

function judgeAttribute(view: View, name: string, value: string): string | null {
  if (name.length > 4 && name.charCodeAt(0) === 111 && name.charCodeAt(1) === 110 && /^on[a-z]{3,30}$/.test(name)) {
    if (value === '' || value.startsWith('{') || /^(true|false|on|off|yes|no)$/.test(value)) return null
    if (/^on(?:line|ly|ce|to|board\w*|site|hold)$/.test(name)) return null
    return 'event attribute'
  }
  if (value === '') return name === 'srcdoc' ? 'active element' : null
  if (value.includes(':')) {
    const bare = value.length < 2000 ? value.replace(/[\s\0]+/g, '') : value
    if (/(?:javascript|vbscript|livescript|mocha|jscript):/.test(bare)) return 'script URL in an attribute'
    if (
      /^[^a-z]*(?:data:(?:text\/(?:html|xml|javascript)|image\/svg|application\/x)|data:[,;]|data:;base64)/.test(bare)
    ) {
      if (name !== 'src' || !bare.startsWith('data:image')) return 'script URL in an attribute'
    }
  }
  if (name === 'style' && /expression|-moz-binding|behaviou?r\s{0,9}:|javascript|@import|\\0/.test(value))
    return 'active style'
  if (name === 'srcdoc') return 'active element'
  // An unquoted value with a sign that ends it for some browsers: src=x\x12onerror=alert(1)
  const inner = value.indexOf('on')
  if (
    inner > 0 &&
    !view.document &&
    /[^a-z?&]on[a-z]{4,20}\s{0,9}=/.test(value.slice(inner - 1, inner + 40)) &&
    /[(`]/.test(value.slice(inner))
  )
    return 'event attribute'
  return null
}

function scriptUrl(view: View, start: number, end: number): string | null {
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

function dataUrl(view: View, start: number): string | null {
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
function call(view: View, start: number, end: number): string | null {
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

function scriptObject(view: View, start: number, end: number): string | null {
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
function eventAttribute(view: View, start: number): string | null {
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
function bracketsOnly(view: View, start: number): string | null {
  const piece = view.lower.slice(start, start + 24)
  if (view.document) return /^[[\]()!+ {}]{24}/.test(piece) ? 'script without letters' : null
  if (/^!!?\[\]/.test(piece) && view.lower.length < 12) return 'script without letters'
  return piece.length >= 8 && /^[[\]()!+ {}]{8,}/.test(piece) && /!|\+/.test(piece) ? 'script without letters' : null
}

function activeStyle(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  const before = lower.slice(Math.max(0, start - 20), start)
  if (name === '@import') return fits(/\s{0,4}(?:['"]|url)/y, lower, end) ? 'active style' : null
  if (name === 'expression(') return /[:\w*/]\s{0,4}$/.test(before) && before.includes(':') ? 'active style' : null
  return fits(/[^;]{0,8}url\(|\s{0,4}:/y, lower, end) ? 'active style' : null
}

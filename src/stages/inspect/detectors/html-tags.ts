import type { Finding, View } from '../view.js'
import { readTag, type Tag } from './html-lexer.js'

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

/** The first tag of a text that runs script. */
export function findTag(view: View): Finding | null {
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

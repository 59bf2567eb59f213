import { has } from '../character-classes.js'
import type { Anchor, Detector, View } from '../view.js'
import { isWordAt } from './near.js'

/*
 * Stops: LDAP filters broken open: `*)(uid=*`, `)(|(mail=*))`, `(&(user=x)(password=*))`.
 * How: a closing bracket followed by an opening one and an attribute with a comparison, or a star before them.
 * Limits: a lone `*` as a value is a legal search in many APIs and passes.
 */
export const ldap: Detector = {
  name: 'ldap',
  anchors: [{ words: [')(', '*)', '(|(', '(&(', '(!(', '*|', ')\u0000(', '*(', ') ('], check: ldapFilter }],
}

function ldapFilter(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const word = lower.slice(start, end)
  const rest = lower.slice(end, end + 60)
  if (word === '(|(' || word === '(&(' || word === '(!(')
    return /^[\w-]{1,40}\s{0,2}[~<>:]?=/.test(rest) ? 'filter' : null
  if (word === '*|') return start === 0 && /^(?:$|\(\w{1,20}=)/.test(rest) ? 'filter break-out' : null
  if (word === '*)')
    return /^\){0,4}\s{0,2}\(|^\)+$|^\){0,3}%?\0|^$/.test(rest) &&
      start <= 24 &&
      !/\([^)(]*$/.test(lower.slice(0, start)) &&
      !/[(a-z]\s?$/.test(lower.slice(Math.max(0, start - 4), start))
      ? 'filter break-out'
      : null
  if (word === '*(') return /^\)?[|&]/.test(rest) ? 'filter break-out' : null
  if (
    /^[&|!]?\(?[\w-]{1,40}\s{0,2}[~<>:]?=[^=>]/.test(rest) ||
    /^[&|]\)|^\([&|!]\(?\w/.test(rest) ||
    /^[&|]\s{0,2}\(/.test(rest)
  ) {
    const open = lower.indexOf('(')
    return open >= start || /^[^()]{0,40}\)/.test(lower) || /^\(?[&|!]/.test(lower) ? 'filter break-out' : null
  }
  return /^[\w-]{1,40}=$/.test(rest) ? 'filter break-out' : null
}

/*
 * Stops: XPath expressions where a value is expected: axes, node tests and document functions behind a break-out or alone.
 * How: words that only XPath has, with the slash or bracket that belongs to them.
 * Limits: a path of plain names (`/users/user`) is no injection and passes.
 */
export const xpath: Detector = {
  name: 'xpath',
  anchors: [
    {
      words: [
        '::node()',
        '::*',
        'child::',
        'parent::',
        'ancestor::',
        'descendant::',
        'following::',
        'preceding::',
        'following-sibling::',
        'attribute::',
        '/text()',
        'text()=',
        'position()=',
        'position() =',
        'count(/',
        'count(//',
        'string-length(',
        'substring(//',
        'substring(/',
        'substring(name(',
        'name(/',
        'name(parent',
        'string(//',
        'string(/',
        'name(//',
        'local-name(',
        'doc(',
        '//*',
        '//user',
        'starts-with(',
        'contains(/',
        'last()',
        '*[1]',
        '/*[',
        'comment()',
        'codepoints-to-string(',
        'doc-available(',
        "'] |",
        "']|",
        '"] |',
        '"]|',
      ],
      check: xpathExpression,
    },
  ],
}

function xpathExpression(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const word = lower.slice(start, end)
  const before = lower.slice(Math.max(0, start - 16), start)
  const rest = lower.slice(end, end + 60)
  if (word === '//*' || word === '//user')
    return /(?:^|[\s|('"=\]])$/.test(before) &&
      /^(?:s?\[|$|\s{0,3}[|\]]|\/)/.test(rest) &&
      !before.endsWith(':') &&
      (view.chars & (has.pipe | has.bracket)) !== 0
      ? 'path expression'
      : null
  if (word === '::*' || word === '*[1]' || word === '/*[')
    return /(?:self|child|parent|node|ancestor|descendant|attribute)$|\/$|^[\s'"|]*$/.test(before) &&
      /[[\]/)]/.test(word + rest) &&
      (view.chars & has.slash) !== 0
      ? 'path expression'
      : null
  if (word.endsWith('::'))
    return isWordAt(rest, 0) || rest.startsWith('*')
      ? /[/(\s'"[]$|^$/.test(before) && /\(\)|[[\]=/]/.test(rest + before)
        ? 'axis'
        : null
      : null
  if (word === 'doc(')
    return !isWordAt(before, before.length - 1) && /^(?:concat\(|['"]https?:|['"]file:)/.test(rest)
      ? 'document function'
      : null
  if (
    word === 'local-name(' ||
    word === 'starts-with(' ||
    word === 'last()' ||
    word === 'string-length(' ||
    word === 'comment()'
  ) {
    return /\/|\]|::|(?:or|and)\s{0,2}$/.test(before.slice(-6) + rest.slice(0, 24)) &&
      (/[/@[]/.test(rest.slice(0, 30)) || /(?:or|and)\s{1,2}$/.test(before))
      ? 'path function'
      : null
  }
  return 'path expression'
}

/*
 * Stops: XML that declares entities or a document type, includes or stylesheets, inside a text value. (`request` refuses
 *   them in XML bodies already.)
 * How: the declaration with the words that make it load something.
 * Limits: `<!DOCTYPE html>` passes.
 */
export const xxe: Detector = {
  name: 'xxe',
  anchors: [
    {
      words: ['<!entity', '<!element', '<!attlist', '<!notation'],
      check: (view, start) =>
        view.document &&
        !/^<!entity\s{1,9}(?:%\s{1,9})?[\w.-]{1,40}\s{1,9}(?:system|public)/.test(view.lower.slice(start, start + 100))
          ? null
          : 'entity declaration',
    },
    {
      words: ['<!doctype'],
      check: (view, _start, end) =>
        /^\s{1,9}[\w:.-]{1,60}\s{0,9}(?:\[|system\b)|^\s{1,9}[\w:.-]{1,60}\s{1,9}public\s[^>]{0,200}\[/.test(
          view.lower.slice(end, end + 300),
        )
          ? 'document type'
          : null,
    },
    {
      words: ['xi:include', 'xinclude', '<xsl:', '<?xml-stylesheet', 'xsi:schemalocation', 'xmlns:xi'],
      check: include,
    },
  ],
}

function include(view: View, start: number, end: number): string | null {
  const { lower } = view
  if (view.document || (view.chars & has.less) === 0) return null
  const word = lower.slice(start, end)
  const rest = lower.slice(end, end + 300)
  if (word === '<xsl:')
    return /^(?:value-of|copy-of|include|import|variable|script|template|stylesheet)/.test(rest) ? 'stylesheet' : null
  if (word === 'xsi:schemalocation')
    return /=\s{0,4}["'][^"']{0,200}https?:\/\/(?!www\.w3\.org)/.test(rest) &&
      lower.length < 400 &&
      /^\s{0,4}<\w{1,12}\s/.test(lower)
      ? 'schema include'
      : null
  if (word === 'xinclude' || word === 'xmlns:xi')
    return /xi:include|parse=|href=/.test(lower.slice(0, 2000)) ? 'include' : null
  return 'include'
}

/*
 * Stops: server-side and edge-side includes: `<!--#exec cmd="id" -->`, `<esi:include src=…>`.
 * How: the opener with one of its directives.
 * Limits: none known beyond directives that servers define for themselves.
 */
export const ssi: Detector = {
  name: 'ssi',
  anchors: [
    {
      words: ['<!--#', '<!-- #', '<!--\t#', '<!--  #', '--><!--#'],
      check: (view, _start, end) =>
        /^\s{0,9}(?:exec|include|echo|config|printenv|set|fsize|flastmod|if|elif|else|endif|odbc|email|filter|perl)\b/.test(
          view.lower.slice(end, end + 24),
        ) &&
        (!view.document || /^\s{0,9}(?:exec|include)/.test(view.lower.slice(end, end + 16)))
          ? 'server-side include'
          : null,
    },
    { words: ['<esi:', '<!--esi'], check: () => 'edge-side include' },
  ] satisfies Anchor[],
}

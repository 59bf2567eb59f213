import type { Detector, View } from '../view.js'

/*
 * Stops: template and expression injection – Jinja, Twig, Freemarker, Velocity, Thymeleaf, Handlebars, ERB, JSP, Smarty,
 *   SpEL, OGNL, EL, Angular: a delimiter whose content computes, calls or reaches for the engine's own objects.
 * How: each opening delimiter is found by the automaton; its content up to the end is read for what plain placeholders
 *   never hold. `{{name}}`, `${var}`, `{{#if items}}` and `{% block title %}` pass.
 * Limits: a placeholder that reads an application's own secret by an ordinary name passes; so do delimiters that an
 *   application defines for itself.
 */
export const template: Detector = {
  name: 'template',
  anchors: [
    {
      words: ['${', '#{', '{{', '{%', '<%', '*{', '@{', '~{', '$!{', '{#', '[[', '%{', '{php', '{$', '[%', '{smarty'],
      check: delimited,
    },
    {
      words: [...'0123456789'].map((digit) => `{${digit}`),
      check: (view, start) =>
        !view.document && /^\{\d{1,6}\s?\*\s?['"]?\d{1,6}['"]?\}/.test(view.lower.slice(start, start + 24))
          ? 'arithmetic in a template'
          : null,
    },
    {
      words: [
        '<#assign',
        '<#include',
        '<#list',
        '<#if',
        '#set',
        '#foreach',
        '#include(',
        '#evaluate',
        '?new()',
        '?api',
        '@(',
        '#@',
        '#macro',
      ],
      check: directive,
    },
    {
      words: [
        '__class__',
        '__mro__',
        '__subclasses__',
        '__globals__',
        '__builtins__',
        '__import__',
        '__init__',
        '__reduce__',
        '__getattribute__',
        '__bases__',
        '__base__',
        'fromhexstring',
      ],
      check: dunder,
    },
    {
      words: [
        '@java.lang',
        '#_memberaccess',
        '#context[',
        'ognlcontext',
        '@ognl',
        '#rt',
        't(java',
        '%{(#',
        '(#a=',
        '(#nike',
        'xwork.methodaccessor',
        'redirect:${',
        'action:${',
        '#parameters.',
        '#parameters[',
        '#application.',
        '#application[',
        '.getclass(',
        'freemarker.template',
        '.utility.execute',
        'javax.script',
        'scriptenginemanager',
        '_self.env',
        'self.template',
        'multipartrequest',
      ],
      check: (view) => (view.document ? null : 'expression language'),
    },
  ],
}

/** What placeholders for data never hold. Bounded by the piece it is tried on. */
const sensitive =
  /__\w{2,30}__|\bclass\b|getclass|forname|getruntime|runtime|\bexec|processbuilder|\bt\(|\bnew\s|system|popen|subprocess|\bimport\b|\bconfig\b|\bself\b|\brequest\b|application|\bsession\b|constructor|_self|\benv\b|lipsum|cycler|joiner|namespace|\bdump\b|\bapp\.|\|\s{0,4}(?:attr|map|filter|join|reduce|sort|format|raw|safe|passthru|list|select)\b|file|\bio\.|open\(|java\.|javax|#\w{1,20}\s{0,4}=|\bthis\.|tostring|sleep|\beval|process\.|require\b|global|\$on\b|\$eval|prototype|getenv|phpinfo|passthru|shell|\bcat\s|whoami|\bid`|settings|\burl_for|get_flashed|\bundefined|secret_key|debug|\bdir\b|range\(|\bunion\b|\bsmarty|fetch|\bloop\b|\bjndi\b|getattr|\bscope\b|param\.|header[.[]|cookie[.[]|initparam|pagecontext|facescontext|\bobjs?\b|\bbean|invoke|methods?\b|getmethod|declared|classloader|response|servlet|beans?\b|#ctx|#root|#vars|#execinfo|strings?\.|array_|base64|chr\(|print\b|puts\b|alert\b|fromcharcode|\bpass\b|\bpwd\b|inspect|template/

const arithmetic = /^[\s'"(]{0,6}-?\d{1,12}[\s'")]{0,4}[-*+/%^][\s'"(*]{0,4}-?['"]?\d{1,12}/

function delimited(view: View, start: number, end: number): string | null {
  const { lower } = view
  const first = lower.charCodeAt(start)
  // Of a row of one sign, the last two count.
  if (end - start === 2 && first === lower.charCodeAt(end) && first === lower.charCodeAt(start + 1)) return null
  const opener = lower.slice(start, end)
  const close = closing(opener)
  const from = end
  // Of a row of openers the last one counts, and an opener inside another bounds it: the work stays linear.
  if (lower.startsWith(opener, end)) return null
  if (opener === '[[' && !/^\s{0,4}[$*#{\d('"]/.test(lower.slice(end, end + 6))) return null
  if (lower.startsWith(opener.charAt(0), end) && opener.length === 2 && opener.charAt(0) === opener.charAt(1))
    return null
  const reach = lower.slice(from, from + 400)
  const inner = reach.indexOf(opener)
  const found = reach.indexOf(close)
  const shut = found === -1 ? -1 : from + found
  const ends = found === -1 ? (inner === -1 ? 200 : Math.min(inner, 200)) : found
  const content = inner !== -1 && inner < ends ? reach.slice(0, inner) : reach.slice(0, ends)
  if (opener === '{php' || opener === '{smarty') return view.document ? null : 'template expression'
  if (content.trim() === '') return null
  if (arithmetic.test(content.replace(/^[%=\-{]/, '')))
    return shut === -1 && view.document ? null : 'arithmetic in a template'
  if (opener === '[%')
    return !view.document && /^[-+=]?\s{0,3}(?:perl|rawperl|use|process|insert|include|evaltt)\b/.test(content)
      ? 'template statement'
      : null
  if (opener === '[[' || opener === '{#' || opener === '{$' || opener === '%{' || opener === '@{' || opener === '~{') {
    if (view.document) return null
    if (opener === '[[') return /^\s{0,4}[$*#{]/.test(content) || /\d\*\d/.test(content) ? 'template expression' : null
    if (opener === '{$')
      return /smarty|\.version|self|eval|system|^_(?:get|post|request|server|cookie|session|env|files)/.test(content)
        ? 'template expression'
        : null
    if (opener === '{#') return null
    return sensitive.test(content) && /[([#'"=]/.test(content) ? 'template expression' : null
  }
  if (shut === -1 && view.document) return null
  if (opener === '<%') {
    if (view.document || !/^[=@!\s-]/.test(content)) return null
    // `<%= name %>` is a placeholder like any other.
    return /^[=-]?\s{0,4}[\w.]{0,60}\s{0,4}[-%]?$/.test(content) &&
      !/\b(?:if|for|end|endif|import|else|while)\b/.test(content)
      ? null
      : 'template expression'
  }
  if (opener === '{%') {
    if (view.document) return null
    if (/\b(?:import|include|extends|print|debug|call|macro|load|do|module)\b/.test(content))
      return 'template statement'
    // `{% if user %}` and `{% for x in items %}` are what templates are made of.
    return /\b(?:for|set|with|if|apply|filter|raw)\b/.test(content) &&
      /[([|]|__|config|self|request|true|\d/.test(content)
      ? 'template statement'
      : null
  }
  if (!sensitive.test(content)) {
    // A call with arguments, or a method of a literal, is no placeholder either.
    return !view.document && /^\s{0,4}(?:['"[(]|\d+\.|\w{1,30}(?:\.\w{1,30}){0,6}\()/.test(content) && opener !== '{{'
      ? 'template expression'
      : !view.document &&
          opener === '{{' &&
          /^[\s=-]{0,4}['"[(]/.test(content) &&
          /[*|.+(]/.test(content) &&
          !isFiltered(content)
        ? 'template expression'
        : null
  }
  // A sensitive word alone may be a field (`{{ request.id }}`, `${config.name}`): a call, an index or a filter is more.
  if (/[([|'"`]/.test(content) || /__|class|_self|prototype|constructor|getruntime|secret_key/.test(content)) {
    return (view.document || isInProse(lower, start)) &&
      !/__\w|getruntime|getclass|forname|popen|constructor\s{0,4}[.[(]|classloader|processbuilder|_self|config\.items|lipsum|cycler|joiner|\bexec|\bsystem\s{0,2}\(|\bos\.|runtime|\bt\(/.test(
        content,
      )
      ? null
      : 'template expression'
  }
  return !view.document &&
    /^\s{0,4}(?:config|self|settings|debug|application|session|request|app|dump|_self|this|global|process|param|pagecontext|(?:application|session|request|page)scope|initparam)(?:\s|\.|$)/.test(
      content,
    ) &&
    content.trim().length < 60 &&
    whole(lower, start, shut, close)
    ? 'template expression'
    : null
}

/** Whether several plain words stand before a place: a sentence that shows a placeholder. */
const isInProse = (text: string, at: number): boolean =>
  /(?:[a-z]{2,}[,:]? ){4}[^a-z]{0,3}$/.test(text.slice(Math.max(0, at - 80), at))

/** `{{ 'orders.title' | translate }}`: a text of its own and one plain filter. */
const isFiltered = (content: string): boolean =>
  /^\s{0,4}(['"])[\w .,:-]{0,60}\1\s{0,3}\|\s{0,3}\w{1,20}\s{0,4}$/.test(content)

const closers: Readonly<Record<string, string>> = {
  '{{': '}}',
  '{%': '%}',
  '<%': '%>',
  '[[': ']]',
  '{#': '#}',
  '[%': '%]',
}
const closing = (opener: string): string => closers[opener] ?? '}'

function whole(text: string, start: number, shut: number, close: string): boolean {
  return shut !== -1 && start <= 2 && shut + close.length >= text.trimEnd().length - 2
}

function directive(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const word = lower.slice(start, end)
  const rest = lower.slice(end, end + 80)
  if (word === '@(') return arithmetic.test(rest) || /system|class|new /.test(rest) ? 'template expression' : null
  if (word === '#@') return null
  if (word.startsWith('#'))
    return /^\s{0,4}\(/.test(rest) && /\$|class|=/.test(rest)
      ? 'template directive'
      : word.endsWith('(')
        ? 'template directive'
        : null
  if (word === '?api' || word === '?new()') return 'template directive'
  return (word === '<#list' ? /^[\s=]/ : /^[\s=>]/).test(rest) ? 'template directive' : null
}

function dunder(view: View, start: number, end: number): string | null {
  if (!view.document) {
    // Files and fields of Python are named so; an attack reaches through the name.
    const next = view.lower.slice(end, end + 4)
    if (/^\.py|^\.ts|^\/|^[\s`]|^$/.test(next) && !/[.['"(]$/.test(view.lower.slice(Math.max(0, start - 1), start)))
      return null
    return 'reflection in a template'
  }
  // Source code defines and mentions these; an attack walks from one to the next.
  return /^\s{0,3}[.[]\s{0,3}['"]?__(?:mro|base|subcl|glob|init|impo|buil|class|reduce|getatt)/.test(
    view.lower.slice(end, end + 20),
  ) && /[{.\])]\s{0,3}$/.test(view.lower.slice(Math.max(0, start - 3), start))
    ? 'reflection in a template'
    : null
}

import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'

/*
 * Stops: lookups that make a logger fetch code or secrets: `${jndi:ldap://…}`, with `jndi` written through other lookups
 *   (`${lower:j}`, `${::-j}`, `${env:X:-j}`), closed or not.
 * How: lookups are resolved from the inside out with a stack, as the logger itself would, and the name of the outermost is read.
 * Limits: a lookup that depends on the function's environment without a default is judged by its shape alone.
 */
export const jndi: Detector = {
  name: 'jndi',
  lexer: {
    words: [
      'jndi',
      '${lower',
      '${upper',
      '${::',
      '${env',
      '${sys',
      '${date',
      '${java',
      '${docker',
      '${k8s',
      '${ctx',
      '${main',
      '${script',
      '${base64',
      '${$',
      '${url:',
      '${dns:',
      '${file:',
      '${bundle:',
      '${xml:',
      '${const:',
      '${properties:',
      '${resourcebundle:',
      ':-',
      'ldap:',
      'rmi:',
    ],
    wordsNeed: has.dollar,
    find,
  },
}

const schemes =
  /^\s*jndi\s*:|^(?:base64|ctx|docker|k8s|log4j|main|map|marker|script|spring|web|bundle|java|sys|env|url|dns|file|xml|const|properties|resourcebundle|base64(?:de|en)coder)\s*:\s*[\w.]/

function find(view: View): Finding | null {
  const { lower } = view
  // Each open lookup: where it began, and the text it has come to so far.
  const stack: { start: number; text: string }[] = []
  let i = lower.indexOf('${')
  while (i !== -1 && i < lower.length) {
    const code = lower.charCodeAt(i)
    if (code === 36 && lower.charCodeAt(i + 1) === 123) {
      if (stack.length >= 32) return { technique: 'nested lookups', at: stack[0]?.start ?? 0 }
      stack.push({ start: i, text: '' })
      i += 2
      continue
    }
    const top = stack[stack.length - 1]
    if (top === undefined) {
      i = lower.indexOf('${', i)
      continue
    }
    if (code === 125) {
      stack.pop()
      const parent = stack[stack.length - 1]
      const technique = judge(view, top.text, parent !== undefined)
      if (technique !== null) return { technique, at: top.start }
      if (parent !== undefined) parent.text += resolved(top.text)
    } else if (top.text.length < 512) {
      top.text += lower.charAt(i)
    }
    i++
  }
  for (const { start, text } of stack) {
    if (/^\s{0,9}j?\s{0,9}ndi\s{0,9}(?::|$)/.test(text)) return { technique: 'lookup', at: start }
  }
  return null
}

function judge(view: View, text: string, nested: boolean): string | null {
  // Every lookup has a colon; most placeholders have none.
  if (!text.includes(':'))
    return nested && /^(?:lower|upper|env|sys|date)/.test(text) && !view.document ? 'lookup in disguise' : null
  if (/^\s{0,9}jndi\s{0,9}:/.test(text)) return 'lookup'
  if (view.document) return null
  if (nested && /^(?:lower|upper|env|sys|date|:{2,}-|[a-z]{0,20}:{1,3}[^}]{0,40}:-)/.test(text))
    return 'lookup in disguise'
  return !nested && /^(?:lower|upper):|^:{2,}-/.test(text)
    ? 'lookup in disguise'
    : schemes.test(text) &&
        /^(?:(?:env|sys|java|ctx|k8s|docker|base64\w{0,8}|script|spring|main|log4j|bundle|resourcebundle|const|properties|xml)\s*:|url:(?:utf|http|file)|dns:(?:address|name|canonical)|file:(?:utf|\/))/.test(
          text,
        )
      ? 'lookup'
      : null
}

/** What a lookup comes to: its default, or what it changes the case of. */
function resolved(text: string): string {
  const fallback = text.lastIndexOf(':-')
  if (fallback !== -1) return text.slice(fallback + 2)
  const named = /^(?:lower|upper):/.exec(text)
  return named === null ? text : text.slice(named[0].length)
}

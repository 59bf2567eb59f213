import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'
import { isWordAt, lead } from './near.js'

/*
 * Stops: query operators of document databases where an application expects a plain value: as JSON keys (`{"$ne": ""}`),
 *   in bracketed parameter names (`user[$ne]=`), in text that looks like such an object, and JavaScript for `$where`.
 * How: operator names are compared whole, at the places where a driver would read them; script is looked for behind a
 *   break-out only.
 * Limits: an API that takes such operators on purpose needs an exception for that field.
 */
const operators =
  '$eq $ne $gt $gte $lt $lte $in $nin $not $nor $or $and $regex $where $exists $expr $elemmatch $function $accumulator $mod $all $text $jsonschema $lookup $unionwith $out $merge $mapreduce $comment $nearsphere $geowithin $rand'.split(
    ' ',
  )
const known = new Set(operators)
/** Operators of one name with words of other schemas: `$comment` and `$text` prove nothing by themselves. */
const certain = new Set(
  operators.filter(
    (name) => name !== '$comment' && name !== '$text' && name !== '$all' && name !== '$out' && name !== '$merge',
  ),
)

export const nosqli: Detector = {
  name: 'nosqli',
  anchors: [
    { words: operators, check: operator },
    {
      words: [
        'this.',
        'db.',
        'return true',
        'return(true)',
        'return 1',
        'sleep(',
        "== '",
        "=='",
        '||1==1',
        '|| 1==1',
        '||1==',
        'tojsononeline',
        'getcollectionnames',
        'while(true)',
        'while(1)',
        '.match(/',
        '%00',
      ],
      check: script,
    },
    {
      // ';it=new Date();do{pt=new Date();}while(pt-it<5000);
      words: ['do{', 'do {'],
      check: (view, start, end) =>
        !view.document &&
        /[;\s]$/.test(lead(view.lower, start, 1)) &&
        /\}\s{0,3}while\s{0,3}\(/.test(view.lower.slice(end, end + 120))
          ? 'script delay'
          : null,
    },
  ],
  lexer: { chars: has.dollar, find: key },
}

function key(view: View): Finding | null {
  return view.home === 'key' && certain.has(view.lower) ? { technique: 'operator as a key', at: 0 } : null
}

function operator(view: View, start: number, end: number): string | null {
  if (isWordAt(view.lower, end)) return null
  const name = view.lower.slice(start, end)
  if (!known.has(name)) return null
  const before = view.lower.charAt(start - 1)
  const after = view.lower.charAt(end)
  // user[$ne]=x, and the same as text
  if (before === '[' && after === ']') return 'operator in brackets'
  if (view.document) return null
  if (name === '$where' && before.trim() === '' && /^\s{0,3}:\s{0,3}['"]/.test(view.lower.slice(end, end + 8)))
    return 'operator in an object'
  // {$gt: ''}, {"$gt": ""}, in a text that no JSON parser takes
  const opened = /[{,]\s{0,4}["']?$/.test(view.lower.slice(Math.max(0, start - 6), start))
  return opened && /^["']?\s{0,4}:/.test(view.lower.slice(end, end + 6)) ? 'operator in an object' : null
}

function script(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (isWordAt(name, 0) && isWordAt(lower, start - 1)) return null
  const before = lower.slice(Math.max(0, start - 80), start)
  const out = /['"]\s{0,4}[)}\]]{0,4}\s{0,4}(?:;|\|\||&&|,|\+)\s{0,4}[^\n]{0,40}$/.test(before)
  if (name === 'db.')
    return /^(?:\w{1,30}\.(?:find|insert|remove|update|drop|save|count)|getcoll|getname|dropdatabase|stats|version|hostinfo|collection)/.test(
      lower.slice(end, end + 50),
    ) &&
      (out || /[;'"{(]\s{0,4}$|return\s{1,4}$/.test(before) || before === '')
      ? 'database script'
      : null
  if (name === 'this.')
    return (out || /^[^a-z]{0,12}(?:\|\||&&|;|return)[^a-z]{0,6}$/.test(before)) &&
      /^\w{1,30}\s{0,3}(?:[.=!<>;[]|\))/.test(lower.slice(end, end + 50))
      ? 'script condition'
      : null
  if (name === '.match(/') return /this\.\w{1,30}$/.test(before) ? 'script condition' : null
  if (name.startsWith('return'))
    return out || /^[^a-z]{0,8};?\s{0,4}$/.test(before)
      ? /^\s{0,4}(?:;|\}|$|\/\/|==|!=)/.test(lower.slice(end, end + 12))
        ? 'script condition'
        : null
      : null
  if (name === 'sleep(') return out && /^\d{2,6}\)/.test(lower.slice(end, end + 8)) ? 'script delay' : null
  if (name.startsWith('while')) return out ? 'script delay' : null
  if (name.startsWith('||') || name.startsWith('=='))
    return /['"]\s{0,4}(?:\|\||&&)\s{0,4}['"\d][^\s]{0,20}$/.test(before + name.slice(0, 4)) ? 'script condition' : null
  if (name === 'tojsononeline' || name === 'getcollectionnames') return 'database script'
  return null
}

import type { Detector, View } from '../view.js'
import { lead } from './near.js'

/*
 * Stops: keys that reach the prototype of every object: `__proto__`, `constructor.prototype`, in JSON, in bracketed or
 *   dotted parameter names, in text that is such a name.
 * How: the key itself, or both words in one path.
 * Limits: a sentence about `__proto__` passes.
 */
export const prototypePollution: Detector = {
  name: 'prototype-pollution',
  anchors: [
    { words: ['__proto__'], check: (view, start, end) => polluted(view, start, end) },
    { words: ['prototype', '__definegetter__', '__definesetter__'], check: constructed },
  ],
}

function polluted(view: View, start: number, end: number): string | null {
  if (view.home === 'key') return 'prototype as a key'
  if (view.document) return null
  const before = view.lower.charAt(start - 1)
  const after = view.lower.charAt(end)
  if (before === '`') return null
  return /[[.{"'&?]/.test(before) || /[\].:=["']/.test(after) || (start === 0 && end === view.lower.length)
    ? 'prototype in a path'
    : null
}

function constructed(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  if (name !== 'prototype') return view.document ? null : 'prototype in a path'
  if (view.home === 'key' && view.lower === 'prototype')
    return view.name === 'constructor' ? 'prototype as a key' : null
  if (view.document || view.lower.charCodeAt(start - 13) === 96) return null
  // Object.prototype.x=1
  if (
    /(?:^|[^\w.])object\.$/.test(lead(view.lower, start, 8)) &&
    /^\.\w{1,40}\s?=[^=]/.test(view.lower.slice(end, end + 48))
  )
    return 'prototype in a path'
  return /constructor['"\]]{0,2}[.[]['"]?$/.test(view.lower.slice(Math.max(0, start - 18), start))
    ? 'prototype in a path'
    : null
}

import type { Place } from '../values/place.js'
import { type Entry, keyPlaceOf, type MapNode, type Node } from './node.js'
import { namedMaps, wholeValues } from './schema.js'
import type { NodeSection } from './section.js'

/** A value that holds for a route, where it was written, and what it took the place of. */
export interface EffectiveValue {
  /** Dotted: `request.maxBytes`, `rateLimit.per-ip`. */
  readonly path: string
  /** As one would write it in a policy, in one line. */
  readonly text: string
  readonly place: Place
  /** The next weaker origin first. */
  readonly overrode: readonly { readonly text: string; readonly place: Place }[]
  /** The bound of `gateway.yaml` that watches over it. */
  readonly guardrail: { readonly text: string; readonly place: Place } | null
}

/** An inherited item that `name: off` took away, or a value that `~` set back. */
export interface Removal {
  readonly path: string
  readonly kind: 'off' | 'reset'
  readonly place: Place
}

/** Longer maps are shown key by key. */
const widestMap = 76

/** Every value of an effective policy, in the order of its keys. */
export function effectiveValues(policy: MapNode, guardrails: NodeSection): readonly EffectiveValue[] {
  return policy.entries.list.flatMap((entry) => valuesOf(entry, entry.key, guardrails))
}

function valuesOf(entry: Entry, path: string, guardrails: NodeSection): EffectiveValue[] {
  const { node } = entry
  if (node.kind === 'map' && node.entries.list.length > 0 && !isOneThing(node, path)) {
    return node.entries.list.flatMap((child) => valuesOf(child, `${path}.${child.key}`, guardrails))
  }
  const overrode: { text: string; place: Place }[] = []
  for (let weaker = entry.overrode; weaker !== undefined; weaker = weaker.overrode) {
    overrode.push({ text: textOf(weaker.node), place: keyPlaceOf(weaker) })
  }
  const rule = guardrails.get(path)
  const guardrail = rule.node === undefined ? null : { text: textOf(rule.node), place: rule.keyPlace }
  return [{ path, text: textOf(node), place: keyPlaceOf(entry), overrode, guardrail }]
}

/** A short map that one place of one file says as a whole: a limit, a schema of one parameter, an `auth`. */
function isOneThing(node: MapNode, path: string): boolean {
  const isDeep = path.includes('.') || wholeValues.includes(path)
  return isDeep && textOf(node).length <= widestMap && isWithin(node, node)
}

function isWithin(node: Node, home: MapNode): boolean {
  if (node.source !== home.source || node.start < home.start || node.end > home.end) return false
  if (node.kind === 'map') return node.entries.list.every(({ node: child }) => isWithin(child, home))
  return true
}

/** A node as one would write it in one line. */
function textOf(node: Node): string {
  if (node.kind === 'list') return `[${node.items.map(textOf).join(', ')}]`
  if (node.kind === 'map') {
    const entries = node.entries.list.map(({ key, node: child }) => `${plain(key)}: ${textOf(child)}`)
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
  }
  return typeof node.value === 'string' ? plain(node.value) : String(node.value)
}

/** A text without quotes where YAML needs none. */
function plain(text: string): string {
  const isBare = /^[A-Za-z0-9./_$@+-][A-Za-z0-9 ./_$@+:-]*$/.test(text) && !/:( |$)| $/.test(text)
  const isOther = /^(true|false|null|yes|no|on|off|~|[-+.\d]+)$/i.test(text)
  return isBare && !isOther ? text : JSON.stringify(text)
}

/** What the layers of a route switched off or set back, the weakest layer first. */
export function removalsFrom(layers: readonly MapNode[], effective: MapNode): readonly Removal[] {
  return layers.flatMap((layer) => marksIn(layer, '', effective))
}

function marksIn(node: MapNode, path: string, effective: Node | undefined): Removal[] {
  return node.entries.list.flatMap((entry): Removal[] => {
    const below = path === '' ? entry.key : `${path}.${entry.key}`
    const now = effective?.kind === 'map' ? effective.entries.get(entry.key)?.node : undefined
    if (entry.node.kind === 'map') return marksIn(entry.node, below, now)
    const { value } = entry.node
    if (value === null) return [{ path: below, kind: 'reset', place: keyPlaceOf(entry) }]
    // A stronger layer may have brought the name back.
    if (value !== 'off' || !namedMaps.includes(path) || now !== undefined) return []
    return [{ path: below, kind: 'off', place: keyPlaceOf(entry) }]
  })
}

import { nearest } from '../values/nearest.js'
import { type Entry, keyPlaceOf, type MapNode, mapNode } from './node.js'
import type { Report } from './problems.js'
import { namedMaps, wholeValues } from './schema.js'

/**
 * Lays one layer of policy over another: maps merge key by key, everything else replaces; `key: ~` goes back to the
 * built-in value, and `name: off` in a map with names takes the inherited item away. Parts that nobody overrides are
 * shared, so 10,000 routes cost little more than what they say themselves.
 */
export function overlay(base: MapNode, over: MapNode, builtIn: MapNode | undefined, report: Report): MapNode {
  return new Merge(report).maps(base, over, builtIn, '')
}

class Merge {
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  maps(base: MapNode, over: MapNode, builtIn: MapNode | undefined, path: string): MapNode {
    const isNamed = namedMaps.includes(path)
    // What is inherited keeps its order; undefined marks what was taken away.
    const list: (Entry | undefined)[] = base.entries.list.slice()
    for (const entry of over.entries.list) {
      const at = list.findIndex((each) => each?.key === entry.key)
      const merged = this.#entry(at === -1 ? undefined : list[at], entry, base, builtIn, path, isNamed)
      if (at === -1) list.push(merged)
      else list[at] = merged
    }
    return mapNode(
      over.source,
      over.start,
      over.end,
      list.filter((entry) => entry !== undefined),
    )
  }

  /** What stands under one key after the merge; undefined when nothing does. */
  #entry(
    inherited: Entry | undefined,
    entry: Entry,
    base: MapNode,
    builtIn: MapNode | undefined,
    path: string,
    isNamed: boolean,
  ): Entry | undefined {
    const { key, node } = entry
    if (node.kind === 'scalar' && node.value === null) return builtIn?.entries.get(key)
    if (isNamed && node.kind === 'scalar' && node.value === 'off') {
      if (inherited === undefined) this.#warnOfNothing(entry, base)
      return undefined
    }
    const below = join(path, key)
    return inherited === undefined ? this.#first(entry, below) : this.#replace(inherited, entry, builtIn, below)
  }

  /** An entry that overrides nothing; `~` and `off` inside it have nothing to act on and are dropped all the same. */
  #first(entry: Entry, path: string): Entry {
    if (entry.node.kind !== 'map' || isWhole(path) || !holdsMarks(entry.node, path)) return entry
    const empty = mapNode(entry.source, entry.node.start, entry.node.end, [])
    return { ...entry, node: this.maps(empty, entry.node, undefined, path) }
  }

  #replace(inherited: Entry, entry: Entry, builtIn: MapNode | undefined, path: string): Entry {
    if (inherited.node.kind !== 'map' || entry.node.kind !== 'map' || isWhole(path))
      return { ...entry, overrode: inherited }
    const original = builtIn?.entries.get(entry.key)?.node
    const node = this.maps(inherited.node, entry.node, original?.kind === 'map' ? original : undefined, path)
    return { ...entry, node, overrode: inherited }
  }

  #warnOfNothing(entry: Entry, base: MapNode): void {
    const guess = nearest(entry.key, base.entries.keys())
    this.#report({
      code: 'policy.off-without-effect',
      severity: 'warning',
      message: `There is no inherited "${entry.key}" to switch off.`,
      hint: guess === undefined ? 'Delete the line.' : `Did you mean "${guess}"?`,
      at: keyPlaceOf(entry),
    })
  }
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

const whole = new Set(wholeValues)

/** Whether what stands at a path replaces as a whole and is never merged. `*` stands last in every pattern. */
function isWhole(path: string): boolean {
  return whole.has(path) || whole.has(`${path.slice(0, path.lastIndexOf('.'))}.*`)
}

function holdsMarks(node: MapNode, path: string): boolean {
  const isNamed = namedMaps.includes(path)
  for (const { key, node: child } of node.entries.list) {
    if (child.kind === 'scalar' && (child.value === null || (isNamed && child.value === 'off'))) return true
    if (child.kind === 'map' && !isWhole(join(path, key)) && holdsMarks(child, join(path, key))) return true
  }
  return false
}

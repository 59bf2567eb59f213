import type { Place } from '../values/place.js'
import type { Source } from './source.js'

/** A value of a policy text, together with where it was written. `value` is the plain JSON value of the whole subtree. */
export type Node = MapNode | ListNode | ScalarNode

export interface MapNode extends Written {
  readonly kind: 'map'
  readonly value: Readonly<Record<string, unknown>>
  readonly entries: Entries
}

interface ListNode extends Written {
  readonly kind: 'list'
  readonly value: readonly unknown[]
  readonly items: readonly Node[]
}

export interface ScalarNode extends Written {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
}

interface Written {
  readonly source: Source
  readonly start: number
  readonly end: number
}

/** A key of a map and what stands under it. */
export interface Entry {
  readonly key: string
  readonly source: Source
  readonly keyStart: number
  readonly keyEnd: number
  readonly node: Node
  /** What this entry replaced when the layers were merged: the next weaker origin. */
  readonly overrode?: Entry
}

/** Where a value was written. */
export function placeOf(node: Node): Place {
  return node.source.place(node.start, node.kind === 'scalar' ? node.end : node.start + 1)
}

/** Where a key was written. */
export function keyPlaceOf(entry: Entry): Place {
  return entry.source.place(entry.keyStart, entry.keyEnd)
}

/** The entry under a key, when the node is a map that has it. */
export function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === 'map' ? node.entries.get(key) : undefined
}

/** More entries than this are looked up through an index; a scan over fewer is as fast and costs no memory. */
const indexFrom = 12

/**
 * The entries of one map, in the order they were written. Policies consist of many small maps: as `Map` objects, those of
 * 10,000 routes would take more time to collect as garbage than to read.
 */
export class Entries {
  readonly list: readonly Entry[]
  #index: Map<string, Entry> | null = null

  constructor(list: readonly Entry[]) {
    this.list = list
  }

  get(key: string): Entry | undefined {
    if (this.list.length < indexFrom) return scan(this.list, key)
    this.#index ??= new Map(this.list.map((entry) => [entry.key, entry]))
    return this.#index.get(key)
  }

  keys(): string[] {
    return this.list.map(({ key }) => key)
  }
}

/** Builds the entries of one map; a key is taken once. */
export class EntriesBuilder {
  readonly #list: Entry[] = []
  #index: Map<string, Entry> | null = null

  get(key: string): Entry | undefined {
    return this.#index === null ? scan(this.#list, key) : this.#index.get(key)
  }

  add(entry: Entry): void {
    this.#list.push(entry)
    if (this.#index !== null) this.#index.set(entry.key, entry)
    else if (this.#list.length >= indexFrom) this.#index = new Map(this.#list.map((each) => [each.key, each]))
  }

  build(): Entries {
    return new Entries(this.#list)
  }
}

function scan(list: readonly Entry[], key: string): Entry | undefined {
  for (const entry of list) if (entry.key === key) return entry
  return undefined
}

/** A map node from its entries. */
export function mapNode(source: Source, start: number, end: number, list: readonly Entry[]): MapNode {
  const value: Record<string, unknown> = {}
  for (const { key, node } of list) value[key] = node.value
  return { kind: 'map', source, start, end, entries: new Entries(list), value }
}

/**
 * Keys that every JavaScript object seems to have already. No policy needs them, and a map that holds one can be read in
 * two ways, so texts that do are refused.
 */
export function isTreacherousKey(key: string): boolean {
  return key === '__proto__'
}

/** Every string below a node, the node itself included. */
export function* stringsIn(node: Node): Generator<ScalarNode> {
  if (node.kind === 'scalar') {
    if (typeof node.value === 'string') yield node
  } else if (node.kind === 'list') {
    for (const item of node.items) yield* stringsIn(item)
  } else {
    for (const entry of node.entries.list) yield* stringsIn(entry.node)
  }
}

import type { Section } from '../stages/contract.js'
import type { Place } from '../values/place.js'
import { type Entry, keyPlaceOf, type Node, placeOf } from './node.js'

/** A view into nodes, as stages and resolvers see them. Places are worked out only when someone asks. */
export class NodeSection implements Section {
  /** Undefined for what nobody wrote. */
  readonly node: Node | undefined
  readonly #entry: Entry | undefined
  /** The place of the nearest written ancestor, for what is absent. */
  readonly #fallback: () => Place

  constructor(node: Node | undefined, entry: Entry | undefined, fallback: () => Place) {
    this.node = node
    this.#entry = entry
    this.#fallback = fallback
  }

  get value(): unknown {
    return this.node?.value
  }

  get place(): Place {
    return this.node === undefined ? this.#fallback() : placeOf(this.node)
  }

  get keyPlace(): Place {
    if (this.node === undefined) return this.#fallback()
    return this.#entry === undefined ? this.#fallback() : keyPlaceOf(this.#entry)
  }

  /** The entry that holds the value; undefined for list items and roots. */
  get entry(): Entry | undefined {
    return this.#entry
  }

  get(...path: readonly (string | number)[]): NodeSection {
    let node = this.node
    let entry = this.#entry
    let fallback = node === undefined ? this.#fallback : () => this.keyPlace
    for (const part of path) {
      if (node === undefined) break
      const parent: Node = node
      if (parent.kind === 'list') {
        node = parent.items[Number(part)]
        entry = undefined
        const item = node
        if (item !== undefined) fallback = () => placeOf(item)
      } else {
        entry = parent.kind === 'map' ? parent.entries.get(String(part)) : undefined
        node = entry?.node
        const found = entry
        if (found !== undefined) fallback = () => keyPlaceOf(found)
      }
    }
    return new NodeSection(node, node === undefined ? undefined : entry, fallback)
  }
}

/** The section of a whole text. */
export function rootSection(node: Node): NodeSection {
  return new NodeSection(node, undefined, () => placeOf(node))
}

/** The section of a map's entry. */
export function entrySection(entry: Entry): NodeSection {
  return new NodeSection(entry.node, entry, () => keyPlaceOf(entry))
}

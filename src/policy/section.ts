import type { Section } from '../stages/contract.js'
import type { Place } from '../values/place.js'
import { type Entry, keyPlaceOf, type Node, placeOf } from './node.js'

/** A view into nodes, as stages and resolvers see them. Places are worked out only when someone asks. */
export class NodeSection implements Section {
  /** Undefined for what nobody wrote. */
  readonly node: Node | undefined
  /** What holds the value; undefined for list items, roots and what is absent. */
  readonly #entry: Entry | undefined
  /** The nearest written thing around it: an entry or a list item; undefined when only the root is. */
  readonly #around: Entry | Node | undefined
  /** Where to point for the root and for what is absent at its top. */
  readonly #home: () => Place

  constructor(node: Node | undefined, entry: Entry | undefined, home: () => Place, around?: Entry | Node) {
    this.node = node
    this.#entry = entry
    this.#home = home
    this.#around = around
  }

  get value(): unknown {
    return this.node?.value
  }

  get place(): Place {
    return this.node === undefined ? this.#nearest() : placeOf(this.node)
  }

  get keyPlace(): Place {
    return this.#entry === undefined ? this.#nearest() : keyPlaceOf(this.#entry)
  }

  get(...path: readonly (string | number)[]): NodeSection {
    let node = this.node
    let entry = this.#entry
    let around = this.#entry ?? this.#around
    for (const part of path) {
      if (node === undefined) break
      if (node.kind === 'list') {
        node = node.items[Number(part)]
        entry = undefined
        around = node ?? around
      } else {
        entry = node.kind === 'map' ? node.entries.get(String(part)) : undefined
        node = entry?.node
        around = entry ?? around
      }
    }
    return new NodeSection(node, entry, this.#home, around)
  }

  #nearest(): Place {
    if (this.#around === undefined) return this.#home()
    return 'key' in this.#around ? keyPlaceOf(this.#around) : placeOf(this.#around)
  }
}

/** The section of a whole text. */
export function rootSection(node: Node): NodeSection {
  return new NodeSection(node, undefined, () => placeOf(node))
}

/** The section of a map's entry. */
export function entrySection(entry: Entry): NodeSection {
  return new NodeSection(entry.node, entry, () => keyPlaceOf(entry), entry)
}

/** The section of a file that does not exist: nothing stands in it. */
export function absentSection(file: string): NodeSection {
  return new NodeSection(undefined, undefined, () => ({ file, line: 1, column: 1 }))
}

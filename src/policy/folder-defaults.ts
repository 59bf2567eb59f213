import type { PolicyFile } from './files.js'
import { overlay } from './inherit.js'
import { type MapNode, mapNode } from './node.js'
import type { Report } from './problems.js'

/** What each folder's routes inherit from the `_defaults.yaml` files above them. */
export class FolderDefaults {
  readonly #defaults = new Map<string, MapNode>()
  readonly #files = new Map<string, PolicyFile>()
  readonly #merged = new Map<string, MapNode>()
  readonly #builtIn: MapNode
  readonly #report: Report

  constructor(files: readonly PolicyFile[], builtIn: MapNode, report: Report) {
    for (const file of files) {
      if (file.kind !== 'defaults') continue
      const folder = folderOf(file.source.file)
      this.#defaults.set(folder, settingsOf(file.root))
      this.#files.set(folder, file)
    }
    this.#builtIn = builtIn
    this.#report = report
  }

  of(file: string): MapNode {
    return this.#folder(folderOf(file))
  }

  /** The files that a file inherits from, the weakest first. */
  above(file: string): PolicyFile[] {
    const folder = folderOf(file)
    const own = this.#files.get(folder)
    return [...(folder === '' ? [] : this.above(folder)), ...(own === undefined ? [] : [own])]
  }

  #folder(folder: string): MapNode {
    const known = this.#merged.get(folder)
    if (known !== undefined) return known
    const above = folder === '' ? this.#builtIn : this.#folder(folderOf(folder))
    const own = this.#defaults.get(folder)
    const merged = own === undefined ? above : overlay(above, own, this.#builtIn, this.#report)
    this.#merged.set(folder, merged)
    return merged
  }
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')))
}

/** A map without some of its keys. */
export function withoutKeys(node: MapNode, keys: ReadonlySet<string>): MapNode {
  if (keys.size === 0) return node
  return mapNode(
    node.source,
    node.start,
    node.end,
    node.entries.list.filter((entry) => !keys.has(entry.key)),
  )
}

/** Top-level keys of other files that a `_defaults.yaml` does not have; `checkTopLevel` says where they belong. */
export const notDefaults = ['defaults', 'routes', 'issuers', 'upstreams', 'clients', 'rateLimits'] as const

/** The settings of a `_defaults.yaml`, without what has no place in it. */
export function settingsOf(root: MapNode): MapNode {
  const misplaced = notDefaults.filter((key) => root.entries.get(key) !== undefined)
  return withoutKeys(root, new Set(misplaced))
}

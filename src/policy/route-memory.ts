import { createHash } from 'node:crypto'
import type { RoutePlan } from '../plan/plan.js'
import type { Answers, Asked } from './answers.js'
import type { PolicyFile } from './files.js'
import type { Memory } from './memory.js'
import type { Entry } from './node.js'
import type { Problems } from './problems.js'
import type { RouteResolver } from './resolve.js'

/** What the routes of one file came to, and what they asked for on the way. */
interface FileRoutes {
  readonly plans: readonly RoutePlan[]
  readonly asked: Asked
}

/**
 * Remembers what the routes of a file came to. They come to the same while the file, the defaults above it, everything
 * that routes share and every file they name are the same: then nothing of them is resolved again. A file that anything
 * was said about is never remembered, for it must be said again.
 */
export class RouteMemory {
  readonly #memory: Memory
  readonly #answers: Answers
  readonly #problems: Problems
  readonly #shared: string
  readonly #drafts: { readonly cell: { found?: FileRoutes }; readonly found: FileRoutes }[] = []

  /** `shared` stands for all that routes may depend on beside their own files. */
  constructor(memory: Memory, answers: Answers, problems: Problems, shared: readonly unknown[]) {
    this.#memory = memory
    this.#answers = answers
    this.#problems = problems
    this.#shared = createHash('sha256').update(JSON.stringify(shared)).digest('base64')
  }

  /** Hands the routes of a file to the resolver, or what they came to before. `defaults` are the files it inherits from. */
  resolve(
    file: PolicyFile,
    defaults: readonly PolicyFile[],
    entries: readonly Entry[],
    resolver: RouteResolver,
    resolve: () => void,
  ): void {
    const layers = [...defaults, file].map(({ source, sha256 }) => `${source.file} ${sha256}`)
    const cell = this.#memory.keep<{ found?: FileRoutes }>(`routes ${this.#shared} ${layers.join(' ')}`, () => ({}))
    if (cell.found !== undefined && this.#answers.repeat(cell.found.asked)) {
      resolver.adopt(entries, cell.found.plans)
      return
    }
    const reports = this.#problems.reports
    const from = resolver.routes.length
    const asked = this.#answers.noting(resolve)
    if (this.#problems.reports > reports || asked.failed) return
    this.#drafts.push({ cell, found: { plans: resolver.routes.slice(from), asked } })
  }

  /** Ends a run: what was found without a word about it, or about a file it names, is remembered. */
  close(): void {
    if (this.#problems.hasErrors) return
    const spoken = this.#problems.files()
    for (const { cell, found } of this.#drafts) {
      if ([...found.asked.reads.values()].every(({ path }) => !spoken.has(path))) cell.found = found
    }
  }
}

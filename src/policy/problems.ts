import type { Place } from '../values/place.js'
import type { FrameLine, Problem } from '../values/problem.js'
import type { Source } from './source.js'

/** What a step of flow A says about a place; the frame is added at the end. */
export interface Finding {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  readonly at: Place
  readonly severity?: 'error' | 'warning'
  readonly related?: readonly { readonly message: string; readonly place: Place }[]
}

export type Report = (finding: Finding) => void

/** More errors or warnings than this of one run help nobody, and a hostile file must not fill the memory with complaints. */
const maxProblems = 2_000

/** Collects the problems of one run; the first of a place and code wins. */
export class Problems {
  readonly #found = new Map<string, Finding>()
  /** Places of errors; a warning must never keep an error from being told. */
  readonly #faulty = new Set<string>()
  #sealed: ReadonlySet<string> = new Set()
  /** How often anything was said, what was said twice included. */
  reports = 0

  readonly report: Report = (finding) => {
    this.reports++
    const place = placeKey(finding.at)
    if (this.#sealed.has(place)) return
    const key = `${place} ${finding.code}`
    const isError = finding.severity !== 'warning'
    const earlier = this.#found.get(key)
    if (earlier !== undefined && (!isError || earlier.severity !== 'warning')) return
    const kept = isError ? this.#faulty.size : this.#found.size - this.#faulty.size
    if (kept >= maxProblems && earlier === undefined) return
    if (isError) this.#faulty.add(place)
    this.#found.set(key, finding)
  }

  /** For stages: where a place has its error already, the second one is most likely its consequence. */
  readonly reportOnce: Report = (finding) => {
    this.reports++
    if (!this.#faulty.has(placeKey(finding.at))) this.report(finding)
  }

  /** Ends the reading of texts: where one is broken, what its value then seems to be is not worth a second problem. */
  seal(): void {
    this.#sealed = new Set(this.#faulty)
  }

  get hasErrors(): boolean {
    return this.#faulty.size > 0
  }

  /** The files that anything was said about. */
  files(): ReadonlySet<string> {
    return new Set([...this.#found.values()].map(({ at }) => at.file))
  }

  /** Every problem in file order, each with its source line. */
  list(sourceOf: (file: string) => Source | undefined): Problem[] {
    return [...this.#found.values()].map((finding) => withFrame(finding, sourceOf)).sort(byPlace)
  }
}

function placeKey({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`
}

function withFrame(finding: Finding, sourceOf: (file: string) => Source | undefined): Problem {
  const { at, code, message, hint, related } = finding
  const line: FrameLine | undefined = sourceOf(at.file)?.frame(at.line)
  return {
    severity: finding.severity ?? 'error',
    code,
    message,
    ...(hint !== undefined && { hint }),
    place: at,
    ...(related !== undefined && { related }),
    ...(line !== undefined && { frame: [line] }),
  }
}

function byPlace(a: Problem, b: Problem): number {
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1
  return a.place.line - b.place.line || a.place.column - b.place.column
}

import type { Place } from './place.js'

/** A line of source text around a problem, for its frame. */
export interface FrameLine {
  readonly line: number
  readonly text: string
}

/** Something an operator must mend before a policy set is accepted (`error`), or should look at (`warning`). */
export interface Problem {
  readonly severity: 'error' | 'warning'
  /** Stable: `stage.what-is-wrong`, or `policy.…`, `gateway.…`, `route.…` for what belongs to no stage. */
  readonly code: string
  /** What is wrong, in words a person would use; ends with a full stop. */
  readonly message: string
  /** How to mend it; ends with a full stop or a question mark. */
  readonly hint?: string
  readonly place: Place
  /** The other line of a conflict: the first declaration, the guardrail. */
  readonly related?: readonly { readonly message: string; readonly place: Place }[]
  /** The source line at `place`, with at most one line before it. */
  readonly frame?: readonly FrameLine[]
}

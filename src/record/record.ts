import type { Evidence, StageName } from '../stages/contract.js'
import type { Place } from '../values/place.js'

/** What happened to one request: the one object that audit log, metrics, console and `explain` read. */
export interface DecisionRecord {
  /** Request id; the caller has it too. */
  readonly id: string
  /** Epoch ms. */
  readonly at: number
  /** Fingerprint of the plan that judged it. */
  readonly plan: string
  readonly method: string
  /** Canonical path, without the query. */
  readonly path: string
  /** Null: no route matched. */
  readonly route: string | null
  readonly client: { readonly address: string; readonly subject?: string; readonly id?: string }
  readonly steps: readonly StepRecord[]
  /**
   * `answered`: by the gateway, in the function's place (a preflight); `denied`: a step or the front door refused;
   * `failed`: the function did not answer properly.
   */
  readonly outcome: 'forwarded' | 'answered' | 'denied' | 'failed' | 'aborted'
  /** The exact code of the refusal or failure. */
  readonly code?: string
  /** The policy line that decided, for a denial by a step. */
  readonly declaredAt?: Place
  readonly evidence?: Evidence
  readonly upstream?: {
    readonly name: string
    /** 0: it gave no answer. */
    readonly status: number
    readonly micros: number
    readonly attempts: number
  }
  readonly response: { readonly status: number; readonly bytes: number }
  /** From arrival to the last byte. */
  readonly micros: number
  /** What the front door dropped or noticed: `header-underscore-dropped`. */
  readonly notes?: readonly string[]
}

export interface StepRecord {
  readonly stage: StageName
  readonly outcome: 'allow' | 'deny'
  readonly code?: string
  readonly micros: number
  readonly mode: 'enforce' | 'report' | 'after-report'
  readonly evidence?: Evidence
  readonly declaredAt: Place
}

/** Whoever reads records: log, metrics, the recent ring. Must not throw and must not wait. */
export type RecordReader = (record: DecisionRecord) => void

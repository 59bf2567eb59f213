import type { RoutePlan, Step } from '../plan/plan.js'
import type { Deny, Evidence, Identity, Verdict } from '../stages/contract.js'
import type { Place } from '../values/place.js'
import type { DecisionRecord, RecordReader, StepRecord } from './record.js'
import type { Redactor } from './redact.js'

/** What a record says of its request. An `Exchange` is one; the front door makes a small object for what never got that far. */
export interface RecordHead {
  readonly id: string
  /** Epoch ms. */
  readonly at: number
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The client's address, or the peer's where nothing better is known. */
  readonly address: string
  /** Null: no route matched. */
  readonly route: RoutePlan | null
  /** Read when the record closes, so that it may be filled in meanwhile. */
  readonly identity?: Identity | null
}

/** How a request ended, as the gateway saw the last byte leave. */
export interface RecordEnd {
  readonly status: number
  /** Body bytes of the answer that left. */
  readonly bytes: number
  readonly micros: number
  /** The caller went away before the whole answer had left. */
  readonly aborted: boolean
}

/** Opens one record per request of one generation. */
export interface Recorder {
  open(head: RecordHead): OpenRecord
}

/**
 * The recorder of one generation. A reader that throws is counted by `onFault` and never harms the request or the
 * readers after it.
 */
export function createRecorder(options: {
  /** Fingerprint of the generation's plan. */
  readonly plan: string
  readonly redactor: Redactor
  readonly readers: readonly RecordReader[]
  readonly onFault?: (error: unknown) => void
}): Recorder {
  const { plan, redactor, readers, onFault } = options
  const publish: RecordReader = (record) => {
    for (const read of readers) {
      try {
        read(record)
      } catch (error) {
        onFault?.(error)
      }
    }
  }
  return { open: (head) => new OpenRecord(head, plan, redactor, publish) }
}

/**
 * The record of a request under way. Hot: one object and one array for a request, one object for a step; evidence is
 * redacted as it arrives, so nothing unredacted is ever kept.
 */
export class OpenRecord {
  readonly #head: RecordHead
  readonly #plan: string
  readonly #redactor: Redactor
  readonly #publish: RecordReader
  readonly #steps: StepRecord[] = []
  #reported = false
  #outcome: NotForwarded | null = null
  #code = ''
  #evidence: Evidence | undefined
  #declaredAt: Place | undefined
  #upstream: NonNullable<DecisionRecord['upstream']> | null = null
  #upstreamStatus = 0
  #notes: string[] | null = null
  #closed: DecisionRecord | null = null

  constructor(head: RecordHead, plan: string, redactor: Redactor, publish: RecordReader) {
    this.#head = head
    this.#plan = plan
    this.#redactor = redactor
    this.#publish = publish
  }

  /**
   * Adds what a step answered; `micros` is how long it took. Returns whether the runner has to stop here: a denial that
   * is enforced. A denial in report mode is recorded and passed over; what follows it is marked `after-report`.
   */
  add(step: Step, verdict: Verdict, micros: number): boolean {
    // A check that was waiting when the caller went away answers a record that its readers have already.
    if (this.#closed !== null) return verdict.outcome === 'deny' && step.mode === 'enforce'
    const mode = this.#reported ? 'after-report' : step.mode
    const { stage, declaredAt } = step
    const evidence = this.#redact(verdict.evidence)
    const taken = Math.round(micros)
    if (step.phase === 'upstream') this.#addUpstream(evidence, taken)
    if (verdict.outcome === 'allow') {
      this.#steps.push(
        evidence === undefined
          ? { stage, outcome: 'allow', micros: taken, mode, declaredAt }
          : { stage, outcome: 'allow', micros: taken, mode, declaredAt, evidence },
      )
      return false
    }
    return this.#addDenial(step, verdict, evidence, taken, mode)
  }

  #addDenial(
    step: Step,
    verdict: Deny,
    evidence: Evidence | undefined,
    micros: number,
    mode: StepRecord['mode'],
  ): boolean {
    const declaredAt = verdict.declaredAt ?? step.declaredAt
    const { code } = verdict.reason
    const { stage } = step
    this.#steps.push(
      evidence === undefined
        ? { stage, outcome: 'deny', micros, mode, declaredAt, code }
        : { stage, outcome: 'deny', micros, mode, declaredAt, evidence, code },
    )
    if (step.mode === 'report') {
      this.#reported = true
      return false
    }
    // What `forward` and `response` deny is the function's doing: it did not answer, or not properly. Unless the caller
    // went away first, which `forward` says with the status that nobody receives.
    const isFunctions = step.phase === 'upstream' || step.phase === 'response'
    const outcome = verdict.reason.status === callerGone ? 'aborted' : isFunctions ? 'failed' : 'denied'
    this.#decide(outcome, code, evidence, declaredAt)
    return true
  }

  /** A refusal that no step made: malformed HTTP, an unknown path, a body over its cap, load shedding. */
  refuse(code: string, evidence?: Evidence, declaredAt?: Place): void {
    this.#decide('denied', code, this.#redact(evidence), declaredAt)
  }

  /** The gateway itself gives the answer that the caller asked for, and no function is asked. */
  answered(): void {
    this.#outcome ??= 'answered'
  }

  /** A failure after the steps: the function's answer was cut, or the gateway itself broke. */
  fail(code: string, evidence?: Evidence): void {
    this.#decide('failed', code, this.#redact(evidence))
  }

  /** The first decision stands: what breaks while a refusal is being sent does not hide the refusal. */
  #decide(outcome: NotForwarded, code: string, evidence?: Evidence, declaredAt?: Place): void {
    if (this.#outcome !== null) return
    this.#outcome = outcome
    this.#code = code
    this.#evidence = evidence
    this.#declaredAt = declaredAt
  }

  #redact(evidence: Evidence | undefined): Evidence | undefined {
    for (const _ in evidence) return this.#redactor.evidence(evidence)
    return undefined // none, or empty
  }

  /** The head of the function's answer is there; told before its step is added. */
  upstreamAnswered(status: number): void {
    this.#upstreamStatus = status
  }

  #addUpstream(evidence: Evidence | undefined, micros: number): void {
    const attempts = evidence?.['attempts']
    this.#upstream = {
      name: this.#head.route?.upstream ?? '',
      status: this.#upstreamStatus,
      micros,
      attempts: typeof attempts === 'number' ? attempts : 1,
    }
  }

  /** Something the front door dropped or noticed; a constant word, never caller text. At most 16 are kept. */
  note(word: string): void {
    this.#notes ??= []
    if (this.#notes.length < 16) this.#notes.push(word)
  }

  /** Closes the record and hands it to the readers. Closing twice changes nothing: the first end stands. */
  close(end: RecordEnd): DecisionRecord {
    if (this.#closed !== null) return this.#closed
    const head = this.#head
    const redactor = this.#redactor
    const identity = head.identity ?? null
    const record: Writable<DecisionRecord> = {
      id: head.id,
      at: head.at,
      plan: this.#plan,
      method: head.method,
      path: redactor.path(head.path, head.route),
      route: head.route === null ? null : head.route.id,
      client: redactor.client(head.address, identity),
      steps: this.#steps,
      outcome: this.#outcome ?? (end.aborted ? 'aborted' : 'forwarded'),
      response: { status: end.status, bytes: end.bytes },
      micros: Math.round(end.micros),
    }
    if (this.#code !== '') record.code = this.#code
    if (this.#declaredAt !== undefined) record.declaredAt = this.#declaredAt
    if (this.#evidence !== undefined) record.evidence = this.#evidence
    if (this.#upstream !== null) record.upstream = this.#upstream
    if (this.#notes !== null) record.notes = this.#notes
    this.#closed = record
    this.#publish(record)
    return record
  }
}

/** The status of an answer that nobody is there to receive; never sent. */
const callerGone = 499

type NotForwarded = Exclude<DecisionRecord['outcome'], 'forwarded'>
type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

import type { Plan } from '../../plan/plan.js'
import type { PolicyTest } from '../../policy/test-file.js'
import { decidingStep } from '../../record/line.js'
import type { DecisionRecord, StepRecord } from '../../record/record.js'
import { nearest } from '../../values/nearest.js'
import type { Place } from '../../values/place.js'
import { formatEvidence } from '../explain/evidence.js'
import { reasonOf } from '../explain/reasons.js'
import type { Seen } from './expectations.js'

/** Why a request was answered as it was, and the line to look at. */
export interface NearestReason {
  readonly says: string
  readonly place: Place | null
}

/** The reason nearest to what a failing test expected: the step that decided, or the one that should have. */
export function nearestReason(test: PolicyTest, seen: readonly Seen[], plan: Plan): NearestReason | null {
  const statuses = test.expect.statuses ?? []
  const index = seen.findIndex(({ status }, i) => statuses[i] !== undefined && statuses[i] !== status)
  const record = (seen[index === -1 ? seen.length - 1 : index] ?? null)?.record ?? null
  if (record === null) return null
  if (record.route === null) return noRoute(record, plan)
  if (record.code !== undefined) return decided(record, record.code)
  return letPass(test, record)
}

function noRoute(record: DecisionRecord, plan: Plan): NearestReason {
  const { code = '' } = record
  if (code !== 'route.not-found') return { says: `${code}: ${reasonOf(code)?.sentence ?? ''}`.trim(), place: null }
  const asked = `${record.method} ${record.path}`
  const near = nearest(
    asked,
    plan.routes.map(({ id }) => id),
  )
  const route = plan.routes.find(({ id }) => id === near)
  return {
    says: `No route has the path ${record.path}.${near === undefined ? '' : ` The nearest is ${near}.`}`,
    place: route?.declaredAt ?? null,
  }
}

function decided(record: DecisionRecord, code: string): NearestReason {
  const step = decidingStep(record)
  const facts = record.evidence === undefined ? '' : ` (${formatEvidence(record.evidence)})`
  return {
    says: `${step?.stage ?? 'the gateway'} refused: ${reasonOf(code)?.sentence ?? code}${facts}`,
    place: record.declaredAt ?? null,
  }
}

/** It passed where a refusal was expected: what the stage that should have refused said instead. */
function letPass({ expect }: PolicyTest, record: DecisionRecord): NearestReason {
  const wanted = typeof expect.code === 'string' ? stageOfCode(expect.code) : stageOfStatus(expect.statuses?.at(-1))
  const step = record.steps.findLast(({ stage }) => stage === wanted)
  const said: StepRecord | undefined = step ?? record.steps.find(({ stage }) => stage === 'forward')
  if (wanted !== null && step === undefined) {
    return { says: `${record.route} has no ${wanted} that could refuse.`, place: null }
  }
  if (step?.outcome === 'deny') {
    return {
      says: `${step.stage} would have refused with ${step.code}, but is in report mode.`,
      place: step.declaredAt,
    }
  }
  if (said === undefined || wanted === null) return { says: 'Every step let it pass.', place: null }
  return { says: `${said.stage} let it pass.`, place: said.declaredAt }
}

/** `rate-limit.exceeded` is a code of `rateLimit`. */
function stageOfCode(code: string): string | null {
  const [prefix = ''] = code.split('.')
  if (prefix === 'wire' || prefix === 'route' || prefix === 'gateway') return null
  return prefix.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

const stagesByStatus: Readonly<Record<number, string>> = {
  400: 'request',
  401: 'auth',
  403: 'auth',
  413: 'request',
  415: 'request',
  429: 'rateLimit',
}

function stageOfStatus(status: number | undefined): string | null {
  return stagesByStatus[status ?? 0] ?? null
}

import { testCredentials } from '../../gateway/rehearsal/credentials.js'
import { type Judged, openRehearsal } from '../../gateway/rehearsal.js'
import { systemClock } from '../../gateway/tools/clock.js'
import type { Plan, RoutePlan } from '../../plan/plan.js'
import type { TestCaller } from '../../policy/test-file.js'
import { printable } from '../../record/human.js'
import { decidingStep } from '../../record/line.js'
import type { StepRecord } from '../../record/record.js'
import { detectorNames } from '../../stages/inspect/detector-names.js'
import { reasoning } from '../../stages/inspect/reasoning.js'
import { Kept } from '../../state/kept.js'
import { formatPlace } from '../../values/place.js'
import type { Vault } from '../../values/secret.js'
import { credentialHeader, proofHeader } from '../policy-tests/credential.js'
import type { Paint } from '../terminal.js'
import { signAnew, withStandInIssuers } from './known-token.js'
import { reasonOf } from './reasons.js'
import { recordLines } from './record-lines.js'
import { headerIn, readRequestText, withHeader } from './request-text.js'
import { smallestChange } from './smallest-change.js'

/** What is asked about a request. */
export interface RequestQuestion {
  readonly plan: Plan
  readonly vault: Vault
  /** The request as written: HTTP, or a curl line. */
  readonly text: string
  /** Who asks in place of whoever the request says; null: the request as it is. */
  readonly as: TestCaller | null
  /** The address it comes from. */
  readonly address: string
  /** JWK sets by issuer. */
  readonly keys: Readonly<Record<string, string>>
}

export interface RequestExplanation {
  readonly judged: Judged
  readonly route: RoutePlan | null
  readonly notes: readonly string[]
  /** What would come of it if the step that decided were in report mode; null where it cannot be. */
  readonly inReport: { readonly status: number; readonly code: string | null } | null
}

/** Stages that may be in report mode as a whole. */
const reportable: ReadonlySet<string> = new Set(['inspect', 'rateLimit', 'concurrency'])

/** Judges a request by the real stages, offline. Throws CurlFault and CredentialFault for what cannot be asked. */
export async function explainRequest(question: RequestQuestion): Promise<RequestExplanation> {
  const { vault, keys, as } = question
  const kept = new Kept()
  const credentials = await testCredentials(question.plan, vault)
  const given = new Set(Object.keys(keys))
  const written = readRequestText(question.text)
  let plan = withStandInIssuers(question.plan, credentials, given)
  let asked = await signAnew(written.bytes, question.plan, credentials, given)
  if (as !== null) {
    plan = credentials.plan
    const route = (await judgeOnce(plan, question, kept, written.bytes)).record.route
    const found = plan.routes.find(({ id }) => id === route) ?? null
    const shown = await credentialHeader(as, found, credentials, systemClock.now())
    let { bytes } = written
    if (shown !== null) {
      const [method = '', target = ''] = bytes.toString('latin1').split(' ', 2)
      const request = { method, target, host: headerIn(bytes, 'host') ?? '' }
      const proof = await proofHeader(shown, request, credentials, systemClock.now())
      bytes = withHeader(bytes, ...shown)
      if (proof !== null) bytes = withHeader(bytes, ...proof)
    }
    asked = { bytes, notes: [] }
  }
  const judged = await judgeOnce(plan, question, kept, asked.bytes)
  const route = plan.routes.find(({ id }) => id === judged.record.route) ?? null
  const decided = decidingStep(judged.record)
  const lenient = decided === null || route === null ? null : inReportMode(plan, route, judged.record.steps, decided)
  const again = lenient === null ? null : await judgeOnce(lenient, question, kept, asked.bytes)
  return {
    judged,
    route,
    notes: [...written.notes, ...asked.notes],
    inReport: again === null ? null : { status: again.status, code: again.record.code ?? null },
  }
}

async function judgeOnce(
  plan: Plan,
  { vault, keys, address }: Pick<RequestQuestion, 'vault' | 'keys' | 'address'>,
  kept: Kept,
  bytes: Buffer,
): Promise<Judged> {
  const rehearsal = await openRehearsal({ plan, vault, clock: systemClock, isCounting: false, keys, kept })
  try {
    return await rehearsal.judge(bytes, address)
  } finally {
    await rehearsal.close()
  }
}

/** The plan with the deciding step in report mode: steps of the record stand in the order of the plan. */
function inReportMode(plan: Plan, route: RoutePlan, steps: readonly StepRecord[], decided: StepRecord): Plan | null {
  if (!reportable.has(decided.stage)) return null
  const at = steps.indexOf(decided)
  const lenient: RoutePlan = {
    ...route,
    steps: route.steps.map((step, i) => (i === at ? { ...step, mode: 'report' } : step)),
  }
  return { ...plan, routes: plan.routes.map((each) => (each === route ? lenient : each)) }
}

/** The explanation for a person: one line per step, what decided and where, and what it comes to. */
export function formatExplanation(explanation: RequestExplanation, root: string, paint: Paint): string {
  const { judged, route, notes, inReport } = explanation
  const { record, status, sent } = judged
  const lines = [...notes.map((note) => paint('dim', `note: ${printable(note)}`))]
  const asked = `${printable(record.method) || '?'} ${printable(record.path) || '?'}`
  lines.push(`${asked}  →  ${route === null ? 'no route' : `${route.id}  ${formatPlace(route.declaredAt)}`}`)
  lines.push(...recordLines(record, route, root, paint))
  lines.push('')
  if (record.code === undefined) {
    const end =
      sent === null
        ? 'answered here'
        : `would be forwarded to ${sent.upstream}: ${sent.method} ${printable(sent.target)}`
    lines.push(`${paint('green', `=> ${status}`)} ${end}`)
    if (sent !== null) lines.push(paint('dim', `   with ${headerNames(sent.headers)}`))
    return `${lines.join('\n')}\n`
  }
  const shown = reasonOf(record.code)?.shown ?? record.code
  const decided = decidingStep(record)
  const beyond = inReport === null || decided === null ? '' : ` ${inReportText(decided.stage, inReport)}`
  lines.push(
    `${paint('red', `=> ${status} ${shown}`)}${shown === record.code ? '' : ` (exactly: ${record.code})`}.${beyond}`,
  )
  const how = reasoningOf(record.code)
  if (how !== null) lines.push(`   ${paint('dim', how)}`)
  lines.push(...smallestChange(record).map((line) => `   ${printable(line)}`))
  return `${lines.join('\n')}\n`
}

/** How the detector that decided goes about it; null for any other refusal. */
function reasoningOf(code: string): string | null {
  const name = detectorNames.find((each) => code === `inspect.${each}`)
  return name === undefined ? null : reasoning[name]
}

function inReportText(stage: string, { status, code }: NonNullable<RequestExplanation['inReport']>): string {
  if (code === null) return `With ${stage} in report mode it would pass.`
  return `With ${stage} in report mode it would be refused next: ${status} ${code}.`
}

/** Names alone: values may hold what a function is trusted with. */
function headerNames(headers: readonly string[]): string {
  return headers
    .filter((_, i) => i % 2 === 0)
    .map(printable)
    .join(', ')
}

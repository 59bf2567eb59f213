import type { RoutePlan } from '../../plan/plan.js'
import { printable } from '../../record/human.js'
import { decidingStep } from '../../record/line.js'
import type { DecisionRecord, StepRecord } from '../../record/record.js'
import { formatPlace } from '../../values/place.js'
import type { Paint } from '../terminal.js'
import { formatEvidence } from './evidence.js'
import { reasonOf } from './reasons.js'
import { sourceFrame } from './source-frame.js'

/**
 * A record step by step: verdict, line, and for a denial its sentence, its masked evidence and the line's text. With the
 * route at hand, the steps that were not reached are named too.
 */
export function recordLines(record: DecisionRecord, route: RoutePlan | null, root: string, paint: Paint): string[] {
  const { subject } = record.client
  const lines = record.steps.flatMap((step, i) => {
    const who = step.stage === 'auth' && subject !== undefined ? printable(subject) : ''
    return formatStep(i + 1, step, who, root, paint)
  })
  const rest = route?.steps.slice(record.steps.length) ?? []
  for (const [i, step] of rest.entries()) {
    lines.push(paint('dim', `${number(record.steps.length + i + 1)} ${step.stage.padEnd(11)} not reached`))
  }
  if (record.code !== undefined && decidingStep(record) === null) {
    const facts = record.evidence === undefined ? '' : `  ${formatEvidence(record.evidence)}`
    lines.push(`   ${paint('red', 'DENY')}  ${record.code}: ${reasonOf(record.code)?.sentence ?? ''}${facts}`)
    if (record.declaredAt !== undefined) lines.push(...sourceFrame(root, record.declaredAt, paint, '      '))
  }
  return lines
}

function formatStep(position: number, step: StepRecord, who: string, root: string, paint: Paint): string[] {
  const { stage, outcome, mode, code, evidence, declaredAt } = step
  const isDenied = outcome === 'deny'
  const painted = mode === 'report' ? paint('yellow', 'WOULD DENY') : paint('red', 'DENY')
  // A log line does not say where a step that let the request pass was declared.
  const where = declaredAt.line === 0 ? '' : paint('dim', formatPlace(declaredAt))
  const facts = evidence === undefined ? '' : formatEvidence(evidence)
  const after = mode === 'after-report' ? paint('dim', '  (a denial before it is in report mode)') : ''
  if (!isDenied) {
    const said = [who, facts].filter((part) => part !== '').join(', ')
    return [
      `${number(position)} ${stage.padEnd(11)} allow  ${said === '' ? '' : `${said}  `}${where}${after}`.trimEnd(),
    ]
  }
  return [
    `${number(position)} ${stage.padEnd(11)} ${painted}  ${code ?? ''}  ${where}${after}`,
    ...sourceFrame(root, declaredAt, paint, '      '),
    ...(code === undefined ? [] : [`      ${reasonOf(code)?.sentence ?? ''}`]),
    ...(facts === '' ? [] : [`      ${facts}`]),
  ]
}

function number(position: number): string {
  return String(position).padStart(2)
}

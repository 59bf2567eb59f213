import { printable } from '../../record/human.js'
import type { DetectorName } from '../../stages/inspect/detector-names.js'
import { liftedBy } from '../../stages/inspect/fields.js'
import { placePattern } from '../../stages/inspect/places.js'
import { reasoning } from '../../stages/inspect/reasoning.js'
import { reasons } from '../../stages/inspect/reasons.js'
import { type Trace, traceValue } from '../../stages/inspect/trace.js'
import type { Home, TextKind } from '../../stages/inspect/view.js'
import { UsageFault } from '../command.js'
import type { Paint } from '../terminal.js'

/** A value on trial: what it is, where a request would have it, and how the route judges. */
export interface ValueQuestion {
  readonly value: string
  /** As a policy writes it: `body:/note`, `header:/user-agent`. */
  readonly at: string
  readonly profile: 'api' | 'event' | 'strict'
  /** What the field is said to hold; null: nothing is said. */
  readonly text: TextKind | null
}

export interface ValueAnswer {
  readonly question: ValueQuestion
  readonly trace: Trace
  /** What `text` lifts of what was found. */
  readonly isLifted: boolean
}

const homes: Readonly<Record<string, Home>> = {
  body: 'body',
  query: 'query',
  header: 'header',
  cookie: 'cookie',
  path: 'path',
}

/** Judges one value by the real detectors, reading by reading. Throws UsageFault for a place that is none. */
export function judgeValue(question: ValueQuestion): ValueAnswer {
  const { value, at, profile, text } = question
  if (!new RegExp(placePattern).test(at)) {
    throw new UsageFault(`--at wants a place, such as body:/note, query:/q or header:/user-agent; it is "${at}".`)
  }
  const [source = 'body', pointer = ''] = at.split(/:(.*)/s)
  const name = pointer.split('/').at(-1) ?? ''
  const trace = traceValue(value, homes[source] ?? 'body', name, profile === 'strict')
  const isLifted = trace.found !== null && text !== null && liftedBy(text, trace.found.detector)
  return { question, trace, isLifted }
}

/** The answer for a person: every reading, what each detector says of it, and the verdict with its reasons. */
export function formatValue({ question, trace, isLifted }: ValueAnswer, paint: Paint): string {
  const { readings, found } = trace
  const lines = readings.flatMap(({ how, text, findings }, i) => [
    `${String(i + 1).padStart(2)}. ${how === '' ? 'as it came' : how}: ${shortened(text)}`,
    ...findings.map(
      ({ detector, technique, at }) =>
        `      ${paint('yellow', detector)}: ${technique} at ${at}  «${excerpt(text, at)}»`,
    ),
  ])
  if (found === null) {
    lines.push('', `${paint('green', '=> passes')} as ${question.at}, profile ${question.profile}`)
    return `${lines.join('\n')}\n`
  }
  if (found.inside !== '') lines.push(`      inside it, at ${printable(found.inside)}: ${shortened(found.view.text)}`)
  const { code, sentence } = reasons[found.detector]
  if (isLifted) {
    lines.push('', `${paint('green', '=> passes')}: a field that holds ${question.text} does without ${found.detector}`)
    return `${lines.join('\n')}\n`
  }
  lines.push(
    '',
    `${paint('red', '=>')} ${code}, ${found.technique}. ${sentence}`,
    `   ${reasoning[found.detector]}`,
    `   If it is no attack: ${exceptionLine(found.detector, question.at)}`,
  )
  return `${lines.join('\n')}\n`
}

function exceptionLine(rule: DetectorName, at: string): string {
  return `inspect: { exceptions: { NAME: { rule: ${rule}, at: ${JSON.stringify(at)}, owner: WHO, until: YYYY-MM-DD } } }`
}

const shown = 160

function shortened(text: string): string {
  const rest = text.length - shown
  return rest > 0 ? `${printable(text.slice(0, shown))}… (${rest} more)` : printable(text)
}

function excerpt(text: string, at: number): string {
  return printable(text.slice(Math.max(0, at - 8), at + 24))
}

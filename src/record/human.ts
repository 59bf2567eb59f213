import { formatPlace } from '../values/place.js'
import { decidingStep } from './line.js'
import type { DecisionRecord } from './record.js'

const verbs = { forwarded: 'allow', answered: 'allow', denied: 'DENY ', failed: 'FAIL ', aborted: 'gone ' } as const
const colors = {
  forwarded: '\u001b[32m',
  answered: '\u001b[32m',
  denied: '\u001b[31m',
  failed: '\u001b[33m',
  aborted: '\u001b[90m',
} as const
/** Facts that the line tells already, or that only a machine wants. */
const saidAlready: ReadonlySet<string> = new Set(['detector', 'offset', 'attempts', 'micros'])
const faint = '\u001b[90m'
const plain = '\u001b[0m'

/**
 * One decision as one line for a person at a terminal, in local time:
 *
 *     12:04:11 allow 201 POST /orders  client=demo  4.1 ms (fn 2.6)  01JD3ZK8M5…
 *     12:04:13 DENY  401 POST /orders  auth.missing  orders.yaml:9:5  header=authorization  01JD3ZK8M7…
 *
 * Caller text is made printable: no control or direction character reaches the terminal. Colors only when told so.
 */
export function formatHuman(record: DecisionRecord, options: { readonly color: boolean }): string {
  const decided = decidingStep(record)
  const paint = (code: string, text: string): string => (options.color ? `${code}${text}${plain}` : text)
  const verdict = paint(colors[record.outcome], `${verbs[record.outcome]} ${record.response.status || '-  '}`)
  const asked = `${printable(record.method) || '-'} ${printable(record.path) || '-'}`
  const facts = [`${localTime(record.at)} ${verdict} ${asked}`]
  if (record.code !== undefined) {
    facts.push(paint(colors[record.outcome], record.code))
    if (record.declaredAt !== undefined) facts.push(printable(formatPlace(record.declaredAt)))
    const seen = record.evidence === undefined ? '' : formatFacts(record.evidence)
    if (seen !== '') facts.push(paint(faint, seen))
  }
  for (const step of record.steps) {
    if (step.outcome !== 'deny' || step === decided) continue
    facts.push(paint(colors.failed, `would deny: ${step.code ?? step.stage}`), printable(formatPlace(step.declaredAt)))
  }
  if (record.outcome !== 'denied') {
    if (record.client.subject !== undefined) facts.push(`client=${printable(record.client.subject)}`)
    const spent = record.upstream === undefined ? '' : ` (fn ${milliseconds(record.upstream.micros)})`
    facts.push(`${milliseconds(record.micros)} ms${spent}`)
  }
  if (record.notes !== undefined) facts.push(paint(faint, record.notes.map(printable).join(' ')))
  facts.push(paint(faint, printable(record.id)))
  return `${facts.join('  ')}\n`
}

/**
 * The text with everything a terminal might obey, or an eye might miss, written as `\u{…}`: control and format
 * characters, line separators, lone surrogates.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

function formatFacts(evidence: NonNullable<DecisionRecord['evidence']>): string {
  return Object.entries(evidence)
    .filter(([key]) => !saidAlready.has(key))
    .slice(0, 4)
    .map(
      ([key, value]) =>
        `${printable(key)}=${printable(Array.isArray(value) ? value.join(',') : String(value)).slice(0, 60)}`,
    )
    .join(' ')
}

function milliseconds(micros: number): string {
  return micros < 100_000 ? (micros / 1000).toFixed(1) : String(Math.round(micros / 1000))
}

function localTime(at: number): string {
  const time = new Date(at)
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}

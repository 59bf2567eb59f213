import type { Evidence } from '../stages/contract.js'
import { formatPlace } from '../values/place.js'
import type { DecisionRecord, StepRecord } from './record.js'

/**
 * One decision as one line of JSON, flat where it can be and ASCII throughout, so that one character is one byte and no
 * caller text can move a terminal's cursor. Keys, in this order; those marked ? are left out where there is nothing to say:
 *
 *     time id outcome status method path route? stage? code? declaredAt? client subject? clientId? micros bytes
 *     upstream? upstreamStatus? upstreamMicros? attempts? steps evidence? reported? notes? plan
 *
 * `steps` holds one text per step: `auth allow 30`, `inspect deny 41`, `inspect report 41`, `replay allow 2 after-report`;
 * the number is micros. `reported` holds the denials that report mode passed over, each with stage, code, declaredAt, mode
 * and evidence. `plan` is the first 12 digits of the fingerprint.
 *
 * Hot: runs for every request; bench/record.ts measures it. Concatenation by hand, JSON.stringify for odd texts alone, and
 * the time made once a second: it was a third of the cost. The closure holds nothing else.
 */
export function lineFormat(): (record: DecisionRecord) => string {
  let second = -1
  let upToSecond = ''
  return (record) => {
    const now = Math.floor(record.at / 1000)
    if (now !== second) {
      second = now
      upToSecond = isoTime(now * 1000).slice(0, 20)
    }
    const ms = Math.floor(record.at) - now * 1000
    return formatLine(record, `${upToSecond}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`)
  }
}

function formatLine(record: DecisionRecord, time: string): string {
  const { client, upstream, response, steps } = record
  const decided = decidingStep(record)
  let line = `{"time":"${time}","id":${quote(record.id)},"outcome":"${record.outcome}","status":${response.status}`
  line += `,"method":${quote(record.method)},"path":${quote(record.path)}`
  if (record.route !== null) line += `,"route":${quote(record.route)}`
  if (record.code !== undefined) {
    line +=
      decided === null ? `,"code":${quote(record.code)}` : `,"stage":"${decided.stage}","code":${quote(record.code)}`
  }
  if (record.declaredAt !== undefined) line += `,"declaredAt":${quote(formatPlace(record.declaredAt))}`
  line += `,"client":${quote(client.address)}`
  if (client.subject !== undefined) line += `,"subject":${quote(client.subject)}`
  if (client.id !== undefined) line += `,"clientId":${quote(client.id)}`
  line += `,"micros":${record.micros},"bytes":${response.bytes}`
  if (upstream !== undefined) {
    line += `,"upstream":${quote(upstream.name)},"upstreamStatus":${upstream.status}`
    line += `,"upstreamMicros":${upstream.micros},"attempts":${upstream.attempts}`
  }
  line += `,"steps":[`
  let reported = ''
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]
    if (step === undefined) continue
    line += i === 0 ? formatStep(step) : `,${formatStep(step)}`
    if (step.outcome === 'deny' && step !== decided) reported += formatReported(step)
  }
  line += ']'
  if (record.evidence !== undefined) line += `,"evidence":${formatEvidence(record.evidence)}`
  if (reported !== '') line += `,"reported":[${reported.slice(1)}]`
  if (record.notes !== undefined) line += `,"notes":[${record.notes.map(quote).join(',')}]`
  return `${line},"plan":${quote(record.plan.slice(0, 12))}}\n`
}

/** The step that decided; null when the request passed, or the front door or the gateway itself stopped it. */
export function decidingStep(record: DecisionRecord): StepRecord | null {
  if (record.code === undefined) return null
  const last = record.steps.at(-1)
  // A step in report mode never decides; the runner stops at the one that does, so it is the last.
  return last !== undefined && last.mode !== 'report' && last.code === record.code ? last : null
}

/**
 * Something that is no decision – a reload, a start, a sink that lost lines – as one line of JSON: `time`, `event`, then
 * the facts.
 */
export function formatEvent(at: number, event: string, facts: Evidence = {}): string {
  const rest = formatEvidence(facts).slice(1)
  return `{"time":"${isoTime(at)}","event":${quote(event)}${rest === '}' ? '' : ','}${rest}\n`
}

function formatStep(step: StepRecord): string {
  if (step.mode === 'after-report') return `"${step.stage} ${step.outcome} ${step.micros} after-report"`
  if (step.outcome === 'deny') return `"${step.stage} ${step.mode === 'report' ? 'report' : 'deny'} ${step.micros}"`
  return `"${step.stage} allow ${step.micros}"`
}

function formatReported(step: StepRecord): string {
  const { stage, code = '', mode, evidence = {} } = step
  const place = quote(formatPlace(step.declaredAt))
  return `,{"stage":"${stage}","code":${quote(code)},"declaredAt":${place},"mode":"${mode}","evidence":${formatEvidence(evidence)}}`
}

function formatEvidence(evidence: Evidence): string {
  return asciiOnly(JSON.stringify(evidence))
}

const plainText = /^[ !#-[\]-~]*$/
const beyondAscii = /[\u007f-\uffff]/g

/** The text as a JSON string of ASCII characters. */
function quote(text: string): string {
  return plainText.test(text) ? `"${text}"` : asciiOnly(JSON.stringify(text))
}

/**
 * JSON.stringify escapes C0 controls and lone surrogates. The rest of what is not ASCII – DEL, C1 controls, U+2028,
 * bidirectional overrides – is harmless to a JSON parser and not to a terminal or a line splitter.
 */
function asciiOnly(json: string): string {
  return beyondAscii.test(json) ? json.replace(beyondAscii, escapeUnit) : json
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** ISO 8601 in UTC. */
function isoTime(at: number): string {
  return new Date(at).toISOString()
}

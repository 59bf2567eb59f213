import {
  type Answer,
  allow,
  type Check,
  deny,
  type Evidence,
  type Exchange,
  type Stage,
  type Verdict,
} from '../contract.js'
import { type Validate, validatorOf } from '../json-schema.js'
import { codingOf, isJsonText, plainStart, schemaFault } from './body.js'
import { compileDress, type Dress, mostHeaderLines } from './headers.js'
import { leaksIn } from './leaks.js'
import { reasons } from './reasons.js'
import { compileRedaction, type RedactJson } from './redact-json.js'
import { resolve } from './resolve.js'
import { keys } from './schema.js'
import type { ResponseSettings } from './settings.js'
import { traceIn } from './stack-trace.js'

export type { ResponseSettings }

const tooManyHeaders = deny(reasons.headersExceeded, { most: mostHeaderLines })
const unreadable = deny(reasons.unreadable)

/** How much of an error's body is looked at: stack traces stand at the top. */
const traceBytes = 16 * 1024

/** What may leave? It judges the function's answer before the first byte of it goes out. */
export const response: Stage<ResponseSettings> = {
  name: 'response',
  keys,
  reasons,
  resolve,

  compile(settings, tools) {
    const validate = settings.schema === null || settings.part === 'guards' ? null : validatorOf(settings.schema, tools)
    if (settings.part === 'schema') return checkSchemaAlone(validate, settings.maxBytes)
    const dress = compileDress(settings, tools)
    const redact = settings.redact.length === 0 ? null : compileRedaction(settings.redact)
    const masks = settings.errors === 'mask'
    const readsAll = validate !== null || redact !== null
    const judge = compileJudge({ masks, validate, redact, maxBytes: settings.maxBytes, dress })

    // Runs for every request; measured in bench/hot-path. An ordinary answer streams on, and nothing of it is read here.
    return (exchange) => {
      const { answer } = exchange
      if (answer === null) return allow
      const { status } = answer
      if (answer.headers.length > 2 * mostHeaderLines) return tooManyHeaders
      if (masks && status >= 500) return masked(exchange, answer, dress, {})
      if (answer.hasBody && (readsAll || (masks && status >= 400))) return judge(exchange, answer)
      dress(exchange, answer, redact !== null ? 'changed' : 'whole')
      return allow
    }
  },
}

interface Judging {
  readonly masks: boolean
  readonly validate: Validate | null
  readonly redact: RedactJson | null
  readonly maxBytes: number
  readonly dress: Dress
}

/** Compiles the check of answers whose bodies have to be read: errors, and all of a route with a schema or redaction. */
function compileJudge({ masks, validate, redact, maxBytes, dress }: Judging) {
  const passOn = (exchange: Exchange, answer: Answer, evidence?: Evidence): Verdict => {
    dress(exchange, answer, 'whole')
    return evidence === undefined ? allow : { outcome: 'allow', evidence }
  }

  return async (exchange: Exchange, answer: Answer): Promise<Verdict> => {
    const { status } = answer
    const coding = codingOf(answer)
    let leaks: readonly string[] = []
    if (masks && status >= 400) {
      const start = await answer.peek(traceBytes)
      const plain = plainStart(start.subarray(0, traceBytes), coding)
      const trace = plain === null ? 'unreadable' : traceIn(plain.toString('latin1'))
      if (trace !== null) return masked(exchange, answer, dress, { trace })
      if (plain !== null) leaks = leaksIn(plain)
    }
    const isSuccess = status >= 200 && status < 300
    if (redact === null && (validate === null || !isSuccess)) return passOn(exchange, answer, evidenceOf(leaks))

    const body = await answer.collect(maxBytes)
    // The gateway says so: what has not left yet need not look whole.
    if (answer.isCut) return passOn(exchange, answer)
    if (validate !== null && isSuccess) {
      const fault = schemaFault(answer, body, validate)
      if (fault !== null) return fault
    }
    if (body !== null && coding === null) leaks = leaksIn(body)
    if (redact === null || body?.length === 0) return passOn(exchange, answer, evidenceOf(leaks))
    if (body === null || coding !== null || !isJsonText(body)) {
      return isSuccess ? unreadable : masked(exchange, answer, dress, { unreadable: true })
    }
    const without = redact(body)
    if (without === null) return passOn(exchange, answer, evidenceOf(leaks))
    answer.replace(without)
    dress(exchange, answer, 'changed')
    return { outcome: 'allow', evidence: { ...evidenceOf(leaks), redacted: true } }
  }
}

/** The schema by itself, in report mode: it looks, and leaves the answer as it is. */
function checkSchemaAlone(validate: Validate | null, maxBytes: number): Check {
  return ({ answer }) => {
    if (answer === null || validate === null || !answer.hasBody) return allow
    if (answer.status < 200 || answer.status >= 300) return allow
    return answer
      .collect(maxBytes)
      .then((body) => (answer.isCut ? allow : (schemaFault(answer, body, validate) ?? allow)))
  }
}

function masked(exchange: Exchange, answer: Answer, dress: Dress, evidence: Evidence): Verdict {
  dress(exchange, answer, 'masked')
  return { outcome: 'allow', evidence: { masked: answer.status, ...evidence } }
}

function evidenceOf(leaks: readonly string[]): Evidence | undefined {
  return leaks.length === 0 ? undefined : { leaks }
}

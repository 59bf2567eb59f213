import {
  allow,
  type Check,
  type Content,
  type Deny,
  deny,
  type Exchange,
  type Stage,
  type Verdict,
} from '../contract.js'
import { validatorOf } from '../json-schema.js'
import { compileBodyReader } from './body.js'
import { isCleanlyEncoded } from './forms.js'
import { compileInflatingReader } from './inflate.js'
import { compileParameters, denyFaults } from './parameters.js'
import { reasons } from './reasons.js'
import { resolve } from './resolve.js'
import { schema } from './schema.js'
import type { RequestSettings } from './settings.js'

const queryEncoding = deny(reasons.queryEncoding)
const bodyMissing = deny(reasons.bodyMissing)

/** Does the message have the agreed size, type, structure and schema? It reads and judges, and never edits. */
export const request: Stage<RequestSettings> = {
  name: 'request',
  keys: { request: schema },
  reasons,
  resolve,
  compile(settings, tools) {
    const { parameters, bodySchema, requiresBody } = settings
    const validateBody = bodySchema === null ? null : validatorOf(bodySchema, tools)
    const checkParameters =
      parameters === null ? null : compileParameters(parameters, validatorOf(parameters.schema, tools))
    const read = compileBodyReader(settings)

    const checkSchemas: Check = (exchange) => {
      const refused = checkParameters?.(exchange)
      if (refused != null) return refused
      if (validateBody === null) return allow
      const content = exchange.content
      if (content === null || content.kind !== 'json') return requiresBody ? bodyMissing : allow
      const faults = validateBody(content.value)
      if (faults === null) return allow
      return denyFaults(
        reasons.bodyInvalid,
        faults.map(({ at, rule }) => ({ at: `body:${at}`, rule })),
      )
    }
    if (settings.part === 'schemas') return checkSchemas

    const hasSchemas = checkParameters !== null || validateBody !== null
    if (settings.encodings.length > 0) {
      const inflating = compileInflatingReader(settings, read)
      const settle = (exchange: Exchange, content: Content | Deny): Verdict | Promise<Verdict> => {
        if ('outcome' in content) return content
        exchange.content = content
        return hasSchemas ? checkSchemas(exchange) : allow
      }
      return (exchange) => {
        if (exchange.query !== '' && !isCleanlyEncoded(exchange.query)) return queryEncoding
        const content = inflating(exchange)
        return content instanceof Promise ? content.then((later) => settle(exchange, later)) : settle(exchange, content)
      }
    }
    return (exchange) => {
      if (exchange.query !== '' && !isCleanlyEncoded(exchange.query)) return queryEncoding
      const content = read(exchange)
      if ('outcome' in content) return content
      exchange.content = content
      return hasSchemas ? checkSchemas(exchange) : allow
    }
  },
}

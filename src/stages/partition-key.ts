import { addressKey } from '../values/address.js'
import { nearest } from '../values/nearest.js'
import { parseSelector, type Selector } from '../values/selector.js'
import type { Exchange, Scope, Section } from './contract.js'
import { compileSelector, type Find } from './selectors.js'

/**
 * Reads what a limit counts by: a selector or a list of them, judged before any body is read. Reports what is wrong as a
 * problem of the stage, and then returns undefined.
 */
export function readPartitionKey(section: Section, stage: string, scope: Scope): readonly Selector[] | undefined {
  const items = Array.isArray(section.value) ? section.value.map((_, i) => section.get(i)) : [section]
  const selectors = items.flatMap((item) => readHeadSelector(item, stage, scope) ?? [])
  return selectors.length === items.length ? selectors : undefined
}

/** Reads a selector that needs no body. Reports and returns undefined when it is none, or has no value on this route. */
export function readHeadSelector(section: Section, stage: string, scope: Scope): Selector | undefined {
  const result = parseSelector(String(section.value))
  if (!result.ok) {
    scope.report({
      code: `${stage}.selector-unreadable`,
      message: result.message,
      ...(result.hint !== undefined && { hint: result.hint }),
      at: section.place,
    })
    return undefined
  }
  const { selector } = result
  if (selector.from === 'body') {
    scope.report({
      code: `${stage}.selector-body`,
      message: 'A limit cannot count by a field of the body: it is judged before the body is read.',
      hint: 'Count by a header, a claim, a path parameter or the address.',
      at: section.place,
    })
    return undefined
  }
  const params = scope.route.segments.flatMap((each) =>
    'param' in each ? [each.param] : 'rest' in each ? [each.rest] : [],
  )
  if (selector.from !== 'path' || params.includes(selector.name)) return selector
  const guess = nearest(selector.name, params)
  scope.report({
    code: `${stage}.selector-unreadable`,
    message: `The path of ${scope.route.id} has no parameter "${selector.name}".`,
    ...(guess !== undefined && { hint: `Did you mean path.${guess}?` }),
    at: section.place,
  })
  return undefined
}

/** The key of an exchange. A missing value is the empty text, so all who leave it out share one counter. */
export function compilePartitionKey(partitionKey: readonly Selector[]): (exchange: Exchange) => string {
  const finds = partitionKey.map(compilePart)
  const [only] = finds
  if (finds.length === 1 && only !== undefined) return (exchange) => only(exchange) ?? ''
  // Lengths keep two values from running into one another: `a`, `bc` is not `ab`, `c`.
  return (exchange) =>
    finds
      .map((find) => {
        const value = find(exchange) ?? ''
        return `${value.length}:${value}`
      })
      .join('')
}

/** Whoever has one IPv6 address has its /64, so limits count by that. */
function compilePart(selector: Selector): Find {
  return selector.from === 'ip' ? (exchange) => addressKey(exchange.address) : compileSelector(selector)
}

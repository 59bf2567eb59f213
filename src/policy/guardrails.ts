import { byteSizePattern, parseByteSize } from '../values/byte-size.js'
import { durationPattern, parseDuration } from '../values/duration.js'
import { nearest } from '../values/nearest.js'
import { parseRate } from '../values/rate.js'
import type { Report } from './problems.js'
import type { NodeSection } from './section.js'

const bound = (description: string, example: string) => ({
  description,
  examples: [example],
  anyOf: [
    { type: 'number', description: 'A number.' },
    { type: 'string', pattern: durationPattern, description: 'A time.' },
    { type: 'string', pattern: byteSizePattern, description: 'A size.' },
  ],
})

/** The schema of `guardrails:` in gateway.yaml. */
export const guardrailsSchema = {
  type: 'object',
  description: 'Bounds on the effective policy of every route, by dotted path; a route may only be tighter.',
  propertyNames: { pattern: '^[A-Za-z]+(\\.[A-Za-z*-]+)*$' },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    description: 'What the value may be.',
    properties: {
      max: bound('The greatest value.', '6MiB'),
      min: bound('The least value.', '1s'),
      oneOf: {
        type: 'array',
        minItems: 1,
        description: 'The only values.',
        examples: [['enforce']],
        items: { type: ['string', 'number', 'boolean'] },
      },
      required: { const: true, description: 'The value must be there.', examples: [true] },
    },
  },
}

/** One bound of gateway.yaml, read once for all routes. */
export interface Guardrail {
  readonly path: readonly string[]
  readonly rule: NodeSection
  readonly max: number | null
  readonly min: number | null
  readonly oneOf: readonly unknown[] | null
  readonly required: boolean
}

/** Reads `guardrails:`; a path that no route can have is a problem, for it would guard nothing. */
export function readGuardrails(
  section: NodeSection,
  knows: (path: readonly string[]) => boolean,
  topKeys: readonly string[],
  report: Report,
): Guardrail[] {
  if (section.node?.kind !== 'map') return []
  return [...section.node.entries.keys()].flatMap((key) => {
    const rule = section.get(key)
    const path = key.split('.')
    if (!knows(path)) {
      const guess = nearest(path[0] ?? '', topKeys)
      report({
        code: 'gateway.guardrail-unknown',
        message: `No route has "${key}", so this guardrail would guard nothing.`,
        hint:
          guess === undefined || guess === path[0]
            ? 'Write the path as in a route, with dots: request.maxBytes.'
            : `Did you mean ${[guess, ...path.slice(1)].join('.')}?`,
        at: rule.keyPlace,
      })
      return []
    }
    const { value: oneOf } = rule.get('oneOf')
    return [
      {
        path,
        rule,
        max: measure(rule.get('max').value),
        min: measure(rule.get('min').value),
        oneOf: Array.isArray(oneOf) ? oneOf : null,
        required: rule.get('required').value === true,
      },
    ]
  })
}

/** Compares one route's effective policy with every guardrail; a breach names both lines. */
export function checkGuardrails(guardrails: readonly Guardrail[], policy: NodeSection, report: Report): void {
  for (const guardrail of guardrails) {
    const found = policy.get(...guardrail.path)
    const breach = breachOf(guardrail, found.value)
    if (breach === undefined) continue
    report({
      code: 'policy.guardrail-broken',
      message: `${guardrail.path.join('.')} ${breach}.`,
      hint: `The guardrail stands at ${guardrail.rule.keyPlace.file}:${guardrail.rule.keyPlace.line}; a route may only be tighter.`,
      at: found.value === undefined ? found.keyPlace : found.place,
      related: [{ message: 'the guardrail', place: guardrail.rule.keyPlace }],
    })
  }
}

function breachOf({ max, min, oneOf, required }: Guardrail, value: unknown): string | undefined {
  if (value === undefined) return required ? 'is missing' : undefined
  if (oneOf !== null && !oneOf.includes(value)) return `is ${String(value)}; it must be ${oneOf.join(' or ')}`
  if (max === null && min === null) return undefined
  const measured = measure(value)
  // `off` is no bound at all: beyond every greatest value.
  if (measured === null) return max === null ? undefined : `is ${String(value)}, which no greatest value covers`
  if (max !== null && measured > max) return `is ${String(value)}, more than the guardrail allows`
  return min !== null && measured < min ? `is ${String(value)}, less than the guardrail allows` : undefined
}

/** A number, a time in ms, a size in bytes, or the quota of a rate. */
function measure(value: unknown): number | null {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  return parseDuration(value) ?? parseByteSize(value) ?? parseRate(value)?.quota ?? null
}

import type { BreakerPlan, UpstreamPlan } from '../plan/plan.js'
import { durationPattern, formatDuration, parseDuration } from '../values/duration.js'
import type { Resolving } from './resolving.js'
import type { NodeSection } from './section.js'

/** What one function may have under way unless the policy says otherwise: one that hangs leaves room for the others. */
const builtInConcurrency = 512

const builtInBreaker: BreakerPlan = {
  failurePercent: 50,
  minimumCalls: 20,
  windowMs: 10_000,
  openMs: 1_000,
  probes: 3,
}

const shortestWindowMs = 1_000
const longestWindowMs = 600_000
const shortestOpenMs = 50
const longestOpenMs = 300_000

/** The schemas of `capacity` and `breaker` of an upstream. */
export const resilienceKeys = {
  capacity: {
    type: 'object',
    additionalProperties: false,
    description: 'How much the function takes at once.',
    properties: {
      concurrency: {
        type: 'integer',
        minimum: 1,
        maximum: 100_000,
        description:
          'Calls that one process of the gateway has under way there at once; more are answered 503. What is reserved, or else 512, unless said.',
        examples: [100],
      },
      reservedConcurrency: {
        type: 'integer',
        minimum: 1,
        maximum: 100_000,
        description: 'How many calls the platform runs at once.',
        examples: [20],
      },
    },
  },
  breaker: {
    description: 'Stops calling a function while too many of its calls fail; off unless it is asked for.',
    examples: ['on', { failurePercent: 50, openFor: '1s' }],
    anyOf: [
      { enum: ['on', true, 'off', false], description: '`on` takes every built-in value.' },
      {
        type: 'object',
        additionalProperties: false,
        description: 'When it opens, and how it closes again.',
        properties: {
          failurePercent: {
            type: 'integer',
            minimum: 1,
            maximum: 100,
            description: 'It opens once so many of a hundred calls in the window have failed.',
            examples: [50],
          },
          minimumCalls: {
            type: 'integer',
            minimum: 1,
            maximum: 100_000,
            description: 'Fewer calls in the window say nothing.',
            examples: [20],
          },
          window: {
            type: 'string',
            pattern: durationPattern,
            description: 'How far back calls are counted.',
            examples: ['10s'],
          },
          openFor: {
            type: 'string',
            pattern: durationPattern,
            description: 'How long no call goes before a few are tried.',
            examples: ['1s'],
          },
          probes: {
            type: 'integer',
            minimum: 1,
            maximum: 100,
            description: 'How many calls are tried; all of them must succeed.',
            examples: [3],
          },
        },
      },
    ],
  },
} as const

/** `capacity` and `breaker` of an upstream as they stand in the plan. */
export function resolveResilience(
  name: string,
  section: NodeSection,
  resolving: Resolving,
): Pick<UpstreamPlan, 'reservedConcurrency' | 'concurrency' | 'breaker'> {
  const reserved = section.get('capacity', 'reservedConcurrency').value
  const written = section.get('capacity', 'concurrency')
  const reservedConcurrency = typeof reserved === 'number' ? reserved : null
  const concurrency = typeof written.value === 'number' ? written.value : (reservedConcurrency ?? builtInConcurrency)
  if (reservedConcurrency !== null && concurrency > reservedConcurrency) {
    resolving.report({
      code: 'upstream.capacity-over-reserved',
      severity: 'warning',
      message: `${name} is sent ${concurrency} calls at once, and its platform runs ${reservedConcurrency}: it answers 429 to the rest.`,
      hint: 'Leave concurrency out: then it is what is reserved.',
      at: written.place,
    })
  }
  return { reservedConcurrency, concurrency, breaker: resolveBreaker(section.get('breaker'), resolving) }
}

function resolveBreaker(section: NodeSection, resolving: Resolving): BreakerPlan | null {
  const { value } = section
  if (value === undefined || value === 'off' || value === false) return null
  const count = (key: 'failurePercent' | 'minimumCalls' | 'probes'): number => {
    const { value: written } = section.get(key)
    return typeof written === 'number' ? written : builtInBreaker[key]
  }
  return {
    failurePercent: count('failurePercent'),
    minimumCalls: count('minimumCalls'),
    windowMs: bounded(section.get('window'), builtInBreaker.windowMs, shortestWindowMs, longestWindowMs, resolving),
    openMs: bounded(section.get('openFor'), builtInBreaker.openMs, shortestOpenMs, longestOpenMs, resolving),
    probes: count('probes'),
  }
}

function bounded(section: NodeSection, builtIn: number, least: number, most: number, { report }: Resolving): number {
  if (typeof section.value !== 'string') return builtIn
  const ms = parseDuration(section.value)
  if (ms !== null && ms >= least && ms <= most) return ms
  report({
    code: 'upstream.breaker-time',
    message: `This time of a breaker lies between ${formatDuration(least)} and ${formatDuration(most)}.`,
    hint: `For example ${formatDuration(builtIn)}, which is what stands without it.`,
    at: section.place,
  })
  return builtIn
}

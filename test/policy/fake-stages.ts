import type { JsonSchema, Slot, StageName } from '../../src/plan/plan.js'
import type { Planned, Stage } from '../../src/stages/contract.js'
import { durationPattern } from '../../src/values/duration.js'

/** Stages of which only flow A is real: they keep what they read as their settings, so that a plan shows the merge. */
function keeper(
  name: StageName,
  slot: Slot,
  keys: Readonly<Record<string, JsonSchema>>,
  needsBody = false,
): Stage<unknown> {
  return {
    name,
    keys,
    reasons: {},
    resolve(policy) {
      const written = Object.keys(keys).filter((key) => policy.get(key).value !== undefined)
      if (written.length === 0 && name !== 'forward') return []
      const settings = Object.fromEntries(written.map((key) => [key, policy.get(key).value]))
      const first = policy.get(written[0] ?? 'upstream')
      return [{ slot, mode: 'enforce', settings, declaredAt: first.keyPlace, needsBody } satisfies Planned<unknown>]
    },
    compile: () => () => ({ outcome: 'allow' }),
  }
}

const map = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  description: 'A map of the test.',
})

const limit: JsonSchema = {
  anyOf: [
    { type: 'string', description: 'A shared limit.' },
    {
      ...(map({
        partitionKey: { type: 'string' },
        quota: { type: 'integer', minimum: 1 },
        window: { type: 'string', pattern: durationPattern },
      }) as object),
      required: ['partitionKey', 'quota', 'window'],
    },
  ],
}

/** The table of fake stages, with the keys of the language that the tests of flow A need. */
export const fakeStages = {
  rateLimit: keeper('rateLimit', 'rateLimit:client', {
    rateLimit: { type: 'object', additionalProperties: limit, description: 'Limits by name.' },
  }) as Stage<never>, // settings are each stage's own business
  auth: keeper('auth', 'auth', {
    auth: {
      anyOf: [
        { const: 'none' },
        map({ jwt: { type: 'string' }, scopes: { type: 'array', items: { type: 'string' } } }),
      ],
    },
  }) as Stage<never>, // as above
  request: keeper(
    'request',
    'request',
    {
      request: map({
        maxBytes: { type: 'string' },
        structure: map({ depth: { type: 'integer' }, keys: { type: 'integer' } }),
        body: { type: ['string', 'object'] },
        query: { type: 'object' },
        path: { type: 'object' },
      }),
    },
    true,
  ) as Stage<never>, // as above
  forward: keeper('forward', 'forward', {
    timeout: map({
      connect: { type: 'string', pattern: durationPattern },
      headers: { type: 'string' },
      idle: { type: 'string' },
      total: { type: 'string' },
    }),
    forward: map({ headers: map({ set: { type: 'object' } }) }),
  }) as Stage<never>, // as above
  response: keeper('response', 'response', {
    response: map({
      errors: { type: 'string' },
      headers: map({ security: { type: 'string' }, remove: { type: 'array', items: { type: 'string' } } }),
    }),
  }) as Stage<never>, // as above
} as const

import type { JsonSchema } from '../contract.js'

/** `concurrency` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  concurrency: {
    type: 'object',
    description: 'How many calls of one caller may be under way at once.',
    additionalProperties: false,
    required: ['partitionKey', 'quota'],
    properties: {
      partitionKey: {
        type: ['string', 'array'],
        items: { type: 'string', description: 'A selector.' },
        minItems: 1,
        maxItems: 8,
        description: 'Whose calls are counted together: a selector, or a list of them. IPv6 addresses count by /64.',
        examples: ['jwt.sub', 'ip'],
      },
      quota: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'How many calls at once.', examples: [4] },
      mode: {
        enum: ['enforce', 'report', 'off'],
        description: 'Whether one call too many is refused, is only recorded, or is not counted at all.',
        examples: ['report'],
      },
    },
    examples: [{ partitionKey: 'jwt.sub', quota: 4 }],
  },
}

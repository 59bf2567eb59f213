import { durationPattern } from '../../values/duration.js'
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
      queue: {
        type: 'object',
        description: 'Lets calls beyond the quota wait for a place; without it they are refused at once.',
        additionalProperties: false,
        required: ['size', 'wait'],
        properties: {
          size: {
            type: 'integer',
            minimum: 1,
            maximum: 10_000,
            description: 'How many calls of one caller may wait at once.',
            examples: [8],
          },
          wait: {
            type: 'string',
            pattern: durationPattern,
            description: 'How long each of them may wait, a minute at most.',
            examples: ['2s'],
          },
        },
        examples: [{ size: 8, wait: '2s' }],
      },
      mode: {
        enum: ['enforce', 'report', 'off'],
        description: 'Whether one call too many is refused, is only recorded, or is not counted at all.',
        examples: ['report'],
      },
    },
    examples: [{ partitionKey: 'jwt.sub', quota: 4 }],
  },
}

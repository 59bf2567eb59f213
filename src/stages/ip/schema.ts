import type { JsonSchema } from '../contract.js'

const blocks = (description: string, example: string): JsonSchema => ({
  type: 'array',
  items: { type: 'string', description: 'A CIDR block, or one address.' },
  minItems: 1,
  maxItems: 10_000,
  description,
  examples: [[example]],
})

/** `ip` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  ip: {
    type: 'object',
    description: 'Which addresses may call.',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      allow: blocks('Addresses that may call; all others may not. Absent: all may.', '203.0.113.0/24'),
      deny: blocks('Addresses that may not call, even where `allow` holds them.', '203.0.113.66'),
    },
    examples: [{ allow: ['203.0.113.0/24', '2001:db8::/32'] }],
  },
}

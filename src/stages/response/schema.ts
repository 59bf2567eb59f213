import type { JsonSchema } from '../contract.js'

/** `response` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  response: {
    type: 'object',
    description: 'What may leave towards the caller.',
    additionalProperties: false,
    properties: {
      errors: {
        enum: ['mask', 'pass'],
        description: 'Whether bodies of server errors (5xx) are replaced by a constant problem document.',
        examples: ['mask'],
      },
      headers: {
        type: 'object',
        description: 'Headers of the answer.',
        additionalProperties: false,
        properties: {
          security: {
            enum: ['strict', 'basic', false, 'off'],
            description:
              'The set of security headers to add: `strict` for APIs, `basic` for pages that bring their own policy, `off`.',
            examples: ['strict'],
          },
          remove: {
            type: 'array',
            items: { type: 'string', minLength: 1, maxLength: 64, description: 'A header name.', examples: ['server'] },
            description: 'Headers of the function that do not leave.',
            examples: [['server', 'x-powered-by']],
          },
        },
      },
      schema: { description: 'Reserved: the schema of the function’s answer.' },
      mode: { enum: ['enforce', 'report', 'off'], description: 'How far `schema` is enforced.', examples: ['report'] },
    },
  },
}

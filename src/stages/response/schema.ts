import { byteSizePattern } from '../../values/byte-size.js'
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
        description:
          'Whether bodies of server errors (5xx), and of other errors that hold a stack trace, are replaced by a constant problem document.',
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
      schema: {
        type: ['string', 'object', 'boolean'],
        description: 'The JSON schema of the function’s successful answers: a file, or the schema itself.',
        examples: ['./schemas/order.json'],
      },
      mode: { enum: ['enforce', 'report', 'off'], description: 'How far `schema` is enforced.', examples: ['report'] },
      redact: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^body:(/[^/]*)+$',
          maxLength: 300,
          description: 'A field by its JSON pointer; `*` stands for any item or key.',
          examples: ['body:/card/number'],
        },
        maxItems: 64,
        description: 'Fields of JSON answers whose values do not leave.',
        examples: [['body:/card/number', 'body:/customers/*/iban']],
      },
      maxBytes: {
        type: 'string',
        pattern: byteSizePattern,
        description: 'The longest answer that is read for `schema` or `redact`, at most 64MiB. 1MiB unless said.',
        examples: ['1MiB'],
      },
    },
  },
}

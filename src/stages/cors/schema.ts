import { durationPattern } from '../../values/duration.js'
import type { JsonSchema } from '../contract.js'

const names = (description: string, example: string): JsonSchema => ({
  type: 'array',
  items: {
    type: 'string',
    pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$',
    description: 'A header name, in any case.',
    examples: [example],
  },
  maxItems: 64,
  description,
  examples: [[example]],
})

/** `cors` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  cors: {
    type: 'object',
    description: 'Which web pages of other origins may call the route from a browser.',
    additionalProperties: false,
    required: ['origins'],
    properties: {
      origins: {
        type: 'array',
        items: {
          type: 'string',
          minLength: 1,
          maxLength: 300,
          description: 'Scheme, host and port as a browser sends them, or `*` for any.',
          examples: ['https://shop.example'],
        },
        minItems: 1,
        maxItems: 1_000,
        description: 'Whose pages may call; compared exactly.',
        examples: [['https://shop.example', 'https://admin.shop.example:8443']],
      },
      methods: {
        type: 'array',
        items: {
          enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
          description: 'A method.',
          examples: ['GET'],
        },
        minItems: 1,
        description: 'Methods that such a page may use. All of the route’s own unless said.',
        examples: [['GET', 'POST']],
      },
      headers: names(
        'Headers that such a page may send. `content-type` and the header of the route’s credential unless said.',
        'content-type',
      ),
      exposeHeaders: names(
        'Headers of the answer that such a page may read. The request id and what says when to come back, unless said.',
        'x-request-id',
      ),
      credentials: {
        type: 'boolean',
        description: 'Whether the browser may send cookies and client certificates along. false unless said.',
        examples: [true],
      },
      maxAge: {
        type: 'string',
        pattern: durationPattern,
        description: 'How long a browser may remember a permission, at most 24h. 10m unless said.',
        examples: ['10m'],
      },
    },
    examples: [{ origins: ['https://shop.example'] }],
  },
}

import { durationPattern } from '../../values/duration.js'
import type { JsonSchema } from '../contract.js'
import { retrySchema } from './retry.js'

const duration = (description: string, example: string): JsonSchema => ({
  description,
  type: 'string',
  pattern: durationPattern,
  examples: [example],
})

const headerName: JsonSchema = {
  type: 'string',
  pattern: "^[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}$",
  description: 'A header name. Underscores are refused: many functions read them as hyphens.',
  examples: ['x-user-id'],
}

/** `upstream`, `timeout` and `forward` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  upstream: {
    type: 'string',
    description: 'The name of the upstream that answers this route, as declared under `upstreams`.',
    examples: ['orders-fn'],
  },
  timeout: {
    type: 'object',
    description: 'How long to wait for the function.',
    additionalProperties: false,
    properties: {
      connect: duration('To a connection with the function.', '2s'),
      headers: duration('To the first byte of its answer.', '10s'),
      idle: duration('Between two bytes of its answer.', '10s'),
      total: {
        description: 'To the last byte of its answer; `off` for streams.',
        type: ['string', 'boolean'],
        pattern: `${durationPattern}|^off$`,
        examples: ['10s', 'off'],
      },
    },
  },
  forward: {
    type: 'object',
    description: 'What the function receives besides the bytes of the request.',
    additionalProperties: false,
    properties: {
      claims: {
        type: 'object',
        description:
          'Claims of the caller that the function gets as headers. Copies sent by the caller are dropped first.',
        additionalProperties: headerName,
        examples: [{ sub: 'X-User-Id', plan: 'X-Plan' }],
      },
      authorization: {
        type: 'string',
        pattern: "^(drop|keep|move:[A-Za-z0-9!#$%&'*+.^`|~-]{1,64})$",
        description:
          'What becomes of the caller’s Authorization header: drop (the default), keep, or move to another header.',
        examples: ['drop', 'move:X-Client-Authorization'],
      },
      hopToken: {
        type: 'object',
        additionalProperties: false,
        description:
          'A short-lived token of the gateway’s own, signed (ES256), by which the function can tell that the call came through it. Its keys are at /jwks of the admin listener.',
        examples: [{ claims: ['sub', 'plan'] }],
        properties: {
          header: {
            ...headerName,
            description: 'The header that holds it; X-Postern-Token when absent.',
            examples: ['x-postern-token'],
          },
          audience: {
            type: 'string',
            minLength: 1,
            description: 'Its `aud`; the origin of the upstream when absent.',
            examples: ['https://orders.functions.example.com'],
          },
          claims: {
            type: 'array',
            items: { type: 'string', minLength: 1, description: 'A claim of the caller.', examples: ['plan'] },
            minItems: 1,
            uniqueItems: true,
            description: 'Claims of the caller that stand in it, under `claims`; `sub` and `client_id` always do.',
            examples: [['plan', 'realm_access.roles']],
          },
        },
      },
      path: {
        type: 'string',
        pattern: '^/',
        description: 'A path to send instead of the caller’s; parameters of the route may stand in it.',
        examples: ['/', '/v2/{id}'],
      },
      headers: {
        type: 'object',
        description: 'Which headers of the caller pass, and constants to add.',
        additionalProperties: false,
        properties: {
          allow: {
            type: 'array',
            items: headerName,
            description: 'Only these headers of the caller pass (content-type always does).',
            examples: [['accept', 'accept-language']],
          },
          set: {
            type: 'object',
            description: 'Headers that every request of this route carries.',
            additionalProperties: {
              type: 'string',
              pattern: '^[\\t\\x20-\\x7E]{0,1024}$',
              description: 'The value.',
              examples: ['eu'],
            },
            examples: [{ 'x-shop': 'eu' }],
          },
        },
      },
      retry: retrySchema,
    },
  },
}

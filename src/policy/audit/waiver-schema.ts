import { auditCodes } from './catalog.js'

/** The schema of `audit:` in gateway.yaml. */
export const auditSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'What `postern check` accepts although its audit finds it; nothing of this reaches a running gateway.',
  properties: {
    waivers: {
      type: 'object',
      description: 'Findings that somebody accepts, by name, each with a reason, an owner and a last day.',
      propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['code', 'reason', 'owner', 'until'],
        description: 'One accepted finding.',
        properties: {
          code: { enum: [...auditCodes], description: 'The code of the finding.', examples: ['audit.timeout-off'] },
          at: {
            type: 'string',
            minLength: 1,
            maxLength: 512,
            description:
              'Only there: a route (`GET /events`), a shared thing (`upstreams.orders-fn`), `gateway`, or a file.',
            examples: ['GET /events'],
          },
          reason: {
            type: 'string',
            minLength: 8,
            maxLength: 500,
            description: 'Why it is acceptable.',
            examples: ['server-sent events; the function ends them after an hour'],
          },
          owner: {
            type: 'string',
            minLength: 1,
            maxLength: 200,
            description: 'Who answers for it.',
            examples: ['shop-team'],
          },
          until: {
            type: 'string',
            pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
            description: 'Its last day, UTC; afterwards the finding counts again.',
            examples: ['2027-03-31'],
          },
        },
      },
      examples: [
        {
          'event-stream': {
            code: 'audit.timeout-off',
            at: 'GET /events',
            reason: 'server-sent events; the function ends them after an hour',
            owner: 'shop-team',
            until: '2027-03-31',
          },
        },
      ],
    },
  },
}

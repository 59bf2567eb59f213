import type { JsonSchema } from '../contract.js'

// Rates, windows and selectors are read in `resolve`, which says better than a pattern what is wrong with one.
const window: JsonSchema = {
  type: 'string',
  description: 'How long: `1s`, `1m`, `24h`; or `day`, `month`: the calendar’s, in UTC.',
  examples: ['1m', 'day'],
}

const partitionKey: JsonSchema = {
  type: ['string', 'array'],
  items: { type: 'string', description: 'A selector.' },
  minItems: 1,
  maxItems: 8,
  description:
    'What each counter belongs to: a selector, or a list of them. A missing value shares one counter; IPv6 addresses count by /64.',
  examples: ['ip', 'jwt.sub', ['client.id', 'path.tenant']],
}

const limit: JsonSchema = {
  type: ['object', 'string'],
  description: 'A limit, or the name of a shared one under `rateLimits`.',
  additionalProperties: false,
  properties: {
    partitionKey,
    quota: {
      type: 'integer',
      minimum: 1,
      maximum: 999_999_999,
      description: 'How many calls per window.',
      examples: [100],
    },
    window,
    burst: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      description: 'How many calls at once; makes the limit a token bucket.',
      examples: [20],
    },
    algorithm: {
      enum: ['sliding-window', 'token-bucket', 'fixed-window'],
      description: 'How calls are counted. `sliding-window` unless there is a `burst`; `day` and `month` need none.',
      examples: ['sliding-window'],
    },
    tiers: {
      type: 'object',
      description:
        'Rates by a value of the caller, such as its plan; all over one window. In place of `quota` and `window`.',
      required: ['from', 'default'],
      minProperties: 3,
      properties: {
        from: { type: 'string', description: 'The selector that names the tier.', examples: ['jwt.plan'] },
        default: { type: 'string', description: 'The tier of whoever names none of them.', examples: ['free'] },
      },
      additionalProperties: {
        type: 'string',
        description: 'The rate of this tier: a count, a slash and a window.',
        examples: ['10/1m'],
      },
      examples: [{ from: 'jwt.plan', free: '10/1m', pro: '100/1m', default: 'free' }],
    },
    mode: {
      enum: ['enforce', 'report', 'off'],
      description: 'Whether a spent limit refuses, is only recorded, or is not counted at all.',
      examples: ['report'],
    },
    cost: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      description: 'How much of the quota one call of the route takes; 1, when absent.',
      examples: [5],
    },
    shared: {
      type: 'string',
      minLength: 1,
      description:
        'The shared limit under `rateLimits` that this one is, where its name alone leaves no room for a `cost`.',
      examples: ['partner-plan'],
    },
    count: {
      enum: ['admitted', 'forwarded'],
      description:
        'Whether a call that a later stage refuses stays counted (`admitted`, the default) or is given back.',
      examples: ['forwarded'],
    },
  },
}

/** `rateLimit` of a route. */
export const keys: Readonly<Record<string, JsonSchema>> = {
  rateLimit: {
    type: 'object',
    description: 'Limits by name; each has its own counters on each route, unless it is a shared one.',
    propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', description: 'Letters, digits, dots, dashes.' },
    additionalProperties: limit,
    examples: [{ 'per-ip': { partitionKey: 'ip', quota: 300, window: '1m' } }],
  },
  legacyHeaders: {
    enum: ['x-ratelimit', 'off'],
    description:
      'Whether answers also carry X-RateLimit-Limit, -Remaining and -Reset (in seconds), of the limit that is nearest to its end.',
    examples: ['x-ratelimit'],
  },
}

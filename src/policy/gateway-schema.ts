import type { LimitsPlan } from '../plan/plan.js'
import { byteSizePattern } from '../values/byte-size.js'
import { durationPattern } from '../values/duration.js'
import { ratePattern } from '../values/rate.js'
import { auditSchema } from './audit/waiver-schema.js'
import { guardrailsSchema } from './guardrails.js'
import { hopTokenSchema } from './hop-token.js'
import { protectedResourceSchema } from './protected-resource.js'
import { secretsSchema } from './secrets.js'
import { tlsSchema } from './tls.js'

const size = (description: string, example: string) => ({
  type: 'string',
  pattern: byteSizePattern,
  description,
  examples: [example],
})

const time = (description: string, example: string) => ({
  type: 'string',
  pattern: durationPattern,
  description,
  examples: [example],
})

const count = (description: string, example: number, maximum = 10_000_000) => ({
  type: 'integer',
  minimum: 1,
  maximum,
  description,
  examples: [example],
})

const address = (example: string) => ({
  type: 'string',
  minLength: 3,
  description: 'Host and port to listen on; port 0 takes any free one.',
  examples: [example],
})

const rate = {
  description: 'A rate such as 30/1m.',
  examples: ['30/1m'],
  anyOf: [
    { type: 'string', pattern: ratePattern, description: 'The short form.' },
    {
      type: 'object',
      additionalProperties: false,
      required: ['quota', 'window'],
      description: 'The long form.',
      properties: { quota: count('How many.', 30), window: time('In what time.', '1m') },
    },
  ],
}

/** Each limit of the process: its key in the plan, its reader, its default and its schema. */
export const limits = {
  headerBytes: { plan: 'headerBytes', value: 16_384, schema: size('The longest header block.', '16KiB') },
  headersTimeout: {
    plan: 'headersTimeoutMs',
    value: 10_000,
    schema: time('The time a caller has to send the headers.', '10s'),
  },
  requestTimeout: {
    plan: 'requestTimeoutMs',
    value: 30_000,
    schema: time('The time a caller has to send a whole request, and may leave an answer untouched.', '30s'),
  },
  keepAliveTimeout: {
    plan: 'keepAliveTimeoutMs',
    value: 75_000,
    schema: time('How long an idle connection stays open.', '75s'),
  },
  targetBytes: { plan: 'targetBytes', value: 8_192, schema: size('The longest path and query together.', '8KiB') },
  concurrentRequests: {
    plan: 'concurrentRequests',
    value: 2_000,
    schema: count('Requests under way at once; more are answered 503.', 2_000),
  },
  connections: { plan: 'connections', value: 10_000, schema: count('Connections open at once.', 10_000) },
  connectionsPerAddress: {
    plan: 'connectionsPerAddress',
    value: 200,
    schema: count('Connections of one address, unless it is a trusted proxy.', 200),
  },
  requestsPerSocket: {
    plan: 'requestsPerSocket',
    value: 1_000,
    schema: count('Requests on one connection before it is closed.', 1_000),
  },
  eventLoopDelay: {
    plan: 'eventLoopDelayMs',
    value: 200,
    schema: time('The delay of the event loop from which on requests are answered 503.', '200ms'),
  },
  drain: { plan: 'drainMs', value: 30_000, schema: time('How long SIGTERM waits for what is under way.', '30s') },
  drainGrace: {
    plan: 'drainGraceMs',
    value: 300,
    schema: time('How long of it new connections are still taken, while readiness says no.', '5s'),
  },
} as const satisfies Readonly<Record<string, { plan: keyof LimitsPlan; value: number; schema: object }>>

const keyed = (properties: object, description: string) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  description,
})

/** The keys of gateway.yaml that are not shared things. */
export const gatewayKeys = {
  version: { const: 1, description: 'The version of the policy language.', examples: [1] },
  listeners: keyed(
    {
      public: keyed(
        { address: address('0.0.0.0:8080'), tls: tlsSchema },
        'Where callers reach the functions; 127.0.0.1:8080 when absent.',
      ),
      admin: keyed(
        {
          address: address('127.0.0.1:9090'),
          token: {
            type: 'string',
            minLength: 1,
            description: 'Asked for by everything but /livez, /readyz and /metrics once the address is not loopback.',
            examples: ['${secret:admin_token}'],
          },
        },
        'Where operators look; 127.0.0.1:9090 when absent.',
      ),
    },
    'The addresses of the process.',
  ),
  trustedProxies: {
    type: 'array',
    items: { type: 'string', description: 'An address or a CIDR block.', examples: ['10.0.0.0/8'] },
    description: "Peers that may tell the client's address; nobody, when absent.",
    examples: [['10.0.0.0/8']],
  },
  store: keyed(
    {
      redis: {
        ...keyed(
          {
            url: {
              description: 'The store’s address: redis://user:password@host:6379/0, or rediss:// for TLS.',
              examples: ['${secret:redis_url}'],
              anyOf: [
                { type: 'string', minLength: 1, description: 'One address.' },
                {
                  type: 'array',
                  minItems: 1,
                  maxItems: 16,
                  items: { type: 'string', minLength: 1, description: 'An address.' },
                  description: 'Nodes of one cluster.',
                },
              ],
            },
            cluster: { type: 'boolean', description: 'Whether it is a Redis Cluster.', examples: [true] },
            ca: {
              type: 'string',
              minLength: 1,
              description: 'A PEM file of the authorities that sign its certificate; the well-known ones, when absent.',
              examples: ['./redis-ca.pem'],
            },
            prefix: {
              type: 'string',
              pattern: '^[A-Za-z0-9._-]{1,32}$',
              description: 'Begins every key; gateways with one prefix share their counts. postern, when absent.',
              examples: ['postern-eu'],
            },
            commandTimeout: time(
              'How long a request waits for it before `onStoreError` decides; 50ms, when absent.',
              '50ms',
            ),
          },
          'Redis 6.2 or newer, or Valkey: limits hold over all processes that share it.',
        ),
        required: ['url'],
      },
      onStoreError: {
        enum: ['local', 'allow', 'deny'],
        description: 'What limits do while the shared store cannot be reached.',
        examples: ['local'],
      },
    },
    'Where limits are counted; in the memory of the process, when absent.',
  ),
  hopToken: hopTokenSchema,
  protectedResource: protectedResourceSchema,
  revocation: keyed(
    {
      file: {
        type: 'string',
        pattern: '^/',
        minLength: 2,
        description:
          'A file outside this folder that keeps revocations over a restart, where there is no shared store.',
        examples: ['/var/lib/postern/revoked.jsonl'],
      },
    },
    'Where revocations (`postern revoke`) are kept: in the shared store, else in this file, else in memory.',
  ),
  secrets: secretsSchema,
  observability: keyed(
    {
      accessLog: keyed(
        {
          redact: {
            type: 'array',
            items: {
              type: 'string',
              pattern: "^(header|query)\\.[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$",
              description: 'header.<name> or query.<name>',
              examples: ['query.token'],
            },
            description: 'Values that no record may show, besides the credentials that none ever shows.',
            examples: [['header.x-session', 'query.token']],
          },
        },
        'What the log of decisions holds.',
      ),
    },
    'What the gateway tells about itself.',
  ),
  addressLimit: {
    description:
      'The limit of one address over everything, before anything else is looked at; IPv6 by its network. None, when absent.',
    examples: ['1200/1m'],
    anyOf: [
      { type: 'string', pattern: ratePattern, description: 'The short form.' },
      {
        ...keyed(
          {
            quota: count('How many requests.', 1_200),
            window: time('In what time.', '1m'),
            ipv6Prefix: {
              type: 'integer',
              minimum: 32,
              maximum: 64,
              description:
                'The IPv6 network that counts as one address, in bits; 64, when absent. A /48 has 16 times the quota.',
              examples: [56],
            },
            failedAuth: rate,
          },
          'The long form.',
        ),
        required: ['quota', 'window'],
      },
    ],
  },
  limits: keyed(
    Object.fromEntries(Object.entries(limits).map(([key, { schema }]) => [key, schema])),
    'Protections of the process itself.',
  ),
  guardrails: guardrailsSchema,
  audit: auditSchema,
}

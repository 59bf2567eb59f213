import type { JsonSchema } from '../contract.js'

const scalar: JsonSchema = { type: ['string', 'number', 'boolean'] }

const claimRule: JsonSchema = {
  description: 'What the claim must be: a value it equals, or one or more conditions that must all hold.',
  anyOf: [
    scalar,
    {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: {
        equals: {
          ...scalar,
          description: 'The claim is exactly this value; "true" is not true.',
          examples: [true],
        },
        contains: {
          ...scalar,
          description: 'The claim is a list that holds this value, or the value itself.',
          examples: ['mfa'],
        },
        oneOf: {
          type: 'array',
          items: scalar,
          minItems: 1,
          description: 'The claim is exactly one of these values.',
          examples: [['clerk', 'manager']],
        },
        exists: { type: 'boolean', description: 'Whether the claim must be there (and not null) or must not.' },
      },
    },
  ],
}

const method = {
  jwt: {
    type: 'string',
    minLength: 1,
    description: 'The name of the issuer, under `issuers`, whose tokens are taken.',
    examples: ['main'],
  },
  scopes: {
    type: 'array',
    // RFC 6749 §3.3
    items: {
      type: 'string',
      pattern: '^[!#-\\[\\]-~]+$',
      description: 'One scope: visible ASCII without blanks, quotes and backslashes.',
      examples: ['orders:write'],
    },
    minItems: 1,
    uniqueItems: true,
    description: 'Scopes that the token must hold, all of them.',
    examples: [['orders:write']],
  },
  claims: {
    type: 'object',
    minProperties: 1,
    additionalProperties: claimRule,
    description:
      'Conditions on claims, by name; all must hold. Dots walk in (`realm.plan`); a JSON pointer reaches any claim (`/https:~1~1example.com~1plan`).',
    examples: [{ email_verified: true, amr: { contains: 'mfa' } }],
  },
  apiKey: {
    type: 'array',
    items: { type: 'string', minLength: 1, description: 'The name of a client.', examples: ['acme'] },
    minItems: 1,
    uniqueItems: true,
    description: 'The names of the clients, under `clients`, whose keys are taken in the header X-Api-Key.',
    examples: [['acme']],
  },
} as const satisfies Readonly<Record<string, JsonSchema>>

/** The policy fragments of `auth`. That one method stands alone is checked in `resolve`, which can say so better. */
export const schemas = {
  auth: {
    description: 'Who may call: `none` (with a `reason`), or one method.',
    examples: [{ jwt: 'main', scopes: ['orders:write'] }, { apiKey: ['acme'] }],
    anyOf: [
      { const: 'none', description: 'Anybody. Must stand in the route itself, with a `reason`.' },
      {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        // `anyOf` is read and checked by this stage, and not offered yet: `forward` must first drop X-Api-Key on such a
        // route as it does on one of `apiKey` alone. Until then its name is reserved.
        properties: method,
      },
    ],
  },
  reason: { type: 'string', minLength: 3, maxLength: 500, description: 'Why `auth: none` is right here.' },
} as const satisfies Readonly<Record<string, JsonSchema>>

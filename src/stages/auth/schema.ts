import { durationPattern } from '../../values/duration.js'
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
  introspection: {
    type: 'string',
    minLength: 1,
    description: 'The name of the issuer that is asked about each token (RFC 7662), for opaque tokens.',
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
  roles: {
    type: 'array',
    items: { type: 'string', minLength: 1, description: 'One role.', examples: ['orders-admin'] },
    minItems: 1,
    uniqueItems: true,
    description: 'Roles of which the token must hold one, in the claims that `issuers.*.roles` names.',
    examples: [['orders-admin', 'clerk']],
  },
  stepUp: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    description: 'How the user must have signed in; a client whose user has not is told so (RFC 9470).',
    examples: [{ acr: ['urn:example:mfa'], maxAge: '5m' }],
    properties: {
      acr: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^[!#-\\[\\]-~]+$',
          description: 'One authentication context: visible ASCII without blanks, quotes and backslashes.',
          examples: ['urn:example:mfa'],
        },
        minItems: 1,
        uniqueItems: true,
        description: 'Values of the claim `acr`, of which one will do.',
        examples: [['urn:example:mfa']],
      },
      amr: {
        type: 'array',
        items: { type: 'string', minLength: 1, description: 'One method (RFC 8176).', examples: ['mfa'] },
        minItems: 1,
        uniqueItems: true,
        description: 'Values that the claim `amr` must hold, all of them.',
        examples: [['mfa']],
      },
      maxAge: {
        type: 'string',
        pattern: durationPattern,
        description: 'The longest time since the user signed in (`auth_time`).',
        examples: ['5m'],
      },
    },
  },
  apiKey: {
    type: 'array',
    items: { type: 'string', minLength: 1, description: 'The name of a client.', examples: ['acme'] },
    minItems: 1,
    uniqueItems: true,
    description: 'The names of the clients, under `clients`, whose keys are taken in the header X-Api-Key.',
    examples: [['acme']],
  },
  mtls: {
    type: 'object',
    additionalProperties: false,
    description:
      'The certificate of the connection, or the one in `Client-Cert` from a trusted proxy (RFC 9440). What is given must all hold.',
    examples: [{ ca: './clients.pem', san: ['dns:*.partner.example'] }],
    properties: {
      ca: {
        type: 'string',
        minLength: 1,
        description:
          'A PEM file with the authorities that sign the certificates; `clientCa` of the listener when absent.',
        examples: ['./clients.pem'],
      },
      san: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^(dns|uri|email|ip):',
          description: 'A name: `dns:` (`*.` for one label), `uri:` (`/*` at its end), `email:` or `ip:`.',
          examples: ['uri:spiffe://partner/orders'],
        },
        minItems: 1,
        uniqueItems: true,
        description: 'Alternative names, of which the certificate must hold one.',
        examples: [['dns:*.partner.example']],
      },
      fingerprints: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$',
          description: 'SHA-256 of the certificate in hex, with or without colons.',
          examples: ['3f1c00d5c1e1a7f0b5a4f9f5e8f0a1b2c3d4e5f60718293a4b5c6d7e8f901234'],
        },
        minItems: 1,
        uniqueItems: true,
        description: 'Certificates that are admitted, by fingerprint.',
        examples: [['3f1c00d5c1e1a7f0b5a4f9f5e8f0a1b2c3d4e5f60718293a4b5c6d7e8f901234']],
      },
    },
  },
} as const satisfies Readonly<Record<string, JsonSchema>>

const anyOf: JsonSchema = {
  type: 'array',
  minItems: 2,
  items: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: method,
    description: 'One method with its conditions.',
    examples: [{ jwt: 'main', scopes: ['orders:write'] }],
  },
  description: 'Several methods, any of which will do. A credential that is presented and bad denies all the same.',
  examples: [[{ jwt: 'main' }, { apiKey: ['acme'] }]],
}

/** The policy fragments of `auth`. That one method stands alone is checked in `resolve`, which can say so better. */
export const schemas = {
  auth: {
    description: 'Who may call: `none` (with a `reason`), one method, or `anyOf` several.',
    examples: [{ jwt: 'main', scopes: ['orders:write'] }, { apiKey: ['acme'] }],
    anyOf: [
      { const: 'none', description: 'Anybody. Must stand in the route itself, with a `reason`.' },
      {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: { ...method, anyOf },
      },
    ],
  },
  reason: { type: 'string', minLength: 3, maxLength: 500, description: 'Why `auth: none` is right here.' },
} as const satisfies Readonly<Record<string, JsonSchema>>

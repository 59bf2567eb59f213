import { byteSizePattern } from '../values/byte-size.js'
import { durationPattern } from '../values/duration.js'
import { dpopSchema } from './issuer-dpop.js'

/** Signature algorithms with a public key (RFC 7518, RFC 8037). */
export const publicAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

/** Secret algorithms with the least key length that RFC 7518 section 3.2 allows, in bytes. */
export const secretBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

const duration = (description: string, example: string) => ({
  type: 'string',
  pattern: durationPattern,
  description,
  examples: [example],
})

const texts = (description: string, example: string) => ({
  description,
  examples: [example],
  anyOf: [
    { type: 'string', minLength: 1, description: 'One value.' },
    {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      description: 'Any of these values.',
    },
  ],
})

/** The schema of one issuer. */
export const issuerSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['issuer', 'audience'],
  description: 'Who signs tokens, and what a token of theirs must say.',
  properties: {
    issuer: {
      type: 'string',
      minLength: 1,
      description:
        'Compared with the `iss` claim exactly; discovery (OpenID Connect, RFC 8414) starts here unless keys are given.',
      examples: ['https://id.example.com/'],
    },
    audience: {
      description: 'What `aud` must hold; for issuers without `aud`, another claim and its values.',
      examples: ['orders-api'],
      anyOf: [
        { type: 'string', minLength: 1, description: 'The one audience.' },
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, description: 'Any of these audiences.' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['claim', 'oneOf'],
          description: 'Another claim that says whom the token is for.',
          properties: {
            claim: { type: 'string', minLength: 1, description: 'The claim.', examples: ['client_id'] },
            oneOf: texts('The values that are accepted.', 'shop-web'),
          },
        },
      ],
    },
    algorithms: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: {
        enum: [...publicAlgorithms, ...Object.keys(secretBytes)],
        description: 'A JWS algorithm (RFC 7518, RFC 8037).',
      },
      description: 'Signature algorithms that are accepted; `none` never is.',
      examples: [['RS256', 'ES256']],
    },
    tokenTypes: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', minLength: 1, description: 'A `typ` value, or `absent`.' },
      description: 'Accepted `typ` headers; [at+jwt] alone is strict RFC 9068, `absent` allows tokens without one.',
      examples: [['at+jwt', 'JWT']],
    },
    clockSkew: duration('How far the clocks may differ.', '30s'),
    maxTokenAge: duration('The longest lifetime (`exp` minus `iat`) that is accepted; no bound when absent.', '24h'),
    roles: texts(
      'The claims that hold roles, as a list or as one text with blanks; `roles` when absent. Dots walk in.',
      'realm_access.roles',
    ),
    keySet: {
      type: 'object',
      additionalProperties: false,
      description: 'How the key set is fetched and kept.',
      properties: {
        cooldown: duration('The least time between two fetches because of an unknown key.', '30s'),
        maxAge: duration('When a key set is fetched anew.', '10m'),
        timeout: duration('How long a fetch may take.', '1500ms'),
        staleIfError: duration('How long keys stay in use while the issuer cannot be reached.', '1h'),
        maxBytes: { type: 'string', pattern: byteSizePattern, description: 'The largest key set.', examples: ['1MiB'] },
      },
    },
    dpop: dpopSchema,
    jwksUri: {
      type: 'string',
      minLength: 1,
      description: 'Where the key set is, instead of discovery.',
      examples: ['https://id.example.com/jwks'],
    },
    jwks: {
      type: 'string',
      minLength: 1,
      description: 'A file with the key set, instead of discovery.',
      examples: ['./keys.json'],
    },
    publicKey: {
      type: 'string',
      minLength: 1,
      description: 'A PEM file with the one public key, instead of discovery.',
      examples: ['./key.pem'],
    },
    secret: {
      type: 'string',
      minLength: 1,
      description: 'The shared secret of HS256, HS384 or HS512.',
      examples: ['${secret:hmac}'],
    },
    introspection: {
      type: 'object',
      additionalProperties: false,
      required: ['clientId', 'clientSecret'],
      description:
        'How the issuer is asked about tokens (RFC 7662); `timeout`, `cooldown` and `maxBytes` of `keySet` hold.',
      examples: [{ clientId: 'postern', clientSecret: '${secret:introspection}' }],
      properties: {
        endpoint: {
          type: 'string',
          minLength: 1,
          description: 'Where to ask; discovery finds it when absent.',
          examples: ['https://id.example.com/introspect'],
        },
        clientId: {
          type: 'string',
          minLength: 1,
          description: 'The client as which Postern asks.',
          examples: ['postern'],
        },
        clientSecret: {
          type: 'string',
          minLength: 1,
          description: 'The secret of that client.',
          examples: ['${secret:introspection}'],
        },
        authMethod: {
          enum: ['basic', 'post'],
          description: 'How the client shows its secret: in the Authorization header (the default) or in the form.',
          examples: ['basic'],
        },
        cache: duration('How long an answer holds, 60s at most and never beyond `exp`; 30s when absent.', '30s'),
      },
    },
    insecure: {
      type: 'string',
      minLength: 3,
      description: 'Why plain http is acceptable for this issuer.',
      examples: ['inside the cluster mesh, which encrypts'],
    },
  },
}

import { durationPattern } from '../values/duration.js'

const secretValue = {
  type: 'string',
  minLength: 1,
  description: 'Its value, with the secret in it.',
  examples: ['${secret:fn_key}'],
}

const header = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'value'],
  description: 'The header to send.',
  properties: {
    name: {
      type: 'string',
      pattern: "^[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}$",
      description: 'The header name.',
      examples: ['x-functions-key'],
    },
    value: {
      description:
        'Its value, with the secret in it. While a secret is being changed, a list of two: the new one, then the old one; the one that the function takes is used.',
      examples: ['${secret:fn_key}', ['${secret:fn_new}', '${secret:fn_old}']],
      anyOf: [
        secretValue,
        {
          type: 'array',
          minItems: 2,
          maxItems: 2,
          items: secretValue,
          description: 'The new value and the old one.',
          examples: [['${secret:fn_new}', '${secret:fn_old}']],
        },
      ],
    },
  },
}

/** One keyed way of signing in: `{ aws-sigv4: { … } }`. */
const keyed = (key: string, description: string, properties: object, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  required: [key],
  description,
  properties: {
    [key]: { type: 'object', additionalProperties: false, description, required, properties },
  },
})

/** `upstreams.*.auth`. */
export const upstreamAuthSchema = {
  description:
    'How the gateway proves itself to the function. Hosts of known platforms must say it; elsewhere it is none.',
  examples: ['none', 'aws-sigv4', 'google-id-token'],
  anyOf: [
    {
      const: 'none',
      description: 'The function takes every call: it must not be reachable by anyone else.',
    },
    {
      const: 'aws-sigv4',
      description: 'Every request is signed for AWS, region and service as the host says; keys from the AWS chain.',
    },
    {
      const: 'google-id-token',
      description: 'Every request carries an ID token of Google; its audience is the URL of the upstream.',
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['header'],
      description: 'A header with a secret that the function checks, or several.',
      properties: {
        header: {
          description: 'The header to send, or a list of them.',
          examples: [{ name: 'x-gateway-key', value: '${secret:fn_key}' }],
          anyOf: [
            header,
            {
              type: 'array',
              minItems: 1,
              maxItems: 8,
              items: header,
              description: 'Several headers, all of them sent.',
              examples: [
                [
                  { name: 'cf-access-client-id', value: '${secret:access_id}' },
                  { name: 'cf-access-client-secret', value: '${secret:access_secret}' },
                ],
              ],
            },
          ],
        },
      },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['azure-function-key'],
      description: 'A function key of Azure Functions, sent in the header that Azure reads it from.',
      properties: { 'azure-function-key': header.properties.value },
    },
    keyed('aws-sigv4', 'Every request is signed for AWS; keys from the AWS chain.', {
      region: {
        type: 'string',
        pattern: '^[a-z0-9-]{1,40}$',
        description: 'The region; from the host where that says it.',
        examples: ['eu-west-1'],
      },
      service: {
        type: 'string',
        pattern: '^[a-z0-9-]{1,40}$',
        description: 'The service that judges the signature; lambda, unless the host says another.',
        examples: ['execute-api'],
      },
    }),
    keyed('google-id-token', 'Every request carries an ID token of Google.', {
      audience: {
        type: 'string',
        minLength: 1,
        maxLength: 512,
        description: 'Whom the token names: a custom audience of the service; its URL when absent.',
        examples: ['https://catalog-xyz-ew.a.run.app'],
      },
    }),
    keyed(
      'azure-entra',
      'Every request carries an access token of the managed identity.',
      {
        resource: {
          type: 'string',
          minLength: 1,
          maxLength: 512,
          description: 'The application that the function app believes.',
          examples: ['api://6d2f5b3e-0000-4000-8000-1f2e3d4c5b6a'],
        },
        clientId: {
          type: 'string',
          pattern: '^[0-9a-fA-F-]{36}$',
          description: 'Which user-assigned identity to use; the own one of the machine when absent.',
          examples: ['0d9d2f6a-0000-4000-8000-4b6a5d3e2f1c'],
        },
      },
      ['resource'],
    ),
  ],
}

/** `upstreams.*.canary`. */
export const canarySchema = {
  description:
    'Whether the gateway tries the function without its sign-in, and reports when it answers: off (the default), once after each start, or every so often.',
  examples: ['off', 'once', '10m'],
  anyOf: [
    {
      type: ['string', 'boolean'],
      pattern: `^(off|once)$|${durationPattern}`,
      description: 'When.',
      examples: ['10m'],
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['every'],
      description: 'When, and what is asked.',
      properties: {
        every: {
          type: 'string',
          pattern: `^once$|${durationPattern}`,
          description: 'How often, or `once`; a minute at least.',
          examples: ['10m'],
        },
        method: {
          enum: ['HEAD', 'OPTIONS', 'GET'],
          description: 'A method that changes nothing: HEAD unless another is named.',
          examples: ['HEAD'],
        },
        path: {
          type: 'string',
          pattern: '^/[A-Za-z0-9._~/-]{0,256}$',
          description: 'A path of the function that changes nothing; / when absent.',
          examples: ['/health'],
        },
      },
    },
  ],
}

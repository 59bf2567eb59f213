import type { JsonSchema } from '../contract.js'
import { detectorNames } from './detector-names.js'
import { graphqlDefaults } from './graphql/limits.js'
import { placePattern } from './places.js'

const off = { const: 'off', description: 'Takes an inherited entry away.' }

const exception = {
  type: 'object',
  description: 'Lifts one detector for one place, for a time, on somebody’s word.',
  additionalProperties: false,
  required: ['rule', 'at', 'owner', 'until'],
  properties: {
    rule: { enum: [...detectorNames], description: 'The detector to lift, as the deny code names it: `sqli`.' },
    at: {
      type: 'string',
      pattern: placePattern,
      maxLength: 512,
      description: 'The place: `body:/note`, `query:/q`, `header:/user-agent`; `*` stands for any list item or key.',
      examples: ['body:/note'],
    },
    owner: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'Who answers for it.',
      examples: ['orders-team'],
    },
    until: {
      type: 'string',
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
      description: 'Its last day, UTC; afterwards the detector holds again and `check` warns.',
      examples: ['2027-03-31'],
    },
  },
}

const count = (description: string, fallback: number, most: number) => ({
  type: 'integer',
  minimum: 1,
  maximum: most,
  default: fallback,
  description,
  examples: [fallback],
})

const graphql = {
  type: 'object',
  description: 'Says that the route is GraphQL, and how much one request may ask for. `{}` takes the defaults.',
  additionalProperties: false,
  properties: {
    depth: count('Nested selections.', graphqlDefaults.depth, 400),
    aliases: count('Aliases in one document.', graphqlDefaults.aliases, 100_000),
    fields: count(
      'Fields in one document, those of a fragment counted wherever it is spread.',
      graphqlDefaults.fields,
      1_000_000,
    ),
    directives: count('Directives in one document.', graphqlDefaults.directives, 100_000),
    batch: count('Operations in one request.', graphqlDefaults.batch, 10_000),
    introspection: {
      enum: ['deny', 'allow'],
      default: 'deny',
      description: 'Whether callers may ask for the schema: `__schema` and `__type`.',
    },
  },
}

/** What may stand under a route's `inspect`. */
export const inspectSchema: JsonSchema = {
  type: 'object',
  description: 'Looks for injections in every value of a request that its schema leaves free.',
  additionalProperties: false,
  properties: {
    profile: {
      enum: ['api', 'event', 'strict'],
      description:
        '`api` by default; `event` also undoes what cloud platforms and queues encode in their events; `strict` takes weak signs in long texts too.',
    },
    mode: { enum: ['enforce', 'report', 'off'], description: 'Deny, only record, or leave out.' },
    detectors: {
      type: 'object',
      description: 'The mode of single detectors, by name, where it is not that of all: `{ ldap: off, ssrf: report }`.',
      examples: [{ ldap: 'off', ssrf: 'report' }],
      propertyNames: { enum: [...detectorNames] },
      additionalProperties: {
        enum: ['enforce', 'report', 'off'],
        description: 'Deny, only record, or leave out. Under `mode: report`, `enforce` only records as well.',
      },
    },
    graphql: { description: 'Limits of a GraphQL route, or `off`.', anyOf: [graphql, off], examples: [{ depth: 8 }] },
    exceptions: {
      type: 'object',
      description: 'Detectors lifted for single places, by name.',
      additionalProperties: { description: 'One exception, or `off`.', anyOf: [exception, off] },
    },
    fields: {
      type: 'object',
      description:
        'What single fields hold, by place: prose, code, html, markdown or sql. The detectors that such text trips are lifted there.',
      propertyNames: { pattern: placePattern, maxLength: 512 },
      additionalProperties: {
        enum: ['prose', 'code', 'html', 'markdown', 'sql', 'off'],
        description: 'What the field holds.',
      },
    },
  },
}

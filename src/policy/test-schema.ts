import type { JsonSchema } from '../plan/plan.js'
import { routeMethods } from './route-key.js'

const headers = {
  type: 'object',
  description: 'Headers by name.',
  examples: [{ 'x-user-id': 'root' }],
  additionalProperties: { type: ['string', 'number', 'boolean'], description: 'The value.' },
}
const headerExpectations = {
  type: 'object',
  description: 'A text, a range 1..60, a /pattern/, true for present, ~ for absent.',
  examples: [{ 'retry-after': '1..60' }],
  additionalProperties: { type: ['string', 'number', 'boolean', 'null'], description: 'What the header must be.' },
}
const map = (description: string, properties: Readonly<Record<string, unknown>>) => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties,
})
const text = (description: string, example: string) => ({ type: 'string', description, examples: [example] })
const any = (description: string, example: unknown) => ({ description, examples: [example] })

const as = {
  description: 'Who asks, with a credential made for the test.',
  examples: [{ jwt: { sub: 'u1', scope: 'orders:write' } }, { apiKey: 'acme' }, 'nobody'],
  anyOf: [
    { const: 'nobody', description: 'Without a credential.' },
    map('A caller.', {
      jwt: { type: 'object', description: 'Claims over the usual ones; ~ leaves one out.', examples: [{ sub: 'u1' }] },
      issuer: text('The issuer that signs, where it is not the one of the route.', 'main'),
      forged: { type: 'boolean', description: 'Signed by a key that the issuer does not have.', examples: [true] },
      apiKey: text('A client, whose first key is shown.', 'acme'),
      key: text('Which of the keys of the client.', 'k2026'),
      from: text('The address it comes from.', '192.0.2.7'),
    }),
  ],
}

const methods = routeMethods.filter((method) => method !== 'ANY')
const send = map('The request; without a method it changes the one of the file.', {
  ...Object.fromEntries(methods.map((method) => [method, text('Path and query.', '/orders?page=1')])),
  header: headers,
  body: any('JSON, or a text as it is.', { sku: 'a1' }),
  raw: text('The whole request, for what the wire checks refuse.', 'GET / HTTP/1.1\nHost: a\n\n'),
})

const answer = map('What the function says.', {
  status: { type: 'integer', minimum: 200, maximum: 599, description: 'Its status.', examples: [500] },
  header: headers,
  body: any('JSON, or a text as it is.', { ok: true }),
  fault: {
    enum: ['unreachable', 'bad-answer', 'timeout'],
    description: 'Instead: how it fails.',
    examples: ['timeout'],
  },
})

const expectation = {
  ...map('What must come of it; all but the statuses is asked of the last answer.', {
    status: {
      type: ['integer', 'string', 'array'],
      description: 'One status, or one per request.',
      examples: [201, ['201 x 10', 429]],
    },
    code: {
      type: ['string', 'null'],
      description: 'The exact code of the record; none: it passed.',
      examples: ['none'],
    },
    origin: text('The line that decided.', 'orders.yaml:4'),
    header: headerExpectations,
    body: any('Must be found in the body; maps may hold more.', { code: 'auth.invalid' }),
    reported: { type: ['string', 'array'], description: 'What report mode passed over.', examples: ['inspect.sqli'] },
    upstream: {
      description: 'What reached the function; none: nothing.',
      examples: ['none'],
      anyOf: [
        { enum: ['none', null], description: 'Nothing.' },
        map('A request.', {
          name: text('The upstream.', 'orders-fn'),
          method: text('Its method.', 'POST'),
          target: text('Path and query as they were sent.', '/orders'),
          header: headerExpectations,
          body: any('Must be found in the body.', { sku: 'a1' }),
        }),
      ],
    },
  }),
  minProperties: 1,
}

/** The JSON Schema (draft-07) of `*.test.yaml`, for editors; the reader of tests is the judge. */
export const testSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Postern policy tests',
  ...map('Tests of the policies beside them: docs/policy-tests.md.', {
    as,
    send,
    answer,
    clock: text('When the clock of the file starts; noon of today, UTC.', '2027-01-31T23:59:00Z'),
    tests: {
      type: 'object',
      description: 'Tests by name, in the order in which they are played.',
      examples: [{ 'a list is public': { send: { GET: '/items' }, expect: { status: 200 } } }],
      additionalProperties: {
        ...map('One test.', {
          as,
          send,
          answer,
          times: { type: 'integer', minimum: 1, description: 'How many requests.', examples: [11] },
          after: text('How far the clock moves before.', '61s'),
          expect: expectation,
        }),
        required: ['expect'],
      },
    },
  }),
  required: ['tests'],
}

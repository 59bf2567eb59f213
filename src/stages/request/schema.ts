import { byteSizePattern } from '../../values/byte-size.js'
import type { JsonSchema } from '../contract.js'
import { contentTypePattern } from './media-type.js'

const parameters = (description: string, entry: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: {
    type: 'object',
    description: entry,
    properties: { required: { type: 'boolean', description: 'Whether it must be given; false unless said.' } },
  },
})

/** What stands under `request`. */
export const schema: JsonSchema = {
  type: 'object',
  description: 'What a request must look like: size, media type, structure and schemas.',
  additionalProperties: false,
  properties: {
    mode: {
      enum: ['enforce', 'report', 'off'],
      description:
        'Governs the schemas of body, path, query and headers alone. Parsing, media types and caps always hold.',
    },
    maxBytes: {
      type: 'string',
      pattern: byteSizePattern,
      description: 'The largest body, such as 64KiB or 6MiB. 256KiB unless said.',
      examples: ['64KiB'],
    },
    structure: {
      type: 'object',
      description: 'Caps on the shape of a body.',
      additionalProperties: false,
      properties: {
        depth: {
          type: 'integer',
          minimum: 1,
          maximum: 200,
          description: 'Nested objects, arrays or XML elements. 20 unless said.',
          examples: [20],
        },
        keys: {
          type: 'integer',
          minimum: 1,
          maximum: 1_000_000,
          description:
            'Keys of all objects together, fields of a form, parts, elements and attributes. 2000 unless said.',
          examples: [2000],
        },
        stringLength: {
          type: 'integer',
          minimum: 1,
          description: 'Characters of one string; the size of the body alone unless said.',
          examples: [10000],
        },
      },
    },
    contentType: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: contentTypePattern },
      description:
        'Media types a body may have: exact, text/*, or application/*+json. JSON alone once `body` is given; otherwise all that can be inspected.',
      examples: [['application/json'], ['image/png', 'image/jpeg']],
    },
    encodings: {
      type: 'array',
      items: { enum: ['gzip', 'br', 'deflate'], description: 'A content coding.', examples: ['gzip'] },
      uniqueItems: true,
      description:
        'Content codings that a body may have. It is inflated under the caps to be judged, and forwarded as it came. None unless said.',
      examples: [['gzip']],
    },
    body: {
      type: ['string', 'object', 'boolean'],
      description: 'The JSON schema of the body: a file, or the schema itself.',
      examples: ['./schemas/create-order.json'],
    },
    path: parameters('JSON schemas of path parameters, by name.', 'Its JSON schema.'),
    query: parameters('JSON schemas of query parameters, by name.', 'Its JSON schema.'),
    headers: parameters('JSON schemas of headers, by lower-case name.', 'Its JSON schema.'),
    encodedSlash: {
      enum: ['refuse', 'allow'],
      description:
        'Whether a path parameter may hold an encoded slash (%2F): it is matched, inspected and forwarded as a part of its segment. refuse unless said.',
      examples: ['allow'],
    },
    unknownQuery: {
      enum: ['reject', 'allow'],
      description:
        'What becomes of query parameters that `query` does not name. reject once `query` is given, else allow.',
    },
  },
}

import type { JsonSchema, StageName } from '../plan/plan.js'
import type { Stage } from '../stages/contract.js'
import { clientSchema } from './clients.js'
import { gatewayKeys } from './gateway-schema.js'
import { issuerSchema } from './issuer-schema.js'
import { upstreamSchema } from './upstreams.js'

/** The stages of a build: the table of `stages/all.ts`, or a smaller one in tests. */
export type StageTable = { readonly [Name in StageName]?: Stage<never> }

/** A schema that is written as a map of keywords. */
export type Keywords = { readonly [keyword: string]: unknown }

/** The shape of each thing that a policy text can hold; what `check` compiles and `postern schema` prints. */
export interface Language {
  readonly gateway: Keywords
  readonly issuer: Keywords
  readonly upstream: Keywords
  readonly client: Keywords
  /** One shared limit; undefined where no stage offers limits. */
  readonly rateLimit: JsonSchema | undefined
  /** The effective policy of one route. */
  readonly route: Keywords
  /** What `defaults:` may hold: as `route`, but nothing is required yet. */
  readonly defaults: Keywords
  /** The stage that reads a route key. */
  readonly stageOf: ReadonlyMap<string, StageName>
}

/** Keys of a route that belong to no stage. */
const routeKeys = {
  upstream: {
    type: 'string',
    minLength: 1,
    description: 'The name of the upstream that serves this route, from `upstreams:` in any file.',
    examples: ['orders-fn'],
  },
  reason: {
    type: 'string',
    minLength: 3,
    description: 'Why this route is open to everyone; required beside `auth: none`.',
    examples: ['public catalogue'],
  },
} as const satisfies Readonly<Record<string, JsonSchema>>

/**
 * Maps with names, whose inherited items `name: off` removes; and values that are replaced whole. Paths in a route; `*`
 * stands for any one key.
 */
export const namedMaps: readonly string[] = ['rateLimit', 'inspect.exceptions', 'request.events.allow']
export const wholeValues: readonly string[] = [
  'auth',
  'request.body',
  'request.query.*',
  'request.path.*',
  'request.headers.*',
  'request.events.allow.*',
  'response.schema',
]

/** Composes the language from the parts that stages and shared things bring. */
export function languageOf(stages: StageTable): Language {
  const keys: Record<string, JsonSchema> = { ...routeKeys }
  const stageOf = new Map<string, StageName>()
  for (const stage of Object.values(stages)) {
    for (const [key, schema] of Object.entries(stage.keys)) {
      if (key in keys && !stageOf.has(key)) continue
      keys[key] = schema
      stageOf.set(key, stage.name)
    }
  }
  const defaults = Object.fromEntries(
    Object.entries(keys)
      .filter(([key]) => key !== 'reason')
      .map(([key, schema]) => [key, wholeValues.includes(key) ? schema : relaxed(schema, key)]),
  )
  const limits = keys['rateLimit']
  const limit = typeof limits === 'object' ? limits['additionalProperties'] : undefined
  return {
    gateway: {
      type: 'object',
      additionalProperties: false,
      properties: gatewayKeys,
      description: 'The process: listeners, limits, secrets and guardrails.',
    },
    issuer: issuerSchema,
    upstream: upstreamSchema,
    client: clientSchema,
    rateLimit: limit === null || typeof limit !== 'object' ? undefined : (limit as Keywords), // a schema in a schema
    route: {
      type: 'object',
      additionalProperties: false,
      properties: keys,
      description: 'One route and all that guards it.',
    },
    defaults: {
      type: 'object',
      additionalProperties: false,
      properties: defaults,
      description: 'What the routes below inherit, unless they say otherwise.',
    },
    stageOf,
  }
}

/** Keywords that ask for something to be there: what a default may still leave to the route. */
const demands = new Set(['required', 'dependentRequired', 'dependencies', 'minProperties', 'if', 'then', 'else', 'not'])

/** A schema for a part of what it describes: nothing is required, and a part may fit several branches. */
function relaxed(schema: unknown, path: string): JsonSchema {
  if (schema === null || typeof schema !== 'object' || wholeValues.includes(path)) return schema as JsonSchema // a schema
  const out: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (demands.has(keyword)) continue
    if (keyword === 'properties' && value !== null && typeof value === 'object') {
      out[keyword] = Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, relaxed(each, `${path}.${key}`)]),
      )
    } else if (keyword === 'additionalProperties') out[keyword] = relaxed(value, `${path}.*`)
    else if ((keyword === 'anyOf' || keyword === 'oneOf') && Array.isArray(value)) {
      out['anyOf'] = value.map((branch) => relaxed(branch, path))
    } else if (keyword === 'allOf' && Array.isArray(value)) {
      out[keyword] = value.map((part) => relaxed(part, path))
    } else out[keyword] = value
  }
  return out
}

/**
 * The JSON Schema of the whole language, for editors and for `postern schema`: draft-07, one schema for every file of a
 * policy folder.
 */
export function policySchema(stages: StageTable): JsonSchema {
  const language = languageOf(stages)
  const ref = (name: string) => ({ $ref: `#/definitions/${name}` })
  const mapOf = (name: string, description: string) => ({
    type: 'object',
    description,
    additionalProperties: ref(name),
  })
  const shared = {
    issuers: mapOf('issuer', 'Who signs tokens, by name.'),
    upstreams: mapOf('upstream', 'The functions behind the gateway, by name.'),
    clients: mapOf('client', 'Callers with API keys, by name.'),
    ...(language.rateLimit !== undefined && {
      rateLimits: mapOf('rateLimit', 'Limits whose one bucket is shared by every route that names them.'),
    }),
  }
  const { properties: defaultKeys } = language.defaults
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Postern policy',
    description: 'Every file of a Postern policy folder: gateway.yaml, _defaults.yaml, shared things and routes.',
    type: 'object',
    additionalProperties: false,
    properties: {
      ...gatewayKeys,
      ...shared,
      ...(defaultKeys as Keywords), // the keys of `_defaults.yaml` stand at its top
      defaults: ref('defaults'),
      routes: {
        type: 'object',
        description: 'Routes by method and path.',
        propertyNames: { pattern: '^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /' },
        additionalProperties: ref('route'),
      },
    },
    definitions: {
      issuer: language.issuer,
      upstream: language.upstream,
      client: language.client,
      ...(language.rateLimit !== undefined && { rateLimit: language.rateLimit }),
      defaults: withOff(language.defaults),
      route: withOff({ ...language.route, required: ['upstream'] }),
    },
  }
}

/** For editors: `off` for the items of named maps, which inheritance takes away before anything is checked. */
function withOff(schema: Keywords): Keywords {
  const properties = { ...(schema['properties'] as Keywords) } // `languageOf` makes it a map of schemas
  for (const path of namedMaps) {
    const limits = properties[path]
    if (limits === null || typeof limits !== 'object') continue
    const item = (limits as Keywords)['additionalProperties'] // a schema is a map of keywords here
    if (item === undefined || typeof item === 'boolean') continue
    properties[path] = {
      ...limits,
      additionalProperties: {
        description: 'One item, or `off` to take an inherited one away.',
        anyOf: [item, { const: 'off', description: 'Takes the inherited item of this name away.' }],
      },
    }
  }
  return { ...schema, properties }
}

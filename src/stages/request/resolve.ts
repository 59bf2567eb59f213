import type { JsonSchema, SchemaPlan } from '../../plan/plan.js'
import { formatByteSize, parseByteSize } from '../../values/byte-size.js'
import { nearest } from '../../values/nearest.js'
import type { Planned, Scope, Section } from '../contract.js'
import { planSchema, readSchema } from '../json-schema-plan.js'
import { takesBody } from './body.js'
import { kindOf, readableTypes } from './media-type.js'
import type { Coding, ParameterPlan, ParameterSettings, RequestSettings, TextType } from './settings.js'

const builtIn = { maxBytes: 256 * 1024, depth: 20, keys: 2000 } as const
const parameterParts = { path: 'path', query: 'query', headers: 'header' } as const
const codings = ['gzip', 'br', 'deflate'] as const
const allMethods = ['POST', 'PUT', 'PATCH', 'GET', 'HEAD', 'DELETE', 'OPTIONS'] as const

/** Plans the `request` step of a route: one, or two where the schemas only report. */
export function resolve(policy: Section, scope: Scope): readonly Planned<RequestSettings>[] {
  const request = policy.get('request')
  const mode = request.get('mode').value ?? 'enforce'
  const declaresBody = request.get('body').value !== undefined || request.get('contentType').value !== undefined
  const types = mediaTypes(request)
  const methods = scope.route.method === 'ANY' ? allMethods : [scope.route.method]
  const acceptsBody = methods.some((method) => takesBody(method, declaresBody))
  const readsBody = acceptsBody && types.some((type) => kindOf(type.replace('*', 'x')) !== 'opaque')
  const bodySchema = bodySchemaOf(request, types, scope)
  const parameters = parametersOf(request, scope)
  const base = {
    maxBytes: sizeOf(request.get('maxBytes'), scope),
    acceptsBody,
    declaresBody,
    readsBody,
    encodedSlash: request.get('encodedSlash').value === 'allow' ? 'allow' : 'refuse',
    types,
    encodings: encodingsOf(request),
    structure: {
      depth: numberOf(request.get('structure', 'depth'), builtIn.depth),
      keys: numberOf(request.get('structure', 'keys'), builtIn.keys),
      stringLength: numberOf(request.get('structure', 'stringLength'), null),
    },
  } as const
  const step = (settings: RequestSettings, stepMode: 'enforce' | 'report'): Planned<RequestSettings> => ({
    slot: 'request',
    mode: stepMode,
    settings,
    declaredAt: request.keyPlace,
    needsBody: readsBody,
  })

  const noSchemas = { requiresBody: false, bodySchema: null, parameters: null } as const
  const schemas = { requiresBody: bodySchema !== null, bodySchema, parameters }
  if (mode === 'off' || (bodySchema === null && parameters === null)) {
    return [step({ part: 'all', ...base, ...noSchemas }, 'enforce')]
  }
  if (mode === 'enforce') return [step({ part: 'all', ...base, ...schemas }, 'enforce')]
  return [
    step({ part: 'reading', ...base, ...noSchemas }, 'enforce'),
    step({ part: 'schemas', ...base, ...schemas }, 'report'),
  ]
}

/** The schema of the policy lets nothing else stand there. */
function encodingsOf(request: Section): readonly Coding[] {
  const { value } = request.get('encodings')
  return Array.isArray(value) ? codings.filter((coding) => value.includes(coding)) : []
}

function sizeOf(size: Section, scope: Scope): number {
  if (typeof size.value !== 'string') return builtIn.maxBytes
  const bytes = parseByteSize(size.value)
  if (bytes !== null && bytes > 0 && bytes <= 2 ** 30) return bytes
  scope.report({
    code: 'request.size-unreadable',
    message: `A body of ${size.value} cannot be read.`,
    hint: `Write a size between 1B and 1GiB, such as ${formatByteSize(builtIn.maxBytes)}.`,
    at: size.place,
  })
  return builtIn.maxBytes
}

function numberOf<Absent extends number | null>(section: Section, absent: Absent): number | Absent {
  return typeof section.value === 'number' ? section.value : absent
}

function mediaTypes(request: Section): readonly string[] {
  const listed = request.get('contentType').value
  if (Array.isArray(listed)) return listed.filter((type) => typeof type === 'string')
  return request.get('body').value === undefined ? readableTypes : ['application/json']
}

function bodySchemaOf(request: Section, types: readonly string[], scope: Scope): string | null {
  const body = request.get('body')
  if (body.value === undefined) return null
  for (const [index, type] of types.entries()) {
    if (kindOf(type.replace('*', 'x')) === 'json') continue
    scope.report({
      code: 'request.body-not-json',
      message: `A body schema reads JSON, and ${type} is none: such a body could never be checked.`,
      hint: 'Take the type off the list, or give it a route of its own without `body`.',
      at: request.get('contentType', index).place,
    })
  }
  return planSchema(body, scope, 'request') ?? null
}

/** One schema over all three places: one validator, one call. */
function parametersOf(request: Section, scope: Scope): ParameterSettings | null {
  const plans = { path: [] as ParameterPlan[], query: [] as ParameterPlan[], header: [] as ParameterPlan[] }
  const properties: Record<string, JsonSchema> = {}
  let refers: SchemaPlan['refers'] = {}
  let dialect: SchemaPlan['dialect'] | null = null
  let isSound = true

  for (const [key, part] of Object.entries(parameterParts)) {
    const section = request.get(key)
    if (typeof section.value !== 'object' || section.value === null) continue
    const schemas: Record<string, JsonSchema> = {}
    const required: string[] = []
    for (const name of Object.keys(section.value)) {
      const entry = section.get(name)
      if (!isNameKnown(key, name, entry, scope)) isSound = false
      const plan = readParameter(entry, scope)
      if (plan === undefined || (dialect !== null && plan.dialect !== dialect && typeof plan.schema !== 'boolean')) {
        isSound = false
        continue
      }
      dialect ??= plan.dialect
      refers = { ...refers, ...plan.refers }
      // What refers to itself by `#` must stay a document of its own.
      const isDocument = JSON.stringify(plan.schema).includes('"$')
      const id = `policy:/${part}/${encodeURIComponent(name)}`
      if (isDocument) refers = { ...refers, [id]: plan.schema }
      schemas[name] = isDocument ? { $ref: id } : plan.schema
      if (isRequired(entry)) required.push(name)
      const parameter = planParameter(name, plan.schema, entry, scope)
      if (parameter !== null) plans[part].push(parameter)
    }
    properties[part] = { type: 'object', properties: schemas, required }
  }

  const rejectsUnknownQuery =
    (request.get('unknownQuery').value ?? (request.get('query').value === undefined ? 'allow' : 'reject')) === 'reject'
  if (Object.keys(properties).length === 0 && !rejectsUnknownQuery) return null
  if (!isSound) return null
  const schema = scope.addSchema({ dialect: dialect ?? '2020-12', schema: { type: 'object', properties }, refers })
  return { schema, ...plans, rejectsUnknownQuery }
}

/** `required` beside a parameter says that it must be given; it is no part of its schema. */
function readParameter(entry: Section, scope: Scope): SchemaPlan | undefined {
  const value = entry.value
  if (typeof value !== 'object' || value === null || !('required' in value)) return readSchema(entry, scope, 'request')
  const { required: _, ...schema } = value
  return readSchema({ ...withValue(entry, schema) }, scope, 'request')
}

function isRequired(entry: Section): boolean {
  return entry.get('required').value === true
}

function withValue(section: Section, value: unknown): Section {
  return {
    value,
    get: (...path) => (path.length === 0 ? withValue(section, value) : section.get(...path)),
    place: section.place,
    keyPlace: section.keyPlace,
  }
}

function isNameKnown(key: string, name: string, entry: Section, scope: Scope): boolean {
  const problem = (message: string, hint?: string) => {
    scope.report({
      code: `request.${key}-unknown`,
      message,
      at: entry.keyPlace,
      ...(hint === undefined ? {} : { hint }),
    })
    return false
  }
  if (name in Object.prototype) return problem(`"${name}" cannot be the name of a parameter.`)
  if (key === 'headers' && (name !== name.toLowerCase() || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) {
    return problem(`"${name}" is not a header name in lower case.`, `Write ${name.toLowerCase()}.`)
  }
  if (key !== 'path') return true
  const names = scope.route.segments.flatMap((segment) =>
    'param' in segment ? [segment.param] : 'rest' in segment ? [segment.rest] : [],
  )
  if (names.includes(name)) return true
  const meant = nearest(name, names)
  const hint = meant === undefined ? `Its parameters: ${names.join(', ') || 'none'}.` : `Did you mean ${meant}?`
  return problem(`The path of ${scope.route.id} has no parameter "${name}".`, hint)
}

const textTypes: readonly TextType[] = ['integer', 'number', 'boolean', 'null', 'string']

function planParameter(name: string, schema: JsonSchema, entry: Section, scope: Scope): ParameterPlan | null {
  const types = typesOf(schema)
  if (types.includes('object')) {
    scope.report({
      code: 'request.parameter-unreadable',
      message:
        'A path, query or header value is text; it can be read as a number, a boolean or a list, not as an object.',
      at: entry.get('type').place,
    })
    return null
  }
  const isList = types.includes('array')
  const items = isList && typeof schema === 'object' ? schema['items'] : undefined
  const readable = isList ? typesOf(isSchema(items) ? items : true) : types
  return { name, isList, reads: textTypes.filter((type) => readable.includes(type)) }
}

/** The types that a schema's values can have: as it says, or as its constants are; any text where it says nothing. */
function typesOf(schema: JsonSchema): readonly string[] {
  if (typeof schema === 'boolean') return ['string']
  const type = schema['type']
  const nullable = schema['nullable'] === true ? ['null'] : []
  if (typeof type === 'string') return [type, ...nullable]
  if (Array.isArray(type)) return type.filter((one) => typeof one === 'string')
  const constants: readonly unknown[] = Array.isArray(schema['enum'])
    ? schema['enum']
    : 'const' in schema
      ? [schema['const']]
      : []
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => {
    const list = schema[keyword]
    return Array.isArray(list) ? list.filter(isSchema).flatMap(typesOf) : []
  })
  const types = [...constants.map((value) => (value === null ? 'null' : typeof value)), ...alternatives]
  if (types.length > 0) return types
  // Bounds on numbers without a type mean a number.
  return ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].some((word) => word in schema)
    ? ['number', 'string']
    : ['string']
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value))
}

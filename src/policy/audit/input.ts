import { kindOf } from '../../stages/request/media-type.js'
import { formatByteSize } from '../../values/byte-size.js'
import type { AuditedRoute, AuditedSet, RuleTable, Spot } from './finding.js'
import { gatewayPatch, routePatch } from './patch.js'
import { findUnbounded } from './unbounded-schema.js'

/** What a request may hold. */
export const input: RuleTable = {
  routes: {
    'audit.body-schema-missing': (route) => {
      const { request } = route
      const method = route.plan.match.method
      const mayHaveBody = method === 'ANY' || method === 'POST' || method === 'PUT' || method === 'PATCH'
      if (request === null || !(mayHaveBody || request.declaresBody) || bodySchemaOf(route) !== null) return undefined
      // A route of images or forms has no JSON to hold against a schema.
      if (!request.acceptsBody || !request.types.some((type) => kindOf(type.replace('*', 'x')) === 'json'))
        return undefined
      // A schema that is written and switched off has a finding of its own.
      if (route.policy.get('request', 'body').value !== undefined) return undefined
      return {
        at: route.plan.declaredAt,
        subject: route.id,
        message: `${route.id} takes a body of any shape up to ${formatByteSize(request.maxBytes)}.`,
        hint: 'Write the fields that the function reads into a JSON schema: a file, or in the route as here.',
        patch: routePatch(route, {
          request: { body: { type: 'object', additionalProperties: false, properties: {} } },
        }),
      }
    },
    'audit.body-schema-open': openSchema,
    'audit.body-schema-unbounded': unboundedSchema,
    'audit.schemas-off': (route) => {
      const request = route.policy.get('request')
      const written = ['body', 'path', 'query', 'headers'].some((key) => request.get(key).value !== undefined)
      if (request.get('mode').value !== 'off' || !written) return undefined
      return {
        at: request.get('mode').place,
        subject: route.id,
        message: 'The schemas are written and switched off.',
        hint: 'Switch them on, or let them report first.',
        patch: routePatch(route, { request: { mode: 'enforce' } }),
      }
    },
    'audit.parameter-unchecked': (route) => {
      const schemas = route.policy.get('request', 'path')
      const free = route.plan.match.segments.flatMap((segment) =>
        'param' in segment && isFree(schemas.get(segment.param).value) ? [segment.param] : [],
      )
      if (free.length === 0) return undefined
      const one = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' }
      return {
        at: route.plan.declaredAt,
        subject: route.id,
        message: `${free.map((name) => `{${name}}`).join(' and ')} of ${route.id} may be any text.`,
        hint: 'Say what it looks like.',
        patch: routePatch(route, { request: { path: Object.fromEntries(free.map((name) => [name, one])) } }),
      }
    },
    'audit.inspect-off': (route) => {
      const mode = route.policy.get('inspect', 'mode')
      if (mode.value !== 'off') return undefined
      return {
        at: mode.place,
        subject: route.id,
        message: 'Injections are not looked for.',
        hint: 'Switch it on; lift a single detector for a single field under exceptions, with an owner and a last day.',
        patch: routePatch(route, { inspect: { mode: 'enforce' } }),
      }
    },
    'audit.body-over-platform': (route) => {
      const { request, platform } = route
      if (request === null || platform === undefined || platform.bodyBytes === null || !request.acceptsBody)
        return undefined
      const takesBinary = request.types.some((type) => kindOf(type.replace('*', 'x')) === 'opaque')
      const most = takesBinary ? (platform.binaryBytes ?? platform.bodyBytes) : platform.bodyBytes
      if (request.maxBytes <= most) return undefined
      const size = route.policy.get('request', 'maxBytes')
      const why = takesBinary && most < platform.bodyBytes ? ' of bytes that are no text' : ''
      return {
        at: size.place,
        subject: route.id,
        message: `Bodies of ${formatByteSize(request.maxBytes)} are accepted; ${platform.name} takes ${formatByteSize(most)}${why}.`,
        hint: 'Refuse here what it would refuse there.',
        patch: routePatch(route, { request: { maxBytes: formatByteSize(most) } }),
      }
    },
  },

  set: {
    'audit.target-over-platform': (set) => {
      const { targetBytes } = set.plan.gateway.limits
      const narrow = set.routes.find(({ platform }) => (platform?.targetBytes ?? targetBytes) < targetBytes)
      const most = narrow?.platform?.targetBytes
      if (narrow === undefined || most === undefined || most === null) return []
      return [
        {
          at: set.written.gateway.get('limits', 'targetBytes').place,
          subject: 'gateway',
          message: `Paths with queries of ${formatByteSize(targetBytes)} are accepted; ${narrow.platform?.name} takes ${formatByteSize(most)}, and ${narrow.id} goes there.`,
          hint: 'Refuse here what it would refuse there.',
          patch: gatewayPatch({ limits: { targetBytes: formatByteSize(most) } }),
        },
      ]
    },
  },
}

/** The schema that bodies of a route are held against, enforced or reporting. */
function bodySchemaOf(route: AuditedRoute): string | null {
  const settings = route.plan.steps.flatMap(({ stage, settings: each }) => (stage === 'request' ? [each] : []))
  for (const each of settings) {
    const { bodySchema } = each as { readonly bodySchema: string | null } // the settings of `request`
    if (bodySchema !== null) return bodySchema
  }
  return null
}

/** Whether a schema leaves a text free: it names no pattern, no values, no format and no type but string. */
function isFree(schema: unknown): boolean {
  if (schema === null || typeof schema !== 'object') return true
  const {
    pattern,
    enum: values,
    const: value,
    format,
    type,
    maxLength,
    ...rest
  } = schema as Readonly<Record<string, unknown>> // JSON Schema
  if (pattern !== undefined || values !== undefined || value !== undefined || format !== undefined) return false
  const composed = ['$ref', 'anyOf', 'oneOf', 'allOf', 'not'].some((keyword) => rest[keyword] !== undefined)
  return !composed && (type === undefined || type === 'string')
}

/** An object that lets unknown fields pass, at the top of the body: where mass assignment begins. */
function openSchema(route: AuditedRoute, set: AuditedSet): Spot | undefined {
  const hash = bodySchemaOf(route)
  const found = hash === null ? undefined : set.plan.schemas[hash]?.schema
  if (found === undefined) return undefined
  const body = route.policy.get('request', 'body')
  const spot = (message: string): Spot => ({
    at: body.place,
    subject: route.id,
    message,
    hint: 'Refuse what nobody named.',
    patch:
      typeof body.value === 'string'
        ? { file: fileOf(body.value, body.place.file), merge: { additionalProperties: false } }
        : routePatch(route, { request: { body: { additionalProperties: false } } }),
  })
  if (found === true) return { ...spot('The body schema is `true`: it admits everything.'), patch: emptyObject(route) }
  if (found === false || !isOpenObject(found)) return undefined
  return spot('The body schema lets fields pass that it does not name.')
}

/** Work that only the size of the body bounds. */
function unboundedSchema(route: AuditedRoute, set: AuditedSet): Spot | undefined {
  const hash = bodySchemaOf(route)
  const found = hash === null ? null : findUnbounded(set.plan.schemas[hash]?.schema)
  if (found === null) return undefined
  const body = route.policy.get('request', 'body')
  const where = found.field === '' ? 'The body' : found.field
  return {
    at: body.place,
    subject: route.id,
    message:
      found.what === 'pattern'
        ? `${where} is held against a pattern and may be as long as the body.`
        : `All items of ${where} must differ, and there may be as many as the body holds.`,
    hint: 'Say how much it may be.',
    patch:
      typeof body.value === 'string'
        ? { file: fileOf(body.value, body.place.file), merge: found.mend }
        : routePatch(route, { request: { body: found.mend } }),
  }
}

function emptyObject(route: AuditedRoute): ReturnType<typeof routePatch> {
  return routePatch(route, { request: { body: { type: 'object', additionalProperties: false, properties: {} } } })
}

function isOpenObject(schema: { readonly [keyword: string]: unknown }): boolean {
  const isObject = schema['type'] === 'object' || schema['properties'] !== undefined
  const closes = schema['additionalProperties'] ?? schema['unevaluatedProperties']
  return isObject && (closes === undefined || closes === true)
}

/** The file of a reference such as `./schemas/order.json`, relative to the policy folder. */
function fileOf(reference: string, from: string): string {
  const parts = [...from.split('/').slice(0, -1), ...reference.split('/')]
  const path: string[] = []
  for (const part of parts) {
    if (part === '..') path.pop()
    else if (part !== '.' && part !== '') path.push(part)
  }
  return path.join('/')
}

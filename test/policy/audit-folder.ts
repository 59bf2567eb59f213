import type { Test } from 'tap'
import { type AuditedFolder, type AuditOptions, auditFolder } from '../../src/policy/audit/audit-folder.js'
import type { Merge, Patch } from '../../src/policy/audit/finding.js'
import { writeFolder } from './folder.js'

/** Files as data: JSON is YAML, so they are written as they stand. */
export type Files = Readonly<Record<string, Merge>>

/** When the tests take place; keys and exceptions end around it. */
const today = Date.parse('2098-06-15T12:00:00Z')

/** A set in which the audit finds nothing. */
export const sound: Files = {
  'gateway.yaml': {
    version: 1,
    addressLimit: { quota: 1200, window: '1m', failedAuth: '30/1m' },
    secrets: { key: { env: 'FN_KEY' } },
  },
  'shared.yaml': {
    issuers: { main: { issuer: 'https://id.example.com/', audience: 'orders-api', maxTokenAge: '24h' } },
    upstreams: {
      fn: { url: 'http://127.0.0.1:9000' },
      lambda: {
        url: 'https://abc123.lambda-url.eu-west-1.on.aws',
        auth: { header: { name: 'x-gateway-key', value: '${secret:key}' } },
      },
      azure: { url: 'https://shop.azurewebsites.net', auth: { 'azure-function-key': '${secret:key}' } },
    },
    clients: {
      acme: {
        keys: {
          k1: { sha256: 'fe2fc0eaeebdb3ae0ce30bb040ea26aa58b8b78b96c611b6e6a8623e0098e34c', notAfter: '2099-06-01' },
        },
      },
    },
  },
  'orders.yaml': {
    routes: {
      'POST /orders': {
        upstream: 'lambda',
        auth: { jwt: 'main', scopes: ['orders:write'] },
        request: { body: './schemas/order.json' },
        rateLimit: { 'per-client': { partitionKey: 'jwt.sub', quota: 60, window: '1m' } },
      },
      'GET /orders/{id}': {
        upstream: 'fn',
        auth: { jwt: 'main', scopes: ['orders:read'] },
        request: { path: { id: { type: 'string', pattern: '^[a-z0-9-]{1,40}$' } } },
        rateLimit: { 'per-client': { partitionKey: 'jwt.sub', quota: 60, window: '1m' } },
      },
      'GET /stock': {
        upstream: 'azure',
        auth: { apiKey: ['acme'] },
        rateLimit: { 'per-client': { partitionKey: 'client.id', quota: 60, window: '1m' } },
      },
    },
  },
  'schemas/order.json': {
    type: 'object',
    additionalProperties: false,
    properties: { sku: { type: 'string', pattern: '^[a-z0-9-]{1,40}$' } },
  },
}

/** A change to a route of orders.yaml. */
export function routeOf(id: string, change: Merge): Files {
  return { 'orders.yaml': { routes: { [id]: change } } }
}

/** Merges map by map; null takes a key away. RFC 7386 */
function merged(base: Merge, over: Merge): Merge {
  const out: Record<string, Merge[string]> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const known = out[key]
    if (value === null) delete out[key]
    else out[key] = isMap(known) && isMap(value) ? merged(known, value) : value
  }
  return out
}

function isMap(value: unknown): value is Merge {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** Some files over others. */
export function over(base: Files, change: Files): Files {
  return merged(base as Merge, change as Merge) as Files // maps of maps on both sides
}

/** The files with patches put in, as an operator would. */
export function patched(files: Files, patches: readonly Patch[]): Files {
  return patches.reduce((all, { file, merge }) => over(all, { [file]: merge }), files)
}

/** Writes the files and audits them. */
export async function auditOf(t: Test, files: Files, options: AuditOptions = {}): Promise<AuditedFolder> {
  const texts = Object.entries(files).map(([name, content]) => [name, JSON.stringify(content, null, 2)])
  return await auditFolder(writeFolder(t, Object.fromEntries(texts)), {
    now: today,
    environment: { FN_KEY: 'a key', ADMIN: 'a token', POSTERN_ADMIN_TOKEN: 'a token' },
    ...options,
  })
}

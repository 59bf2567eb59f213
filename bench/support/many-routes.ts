import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A generated policy set. */
interface ManyRoutes {
  readonly routes: number
  readonly perFile: number
  /** The function of every route. */
  readonly upstream?: string
}

/**
 * Writes a policy of many routes into an empty folder, each with a token, a path or body schema and a limit of its own.
 * Returns the private key of its issuer as PEM.
 */
export function writeManyRoutes(
  folder: string,
  { routes, perFile, upstream = 'http://127.0.0.1:9' }: ManyRoutes,
): string {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  mkdirSync(join(folder, 'schemas'))
  writeFileSync(join(folder, 'key.pem'), publicKey)
  writeFileSync(join(folder, 'gateway.yaml'), 'version: 1\naddressLimit: { quota: 1200, window: 1m }\n')
  writeFileSync(
    join(folder, 'shared.yaml'),
    `issuers:
  main: { issuer: "https://id.bench.example/", audience: bench, publicKey: ./key.pem }
upstreams:
  things: { url: "${upstream}" }
`,
  )
  for (let first = 0; first < routes; first += perFile) {
    const lines = ['routes:']
    for (let i = first; i < Math.min(first + perFile, routes); i++) lines.push(i % 2 === 1 ? reading(i) : writing(i))
    writeFileSync(join(folder, `routes-${first / perFile}.yaml`), `${lines.join('\n')}\n`)
  }
  // Ten routes share a schema, as the routes of one resource do.
  for (let i = 0; i < Math.ceil(routes / 10); i++) {
    writeFileSync(join(folder, 'schemas', `thing-${i}.json`), JSON.stringify(thingSchema(i)))
  }
  return privateKey
}

function reading(i: number): string {
  return `  GET /group-${i}/things/{id}:
    upstream: things
    auth: { jwt: main, scopes: ["things-${i % 50}:read"] }
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
      query: { page: { type: integer, minimum: 1 } }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: ${60 + (i % 40)}, window: 1m } }`
}

function writing(i: number): string {
  return `  POST /group-${i}/things:
    upstream: things
    auth: { jwt: main, scopes: ["things-${i % 50}:write"] }
    request: { body: ./schemas/thing-${Math.floor(i / 10)}.json }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: ${60 + (i % 40)}, window: 1m } }`
}

function thingSchema(i: number): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    required: ['name', `field${i}`],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 80 },
      [`field${i}`]: { type: 'integer', minimum: 0, maximum: 1000 + i },
      kind: { enum: ['small', 'medium', 'large'] },
      tags: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 30 } },
      price: { type: 'number', minimum: 0 },
    },
  }
}

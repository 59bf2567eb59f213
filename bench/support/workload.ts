import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Algorithm = 'RS256' | 'ES256'

/** The same work for whoever stands before the function: keys, returning clients, orders of a small shop. */
export interface Workload {
  /** Holds the policy, the public keys and the body schema. */
  readonly folder: string
  /** Prepared requests, one for each of the returning clients. */
  requests(kind: 'GET' | 'POST 1 KB' | 'POST 32 KB', algorithm: Algorithm): readonly Buffer[]
  remove(): void
}

const clients = 50

/** Makes keys, tokens and a policy in a new folder. `upstreamPort` is where the policy forwards to. */
export function makeWorkload(upstreamPort: number): Workload {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'))
  mkdirSync(join(folder, 'schemas'))
  const tokens = {
    RS256: makeIssuer(folder, 'RS256'),
    ES256: makeIssuer(folder, 'ES256'),
  }
  writeFileSync(join(folder, 'schemas', 'order.json'), JSON.stringify(orderSchema, null, 2))
  writeFileSync(join(folder, 'gateway.yaml'), gatewayYaml)
  writeFileSync(join(folder, 'bench.yaml'), policyYaml(upstreamPort))
  return {
    folder,
    requests(kind, algorithm) {
      const base = `/${algorithm.toLowerCase()}/orders`
      return tokens[algorithm].map((token, i) => {
        const common = `Host: shop.example\r\nAuthorization: Bearer ${token}\r\n${callerHeaders}`
        if (kind === 'GET') {
          return Buffer.from(`GET ${base}/order-${1000 + i}?expand=items&page=${i % 7} HTTP/1.1\r\n${common}\r\n`)
        }
        const body = JSON.stringify(order(i, kind === 'POST 1 KB' ? 3 : 110))
        return Buffer.from(
          `POST ${base} HTTP/1.1\r\n${common}Content-Type: application/json\r\n` +
            `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        )
      })
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** What a browser sends along. */
const callerHeaders =
  'Accept: application/json\r\nAccept-Language: en-GB,en;q=0.8\r\nAccept-Encoding: gzip, br\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n' +
  'Referer: https://shop.example/basket\r\n'

function makeIssuer(folder: string, algorithm: Algorithm): string[] {
  // Encoded at once, and signed on this thread alone: on Node 20 a generated pair whose halves are exported and used
  // from several threads at the same time has been seen to wait for itself forever.
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const
  const pair =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
  writeFileSync(join(folder, `${algorithm.toLowerCase()}.pem`), pair.publicKey)
  const key = createPrivateKey(pair.privateKey)
  return Array.from({ length: clients }, (_, i) => signToken(key, algorithm, `client-${i}`))
}

function signToken(key: KeyObject, algorithm: Algorithm, subject: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: `https://${algorithm.toLowerCase()}.bench.example/`,
    aud: 'bench',
    sub: subject,
    iat: now,
    exp: now + 7200,
    jti: `${subject}-1`,
    scope: 'orders:read orders:write',
    client_id: 'shop-web',
    plan: 'pro',
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: algorithm, typ: 'at+jwt', kid: 'k1' })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const phrases = [
  "Please ring the bell twice, it's the blue door on the left; the dog is friendly.",
  'Gift for Zoë & Anna: wrap both (paper, not plastic) and leave out the invoice.',
  'Same as last month, but size M rather than L - thanks a lot!',
  'Deliver between 9:00 and 11:30, or select any later slot on Tuesday.',
]

function order(client: number, lines: number): object {
  return {
    customer: `client-${client}`,
    currency: 'EUR',
    note: phrases[client % phrases.length],
    address: { street: '12 Quay Street', city: 'Galway', postcode: 'H91 X2Y3', country: 'IE' },
    items: Array.from({ length: lines }, (_, line) => ({
      sku: `AB-${100_000 + client * 131 + line}`,
      quantity: 1 + ((client + line) % 9),
      price: Math.round((client * 37 + line * 113) % 9000) / 100,
      name: `Enamel mug no. ${line}, ${['blue', 'green', 'red'][line % 3]}, 330 ml`,
      comment: phrases[(client + line) % phrases.length],
      options: { engraving: line % 2 === 0 ? 'For the best of crews' : '', express: line % 4 === 0 },
    })),
  }
}

const text = (maxLength: number) => ({ type: 'string', maxLength })

const orderSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  additionalProperties: false,
  required: ['customer', 'currency', 'items'],
  properties: {
    customer: { type: 'string', pattern: '^client-[0-9]{1,6}$' },
    currency: { enum: ['EUR', 'GBP', 'USD'] },
    note: text(1000),
    address: {
      type: 'object',
      additionalProperties: false,
      required: ['street', 'city', 'postcode', 'country'],
      properties: {
        street: text(100),
        city: text(60),
        postcode: text(12),
        country: { type: 'string', pattern: '^[A-Z]{2}$' },
      },
    },
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 200,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['sku', 'quantity', 'price'],
        properties: {
          sku: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{4,8}$' },
          quantity: { type: 'integer', minimum: 1, maximum: 999 },
          price: { type: 'number', minimum: 0 },
          name: text(200),
          comment: text(1000),
          options: {
            type: 'object',
            additionalProperties: false,
            properties: { engraving: text(60), express: { type: 'boolean' } },
          },
        },
      },
    },
  },
}

const gatewayYaml = `version: 1
addressLimit: { quota: 10000000, window: 1m }
limits: { eventLoopDelay: 5s }
`

function policyYaml(upstreamPort: number): string {
  return `issuers:
${(['rs256', 'es256'] as const)
  .map(
    (name) => `  ${name}:
    issuer: https://${name}.bench.example/
    audience: bench
    algorithms: [${name.toUpperCase()}]
    publicKey: ./${name}.pem
`,
  )
  .join('')}upstreams:
  shop: { url: "http://127.0.0.1:${upstreamPort}" }
defaults:
  rateLimit: { per-client: { partitionKey: jwt.sub, quota: 10000000, window: 1m } }
routes:
${(['rs256', 'es256'] as const)
  .map(
    (name) => `  GET /${name}/orders/{id}:
    upstream: shop
    auth: { jwt: ${name}, scopes: [orders:read] }
    request: { path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } } }
  POST /${name}/orders:
    upstream: shop
    auth: { jwt: ${name}, scopes: [orders:write] }
    request: { body: ./schemas/order.json }
`,
  )
  .join('')}`
}

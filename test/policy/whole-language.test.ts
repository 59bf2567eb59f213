import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { renderProblems } from '../../src/policy/render.js'
import { writeFolder } from './folder.js'

// Every key that the language has or will have, once. Each works or is refused by name: what is neither is a key that
// somebody believes in and nobody obeys.
const schema = '{ "type": "object", "properties": { "note": { "type": "string", "maxLength": 100 } } }'
const files = {
  'key.txt': 'a-secret-of-this-test-of-at-least-32-bytes',
  'keys.json': '{ "keys": [] }',
  'schemas/order.json': schema,
  'shared.yaml': `issuers:
  main:
    issuer: https://id.example.com/
    audience: orders-api
    algorithms: [RS256, ES256]
    tokenTypes: [at+jwt, JWT]
    clockSkew: 30s
    maxTokenAge: 24h
    keySet: { cooldown: 30s, maxAge: 10m, timeout: 1500ms, staleIfError: 1h, maxBytes: 1MiB }
  other: { issuer: https://other.example.com/, audience: { claim: client_id, oneOf: [a] }, jwksUri: https://other.example.com/k }
upstreams:
  orders-fn: { url: https://abc123.lambda-url.eu-west-1.on.aws, auth: aws-sigv4, capacity: { reservedConcurrency: 20 } }
  catalog-fn: { url: https://catalog-xyz-ew.a.run.app, auth: google-id-token }
  partner-fn: { url: https://shop.azurewebsites.net, auth: { azure-function-key: "\${secret:key}" } }
  local-fn: { url: "http://127.0.0.1:9000", auth: none }
clients:
  acme:
    plan: partner
    keys: { k2026: { sha256: ${'3f'.repeat(32)}, notAfter: 2999-01-31 } }
    ipAllow: [203.0.113.0/24]
rateLimits:
  partner-plan: { partitionKey: client.id, quota: 100000, window: month }
`,
  'gateway.yaml': `version: 1
listeners:
  public: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0, token: "\${secret:key}" }
trustedProxies: [10.0.0.0/8]
store: { onStoreError: local }
secrets: { key: { file: ./key.txt }, unused: { env: PATH } }
observability: { accessLog: { redact: [header.authorization, query.token] } }
addressLimit: { quota: 1200, window: 1m, failedAuth: 30/1m }
limits: { headerBytes: 16KiB, headersTimeout: 10s, requestTimeout: 30s, concurrentRequests: 2000, eventLoopDelay: 200ms }
guardrails: { request.maxBytes: { max: 6MiB }, timeout.total: { max: 60s } }
`,
  'orders.yaml': `defaults:
  request: { maxBytes: 256KiB, structure: { depth: 20, keys: 2000 } }
  inspect: { profile: api, mode: enforce }
  rateLimit: { per-ip: { partitionKey: ip, quota: 300, window: 1m } }
  timeout: { connect: 2s, headers: 10s, idle: 10s, total: 10s }
  response: { errors: mask, headers: { security: strict, remove: [server, x-powered-by] } }
routes:
  GET /products/{id}:
    upstream: catalog-fn
    auth: none
    reason: public catalog
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
      query: { lang: { enum: [en, de, fr] }, page: { type: integer, minimum: 1, required: true } }
      headers: { x-shop: { enum: [eu] } }
      unknownQuery: reject
  POST /orders:
    upstream: orders-fn
    auth: { jwt: main, scopes: [orders:write], claims: { email_verified: true, amr: { contains: mfa } } }
    request: { body: ./schemas/order.json, contentType: [application/json] }
    rateLimit:
      per-client: { partitionKey: jwt.sub, tiers: { from: jwt.plan, free: 10/1m, pro: 100/1m, default: free } }
    concurrency: { partitionKey: jwt.sub, quota: 4 }
    forward:
      claims: { sub: X-User-Id, plan: X-Plan }
      authorization: drop
      path: /
      headers: { allow: [accept, accept-language], set: { x-shop: eu } }
    inspect: { exceptions: { note-field: { rule: sqli, at: "body:/note", owner: orders-team, until: 2999-03-31 } } }
    response: { schema: ./schemas/order.json, mode: report }
  GET /v1/stock/{sku}:
    upstream: partner-fn
    auth: { apiKey: [acme] }
    rateLimit:
      spike: { partitionKey: client.id, quota: 20, window: 1s, burst: 20, algorithm: token-bucket, count: forwarded }
      plan: partner-plan
  ANY /files/{rest+}:
    upstream: local-fn
    auth: { anyOf: [{ jwt: main }, { apiKey: [acme] }] }
    rateLimit: { per-ip: off }
    timeout: { total: ~ }
`,
} as const

t.test('every key of the language is taken, all together', async (t) => {
  const { plan, problems } = await loadPolicy(writeFolder(t, files))
  t.equal(renderProblems(problems.filter(({ severity }) => severity === 'error')), '')
  t.equal(plan?.routes.length, 4)
})

/** Keys that came later or are still to come, each put into the set above in the place of some text. */
const later: readonly (readonly [key: string, file: keyof typeof files, instead: string, text: string])[] = [
  [
    'cors',
    'orders.yaml',
    'reason: public catalog',
    'reason: x\n    cors: { origins: [https://shop.example], methods: [GET], headers: [x-a], credentials: true, maxAge: 10m }',
  ],
  ['ip', 'orders.yaml', 'reason: public catalog', 'reason: x\n    ip: { allow: [10.0.0.0/8], deny: [10.1.0.0/16] }'],
  ['forward.retry', 'orders.yaml', 'authorization: drop', 'retry: { attempts: 2, idempotencyKey: trust }'],
  ['upstreams.*.breaker', 'shared.yaml', 'http://127.0.0.1:9000", auth: none', 'http://127.0.0.1:9000", breaker: {}'],
  ['request.encodings', 'orders.yaml', 'unknownQuery: reject', 'encodings: [gzip]'],
  ['request.encodedSlash', 'orders.yaml', 'unknownQuery: reject', 'encodedSlash: allow'],
  [
    'inspect.fields',
    'orders.yaml',
    'inspect: { exceptions:',
    'inspect: { fields: { "body:/note": prose }, exceptions:',
  ],
  ['auth.roles', 'orders.yaml', 'scopes: [orders:write]', 'roles: [clerk]'],
  ['issuers.*.dpop', 'shared.yaml', 'maxTokenAge: 24h', 'dpop: required'],
  [
    'auth.introspection',
    'shared.yaml',
    'maxTokenAge: 24h',
    'introspection: { endpoint: "https://id.example.com/i", clientId: a, clientSecret: "${secret:key}" }',
  ],
  [
    'store.redis',
    'gateway.yaml',
    'onStoreError: local',
    'onStoreError: local, redis: { url: "redis://127.0.0.1:6379", commandTimeout: 50ms }',
  ],
  ['concurrency.queue', 'orders.yaml', 'jwt.sub, quota: 4', 'jwt.sub, quota: 4, queue: { size: 5, wait: 1s }'],
  ['rateLimit.*.cost', 'orders.yaml', 'count: forwarded', 'cost: 2'],
  ['legacyHeaders', 'orders.yaml', 'reason: public catalog', 'reason: x-y-z\n    legacyHeaders: x-ratelimit'],
  ['revocation', 'gateway.yaml', 'version: 1', 'version: 1\nrevocation: { file: /var/lib/postern/revoked.json }'],
  [
    'auth.mtls',
    'orders.yaml',
    '{ apiKey: [acme] }\n    rateLimit:',
    '{ mtls: { ca: ./ca.pem, san: [a] } }\n    rateLimit:',
  ],
  [
    'auth.signature',
    'orders.yaml',
    '{ apiKey: [acme] }\n    rateLimit:',
    '{ signature: github, secret: "${secret:key}" }\n    rateLimit:',
  ],
  ['replay', 'orders.yaml', 'reason: public catalog', 'reason: x\n    replay: { id: header.x-id, remember: 72h }'],
  ['request.events', 'orders.yaml', 'unknownQuery: reject', 'events: { from: header.x-event, allow: { ping: any } }'],
  ['request.unwrap', 'orders.yaml', 'unknownQuery: reject', 'unwrap: sns'],
  ['secrets.*.vault', 'gateway.yaml', '{ env: PATH }', '{ vault: "kv/data/shop#key" }'],
  [
    'listeners.admin.tls',
    'gateway.yaml',
    '127.0.0.1:0, token',
    '127.0.0.1:0, tls: { cert: ./c.pem, key: ./k.pem }, token',
  ],
]

t.test('a key that is not built yet is refused by its name at its place, and never passed over', async (t) => {
  for (const [key, file, instead, text] of later) {
    t.ok(files[file].includes(instead), `${key}: ${instead}`)
    const folder = writeFolder(t, { ...files, [file]: files[file].replace(instead, () => text) })
    const problems = (await loadPolicy(folder)).problems.filter(({ severity }) => severity === 'error')
    const unknown = problems.filter(({ code }) => /key-unknown|file-shape|value-type$/.test(code))
    t.same(unknown, [], `${key} is a word of the language: ${renderProblems(unknown)}`)
    for (const { message, place } of problems.filter(({ code }) => code === 'policy.not-available')) {
      const named = /^"(?:[^"]*\.)?([^".]+)"/.exec(message)?.[1] ?? 'nothing'
      t.ok(text.includes(named), `${key}: ${message}`)
      t.equal(place.file, file)
      t.match(message, /is not available in this version\.$/)
    }
  }
})

import { randomBytes } from 'node:crypto'
import { platformOf } from '../policy/platforms.js'

/** What a new policy folder is about. */
export interface InitAnswers {
  /** The function URL. */
  readonly url: string
  /** `iss` of the tokens; null for the development issuer of `dev --demo`. */
  readonly issuer: string | null
  readonly audience: string
  /** One word for what the function serves: the path, the scopes and the file. */
  readonly noun: string
}

export const usualAnswers: InitAnswers = {
  url: 'http://127.0.0.1:3000',
  issuer: null,
  audience: 'shop-api',
  noun: 'orders',
}

/** A file to write: its text, and whether others may read it. */
export interface InitFile {
  readonly text: string
  readonly isSecret?: true
}

/** The files of a new policy folder, by path. `schemas` are the JSON Schemas for editors: of policies, and of their tests. */
export function initFiles(
  answers: InitAnswers,
  schemas: { readonly policy: string; readonly tests: string },
): Readonly<Record<string, InitFile>> {
  const { noun } = answers
  const isHosted = hostOf(answers.url) !== null
  return {
    'gateway.yaml': { text: gatewayText(isHosted) },
    '_defaults.yaml': { text: defaultsText },
    'shared.yaml': { text: sharedText(answers) },
    [`${noun}.yaml`]: { text: routesText(answers) },
    [`${noun}.test.yaml`]: { text: testsText(answers) },
    [`schemas/create-${noun}.json`]: { text: bodySchema },
    '.postern/schema.json': { text: schemas.policy },
    '.postern/tests.json': { text: schemas.tests },
    ...(isHosted && {
      '.postern/function_key': { text: `${randomBytes(32).toString('base64url')}\n`, isSecret: true as const },
      '.postern/.gitignore': { text: 'function_key\n' },
    }),
  }
}

/** The platform of a function URL, null where it is on none that we know. */
function hostOf(url: string): string | null {
  return URL.canParse(url) ? (platformOf(new URL(url).hostname.replace(/\.$/, ''))?.name ?? null) : null
}

const modeline = '# yaml-language-server: $schema=./.postern/schema.json\n'

function gatewayText(isHosted: boolean): string {
  const secrets = isHosted
    ? `
# The function asks for this key, so that nobody else can call it. In production: { env: FUNCTION_KEY }.
secrets:
  function_key: { file: ./.postern/function_key }
`
    : ''
  return `${modeline}# The process. Everything here has a safe default.
version: 1

listeners:
  # Loopback, so that nobody serves the world by accident; in production --listen or POSTERN_LISTEN say otherwise.
  public: { address: 127.0.0.1:8080 }
  admin: { address: 127.0.0.1:9090 }

# Behind a load balancer, name its network, or every caller will seem to be the balancer:
# trustedProxies: [10.0.0.0/8]

# One address, all routes together; counts unknown paths and refused credentials as well.
addressLimit: { quota: 1200, window: 1m, failedAuth: 30/1m }
${secrets}
# No route may loosen these.
guardrails:
  request.maxBytes: { max: 1MiB }
  timeout.total: { max: 30s }
`
}

const defaultsText = `${modeline}# What every route gets unless it says otherwise.
request: { maxBytes: 64KiB }
rateLimit:
  per-ip: { partitionKey: ip, quota: 300, window: 1m }
`

function sharedText({ url, issuer, audience, noun }: InitAnswers): string {
  const platform = hostOf(url)
  const comment =
    platform === null
      ? ''
      : `  # On ${platform} a URL is open to everyone who learns it: let the function refuse calls without this key.\n`
  const auth = platform === null ? '' : `, auth: { header: { name: x-gateway-key, value: "\${secret:function_key}" } }`
  const says =
    issuer === null
      ? '  # The development issuer of `postern dev --demo`; put your own in its place: issuer as in `iss`, audience as in `aud`.\n'
      : ''
  return `${modeline}# What several route files name.
issuers:
${says}  ${issuerName(issuer)}:
    issuer: ${quoted(issuer ?? 'https://id.shop.example')}
    audience: ${quoted(audience)}
    maxTokenAge: 24h

upstreams:
${comment}  ${noun}-fn: { url: ${quoted(url)}${auth} }
`
}

/** The name under which `dev --demo` puts its own issuer in place, or a neutral one. */
function issuerName(issuer: string | null): string {
  return issuer === null ? 'shop' : 'main'
}

/** A JSON text is a YAML text: whatever was typed stays one value. */
function quoted(text: string): string {
  return JSON.stringify(text)
}

function routesText({ noun, issuer }: InitAnswers): string {
  const jwt = issuerName(issuer)
  return `${modeline}# Nothing else of the function can be reached: only what a route names.
routes:
  POST /${noun}:
    upstream: ${noun}-fn
    auth: { jwt: ${jwt}, scopes: [${noun}:write] }
    request: { body: ./schemas/create-${noun}.json }
    rateLimit:
      per-caller: { partitionKey: jwt.sub, quota: 10, window: 1m }
    # The function learns who is asking from this header alone; what a caller sends under its name is dropped.
    forward: { claims: { sub: X-User-Id } }

  GET /${noun}/{id}:
    upstream: ${noun}-fn
    auth: { jwt: ${jwt}, scopes: [${noun}:read] }
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
    rateLimit:
      per-caller: { partitionKey: jwt.sub, quota: 120, window: 1m }
    forward: { claims: { sub: X-User-Id } }
`
}

const bodySchema = `${JSON.stringify(
  {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: ['name', 'quantity'],
    properties: {
      name: { type: 'string', pattern: '^[A-Za-z0-9 -]{1,80}$' },
      quantity: { type: 'integer', minimum: 1, maximum: 50 },
      note: { type: 'string', maxLength: 500 },
    },
  },
  null,
  2,
)}
`

function testsText({ noun }: InitAnswers): string {
  return `${modeline.replace('schema.json', 'tests.json')}# Tests of ${noun}.yaml: \`postern test\`. Tokens are really signed, by an issuer made for the test; the clock is the test's own.
as: { jwt: { sub: ada, scope: ${noun}:write } }
send: { POST: /${noun}, body: { name: blue mug, quantity: 2 } }
tests:
  a good request reaches the function, which learns who asks from us alone:
    send: { header: { x-user-id: root } }
    expect: { status: 201, upstream: { header: { x-user-id: ada, authorization: ~ } } }
  ten a minute, and no more:
    times: 10
    expect: { status: [201 x 9, 429], code: rate-limit.exceeded }
  fresh after a minute:
    after: 61s
    expect: { status: 201 }
  nobody gets in without a token:
    as: nobody
    expect: { status: 401, code: auth.missing }
  the wrong scope is refused:
    as: { jwt: { sub: bob, scope: ${noun}:read } }
    expect: { status: 403, code: auth.scope-missing }
  what the schema does not name is refused:
    as: { jwt: { sub: cy, scope: ${noun}:write } }
    send: { body: { name: blue mug, quantity: 2, price: 0 } }
    expect: { status: 400, code: request.body-invalid }
  an injection does not pass:
    as: { jwt: { sub: dee, scope: ${noun}:write } }
    send: { body: { name: blue mug, quantity: 2, note: "x' OR 1=1 --" } }
    expect: { status: 403, code: inspect.sqli, upstream: none }
  one can be read with its own scope:
    as: { jwt: { sub: ada, scope: ${noun}:read } }
    send: { GET: /${noun}/a-1 }
    expect: { status: 200 }
`
}

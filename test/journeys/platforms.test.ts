import { Console } from 'node:console'
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { Logger } from '@aws-lambda-powertools/logger'
import t from 'tap'
import type { Clock } from '../../src/stages/contract.js'
import { keepAwsEnvironment, setAwsEnvironment } from '../support/aws-environment.js'
import {
  createAwsAccount,
  createGoogleCloud,
  startAzureIdentity,
  startContainerEndpoint,
  startGoogleMetadata,
  startSignedFunction,
} from '../support/cloud-endpoints.js'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'

keepAwsEnvironment(t)

type Test = Parameters<typeof startUpstream>[0]

/** A gateway before a function URL that verifies, with keys from a container endpoint. */
async function signedGateway(t: Test, options: { lifeMs?: number; clock?: Clock; forward?: string } = {}) {
  const { lifeMs = 3_600_000, clock, forward = '' } = options
  const now = clock === undefined ? Date.now : () => clock.now()
  const account = createAwsAccount(now)
  const life = { ms: lifeMs }
  const container = await startContainerEndpoint(t, account, 'container-token', () => life.ms)
  setAwsEnvironment({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'container-token',
  })
  const fn = await startSignedFunction(t, account, { now })
  const gateway = await startGateway(
    t,
    `
upstreams:
  fn: { url: "${fn.url}", auth: { aws-sigv4: { region: eu-west-1, service: lambda } } }
defaults:
  timeout: { total: 20s, headers: 20s }
routes:
  ANY /{rest+}: { upstream: fn, auth: none, reason: a test, inspect: { mode: off }, request: { contentType: [text/plain, application/json] }${forward} }`,
    clock === undefined ? {} : { clock },
  )
  return { account, life, container, fn, gateway }
}

t.test('a function URL with AWS_IAM takes what the gateway signs, whatever it is', async (t) => {
  const { fn, gateway, container } = await signedGateway(t)
  const rows: readonly (readonly [string, string, string?])[] = [
    ['GET', '/orders/42'],
    ['GET', "/o'brien/(1)/a@b!*?b=2&a=1&b=1&flag&a+b=c%2Bd"],
    ['GET', '/caf%C3%A9/%e1%88%b4?%E1%88%B4=1&__proto__=x'],
    ['POST', '/orders', '{"sku":"A1"}'],
    ['PUT', '/text?x=', 'ünïcode + bytes'],
    ['DELETE', '/orders/1'],
    ['HEAD', '/orders/1'],
    ['POST', '/empty', ''],
  ]
  for (const [method, path, body] of rows) {
    const answer = await gateway.send(method, path, {
      headers:
        body === undefined ? {} : { 'content-type': 'text/plain', 'content-length': String(Buffer.byteLength(body)) },
      ...(body !== undefined && { body }),
    })
    t.equal(answer.status, 200, `${method} ${path}`)
  }
  t.same(fn.refusals, [])
  t.equal(fn.admitted.length, rows.length)
  t.equal(container.requests.length, 1, 'the keys were asked for once')
  t.equal(fn.admitted[3]?.body.toString(), '{"sku":"A1"}')
})

t.test('nobody but the gateway signs: a caller cannot add, replace or borrow a signature', async (t) => {
  const { fn, gateway } = await signedGateway(t)
  const answer = await gateway.get('/orders?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&page=2', {
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEVIL/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=00',
    'x-amz-date': '20200101T000000Z',
    'x-amz-security-token': 'stolen',
    'x-amz-invocation-type': 'Event',
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  })
  t.equal(answer.status, 200)
  const [seen] = fn.admitted
  t.equal(seen?.url, '/orders?page=2')
  t.equal(seen?.headers['x-amz-invocation-type'], undefined)
  t.not(seen?.headers['x-amz-security-token'], 'stolen')
  t.equal(
    seen?.headers['x-amzn-trace-id'],
    'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8',
    'the trace goes on, and who pays for it is not the caller’s choice',
  )
  t.equal(seen?.headers['traceparent'], '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
  t.equal(seen?.headers['x-request-id'], answer.headers['x-request-id'])
  await gateway.get('/orders', { 'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793; anything=else' })
  t.equal(fn.admitted.at(-1)?.headers['x-amzn-trace-id'], undefined, 'what is no trace id ends here')
})

t.test('the caller’s Authorization moves aside for the signature', async (t) => {
  const forward = ', forward: { authorization: "move:X-Client-Authorization" }'
  const { fn, gateway } = await signedGateway(t, { forward })
  const answer = await gateway.get('/orders', { authorization: 'Bearer of-the-user' })
  t.equal(answer.status, 200)
  t.equal(fn.admitted[0]?.headers['x-client-authorization'], 'Bearer of-the-user')
  t.match(fn.admitted[0]?.headers.authorization, /^AWS4-HMAC-SHA256 /)
})

t.test('a clock that is wrong is put right once, by the platform’s Date', async (t) => {
  const { fn, gateway } = await signedGateway(t, { lifeMs: 7_200_000 })
  fn.clockOffsetMs = 3_600_000
  const first = await gateway.post('/orders', { sku: 'A1' })
  t.equal(first.status, 200, 'the caller notices nothing')
  t.same(fn.refusals, ['signature expired'])
  t.equal(fn.admitted[0]?.body.toString(), '{"sku":"A1"}')
  await gateway.get('/orders')
  t.equal(fn.refusals.length, 1, 'and the next request is right at once')
  t.equal(fn.admitted.length, 2)
})

t.test(
  'keys that rotate refuse nobody; keys that end and cannot be renewed answer 503, and nothing else',
  async (t) => {
    let offset = 0
    const clock: Clock = { now: () => Date.now() + offset, monotonic: () => performance.now() }
    const { fn, gateway, container, life } = await signedGateway(t, { clock })
    // The keys in the test live by the test's clock, and AWS writes their end in whole seconds.
    const statuses: number[] = []
    for (let i = 0; i < 60; i++) {
      offset += 300_000
      const answers = await Promise.all([gateway.get('/a'), gateway.post('/b', { i })])
      statuses.push(...answers.map(({ status }) => status))
    }
    t.same([...new Set(statuses)], [200])
    t.same(fn.refusals, [])
    t.ok(container.requests.length >= 5, `keys of an hour were renewed ${container.requests.length} times in five`)

    const answer = container.answer
    container.answer = (_request, response) => {
      response.writeHead(500)
      response.end()
    }
    const down: number[] = []
    for (let i = 0; i < 70 * 3; i++) {
      offset += 20_000
      down.push((await gateway.get('/a')).status)
    }
    const firstRefused = down.indexOf(503)
    t.ok(firstRefused >= 5 * 3, `served for ${firstRefused * 20} s of the outage`)
    t.same([...new Set(down.slice(0, firstRefused))], [200])
    t.same([...new Set(down.slice(firstRefused))], [503])
    t.same(fn.refusals, [], 'keys that had ended were never shown')
    const refused = await gateway.get('/a')
    t.equal(refused.json?.['code'], 'forward.credentials-unavailable')
    t.match(refused.headers['retry-after'], /^[1-9]\d?$/)
    t.notMatch(refused.text, /127\.0\.0\.1|container|500/, 'and says nothing of where they come from')
    t.match((await gateway.recordOf(refused)).evidence, { fault: 'no-credentials' })

    container.answer = answer
    life.ms = 3_600_000
    offset += 30_000
    t.equal((await gateway.get('/a')).status, 200, 'it recovers by itself')
  },
)

t.test('a refusal of the platform is told apart from the function’s own, with what mends it', async (t) => {
  const { fn, gateway } = await signedGateway(t)
  const says =
    (status: number, headers: Record<string, string>, body = '{"Message":"no"}') =>
    (_request: unknown, response: ServerResponse) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(body)
    }
  const rows = [
    [429, 'TooManyRequestsException', 503, 'forward.platform-throttled', /concurrency/],
    [
      403,
      'AccessDeniedException:http://internal',
      502,
      'forward.platform-denied',
      /lambda:InvokeFunctionUrl and lambda:InvokeFunction/,
    ],
    [413, 'RequestEntityTooLargeException', 413, 'forward.platform-too-large', /6 MB/],
    [504, 'Sandbox.Timedout', 504, 'forward.platform-timeout', /own timeout/],
  ] as const
  for (const [status, type, expected, code, hint] of rows) {
    fn.run = says(status, { 'x-amzn-errortype': type })
    const answer = await gateway.get('/orders')
    t.equal(answer.status, expected, type)
    t.equal(answer.json?.['code'], code)
    t.notMatch(answer.text, /amzn|Exception|lambda/i)
    const record = await gateway.recordOf(answer)
    t.match(record, { outcome: 'failed', upstream: { status } })
    t.match(record.evidence?.['hint'], hint)
    t.match(record.evidence?.['platformRequestId'], /^5f7f6a2c/)
  }
  for (const status of [429, 403, 413]) {
    fn.run = says(status, {}, '{"error":"mine"}')
    const answer = await gateway.get('/orders')
    t.equal(answer.status, status, `a ${status} of the function's own goes to the caller`)
    t.equal(answer.text, '{"error":"mine"}')
  }
})

t.test('names that Lambda changed come back, and its own stay here', async (t) => {
  const { fn, gateway } = await signedGateway(t)
  fn.run = (_request, response) => {
    response.writeHead(401, {
      'x-amzn-remapped-www-authenticate': 'Bearer realm="shop"',
      'x-amzn-remapped-date': 'yesterday',
      'x-amzn-remapped-content-length': '3',
      'x-amzn-requestid': '5f7f6a2c-0000-4000-8000-0d9c4b3a2f1e',
    })
    response.end('{}')
  }
  const answer = await gateway.get('/orders')
  t.equal(answer.headers['www-authenticate'], 'Bearer realm="shop"')
  t.same(
    Object.keys(answer.headers).filter((name) => name.startsWith('x-amzn')),
    [],
  )
  const forward = (await gateway.recordOf(answer)).steps.find(({ stage }) => stage === 'forward')
  t.match(forward?.evidence, { platformRequestId: '5f7f6a2c-0000-4000-8000-0d9c4b3a2f1e' })
})

t.test('Cloud Run gets an ID token beside the caller’s own', async (t) => {
  const cloud = createGoogleCloud()
  const metadata = await startGoogleMetadata(t, cloud)
  const fn = await startUpstream(t)
  const faults: (string | null)[] = []
  fn.answer = (request, response) => {
    const shown = request.headers['x-serverless-authorization']
    void cloud.fault(typeof shown === 'string' ? shown : undefined, 'https://catalog.example').then((fault) => {
      faults.push(fault)
      response.writeHead(fault === null ? 200 : 401)
      response.end()
    })
  }
  const gateway = await startGateway(
    t,
    `
upstreams:
  fn: { url: "${fn.url}", auth: { google-id-token: { audience: "https://catalog.example" } } }
routes:
  ANY /{rest+}: { upstream: fn, auth: none, reason: a test, forward: { authorization: keep } }`,
    { cloud: { googleMetadataHost: new URL(metadata.url).host } },
  )
  const answer = await gateway.get('/catalog', {
    authorization: 'Bearer of-the-user',
    'x-serverless-authorization': 'Bearer forged',
  })
  t.equal(answer.status, 200)
  t.same(faults, [null])
  t.equal(fn.requests[0]?.headers.authorization, 'Bearer of-the-user')
  t.equal(fn.requests[0]?.rawHeaders.filter((part) => /^x-serverless-authorization$/i.test(part)).length, 1)
  await gateway.post('/catalog', { a: 1 })
  t.equal(metadata.requests.length, 1)

  fn.answer = (_request, response) => {
    response.writeHead(403, { 'content-type': 'text/html' })
    response.end('<h2>Your client does not have permission to get URL <code>/</code> from this server.</h2>')
  }
  const denied = await gateway.get('/catalog')
  t.equal(denied.status, 502)
  t.match((await gateway.recordOf(denied)).evidence?.['hint'], /run\.invoker/)
  await metadata.stop()
})

t.test('Azure gets the token of the managed identity, or its function key', async (t) => {
  const identity = await startAzureIdentity(t, 'app-secret', () => 3_600)
  const fn = await startUpstream(t)
  const gateway = await startGateway(
    t,
    {
      'gateway.yaml': 'version: 1\nsecrets: { fn_key: { file: ./fn.key } }\n',
      'fn.key': 'function-key-0123456789',
      'routes.yaml': `
upstreams:
  entra: { url: "${fn.url}", auth: { azure-entra: { resource: "api://orders" } } }
  key: { url: "${fn.url}", auth: { azure-function-key: "\${secret:fn_key}" } }
routes:
  GET /entra: { upstream: entra, auth: none, reason: a test, forward: { authorization: "move:X-Client-Authorization" } }
  GET /key: { upstream: key, auth: none, reason: a test }`,
    },
    { cloud: { azureIdentity: { endpoint: `${identity.url}/msi/token`, secret: 'app-secret' } } },
  )
  const headers = {
    authorization: 'Bearer of-the-user',
    'x-functions-key': 'forged',
    'x-ms-client-principal': 'forged',
  }
  t.equal((await gateway.get('/entra', headers)).status, 200)
  t.equal(fn.requests[0]?.headers.authorization, 'Bearer api://orders#system#1')
  t.equal(fn.requests[0]?.headers['x-client-authorization'], 'Bearer of-the-user')
  t.equal((await gateway.get('/key', headers)).status, 200)
  t.equal(fn.requests[1]?.headers['x-functions-key'], 'function-key-0123456789')
  t.equal(fn.requests[1]?.headers['x-ms-client-principal'], undefined)
  fn.answer = (_request, response) => {
    response.writeHead(502)
    response.end('502 - Web server received an invalid response: The request timed out.')
  }
  const late = await gateway.get('/key')
  t.equal(late.json?.['code'], 'forward.platform-timeout')
  t.match((await gateway.recordOf(late)).evidence?.['hint'], /230 s/)
})

t.test('several headers with secrets go out, and a secret can change without a refused call', async (t) => {
  const fn = await startUpstream(t)
  let accepted = 'old-secret'
  fn.answer = (request, response) => {
    const isGood = request.headers['x-key'] === accepted && request.headers['cf-access-client-id'] === 'id'
    response.writeHead(isGood ? 200 : 401)
    response.end()
  }
  const gateway = await startGateway(t, {
    'gateway.yaml': 'version: 1\nsecrets: { new: { file: ./new.key }, old: { file: ./old.key } }\n',
    'new.key': 'new-secret',
    'old.key': 'old-secret',
    'routes.yaml': `
upstreams:
  fn:
    url: "${fn.url}"
    auth:
      header:
        - { name: X-Key, value: ["\${secret:new}", "\${secret:old}"] }
        - { name: CF-Access-Client-Id, value: id }
routes:
  ANY /{rest+}: { upstream: fn, auth: none, reason: a test }`,
  })
  t.equal((await gateway.get('/a', { 'x-key': 'forged' })).status, 200, 'the function still takes the old one')
  t.equal(fn.requests.length, 2)
  t.equal((await gateway.get('/a')).status, 200)
  t.equal(fn.requests.length, 3, 'which is remembered')
  const both = fn.requests.map(({ headers }) => headers['x-key'])
  t.same(both, ['new-secret', 'old-secret', 'old-secret'])
  accepted = 'new-secret'
  t.equal((await gateway.get('/a')).status, 200, 'now it takes the new one alone, and nobody was refused')
  t.equal((await gateway.get('/a')).status, 200)
  t.equal(fn.requests.length, 6)
  accepted = 'neither'
  const before = fn.requests.length
  for (let i = 0; i < 5; i++) t.equal((await gateway.get('/a')).status, 401, 'what neither opens is told as it is')
  t.equal(fn.requests.length, before + 6, 'and costs one more call, not one for each')
})

/** Powertools' own logger, writing where the test can read. */
function readableLogger(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const write = (chunk: unknown, _encoding: unknown, done: () => void): void => {
    lines.push(JSON.parse(String(chunk)))
    done()
  }
  const logger = new Logger({ serviceName: 'orders' })
  // It offers no other way but an environment variable for the whole process.
  Reflect.set(logger, 'console', new Console({ stdout: new Writable({ write }) }))
  return { logger, lines }
}

t.test('a Powertools handler in the function logs the request id and the trace of the gateway', async (t) => {
  const { fn, gateway } = await signedGateway(t)
  const { logger, lines } = readableLogger()
  const traced = process.env['_X_AMZN_TRACE_ID']
  t.teardown(() => {
    if (traced === undefined) delete process.env['_X_AMZN_TRACE_ID']
    else process.env['_X_AMZN_TRACE_ID'] = traced
  })
  const handler = async (event: { readonly headers: Readonly<Record<string, string>> }): Promise<string> => {
    logger.setCorrelationId(event.headers['x-request-id'])
    logger.info('order taken')
    return '{"ok":true}'
  }
  fn.run = (request, response) => {
    // As Lambda's runtime does before it calls a handler.
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    process.env['_X_AMZN_TRACE_ID'] = headers['x-amzn-trace-id'] ?? ''
    void handler({ headers }).then((body) => response.end(body))
  }
  const answer = await gateway.get('/orders', {
    'x-request-id': 'of-the-caller',
    'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793',
  })
  t.match(lines, [
    {
      message: 'order taken',
      service: 'orders',
      correlation_id: answer.headers['x-request-id'],
      xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793',
    },
  ])
  t.match((await gateway.recordOf(answer)).id, answer.headers['x-request-id'], 'the log of the gateway has the same')
})

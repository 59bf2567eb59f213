import { SignatureV4 } from '@smithy/signature-v4'
import t from 'tap'
import type { AwsKeys, OutgoingRequest } from '../../src/stages/contract.js'
import { openAwsSigner } from '../../src/stages/forward/platforms/aws-sigv4.js'
import { signedTarget } from '../../src/stages/forward/platforms/aws-wire.js'
import { oddRequest } from '../support/odd-requests.js'
import { seeded } from '../support/seeded.js'
import { signatureFault } from '../support/sigv4-verifier.js'

const keys: AwsKeys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
}
const temporary: AwsKeys = { ...keys, sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE//token+==' }
const host = 'abc123.lambda-url.eu-west-1.on.aws'
const scope = { host, region: 'eu-west-1', service: 'lambda' }
const now = Date.UTC(2026, 10, 22, 12, 36)
const timeouts = { connectMs: 1, headersMs: 1, idleMs: 1, totalMs: 1 }

function request(method: string, target: string, headers: readonly string[] = [], body = ''): OutgoingRequest {
  return { method, target, headers, body: body === '' ? null : Buffer.from(body), timeouts }
}

/** What the stand-in platform says of a request as it arrives. */
function judge(sent: OutgoingRequest, by: AwsKeys, at = now): string | null {
  return signatureFault(
    {
      method: sent.method,
      target: sent.target,
      rawHeaders: ['host', host, ...sent.headers],
      body: Buffer.isBuffer(sent.body) ? sent.body : Buffer.alloc(0),
    },
    {
      keyOf: (id) =>
        id === by.accessKeyId
          ? { secret: by.secretAccessKey, ...(by.sessionToken !== null && { token: by.sessionToken }) }
          : undefined,
      region: scope.region,
      service: scope.service,
      now: at,
    },
  )
}

t.test('the verifier itself takes every published signature', async (t) => {
  const unreserved = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const raw = (text: string): string => Buffer.from(text).toString('latin1')
  // The AWS Signature Version 4 test suite: name, method, target as it arrives, headers, body, signature.
  const suite: readonly (readonly [string, string, string, readonly string[], string, string])[] = [
    ['get-vanilla', 'GET', '/', [], '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['get-vanilla-query-order-key', 'GET', '/?Param2=value2&Param1=value1', [], '', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
    ['get-vanilla-query-order-value', 'GET', '/?Param1=value2&Param1=Value1', [], '', 'eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1'],
    ['get-vanilla-empty-query-key', 'GET', '/?Param1=value1', [], '', 'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb'],
    ['get-vanilla-query-unreserved', 'GET', `/?${unreserved}=${unreserved}`, [], '', '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197'],
    ['get-vanilla-utf8-query', 'GET', `/?${raw('ሴ')}=bar`, [], '', '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04'],
    ['get-utf8', 'GET', `/${raw('ሴ')}`, [], '', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
    ['get-space', 'GET', '/example space/', [], '', '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741'],
    ['get-unreserved', 'GET', `/${unreserved}`, [], '', '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f'],
    ['get-header-value-trim', 'GET', '/', ['My-Header1', ' value1', 'My-Header2', ' "a   b   c"'], '', 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736'],
    ['post-vanilla', 'POST', '/', [], '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    ['post-x-www-form-urlencoded', 'POST', '/', ['Content-Type', 'application/x-www-form-urlencoded'], 'Param1=value1', 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a'],
  ] // biome-ignore format: a table
  for (const [name, method, target, headers, body, signature] of suite) {
    const arrived = ['Host', 'example.amazonaws.com', ...headers, 'X-Amz-Date', '20150830T123600Z']
    const signed = arrived.filter((_, i) => i % 2 === 0).map((each) => each.toLowerCase())
    const judged = (given: string): string | null =>
      signatureFault(
        {
          method,
          target,
          rawHeaders: [
            ...arrived,
            'Authorization',
            `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed.sort().join(';')}, Signature=${given}`,
          ],
          body: Buffer.from(body),
        },
        {
          keyOf: () => ({ secret: keys.secretAccessKey }),
          region: 'us-east-1',
          service: 'service',
          now: Date.UTC(2015, 7, 30, 12, 36),
          pathReading: 'as-arrived',
        },
      )
    t.equal(judged(signature), null, name)
    t.match(judged(`0${signature.slice(1, -1)}0`), /^signature differs/, `${name}, with a digit changed`)
  }
})

t.test('odd paths, queries and headers verify, and reach the function as they were judged', async (t) => {
  const signer = openAwsSigner(scope)
  const rows: readonly (readonly [string, string])[] = [
    ['/', '/'],
    ['/orders/42', '/orders/42'],
    ["/o'brien/(1)/a@b!*", '/o%27brien/%281%29/a%40b%21%2A'],
    ['/caf%C3%A9/%e1%88%b4', '/caf%C3%A9/%E1%88%B4'],
    ['/a%20b/100%25', '/a%20b/100%25'],
    ['/a+b', '/a%2Bb'],
    ['/orders/', '/orders/'],
    ['/?a+b=c+d', '/?a%20b=c%20d'],
    ['/?a%2Bb=c%2bd', '/?a%2Bb=c%2Bd'],
    ['/?b=2&a=1&b=1', '/?b=2&a=1&b=1'],
    ['/?a-b=1&a=2', '/?a-b=1&a=2'],
    ['/?flag', '/?flag='],
    ['/?flag=&=v&&', '/?flag=&=v'],
    ['/?a=b=c', '/?a=b%3Dc'],
    ['/?q=%zz%', '/?q=%25zz%25'],
    ['/?__proto__=1&constructor=2', '/?__proto__=1&constructor=2'],
    ['/?', '/'],
    ['/?q=%FF', '/?q=%FF'],
    ["/?q=!'()*~/?:@", '/?q=%21%27%28%29%2A~%2F%3F%3A%40'],
  ]
  for (const [target, wire] of rows) {
    for (const by of [keys, temporary]) {
      const sent = await signer.sign(request('GET', target), by, now)
      t.equal(judge(sent, by), null, target)
      t.equal(sent.target, wire)
    }
  }
  const post = await signer.sign(
    request('POST', '/orders', ['content-type', 'application/json', 'x-request-id', '01'], '{"a":1}'),
    temporary,
    now,
  )
  t.equal(judge(post, temporary), null)
  t.match(post.headers.at(-1), /SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/)
  t.match(
    judge({ ...post, body: Buffer.from('{"a":2}') }, temporary),
    'body hash differs',
    'another body under the same signature is refused',
  )
  t.match(judge({ ...post, target: '/orders?admin=1' }, temporary), /^signature differs/, 'and so is another query')
})

t.test('a second signature, in headers or in the query, never travels with ours', async (t) => {
  const signer = openAwsSigner(scope)
  const forged = [
    'authorization',
    'AWS4-HMAC-SHA256 forged',
    'x-amz-date',
    '20150830T123600Z',
    'x-amz-invocation-type',
    'Event',
  ]
  const sent = await signer.sign(
    request('GET', '/?X-Amz-Signature=00&x-amz-credential=a&%58-Amz-Date=1&page=2', [...forged, 'accept', '*/*']),
    keys,
    now,
  )
  t.equal(judge(sent, keys), null)
  t.equal(sent.target, '/?page=2')
  t.equal(sent.headers.filter((part) => part === 'authorization').length, 1)
  t.notOk(sent.headers.includes('x-amz-invocation-type'))
  t.ok(sent.headers.includes('accept'), 'what is no signature passes')
  await t.rejects(signer.sign({ ...request('POST', '/'), body: 'stream' }, keys, now), /streams/)
})

t.test('the canonical form is the one that the package makes, where the package can make it', async (t) => {
  const rows = ['/a/b', '/caf%C3%A9', '/?b=2&a=1&b=1', '/?flag=', "/?q=!'()*&a-b=1&a=2", '/%281%29?x=%2B']
  for (const target of rows) {
    const ours = signedTarget(target, true)
    const url = new URL(ours.wire, 'https://x')
    const query: Record<string, string[]> = {}
    for (const [name, value] of url.searchParams) query[name] = [...(query[name] ?? []), value]
    const theirs = await new SignatureV4({
      credentials: { accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey },
      ...scope,
      sha256: (await import('../support/smithy-sha256.js')).Sha256,
    }).sign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: host,
        path: ours.wire.split('?')[0] ?? '/',
        query,
        headers: { host },
      },
      { signingDate: new Date(now) },
    )
    const signer = openAwsSigner(scope)
    const sent = await signer.sign(request('GET', target), keys, now)
    t.equal(sent.headers.at(-1), theirs.headers['authorization'], target)
  }
})

t.test('whatever a caller thinks of, the signature verifies', async (t) => {
  // The whole run, through the gateway: `npm run bench -- signing`.
  const random = seeded(8)
  const signer = openAwsSigner(scope)
  const faults: string[] = []
  for (let i = 0; i < 3_000; i++) {
    const asked = oddRequest(random, i % 2 === 0)
    const by = i % 3 === 0 ? temporary : keys
    const fault = judge(await signer.sign(asked, by, now), by)
    if (fault !== null) faults.push(`${i}: ${asked.method} ${asked.target}: ${fault}`)
  }
  t.same(faults, [])
})

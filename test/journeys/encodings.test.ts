import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'

async function start(t: Test) {
  const upstream = await startUpstream(t)
  const route = 'upstream: fn\n    auth: none\n    reason: a test of encodings'
  const gateway = await startGateway(
    t,
    `
upstreams:
  fn: { url: "${upstream.url}" }
routes:
  POST /orders:
    ${route}
    request:
      encodings: [gzip, br, deflate]
      maxBytes: 128KiB
      body: { type: object, required: [sku], properties: { sku: { type: string }, note: { type: string } } }
  POST /notes:
    ${route}
    request: { encodings: [gzip], maxBytes: 8MiB }
  POST /plain:
    ${route}
`,
  )
  const post = async (path: string, coding: string, body: Buffer) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': coding }
    const answer = await gateway.send('POST', path, { headers, body })
    return { answer, status: answer.status, code: answer.json?.['code'], record: await gateway.recordOf(answer) }
  }
  return { upstream, gateway, post }
}

/** One gzip member with a file name and a comment in its header. */
function namedGzip(text: string): Buffer {
  const plain = gzipSync(text)
  const header = Buffer.from(plain.subarray(0, 10))
  header[3] = 0x18
  return Buffer.concat([header, Buffer.from('order.json\0a note\0'), plain.subarray(10)])
}

const order = '{"sku":"A1"}'

t.test('an encoded body is judged by what is in it, and forwarded as it came', async (t) => {
  const { upstream, post } = await start(t)
  const rows: readonly [coding: string, body: Buffer][] = [
    ['gzip', gzipSync(order)],
    ['GZIP', gzipSync(order)],
    ['gzip', namedGzip(order)],
    ['gzip', gzipSync(order, { level: 0 })],
    ['br', brotliCompressSync(order)],
    ['deflate', deflateSync(order)],
    ['identity', Buffer.from(order)],
  ]
  for (const [coding, body] of rows) {
    t.equal((await post('/orders', coding, body)).status, 200, coding)
    const received = upstream.requests.at(-1)
    t.ok(received?.body.equals(body), 'the very bytes')
    t.equal(received?.headers['content-encoding'], coding)
  }
  t.equal(upstream.requests.length, rows.length)
})

t.test('what is hidden in an encoded body is found', async (t) => {
  const { upstream, post } = await start(t)
  const attack = JSON.stringify({ sku: 'A1', note: "1' OR '1'='1' --" })
  for (const [coding, encode] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ] as const) {
    t.equal((await post('/orders', coding, encode(attack))).record.code, 'inspect.sqli', coding)
    t.equal((await post('/orders', coding, encode('{"note":"x"}'))).code, 'request.body-invalid', coding)
    t.equal((await post('/orders', coding, encode('{"sku":"a","sku":"b"}'))).code, 'request.json-duplicate-key', coding)
    t.equal((await post('/orders', coding, encode(''))).code, 'request.body-missing', coding)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('a body that two readers could inflate in two ways is refused', async (t) => {
  const { upstream, post } = await start(t)
  const gzip = gzipSync(order)
  const wrongSum = Buffer.from(gzip)
  wrongSum[gzip.length - 8] = (wrongSum[gzip.length - 8] ?? 0) ^ 1
  const rows: readonly [what: string, coding: string, body: Buffer][] = [
    ['a second member', 'gzip', Buffer.concat([gzip, gzipSync('{"sku":"B"}')])],
    ['something behind it', 'gzip', Buffer.concat([gzip, Buffer.from('x')])],
    ['zeros behind it', 'gzip', Buffer.concat([gzip, Buffer.alloc(8)])],
    ['a wrong sum', 'gzip', wrongSum],
    ['cut short', 'gzip', gzip.subarray(0, -1)],
    ['cut in the middle', 'gzip', gzip.subarray(0, 20)],
    ['plain text', 'gzip', Buffer.from(order.padEnd(40))],
    ['another coding', 'gzip', deflateSync(order)],
    ['raw deflate', 'deflate', deflateRawSync(order)],
    ['something behind deflate', 'deflate', Buffer.concat([deflateSync(order), Buffer.from('x')])],
    ['a second brotli', 'br', Buffer.concat([brotliCompressSync(order), brotliCompressSync(order)])],
    ['brotli cut short', 'br', brotliCompressSync(order).subarray(0, -2)],
  ]
  for (const [what, coding, body] of rows) {
    const { status, code } = await post('/orders', coding, body)
    t.same([status, code], [400, 'request.encoding-invalid'], what)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('a bomb is refused before it goes off', async (t) => {
  const { upstream, post } = await start(t)
  const rows = Array.from({ length: 100 }, (_, i) => `{"n":${i},"x":"${'y'.repeat(40)}"}`)
  t.equal((await post('/notes', 'gzip', gzipSync(`[${rows}]`))).status, 200, 'an honest list of like rows')
  const small = gzipSync(`{"sku":"A","n":[${Array.from({ length: 40_000 }, (_, i) => i)}]}`)
  t.equal((await post('/orders', 'gzip', small)).code, 'request.body-too-large', 'over the cap of the route')
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))
  const { status, code } = await post('/notes', 'gzip', bomb.subarray(0, 40_000))
  t.same([status, code], [413, 'request.encoding-ratio'])
  t.equal(upstream.requests.length, 1)
})

t.test('a coding that is not listed is refused', async (t) => {
  const { upstream, post } = await start(t)
  const rows: readonly [path: string, coding: string, body: Buffer][] = [
    ['/plain', 'gzip', gzipSync(order)],
    ['/notes', 'br', brotliCompressSync(order)],
    ['/orders', 'zstd', gzipSync(order)],
    ['/orders', 'x-gzip', gzipSync(order)],
    ['/orders', 'gzip, br', brotliCompressSync(gzipSync(order))],
    ['/orders', '', gzipSync(order)],
  ]
  for (const [path, coding, body] of rows) {
    const { answer, status, code } = await post(path, coding, body)
    t.match(answer.headers['accept-encoding'], path === '/plain' ? 'identity' : 'gzip', 'and those that are, named')
    t.same([status, code], [415, 'request.content-encoding'], `${coding} on ${path}`)
  }
  t.equal(upstream.requests.length, 0)
})

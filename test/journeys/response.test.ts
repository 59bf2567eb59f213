import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'

async function start(t: Test, response: string, more = '') {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
upstreams:
  fn: { url: "${upstream.url}/base" }
routes:
  GET /orders/{id}:
    upstream: fn
    auth: none
    reason: a test of answers
    response: ${response}
    timeout: { headers: 500ms, idle: 500ms, total: 2s }
${more}`,
  )
  const answers = (status: number, headers: Record<string, string | string[]>, body: string | Buffer) => {
    upstream.answer = (_request, reply) => reply.writeHead(status, headers).end(body)
  }
  const get = async (headers: Record<string, string> = {}) => {
    const answer = await gateway.get('/orders/7', headers)
    return { answer, record: await gateway.recordOf(answer) }
  }
  return { upstream, gateway, answers, get }
}

const json = { 'content-type': 'application/json' }
const trace = 'Error: no\n    at handler (/var/task/index.js:10:15)'

t.test('an error that holds a stack trace is masked, and one that speaks to the caller is not', async (t) => {
  const { answers, get } = await start(t, '{}')
  const hidden: readonly [what: string, status: number, headers: Record<string, string>, body: string | Buffer][] = [
    ['in text', 400, {}, trace],
    ['in JSON', 404, json, JSON.stringify({ stack: trace })],
    ['behind a coding', 422, { ...json, 'content-encoding': 'gzip' }, gzipSync(JSON.stringify({ stack: trace }))],
    ['behind a coding nobody knows', 400, { 'content-encoding': 'zstd' }, 'x'],
    ['at the top of a long body', 400, {}, trace + ' '.repeat(300_000)],
    ['of a server error', 500, { etag: '"1"', 'set-cookie': 'a=1' }, 'anything'],
  ]
  for (const [what, status, headers, body] of hidden) {
    answers(status, { ...headers, 'www-authenticate': 'Bearer', 'x-detail': trace.slice(0, 5) }, body)
    const { answer, record } = await get({ 'accept-encoding': 'gzip, zstd' })
    t.equal(answer.status, status, what)
    t.match(answer.headers['content-type'], 'application/problem+json', what)
    t.equal(answer.json?.['code'], 'response.masked', what)
    t.equal(answer.json?.['requestId'], answer.headers['x-request-id'], what)
    t.notMatch(JSON.stringify([answer.headers, answer.text]), /var.task|x-detail|set-cookie|content-encoding/, what)
    t.equal(answer.headers['www-authenticate'], status < 500 ? 'Bearer' : undefined, what)
    t.equal(record.steps.find(({ stage }) => stage === 'response')?.evidence?.['masked'], status, what)
  }
  const kept = '{"error":"sku A1 is sold out","at":"body:/sku"}'
  answers(409, { ...json, etag: '"1"' }, kept)
  const plain = await get()
  t.equal(plain.answer.text, kept)
  t.equal(plain.answer.headers.etag, '"1"')
  const zipped = gzipSync(kept)
  answers(409, { 'content-encoding': 'gzip', 'content-length': String(zipped.length) }, zipped)
  const { answer } = await get({ 'accept-encoding': 'gzip' })
  t.equal(answer.headers['content-encoding'], 'gzip', 'what is fine leaves as it came')
  t.equal(answer.headers['content-length'], String(zipped.length))
})

t.test('an error that never ends is looked at and passed on, and one that breaks off never looks whole', async (t) => {
  const { upstream, get } = await start(t, '{}')
  const long = 'no such order. '.repeat(20_000)
  upstream.answer = (_request, reply) => reply.writeHead(404).end(long)
  t.equal((await get()).answer.text, long)
  upstream.answer = (_request, reply) => void reply.writeHead(404, { 'content-length': '100' }).write('half')
  const { answer } = await get()
  t.equal(answer.status, 502)
  t.equal(answer.json?.['code'], 'forward.answer-cut')
})

t.test('errors pass as they are where the policy says so', async (t) => {
  const { answers, get } = await start(t, '{ errors: pass }')
  answers(500, {}, trace)
  t.equal((await get()).answer.text, trace)
  answers(400, {}, trace)
  t.equal((await get()).answer.text, trace)
})

const schema = '{ type: object, required: [id], properties: { id: { type: integer } }, additionalProperties: false }'

t.test('an answer that breaks its schema never leaves, and one that keeps it leaves byte for byte', async (t) => {
  const { answers, get, upstream } = await start(t, `{ schema: ${schema}, maxBytes: 1KiB }`)
  const body = '{ "id" : 7 }'
  answers(200, { ...json, etag: '"7"' }, body)
  const good = (await get({ 'accept-encoding': 'gzip', range: 'bytes=0-1' })).answer
  t.equal(good.text, body)
  t.equal(good.headers.etag, '"7"')
  t.equal(upstream.requests[0]?.headers['accept-encoding'], 'identity', 'the function is asked for what can be read')
  t.notOk(upstream.requests[0]?.headers.range)
  const rows: readonly [what: string, headers: Record<string, string>, body: string | Buffer, rule: string][] = [
    ['a surplus field', json, '{"id":7,"password":"hunter2"}', 'additionalProperties'],
    ['a missing field', json, '{}', 'required'],
    ['no JSON', json, '<html>', 'json'],
    ['nothing', json, '', 'json'],
    ['a surplus field behind an escape', json, '{"id":7,"p\\u0061ssword":"hunter2"}', 'additionalProperties'],
    ['a key that only an escape can write', json, '{"id":7,"a\\"b":"hunter2"}', 'json'],
    ['another type', { 'content-type': 'text/html' }, body, 'content-type'],
    ['too long', json, `{"id":7,"x":"${'x'.repeat(1_100)}"}`, 'maxBytes'],
    ['unreadable', { ...json, 'content-encoding': 'gzip' }, gzipSync(body), 'content-encoding'],
  ]
  for (const [what, headers, sent, rule] of rows) {
    answers(200, headers, sent)
    const { answer, record } = await get()
    t.equal(answer.status, 502, what)
    t.equal(answer.json?.['code'], 'response.schema', what)
    t.equal(record.outcome, 'failed', what)
    t.equal(record.evidence?.['rule'], rule, what)
    t.notMatch(answer.text + JSON.stringify(record), /hunter2/, what)
  }
  const escaped = '{"\\u0069d":7}'
  answers(200, json, escaped)
  t.equal((await get()).answer.text, escaped, 'an escape in a key is no fault')
  answers(404, json, '{"error":"none"}')
  t.equal((await get()).answer.status, 404, 'errors have another shape')
  upstream.answer = (_request, reply) => reply.writeHead(204).end()
  t.equal((await get()).answer.status, 204)
})

t.test('a schema that only reports changes nothing but the record', async (t) => {
  const { answers, get } = await start(t, `{ schema: ${schema}, mode: report, maxBytes: 1KiB }`)
  for (const body of ['{"name":"x"}', `{"name":"${'x'.repeat(200_000)}"}`]) {
    answers(200, json, body)
    const { answer, record } = await get()
    t.equal(answer.status, 200)
    t.equal(answer.text, body)
    t.equal(record.outcome, 'forwarded')
    t.match(
      record.steps.filter(({ stage }) => stage === 'response'),
      [{ outcome: 'deny', code: 'response.schema', mode: 'report' }, { outcome: 'allow' }],
    )
  }
})

t.test('fields that must not leave are taken out, and what cannot be read does not leave', async (t) => {
  const { answers, get } = await start(t, '{ redact: ["body:/card/number", "body:/list/*/iban"], maxBytes: 1KiB }')
  answers(200, { ...json, etag: '"1"' }, '{"card":{"number":"4111"},"n":1.0,"list":[{"iban":"DE0"}]}')
  const { answer, record } = await get()
  t.equal(answer.text, '{"card":{"number":"[redacted]"},"n":1.0,"list":[{"iban":"[redacted]"}]}')
  t.equal(answer.headers['content-length'], String(answer.text.length))
  t.notOk(answer.headers.etag, 'a tag of bytes that never left')
  t.equal(record.steps.at(-1)?.evidence?.['redacted'], true)
  answers(200, { 'content-type': 'text/plain' }, '{"card":{"number":"4111"}}')
  t.notMatch((await get()).answer.text, '4111', 'a wrong type hides nothing')
  answers(200, json, '{"card":{"numb\\u0065r":"4111","a\\"b":1}}')
  t.equal((await get()).answer.text, '{"card":{"numb\\u0065r":"[redacted]","a\\"b":1}}', 'nor does an escape')
  answers(200, { ...json, etag: '"1"' }, '{"other":1}')
  t.equal((await get()).answer.headers.etag, '"1"', 'untouched answers leave as they came')
  const rows: readonly [number, Record<string, string>, string | Buffer, number, string][] = [
    [200, json, `{"card":{"number":"${'4'.repeat(2_000)}"}}`, 502, 'response.unreadable'],
    [200, { 'content-encoding': 'gzip' }, gzipSync('{"card":{"number":"4111"}}'), 502, 'response.unreadable'],
    [200, json, '{"card":{"number":"4111"}', 502, 'response.unreadable'],
    [404, {}, 'card 4111 is unknown', 404, 'response.masked'],
  ]
  for (const [status, headers, body, expected, code] of rows) {
    answers(status, headers, body)
    const refused = (await get()).answer
    t.equal(refused.status, expected, code)
    t.equal(refused.json?.['code'], code)
    t.notMatch(refused.text, /4111|4444/)
  }
})

t.test('places and cookies of the function stay behind the gateway, and its header lines have a bound', async (t) => {
  const { answers, get, upstream } = await start(t, '{}')
  answers(
    302,
    { location: `${upstream.url}/base/login?x=1`, 'set-cookie': ['a=1; Domain=127.0.0.1; Path=/base', 'b=2'] },
    '',
  )
  const { answer } = await get()
  t.equal(answer.headers.location, '/login?x=1')
  t.same(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2'])
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-h${i}`, '1']))
  answers(200, many(100), 'ok')
  t.equal((await get()).answer.status, 200)
  answers(200, many(140), 'ok')
  t.equal((await get()).answer.json?.['code'], 'response.headers-exceeded')
})

t.test('what an error gives away is recorded, and an ordinary answer streams unread', async (t) => {
  const { answers, get, upstream, gateway } = await start(t, '{}')
  answers(400, json, '{"error":"cannot reach postgres://shop:hunter2@db/shop"}')
  const { record } = await get()
  t.same(record.steps.at(-1)?.evidence, { leaks: ['connection-string'] })
  const replies: ServerResponse[] = []
  upstream.answer = (_request, reply) => {
    reply.writeHead(200, json).write('{"a":')
    replies.push(reply)
  }
  const answered = await fetch(`${gateway.url}/orders/7`)
  t.equal(answered.status, 200, 'the head and the first bytes are there while the function still writes')
  replies[0]?.end('1}')
  t.same(await answered.json(), { a: 1 })
})

import t from 'tap'
import { fuzz, shrink } from '../support/fuzz/campaign.js'
import { goodKey, makeCase } from '../support/fuzz/cases.js'
import { faultInForwarded } from '../support/fuzz/judge.js'
import { readStrictly, type StrictRequest } from '../support/fuzz/strict-reader.js'

t.test(
  'changed requests leave nothing malformed at a function, and nothing past its route',
  { timeout: 110_000 },
  async (t) => {
    // Another part of the same endless list every day; a failure names its number.
    const first = Math.floor(Date.now() / 86_400_000) * 4_000
    const { failure, forwarded, runs } = await fuzz(t, { runs: 4_000, seed: 7, first })
    t.equal(failure, null)
    t.ok(forwarded > runs / 10, `${forwarded} of ${runs} reached the function`)
  },
)

t.test('a case is the same in every run', async (t) => {
  t.same(makeCase(3, 17), makeCase(3, 17))
  t.notSame(makeCase(3, 17), makeCase(3, 18))
  t.notSame(makeCase(3, 17), makeCase(4, 17))
})

t.test('a failing case is brought down to what shows it', async (t) => {
  const pieces = ['GET', ' ', '/items/abc', ' ', 'HTTP/1.1', '\r\n', 'X-A', ': ', 'b\0c', '\r\n', '\r\n']
  t.equal(await shrink(pieces, async (left) => left.join('').includes('b\0')), 'b\0')
})

const sound = 'POST /items HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok'
const unsound: readonly (readonly [what: string, text: string])[] = [
  ['a bare line feed', sound.replace('\r\nhost', '\nhost')],
  ['a name in capitals', sound.replace('host', 'Host')],
  ['two hosts', sound.replace('host: a', 'host: a\r\nhost: a')],
  ['no host', sound.replace('host: a\r\n', '')],
  ['a length and chunks', sound.replace('host: a', 'host: a\r\ntransfer-encoding: chunked')],
  ['two lengths', sound.replace('host: a', 'host: a\r\ncontent-length: 2')],
  ['a length with a sign', sound.replace(': 2', ': +2')],
  ['a blank before a colon', sound.replace('host:', 'host :')],
  ['a folded line', sound.replace('host: a', 'host: a\r\n b')],
  ['another version', sound.replace('1.1', '1.0')],
  ['a blank in the target', sound.replace('/items', '/it ems')],
  ['a byte beyond ASCII in the target', sound.replace('/items', '/it\xe9ms')],
  ['a control byte in a value', sound.replace(': a', ': a\0')],
  ['an expectation', sound.replace('host: a', 'host: a\r\nexpect: 100-continue')],
  ['a chunk extension', 'POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n'],
  ['a trailer', 'POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n'],
]
t.test('the second parser refuses', async (t) => {
  t.match(readStrictly(sound), { kind: 'request', request: { method: 'POST', body: 'ok' } }, 'and takes what is sound')
  for (const [what, text] of unsound) t.not(readStrictly(text).kind, 'request', what)
})

const forwarded = (
  method: string,
  target: string,
  route: string,
  more: StrictRequest['headers'] = [],
  body = '',
): StrictRequest => ({
  method,
  target,
  headers: [['host', 'fn'], ['x-route', route], ['x-forwarded-for', '127.0.0.1'], ['x-request-id', 'id'], ...more],
  body,
  isChunked: false,
})
const json: StrictRequest['headers'] = [['content-type', 'application/json']]
const wrong: readonly (readonly [what: string, request: StrictRequest])[] = [
  ['a guarded function called without the key', forwarded('GET', '/admin', 'admin-read')],
  ['a route that does not fit the path', forwarded('GET', '/admin', 'items-read')],
  ['no route at all', { ...forwarded('GET', '/items/a', ''), headers: [['host', 'fn']] }],
  ['a path that climbs for whoever decodes it', forwarded('GET', '/files/%2e%2e/admin', 'files')],
  ['a path that climbs for whoever decodes twice', forwarded('GET', '/files/%252e%252e/admin', 'files')],
  ['a path that climbs for whoever cuts parameters off', forwarded('GET', '/files/..;a/admin', 'files')],
  ['a path that climbs over a backslash', forwarded('GET', '/files/..\\admin', 'files')],
  ["a caller's own word on who it is", forwarded('GET', '/items/a', 'items-read', [['authorization', 'x']])],
  [
    "another caller's address",
    {
      ...forwarded('GET', '/items/a', 'items-read'),
      headers: [
        ['x-route', 'items-read'],
        ['x-forwarded-for', '1.2.3.4'],
      ],
    },
  ],
  ['a body where none is taken', forwarded('GET', '/items/a', 'items-read', [], 'x')],
  ['JSON with a key twice', forwarded('POST', '/items', 'items-write', json, '{"a":1,"a":2}')],
  ['JSON against its schema', forwarded('POST', '/items', 'items-write', json, '{"a":"1"}')],
  ['JSON under another name', forwarded('POST', '/items', 'items-write', [['content-type', 'text/plain']], '{"a":1}')],
]
t.test('the judge of what was forwarded finds', async (t) => {
  t.equal(faultInForwarded(forwarded('GET', '/items/a', 'items-read'), ''), null, 'nothing where all is well')
  t.equal(faultInForwarded(forwarded('GET', '/admin', 'admin-read'), goodKey), null, 'nor where the key was shown')
  t.equal(faultInForwarded(forwarded('POST', '/items', 'items-write', json, '{"a":1}'), '{"a":1}'), null)
  for (const [what, request] of wrong) t.type(faultInForwarded(request, request.body), 'string', what)
})

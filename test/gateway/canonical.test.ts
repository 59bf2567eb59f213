import t from 'tap'
import { readHead, readTarget } from '../../src/gateway/canonical.js'

const read = (target: string) => readTarget(target, 8192)

t.test('a target that two readers could take in two ways is refused', async (t) => {
  const hostile = [
    ['an encoded slash', '/a%2fb'],
    ['an encoded slash in capitals', '/a%2Fb'],
    ['an encoded backslash', '/a%5cb'],
    ['a NUL', '/a%00'],
    ['an encoded line feed', '/a%0ab'],
    ['an encoded delete', '/a%7f'],
    ['a doubly encoded slash', '/a%252fb'],
    ['a doubly encoded dot', '/%252e%252e/x'],
    ['a percent sign encoded before encoded digits', '/a%25%32%66'],
    ['a dot segment', '/a/./b'],
    ['a parent segment', '/a/../b'],
    ['a parent segment at the end', '/a/..'],
    ['a dot segment at the end', '/a/.'],
    ['a parent segment at the start', '/../a'],
    ['an encoded parent segment', '/a/%2e%2e/b'],
    ['a half encoded parent segment', '/a/.%2e/b'],
    ['an encoded dot segment', '/a/%2E'],
    ['an empty segment', '/a//b'],
    ['two slashes at the start', '//a'],
    ['two slashes at the end', '/a//'],
    ['a backslash', '/a\\b'],
    ['a path parameter', '/a;b=1/c'],
    ['a fragment', '/a#b'],
    ['a fragment in the query', '/a?b#c'],
    ['absolute form', 'http://example.com/a'],
    ['asterisk form', '*'],
    ['no leading slash', 'a'],
    ['nothing', ''],
    ['a raw letter beyond ASCII', '/a\u00e9'],
    ['a raw control character', '/a\u0001'],
    ['a blank in the query', '/a?b c'],
    ['a percent sign alone', '/a%'],
    ['a percent sign with one digit', '/a%4'],
    ['a percent sign with no digits', '/a%zz'],
    ['an overlong slash', '/a%c0%af'],
    ['a lone continuation byte', '/a%80'],
    ['an encoded surrogate', '/a%ed%a0%80'],
    ['an angle bracket', '/<a>'],
    ['a brace', '/{a}'],
    ['a quote', '/a"b'],
    ['a caret', '/a^b'],
    ['a pipe', '/a|b'],
  ] as const
  for (const [what, target] of hostile) {
    t.match(read(target), { code: 'wire.target-ambiguous' }, what)
  }
  t.match(readTarget(`/${'a'.repeat(8192)}`, 8192), { code: 'wire.target-too-long' }, 'a target over the limit')
})

t.test('the nearest harmless target passes, in one canonical spelling', async (t) => {
  const harmless = [
    ['/', '/', ''],
    ['/a/b', '/a/b', ''],
    ['/a/b/', '/a/b/', ''],
    ['/a.b/..c/d..', '/a.b/..c/d..', ''],
    ['/...', '/...', ''],
    ['/%61dmin', '/admin', ''],
    ['/a%7Eb', '/a~b', ''],
    ['/a%20b', '/a%20b', ''],
    ['/bob%40example.com', '/bob%40example.com', ''],
    ['/caf%c3%a9', '/caf%C3%A9', ''],
    ['/100%25', '/100%25', ''],
    ['/100%25-off', '/100%25-off', ''],
    ['/a:b@c', '/a:b@c', ''],
    ["/Products('1')/$value", "/Products('1')/$value", ''],
    ['/a?', '/a', ''],
    ['/a?b=%2f..%00', '/a', 'b=%2f..%00'],
    ['/a?b=//;\\"<>', '/a', 'b=//;\\"<>'],
    ['/a?b?c', '/a', 'b?c'],
  ] as const
  for (const [target, path, query] of harmless) t.same(read(target), { path, query }, target)
})

t.test('a header block is read line by line, not as Node folds it', async (t) => {
  const host = ['Host', 'example.com']
  const cases = [
    ['no Host', [], 'wire.host-invalid'],
    ['two Hosts', [...host, 'host', 'evil.example'], 'wire.host-invalid'],
    ['a Host with a path', ['Host', 'example.com/x'], 'wire.host-invalid'],
    ['a Host with user info', ['Host', 'a@example.com'], 'wire.host-invalid'],
    ['an empty Host', ['Host', ''], 'wire.host-invalid'],
    ['a Host with a blank', ['Host', 'a b'], 'wire.host-invalid'],
    ['two Authorizations', [...host, 'Authorization', 'a', 'authorization', 'b'], 'wire.header-repeated'],
    ['two Content-Types', [...host, 'Content-Type', 'a/b', 'Content-Type', 'a/b'], 'wire.header-repeated'],
    ['two Content-Lengths', [...host, 'Content-Length', '1', 'content-length', '1'], 'wire.header-repeated'],
    ['a signed length', [...host, 'Content-Length', '+1'], 'wire.framing'],
    ['a length and chunks', [...host, 'Content-Length', '1', 'Transfer-Encoding', 'chunked'], 'wire.framing'],
    ['an unknown coding', [...host, 'Transfer-Encoding', 'gzip, chunked'], 'wire.framing'],
    ['an odd coding', [...host, 'Transfer-Encoding', 'xchunked'], 'wire.framing'],
    ['an upgrade', [...host, 'Upgrade', 'h2c'], 'wire.upgrade'],
    ['HTTP/2 settings', [...host, 'HTTP2-Settings', 'AAMAAABkAAQAAP__'], 'wire.upgrade'],
    ['an unknown expectation', [...host, 'Expect', '200-ok'], 'wire.expectation'],
    ['more lines than anybody needs', [...host, ...Array(200).fill('x-a')], 'wire.headers-too-large'],
  ] as const
  for (const [what, lines, code] of cases) t.match(readHead(lines, '1.1'), { code }, what)
  t.match(readHead([...host, 'Transfer-Encoding', 'chunked'], '1.0'), { code: 'wire.framing' }, 'chunks in HTTP/1.0')
  t.match(
    readHead([...host, 'Expect', '100-continue'], '1.0'),
    { code: 'wire.expectation' },
    'an expectation in HTTP/1.0',
  )

  t.same(readHead(host, '1.1'), { host: 'example.com', hasBody: false, expectsContinue: false, hasUnderscore: false })
  t.match(readHead(['Host', '[::1]:8080', 'Content-Length', '0'], '1.1'), { host: '[::1]:8080', hasBody: false })
  t.match(readHead([...host, 'Content-Length', '12'], '1.1'), { hasBody: true })
  t.match(readHead([...host, 'Transfer-Encoding', 'Chunked'], '1.1'), { hasBody: true })
  t.match(readHead([...host, 'Expect', '100-Continue', 'Content-Length', '1'], '1.1'), { expectsContinue: true })
  t.match(readHead([...host, 'X_User', 'root'], '1.1'), { hasUnderscore: true })
  t.match(readHead([...host, 'Accept', 'a', 'Accept', 'b', 'Cookie', 'a=1'], '1.1'), { host: 'example.com' })
})

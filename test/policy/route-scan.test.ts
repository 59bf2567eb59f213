import t from 'tap'
import { mayTake, routeKeysOf } from '../../src/policy/route-scan.js'

t.test('routes in plain block style are listed without a parser', (t) => {
  const text =
    '# head\nroutes:\n\n  GET /a/{id}:   # one\n    auth: none\n      # deep\n  # between\n  POST /b: { auth: none }\n  ANY /c/{rest+}:\n    x: 1\n'
  t.same(routeKeysOf(text), ['GET /a/{id}', 'POST /b', 'ANY /c/{rest+}'])
  t.same(routeKeysOf(text.replaceAll('\n', '\r\n')), ['GET /a/{id}', 'POST /b', 'ANY /c/{rest+}'])
  t.end()
})

t.test('whatever else a text may be, it is left to the parser', (t) => {
  const rows = [
    '',
    'upstreams: {}\nroutes:\n  GET /a: {}\n',
    'routes:\n  GET /a: {}\ndefaults: {}\n',
    'routes: { GET /a: {} }\n',
    'routes:\n  "GET /a": {}\n',
    'routes:\n  ? GET /a\n  : {}\n',
    'routes:\n  GET /a: |\n   text\n  other\n',
    'routes:\n    GET /a: {}\n  GET /b: {}\n',
    '  GET /a: {}\n',
    'routes:\n\tGET /a: {}\n',
    '---\nroutes:\n  GET /a: {}\n',
  ]
  for (const text of rows) t.equal(routeKeysOf(text), null, JSON.stringify(text))
  t.end()
})

t.test('a key is passed over only where it can take no such path', (t) => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['GET /a/{id}', '/a/7', true],
    ['GET /a/{id}', '/b/7', false],
    ['POST /a/b', '/a/b', true],
    ['POST /a/b', '/a/b/', true],
    ['POST /a/b/', '/a/b', true],
    ['POST /a/b/', '/a/c', false],
    ['POST /a/b', '/a/b/c/d', false],
    ['ANY /{rest+}', '/x/y/z', true],
    ['ANY /a/{rest+}', '/b/y', false],
    ['GET /a%20b', '/a b', true],
    ['GET /a', '/%61', true],
    ['GET /', '/', true],
    ['GET /{a}', '/', true],
    ['GET /a/{id}', '/a/{id}', true],
  ]
  for (const [key, path, expected] of rows) t.equal(mayTake(key, path), expected, `${key} and ${path}`)
  t.end()
})

import t from 'tap'
import { RouteTable } from '../../src/gateway/route-table.js'
import type { RouteMatch } from '../../src/plan/plan.js'

function match(id: string): RouteMatch {
  const [method = '', path = ''] = id.split(' ')
  const segments = path
    .slice(1)
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      segment.endsWith('+}')
        ? { rest: segment.slice(1, -2) }
        : segment.startsWith('{')
          ? { param: segment.slice(1, -1) }
          : { literal: segment },
    )
  return { method, segments }
}

function table(...ids: string[]): RouteTable<string> {
  const routes = new RouteTable<string>()
  for (const id of ids) routes.add(match(id), id)
  return routes
}

const shop = [
  'GET /',
  'GET /items',
  'GET /items/{id}',
  'GET /items/new',
  'ANY /items/{id}',
  'POST /items/{id}/tags/{tag}',
  'ANY /files/{rest+}',
  'GET /files/index',
]

t.test('the most specific route wins, whatever the order of declaration', async (t) => {
  for (const ids of [shop, shop.toReversed()]) {
    const routes = table(...ids)
    const cases = [
      ['GET', '/', 'GET /', {}],
      ['GET', '/items', 'GET /items', {}],
      ['GET', '/items/7', 'GET /items/{id}', { id: '7' }],
      ['GET', '/items/new', 'GET /items/new', {}],
      ['PUT', '/items/new', 'ANY /items/{id}', { id: 'new' }],
      ['DELETE', '/items/7', 'ANY /items/{id}', { id: '7' }],
      ['HEAD', '/items', 'GET /items', {}],
      ['HEAD', '/items/7', 'GET /items/{id}', { id: '7' }],
      ['POST', '/items/7/tags/red', 'POST /items/{id}/tags/{tag}', { id: '7', tag: 'red' }],
      ['GET', '/files/index', 'GET /files/index', {}],
      ['PUT', '/files/index', 'ANY /files/{rest+}', { rest: 'index' }],
      ['GET', '/files/a/b/c', 'ANY /files/{rest+}', { rest: 'a/b/c' }],
      ['GET', '/items/a%20b', 'GET /items/{id}', { id: 'a%20b' }],
    ] as const
    for (const [method, path, route, params] of cases) {
      t.match(routes.find(method, path), { route, params }, `${method} ${path}`)
    }
  }
})

t.test('a literal path goes before a parameter even where only ANY takes it', async (t) => {
  t.match(table('GET /a/{x}', 'ANY /a/b').find('GET', '/a/b'), { route: 'ANY /a/b' })
})

t.test('an unknown path is told from a wrong method', async (t) => {
  const routes = table(...shop)
  t.equal(routes.find('GET', '/nowhere'), null)
  t.equal(routes.find('GET', '/files'), null, 'a rest takes one segment at least')
  t.same(routes.find('POST', '/items'), { allowed: ['GET', 'HEAD'] })
  t.same(routes.find('GET', '/items/7/tags/red'), { allowed: ['POST'] })
})

t.test('a trailing slash does not walk around a stricter route', async (t) => {
  const routes = table('GET /admin', 'GET /{rest+}', 'GET /slash/')
  t.equal(routes.find('GET', '/admin/'), null, 'many functions read /admin/ as /admin')
  t.match(routes.find('GET', '/public/'), { route: 'GET /{rest+}', params: { rest: 'public/' } })
  t.equal(table('GET /a/{id}').find('GET', '/a/'), null, 'a parameter is never empty')
})

t.test('an encoded sub-delimiter does not walk around a literal', async (t) => {
  const routes = table('GET /$metadata', 'GET /{rest+}')
  t.match(routes.find('GET', '/%24metadata'), { route: 'GET /$metadata' })
  t.match(routes.find('GET', '/%40metadata'), { route: 'GET /{rest+}' })
})

t.test('ten thousand routes are found as they are declared', async (t) => {
  const routes = new RouteTable<number>()
  for (let i = 0; i < 10_000; i++) routes.add(match(`GET /g${i % 100}/r${i}/{id}`), i)
  for (let i = 0; i < 10_000; i += 997) {
    t.match(routes.find('GET', `/g${i % 100}/r${i}/x`), { route: i, params: { id: 'x' } })
  }
})

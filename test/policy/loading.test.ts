import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { loadPolicy, policyLoader } from '../../src/policy/load.js'
import { renderProblems } from '../../src/policy/render.js'
import { writeFolder } from './folder.js'

const planted = 'p1anted-s3cret-value-that-nobody-may-see'
const policy = {
  'gateway.yaml': 'secrets: { key: { file: ./key.txt } }\n',
  'key.txt': `${planted}\n`,
  'shared.yaml': `upstreams:
  fn: { url: "http://127.0.0.1:9000", auth: { header: { name: x-key, value: "Key \${secret:key}" } } }
issuers:
  main: { issuer: "https://id.example.com/", audience: orders-api }
`,
  'orders.yaml': `routes:
  GET /orders/{id}:
    upstream: fn
    auth: { jwt: main, scopes: [orders:read] }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: 10, window: 1m } }
`,
}

t.test('the first load and the worker give the same frozen plan, secrets and files', async (t) => {
  const folder = writeFolder(t, policy)
  const loader = policyLoader()
  t.teardown(() => loader.close())
  const first = await loadPolicy(folder)
  const again = await loader.load(folder)
  t.same(first.problems, [])
  t.same(again.plan, JSON.parse(JSON.stringify(first.plan)))
  t.equal(again.plan?.fingerprint, first.plan?.fingerprint)
  t.match(first.plan?.fingerprint, /^[0-9a-f]{64}$/)
  t.same(again.files, first.files)
  t.same(
    first.files.map(({ path }) => path),
    ['gateway.yaml', 'orders.yaml', 'shared.yaml'],
  )
  t.equal(again.secrets.get('key')?.reveal(), planted)
  for (const { plan } of [first, again]) {
    t.ok(Object.isFrozen(plan) && Object.isFrozen(plan?.routes[0]?.steps) && Object.isFrozen(plan?.upstreams))
  }
})

t.test('a worker reloads what was saved, refuses what is broken, and goes on', async (t) => {
  const folder = writeFolder(t, policy)
  const loader = policyLoader()
  t.teardown(() => loader.close())
  const before = await loader.load(folder)
  writeFileSync(join(folder, 'orders.yaml'), policy['orders.yaml'].replace('quota: 10', 'quota: 20'))
  const changed = await loader.load(folder)
  writeFileSync(join(folder, 'orders.yaml'), 'routes:\n  GET /x: [')
  const broken = await loader.load(folder)
  const brokenAgain = await loader.load(folder)
  writeFileSync(join(folder, 'orders.yaml'), `# a comment moves every line\n${policy['orders.yaml']}`)
  const mended = await loader.load(folder)

  t.not(changed.plan?.fingerprint, before.plan?.fingerprint)
  t.equal(broken.plan, null)
  t.equal(broken.problems[0]?.code, 'policy.yaml-broken')
  t.same(brokenAgain.problems, broken.problems, 'a text that has not changed still has its problem')
  t.equal(mended.plan?.fingerprint, before.plan?.fingerprint, 'a comment changes no fingerprint')
  t.equal(mended.plan?.routes[0]?.declaredAt.line, 3, 'but the places are the new ones')
})

t.test('loads that overlap are answered in order, each with its own folder', async (t) => {
  const loader = policyLoader()
  t.teardown(() => loader.close())
  const names = ['a', 'b', 'c']
  const files = (name: string) => ({
    ...policy,
    'orders.yaml': policy['orders.yaml'].replace('/orders', `/${name}`),
  })
  const root = t.testdir(Object.fromEntries(names.map((name) => [name, files(name)])))
  const loaded = await Promise.all(names.map((name) => loader.load(join(root, name))))
  t.same(
    loaded.map(({ plan }) => plan?.routes[0]?.id),
    ['GET /a/{id}', 'GET /b/{id}', 'GET /c/{id}'],
  )
})

t.test('many routes cross from the worker in portions and arrive whole', async (t) => {
  const routes = Array.from(
    { length: 1_234 },
    (_, i) => `  GET /r${i}/{id}:\n    upstream: fn\n    auth: { jwt: main }\n`,
  )
  const folder = writeFolder(t, { ...policy, 'orders.yaml': `routes:\n${routes.join('')}` })
  const loader = policyLoader()
  t.teardown(() => loader.close())
  const { plan, problems } = await loader.load(folder)
  t.same(problems, [])
  t.equal(plan?.routes.length, 1_234)
  t.equal(plan?.routes.at(-1)?.id, 'GET /r1233/{id}')
})

t.test('a closed loader starts anew when it is asked again', async (t) => {
  const folder = writeFolder(t, policy)
  const loader = policyLoader()
  t.teardown(() => loader.close())
  await loader.load(folder)
  await loader.close()
  t.equal((await loader.load(folder)).plan?.routes.length, 1)
})

t.test('a loader that ends in the middle of a load refuses it, and the next one works', async (t) => {
  const folder = writeFolder(t, policy)
  const loader = policyLoader()
  t.teardown(() => loader.close())
  const cut = loader.load(folder)
  await Promise.resolve()
  await loader.close()
  const { plan, problems } = await cut
  t.equal(plan, null)
  t.same(
    problems.map(({ code }) => code),
    ['policy.loader-failed'],
  )
  t.equal((await loader.load(folder)).plan?.routes.length, 1)
})

t.test('a secret is in no plan, no problem and no print of what was loaded', async (t) => {
  process.env['POSTERN_TEST_PLANTED'] = planted
  t.teardown(() => delete process.env['POSTERN_TEST_PLANTED'])
  const cases = {
    sound: policy,
    'from the environment': { ...policy, 'gateway.yaml': 'secrets: { key: { env: POSTERN_TEST_PLANTED } }\n' },
    'too short for its algorithm': {
      ...policy,
      'more.yaml':
        'issuers:\n  h: { issuer: "https://h.example", audience: a, algorithms: [HS512], secret: "${secret:key}" }\n',
    },
    misplaced: { ...policy, 'orders.yaml': policy['orders.yaml'].replace('orders:read', '"${secret:key}"') },
    'in a header that is refused': { ...policy, 'shared.yaml': policy['shared.yaml'].replace('x-key', 'host') },
  }
  for (const [name, files] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const loaded = await loadPolicy(writeFolder(t, files))
      const printed = [
        JSON.stringify(loaded),
        JSON.stringify([...loaded.secrets]),
        inspect(loaded, { depth: 20, showHidden: true }),
        renderProblems(loaded.problems),
        String(loaded.secrets.get('key')),
      ].join('\n')
      t.equal(loaded.secrets.get('key')?.reveal(), planted)
      t.notOk(printed.includes(planted))
    })
  }
})

t.test('flags and the demo point elsewhere before anything is judged', async (t) => {
  const folder = writeFolder(t, {
    'shared.yaml': `upstreams:
  fn: { url: "https://abc.lambda-url.eu-west-1.on.aws" }
issuers:
  main: { issuer: "http://id.example.com/", audience: orders-api }
`,
    'orders.yaml': 'routes:\n  GET /a: { upstream: fn, auth: { jwt: main } }\n',
  })
  const refused = await loadPolicy(folder)
  const { plan, problems } = await loadPolicy(folder, {
    listen: '127.0.0.1:0',
    adminListen: '[::1]:0',
    overrides: {
      upstreams: { fn: 'http://127.0.0.1:9999/base/', unused: 'http://127.0.0.1:1' },
      issuers: { main: { issuer: 'http://127.0.0.1:8091', jwksUri: 'http://127.0.0.1:8091/jwks' } },
    },
  })
  t.same(
    refused.problems.map(({ code }) => code),
    ['upstream.auth-missing', 'issuer.url-insecure'],
  )
  t.same(problems, [])
  t.match(plan?.upstreams['fn'], { origin: 'http://127.0.0.1:9999', basePath: '/base', auth: { kind: 'none' } })
  t.match(plan?.issuers['main'], { issuer: 'http://127.0.0.1:8091', keys: { kind: 'jwksUri' } })
  t.same(plan?.gateway.listeners.public, { host: '127.0.0.1', port: 0, tls: null })
  t.match(plan?.gateway.listeners.admin, { host: '::1', port: 0 })
  const bad = await loadPolicy(folder, { listen: 'nowhere' })
  t.ok(bad.problems.some(({ code, place }) => code === 'gateway.address-unreadable' && place.file === '(--listen)'))
})

t.test('10,000 routes load whole', async (t) => {
  const folder = writeFolder(t, {
    'shared.yaml': policy['shared.yaml'],
    'gateway.yaml': policy['gateway.yaml'],
    'key.txt': planted,
    'schemas/order.json':
      '{"type":"object","additionalProperties":false,"properties":{"sku":{"type":"string","maxLength":20}}}',
  })
  mkdirSync(join(folder, 'routes'))
  for (let file = 0; file < 100; file++) {
    const routes = Array.from(
      { length: 100 },
      (_, i) => `  POST /g${file}/orders${i}/{id}:
    upstream: fn
    auth: { jwt: main, scopes: [orders:write] }
    request:
      path: { id: { type: string, pattern: "^[a-z0-9-]{1,40}$" } }
      body: ../schemas/order.json
    rateLimit:
      per-client: { partitionKey: jwt.sub, quota: 10, window: 1m }
`,
    )
    writeFileSync(join(folder, 'routes', `r${file}.yaml`), `routes:\n${routes.join('')}`)
  }
  const { plan, problems, milliseconds } = await loadPolicy(folder)
  t.same(problems, [])
  t.equal(plan?.routes.length, 10_000)
  t.ok(Object.keys(plan?.schemas ?? {}).length < 10, 'equal schemas are one')
  // Printed, not judged: the machine may be busy. bench/start.ts judges.
  t.comment(`10,000 routes in ${Math.round(milliseconds)} ms`)
})

t.test('a reload resolves again what changed and takes over the rest, with every consequence', async (t) => {
  const route = (name: string, more = ''): string =>
    `routes:\n  POST /${name}:\n    upstream: fn\n    auth: { jwt: main }\n    request: { body: ./schema.json }\n${more}`
  const schema = (most: number): string =>
    JSON.stringify({ type: 'object', properties: { n: { type: 'integer', maximum: most } } })
  const limit = (quota: number): string => `rateLimits:\n  plan: { partitionKey: ip, quota: ${quota}, window: 1m }\n`
  const files = {
    ...policy,
    'limits.yaml': limit(5),
    'schema.json': schema(1),
    'a.yaml': route('a'),
    'b.yaml': route('b', '    rateLimit: { plan: plan }\n'),
    'team/_defaults.yaml': 'timeout: { total: 5s }\n',
    'team/c.yaml': route('c').replace('./schema', '../schema'),
  }
  const folder = writeFolder(t, files)
  const loader = policyLoader()
  t.teardown(() => loader.close())
  /** Saves, reloads, and says which routes are other objects than before; the whole must be what a first load gives. */
  let before = (await loader.load(folder)).plan
  const reload = async (changes: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(changes)) writeFileSync(join(folder, name), text)
    const { plan, problems } = await loader.load(folder)
    const fresh = await loadPolicy(folder)
    t.same(plan, JSON.parse(JSON.stringify(fresh.plan)))
    t.same(problems, fresh.problems)
    if (plan === null) return null
    const changed = plan.routes.filter((each) => before?.routes.includes(each) !== true).map(({ id }) => id)
    before = plan
    return changed
  }
  t.same(await reload({}), [])
  t.same(await reload({ 'a.yaml': `# a line more\n${files['a.yaml']}` }), ['POST /a'])
  t.same(await reload({ 'team/_defaults.yaml': 'timeout: { total: 6s }\n' }), ['POST /c'])
  t.same(await reload({ 'limits.yaml': limit(6) }), ['POST /b'])
  t.same(await reload({ 'schema.json': schema(2) }), ['POST /a', 'POST /b', 'POST /c'])
  t.same(await reload({ 'schema.json': '{ "type": "objekt" }' }), null, 'a file that several routes name breaks')
  t.same(await reload({ 'a.yaml': files['a.yaml'].replace('main', 'mian') }), null, 'and one that names it, too')
  t.same(await reload({ 'a.yaml': files['a.yaml'] }), null, 'mended alone, the set is still refused')
  t.same(await reload({ 'schema.json': schema(2) }), ['POST /a'], 'mended both, all but the moved line is as it was')
  t.same(
    await reload({ 'shared.yaml': policy['shared.yaml'].replace('9000', '9001') }),
    [],
    'no route says where a function is',
  )
  t.same(await reload({ 'b.yaml': files['b.yaml'].replace('POST /b', 'POST /a') }), null, 'two routes collide')
  t.same(await reload({ 'b.yaml': files['b.yaml'] }), [])
})

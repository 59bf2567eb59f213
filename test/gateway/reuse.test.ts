import t from 'tap'
import { startGateway } from '../support/gateway.js'
import { startUpstream } from '../support/upstream.js'

const policy = (url: string, { quota = 10, above = '', note = 'a' } = {}): string => `${above}
upstreams: { fn: { url: "${url}" } }
routes:
  GET /a:
    upstream: fn
    auth: none
    reason: a test of what a reload keeps
    rateLimit: { per-ip: { partitionKey: ip, quota: ${quota}, window: 1m } }
  POST /b:
    upstream: fn
    auth: none
    reason: a test of what a reload keeps
    forward: { headers: { set: { x-note: ${note} } } }
    request: { body: { type: object, additionalProperties: false, properties: { n: { type: integer } } } }
`

t.test('a reload keeps the compiled steps of routes that did not change, and of no other', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, policy(upstream.url))
  await gateway.get('/a')
  await gateway.post('/b', { n: 1 })

  t.same(await gateway.reload(policy(upstream.url, { note: 'b' })), { reused: 1 })
  await gateway.post('/b', { n: 1 })
  t.equal(upstream.requests.at(-1)?.headers['x-note'], 'b', 'the changed route does what it now says')
  t.equal((await gateway.post('/b', { n: 'x' })).status, 400)
  t.equal((await gateway.get('/a')).status, 200)

  t.same(await gateway.reload(policy(upstream.url, { note: 'b', quota: 1 })), { reused: 1 })
  t.equal((await gateway.get('/a')).status, 429, 'a limit that became smaller holds at once')
})

t.test('a line more above a route changes the lines that its denials name', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, policy(upstream.url))
  await gateway.post('/b', { n: 'x' })
  const line = gateway.lastRecord().steps.at(-1)?.declaredAt.line ?? 0
  t.same(await gateway.reload(policy(upstream.url, { above: '# one line more\n' })), { reused: 0 })
  await gateway.post('/b', { n: 'x' })
  t.equal(gateway.lastRecord().steps.at(-1)?.declaredAt.line, line + 1)
})

t.test('what routes share takes effect everywhere: nothing compiled for the old one is kept', async (t) => {
  const [before, after] = [await startUpstream(t), await startUpstream(t)]
  const gateway = await startGateway(t, policy(before.url))
  await gateway.get('/a')
  t.same(await gateway.reload(policy(after.url)), { reused: 0 })
  await gateway.get('/a')
  t.equal(before.requests.length, 1)
  t.equal(after.requests.length, 1)
  // And what was handed on more than once still works when its first owners have gone.
  for (const note of ['b', 'c', 'd']) t.same(await gateway.reload(policy(after.url, { note })), { reused: 1 })
  t.equal((await gateway.get('/a')).status, 200)
})

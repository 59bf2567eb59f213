import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createFaults } from '../../src/cli/faults.js'
import { registerState } from '../../src/cli/gateway-metrics.js'
import { createMetrics } from '../../src/record/metrics.js'
import { Counters } from '../../src/state/counters.js'
import { createState } from '../../src/state/state.js'
import { watched } from '../cli/command-line.js'
import { type Exposition, parseExposition } from '../support/exposition.js'
import { send } from '../support/http.js'
import { makeKey, startIssuer } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

/** Something to serve; nobody calls it. */
const routes = `
upstreams: { fn: { url: "http://127.0.0.1:9" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of operating }
`

async function run(t: { teardown(done: () => void): void }, folder: string) {
  const running = watched(t, ['run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '0.0.0.0:0'])
  const event = async (name: string, from = running.out().length): Promise<Record<string, unknown>> => {
    const [line] = await running.until(new RegExp(`^.*"event":"${name}".*$`, 'm'), from)
    return JSON.parse(line) as Record<string, unknown> // a log line is an object
  }
  const started = await event('started', 0)
  const admin = String(started['admin']).replace('0.0.0.0', '127.0.0.1')
  const metrics = async (): Promise<Exposition> => parseExposition((await send(admin, 'GET', '/metrics')).text)
  const ready = async () => (await send(admin, 'GET', '/readyz')).json ?? {}
  return { ...running, event, gateway: String(started['gateway']), admin, metrics, ready }
}

t.test('what waits for a restart is said once, shown until then, and forgotten when it is taken back', async (t) => {
  const folder = t.testdir({ 'gateway.yaml': 'version: 1\n', 'routes.yaml': routes })
  const served = await run(t, folder)
  t.match(await served.ready(), { restartNeeded: [] })
  const save = async (text: string): Promise<string> => {
    const from = served.out().length
    writeFileSync(join(folder, 'gateway.yaml'), text)
    await served.event('reloaded', from)
    await send(served.admin, 'GET', '/livez')
    return served.out().slice(from)
  }
  await save('version: 1\nlimits: { headerBytes: 8KiB }\n')
  t.same((await served.event('restart-needed', 0))['keys'], ['limits'])
  t.match(await served.ready(), { ready: true, restartNeeded: ['limits'] })
  t.equal((await served.metrics()).value('postern_restart_needed'), 1)

  const more = 'version: 1\nlimits: { headerBytes: 8KiB }\naddressLimit: { quota: 1000, window: 1m }\n'
  await save(more)
  t.match(await served.ready(), { restartNeeded: ['limits'] }, 'a later save of something else leaves it waiting')
  await save('version: 1\n')
  t.match(await served.ready(), { restartNeeded: [] })
  t.equal((await served.metrics()).value('postern_restart_needed'), 0)
  served.child.kill('SIGTERM')
  t.equal(await served.ended, 0)
  t.equal(served.out().match(/"restart-needed"/g)?.length, 1)
})

t.test('a new admin token counts from the reload on, and the old one no longer', async (t) => {
  const folder = t.testdir({ token: 'first-token', policies: { 'routes.yaml': routes } })
  const token = join(folder, 'token')
  const policies = join(folder, 'policies')
  writeFileSync(
    join(policies, 'gateway.yaml'),
    `version: 1
secrets: { admin: { file: "${token}" } }
listeners: { admin: { address: "0.0.0.0:0", token: "\${secret:admin}" } }
`,
  )
  const served = await run(t, policies)
  const ask = async (bearer: string): Promise<number> =>
    (
      await send(served.admin, 'GET', '/records/01JD3ZK8M5Q9X2V7B4N6T1R0WS', {
        headers: { authorization: `Bearer ${bearer}` },
      })
    ).status
  t.same([await ask('first-token'), await ask('second-token')], [404, 401])
  writeFileSync(token, 'second-token')
  const from = served.out().length
  served.child.kill('SIGHUP')
  await served.event('secrets-renewed', from)
  t.same([await ask('first-token'), await ask('second-token')], [401, 404])
  t.match(await served.ready(), { restartNeeded: [] })
})

t.test('an issuer that fails and comes back shows in the metrics, and so do the limits', async (t) => {
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  let down = true
  issuer.answer = (_request, response) => {
    if (down) response.writeHead(500).end()
    return down
  }
  const folder = t.testdir({
    'routes.yaml': `
issuers:
  main: { issuer: "${issuer.url}", audience: orders-api, keySet: { cooldown: 1s, timeout: 20s } }
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  GET /a:
    upstream: fn
    auth: { jwt: main }
    rateLimit: { per-ip: { partitionKey: ip, quota: 5, window: 1m } }
`,
  })
  const served = await run(t, folder)
  const headers = { authorization: `Bearer ${await issuer.mint(Date.now())}` }
  t.equal((await send(served.gateway, 'GET', '/a', { headers })).status, 503)
  const main = { issuer: 'main' }
  let shown = await served.metrics()
  t.equal(shown.value('postern_key_set_failing', main), 1)
  t.equal(shown.value('postern_key_set_keys', main), 0)
  t.equal(shown.series.filter(({ name }) => name === 'postern_key_set_age_seconds').length, 0, 'no keys, no age')
  t.ok(shown.value('postern_key_set_fetches_total', { ...main, result: 'failed' }) >= 1)

  down = false
  await served.event('key-set","issuer":"main","level":"info', 0)
  t.equal((await send(served.gateway, 'GET', '/a', { headers })).status, 200)
  shown = await served.metrics()
  t.equal(shown.value('postern_key_set_failing', main), 0)
  t.equal(shown.value('postern_key_set_keys', main), issuer.keys.length)
  t.ok(shown.value('postern_key_set_age_seconds', main) >= 0)
  t.equal(shown.value('postern_verified_tokens'), 1)
  const [limit] = shown.series.filter(({ name }) => name === 'postern_limit_keys')
  t.match(limit, { labels: { limit: /per-ip/ }, value: 1 })
  t.equal(shown.value('postern_reload_refused'), 0)
  t.equal(shown.value('postern_faults_total'), 0)
})

t.test('a function that fails shows in the metrics, and its breaker is told when it opens and closes', async (t) => {
  const upstream = await startUpstream(t)
  let status = 503
  upstream.answer = (_request, response) => void response.writeHead(status).end()
  const folder = t.testdir({
    'routes.yaml': `
upstreams:
  fn:
    url: "${upstream.url}"
    capacity: { concurrency: 7 }
    breaker: { minimumCalls: 3, openFor: 100ms, probes: 1 }
  dead: { url: "http://127.0.0.1:9" }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of operating }
  GET /dead: { upstream: dead, auth: none, reason: a test of operating, forward: { retry: { attempts: 2 } } }
`,
  })
  const served = await run(t, folder)
  const ask = async (path: string) => (await send(served.gateway, 'GET', path)).status
  for (let i = 0; i < 3; i++) await ask('/a')
  t.match(await served.event('breaker', 0), { upstream: 'fn', state: 'open', level: 'warn' })
  const from = served.out().length
  await ask('/a')
  t.equal(await ask('/dead'), 502)
  const open = await served.metrics()
  const fn = { upstream: 'fn' }
  t.equal(open.value('postern_breaker_state', fn), 2)
  t.equal(open.value('postern_breaker_opened_total', fn), 1)
  t.equal(open.value('postern_upstream_capacity', fn), 7)
  t.equal(open.value('postern_upstream_in_flight', fn), 0)
  t.ok(open.value('postern_upstream_refused_total', { ...fn, reason: 'breaker-open' }) >= 1)
  t.equal(open.value('postern_upstream_refused_total', { ...fn, reason: 'at-capacity' }), 0)
  t.equal(open.value('postern_upstream_retries_total', { upstream: 'dead', result: 'sent' }), 1)
  t.same(
    open.series.filter(({ name }) => name.startsWith('postern_breaker')).map(({ labels }) => labels['upstream']),
    ['fn', 'fn'],
    'a function without a breaker has no series of one',
  )
  status = 200
  while ((await ask('/a')) !== 200) await new Promise((resolve) => setImmediate(resolve))
  t.match(JSON.parse((await served.until(/^.*"state":"closed".*$/m, from))[0]), { event: 'breaker', upstream: 'fn' })
  t.equal((await served.metrics()).value('postern_breaker_state', fn), 0)
})

t.test('a limit whose table is full says so, and many limits stay a bounded number of series', async (t) => {
  const counters = new Counters({ now: () => 0, monotonic: () => 0, seed: Buffer.alloc(8), maxKeys: 1 })
  const spec = {
    algorithm: 'sliding-window',
    quota: 1,
    windowMs: 60_000,
    calendar: null,
    burst: null,
    cost: 1,
  } as const
  for (let i = 0; i < 600; i++) {
    const group = counters.open([{ ...spec, bucket: `route ${i}` }])
    group.take(['a'], [1])
    if (i === 0) for (let j = 0; j < 50; j++) group.take([`b${j}`], [1])
  }
  const metrics = createMetrics()
  const state = createState({ now: () => 0, monotonic: () => 0 })
  t.teardown(() => state.close())
  registerState(metrics, { ...state, counters })
  const shown = parseExposition(await metrics.text())
  t.ok(shown.value('postern_limit_overflowed_total', { limit: 'route 0' }) > 0)
  t.equal(shown.value('postern_limit_overflowed_total', { limit: 'route 1' }), 0)
  t.equal(shown.series.filter(({ name }) => name === 'postern_limit_keys').length, 501)
  t.equal(shown.value('postern_limit_keys', { limit: 'other' }), 100)
})

t.test('a fault that every request meets is counted each time and said once a minute', async (t) => {
  const metrics = createMetrics()
  const said: unknown[] = []
  let now = 0
  const fault = createFaults(
    metrics,
    (event) => said.push(event),
    () => now,
  )
  for (let i = 0; i < 3; i++) fault(new Error('a reader broke'))
  t.same(said, [{ event: 'fault', message: 'a reader broke', times: 1 }])
  now = 60_000
  fault('x'.repeat(10_000))
  t.match(said[1], { times: 3, message: /^x{500}$/ })
  t.equal(parseExposition(await metrics.text()).value('postern_faults_total'), 4)
})

import t from 'tap'
import { tryCanary } from '../../src/gateway/canary.js'
import { type CanaryNotice, createCanaryWatch } from '../../src/gateway/canary-watch.js'
import type { CanaryPlan, Plan, UpstreamPlan } from '../../src/plan/plan.js'
import { Pools } from '../../src/state/pools.js'
import { createAwsAccount, startSignedFunction } from '../support/cloud-endpoints.js'
import { startUpstream } from '../support/upstream.js'

const sigv4: UpstreamPlan['auth'] = { kind: 'aws-sigv4', region: 'eu-west-1', service: 'lambda' }
const header: UpstreamPlan['auth'] = { kind: 'header', headers: [{ name: 'x-key', value: ['s'] }] }
const everyMinute: CanaryPlan = { everyMs: 60_000, method: 'HEAD', path: '/' }

function upstreamAt(origin: string, changed: Partial<UpstreamPlan> = {}): UpstreamPlan {
  return {
    name: 'fn',
    origin,
    basePath: '',
    auth: sigv4,
    reservedConcurrency: null,
    tls: null,
    concurrency: 100,
    breaker: null,
    platform: 'aws-lambda',
    declaredAt: { file: 'shared.yaml', line: 2, column: 3 },
    ...changed,
  }
}

function openPools(t: { teardown(done: () => Promise<void>): void }): Pools {
  const pools = new Pools()
  t.teardown(() => pools.close())
  return pools
}

t.test('a private function URL is closed, and shows no signature of ours', async (t) => {
  const fn = await startSignedFunction(t, createAwsAccount())
  const pools = openPools(t)
  t.match(await tryCanary(upstreamAt(fn.url), pools), { verdict: 'closed', status: 403 })
  t.match(fn.requests, [{ method: 'HEAD', url: '/' }], 'one call, of a kind that changes nothing')
  t.equal(fn.requests[0]?.headers.authorization, undefined)
})

t.test('what the answers of functions and of their guards mean', async (t) => {
  const fn = await startUpstream(t)
  const pools = openPools(t)
  let status = 200
  let headers: Record<string, string> = {}
  fn.answer = (_request, response) => {
    response.writeHead(status, headers)
    response.end()
  }
  const google = { auth: { kind: 'google-id-token', audience: 'a' }, platform: 'google-cloud-run' } as const
  const azure = { auth: header, platform: 'azure-functions' } as const
  const custom = { auth: header } as const
  const login = { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login' }
  const rows: readonly (readonly [number, Partial<UpstreamPlan>, string, Record<string, string>?])[] = [
    [200, {}, 'open'],
    [404, {}, 'open'],
    [405, {}, 'open'],
    [404, {}, 'unclear', { 'x-amzn-errortype': 'ResourceNotFoundException' }],
    [403, {}, 'closed'],
    [502, {}, 'unclear'],
    [429, {}, 'unclear'],
    [200, google, 'open'],
    [403, google, 'closed'],
    [404, google, 'unclear'],
    [200, azure, 'unclear'],
    [200, { ...azure, canary: { ...everyMinute, path: '/api/orders' } }, 'open'],
    [401, azure, 'closed'],
    [200, custom, 'open'],
    [404, custom, 'unclear'],
    [302, custom, 'closed', login],
    [302, custom, 'unclear', { location: '/home' }],
  ]
  for (const [given, changed, verdict, sent = {}] of rows) {
    status = given
    headers = sent
    const result = await tryCanary(upstreamAt(fn.url, changed), pools)
    t.equal(result.verdict, verdict, `${given} of ${changed.platform ?? 'aws'} ${changed.auth?.kind ?? 'sigv4'}`)
  }
  await fn.stop()
  t.match(await tryCanary(upstreamAt(fn.url), pools), { verdict: 'unclear', status: null })
})

t.test('one open answer is no alarm: it must be there twice', async (t) => {
  const fn = await startUpstream(t)
  let calls = 0
  fn.answer = (_request, response) => {
    response.writeHead(calls++ === 0 ? 200 : 403)
    response.end()
  }
  t.match(await tryCanary(upstreamAt(fn.url), openPools(t)), { verdict: 'closed' })
  t.equal(calls, 2)
})

/** A watch whose time passes when the test says so. */
function ledWatch(t: { teardown(done: () => Promise<void>): void }) {
  const due: { work: () => void; at: number; off: boolean }[] = []
  const notices: CanaryNotice[] = []
  let now = 0
  const pools = openPools(t)
  const watch = createCanaryWatch({
    pools,
    notify: (notice) => notices.push(notice),
    random: () => 1,
    schedule: (work, ms) => {
      const entry = { work, at: now + ms, off: false }
      due.push(entry)
      return () => {
        entry.off = true
      }
    },
  })
  return {
    watch,
    notices,
    due,
    /** Lets time pass, and waits for what it starts. */
    async pass(ms: number, isDone: () => boolean) {
      now += ms
      for (const entry of due.splice(0)) {
        if (entry.off) continue
        if (entry.at > now) due.push(entry)
        else entry.work()
      }
      while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function planOf(...upstreams: readonly UpstreamPlan[]): Plan {
  // The watch reads the upstreams of a plan and nothing else.
  return { upstreams: Object.fromEntries(upstreams.map((each) => [each.name, each])) } as unknown as Plan
}

t.test(
  'the background canary tells of an open function within one interval, once, and when it is closed',
  async (t) => {
    const account = createAwsAccount()
    const fn = await startSignedFunction(t, account)
    const { watch, notices, due, pass } = ledWatch(t)
    const checks = () => Object.values(watch.stats()[0]?.checks ?? {}).reduce((sum, each) => sum + each, 0)
    const plan = planOf(upstreamAt(fn.url, { canary: everyMinute }))
    watch.watch(plan)
    await pass(10_000, () => checks() === 1)
    t.same(notices, [], 'a private one is no news')
    for (let i = 2; i <= 20; i++) await pass(60_000, () => checks() === i)
    t.same(notices, [], 'and none after twenty looks')

    const judged = fn.answer
    fn.answer = (_request, response) => response.end('hello')
    await pass(60_000, () => checks() === 21)
    t.match(notices, [{ upstream: 'fn', level: 'warn', verdict: 'open', message: /walks around the gateway/ }])
    t.match(watch.stats(), [{ verdict: 'open' }])
    await pass(60_000, () => checks() === 22)
    t.equal(notices.length, 1, 'said once')

    fn.answer = judged
    await pass(60_000, () => checks() === 23)
    t.match(notices.at(-1), { level: 'info', verdict: 'closed' })

    watch.watch(plan)
    t.equal(due.filter(({ off }) => !off).length, 1, 'a reload that changes nothing starts nothing anew')
    watch.watch(planOf(upstreamAt(fn.url)))
    t.equal(due.filter(({ off }) => !off).length, 0, 'one that takes it away ends it')
    watch.close()
  },
)

t.test('a canary that looks once looks once', async (t) => {
  const fn = await startUpstream(t)
  const { watch, notices, due, pass } = ledWatch(t)
  watch.watch(planOf(upstreamAt(fn.url, { canary: { ...everyMinute, everyMs: null, method: 'OPTIONS' } })))
  await pass(10_000, () => watch.stats().length === 1)
  t.match(notices, [{ verdict: 'open' }])
  t.equal(due.length, 0)
  t.equal(fn.requests[0]?.method, 'OPTIONS')
})

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Call } from '../../src/cli/loadtest/call.js'
import type { Caller } from '../../src/cli/loadtest/callers.js'
import { startOwnGateways } from '../../src/cli/loadtest/own-gateway.js'
import { valueFor } from '../../src/cli/loadtest/sample.js'
import { type Shape, schedule, shapes } from '../../src/cli/loadtest/shapes.js'
import type { TestedLimit } from '../../src/cli/loadtest/tested-limit.js'
import { judgeRun, type Verdict } from '../../src/cli/loadtest/verdict.js'
import { postern } from './command-line.js'

const limit = (over: Partial<TestedLimit>): TestedLimit => ({
  name: 'per-client',
  declaredAt: { file: 'orders.yaml', line: 4, column: 7 },
  algorithm: 'sliding-window',
  windowMs: 1_000,
  calendar: null,
  burst: 100,
  quota: 100,
  cost: 1,
  countsBy: 'jwt.sub',
  keyOf: ({ client }) => client,
  ...over,
})

const callers: readonly Caller[] = ['loud', 'quiet', 'first'].map((name) => ({
  name,
  address: '',
  client: name,
  claims: {},
  headers: {},
}))

/** Numbers below one, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0
    return ((state ^ (state >>> 12)) >>> 0) / 2 ** 32
  }
}

/** Whether a call at this time is let through; the real limiter of a simulated gateway. */
type Limiter = (key: string, at: number) => boolean

function log(quota: number, windowMs: number): Limiter {
  const logs = new Map<string, number[]>()
  return (key, at) => {
    const mine = (logs.get(key) ?? []).filter((each) => each > at - windowMs)
    const passes = mine.length < quota
    logs.set(key, passes ? [...mine, at] : mine)
    return passes
  }
}

function bucket(perSecond: number, burst: number): Limiter {
  const levels = new Map<string, { tokens: number; at: number }>()
  return (key, at) => {
    const { tokens, at: before } = levels.get(key) ?? { tokens: burst, at }
    const now = Math.min(burst, tokens + ((at - before) * perSecond) / 1000)
    const passes = now >= 1
    levels.set(key, { tokens: passes ? now - 1 : now, at })
    return passes
  }
}

/** A run against a simulated gateway: answers take a few ms, now and then many, and judge at some moment in between. */
function simulate(tested: TestedLimit, real: Limiter, shape: Shape, seed: number, durationMs: number): Verdict {
  const random = randomOf(seed)
  const plan = { limit: tested, shape, durationMs, offered: 4, quiet: 1, quietPerSecond: 5, mostPerSecond: 2_000 }
  const waiting = schedule(plan).map(({ at, caller }) => {
    const takes = 0.4 + random() * 3 + (random() < 0.02 ? random() * 30 : 0)
    return { caller, sentAt: at + random(), takes, judged: random() }
  })
  const calls = waiting
    .map(({ caller, sentAt, takes, judged }) => ({
      caller,
      sentAt,
      answeredAt: sentAt + takes,
      at: sentAt + takes * judged,
    }))
    .sort((a, b) => a.at - b.at)
    .map(({ caller, sentAt, answeredAt, at }): Call => {
      const passes = real(callers[caller]?.client ?? '', at)
      return {
        caller,
        sentAt,
        answeredAt,
        outcome: passes ? 'admitted' : 'refused',
        status: passes ? 200 : 429,
        code: passes ? '' : 'rate-limit.exceeded',
        spent: passes ? [] : [tested.name],
        retryAfter: passes ? null : 1,
      }
    })
    .sort((a, b) => a.sentAt - b.sentAt)
  return judgeRun({
    plan,
    limits: [tested],
    callers,
    loud: 1,
    calls,
    startedAt: 0,
    lateMs: { median: 0.5, p99: 2 },
    retry: null,
    isFresh: true,
    epochOffset: 0,
  })
}

const runs = Array.from({ length: 20 }, (_, i) => i + 1)
const outcomes = (verdicts: readonly Verdict[]) => [...new Set(verdicts.map(({ outcome }) => outcome))].join()

t.test('a limiter that is right holds, and one that is off by five percent is found, in twenty runs of twenty', (t) => {
  const sliding = limit({})
  const bucketed = limit({ algorithm: 'token-bucket', quota: 50, burst: 20 })
  const table: [string, TestedLimit, () => Limiter, string][] = [
    ['an exact log', sliding, () => log(100, 1_000), 'holds'],
    ['a log of 105', sliding, () => log(105, 1_000), 'violated'],
    ['a log of 95', sliding, () => log(95, 1_000), 'violated'],
    ['a window of 950 ms', sliding, () => log(100, 950), 'violated'],
    ['a window of 1,050 ms', sliding, () => log(100, 1_050), 'violated'],
    ['a window of 1,015 ms: within the two percent', sliding, () => log(100, 1_015), 'holds'],
    ['an exact bucket', bucketed, () => bucket(50, 20), 'holds'],
    ['a bucket that fills five percent faster', bucketed, () => bucket(52.5, 20), 'violated'],
    ['a bucket that fills five percent slower', bucketed, () => bucket(47.5, 20), 'violated'],
    ['a bucket of 21', bucketed, () => bucket(50, 21), 'violated'],
    ['a bucket of 19', bucketed, () => bucket(50, 19), 'violated'],
    ['no limiter at all', sliding, () => () => true, 'violated'],
    ['one that lets nobody through', sliding, () => () => false, 'violated'],
  ]
  for (const [name, tested, real, expected] of table) {
    t.equal(outcomes(runs.map((seed) => simulate(tested, real(), 'steady', seed, 8_000))), expected, name)
  }
  t.end()
})

t.test('every shape lets a right limiter pass and convicts the fixed window that calls itself sliding', (t) => {
  const tested = limit({ quota: 20 })
  const fixed = (): Limiter => {
    const windows = new Map<string, { start: number; count: number }>()
    return (key, at) => {
      const known = windows.get(key)
      const window = known === undefined || at >= known.start + 1_000 ? { start: at, count: 0 } : known
      windows.set(key, window)
      return window.count++ < 20
    }
  }
  for (const shape of shapes) {
    t.equal(
      outcomes(runs.slice(0, 5).map((seed) => simulate(tested, log(20, 1_000), shape, seed, 6_000))),
      'holds',
      shape,
    )
  }
  const verdict = simulate(tested, fixed(), 'edge', 1, 6_000)
  t.equal(verdict.outcome, 'violated')
  t.ok(verdict.overPercent > 50, 'it lets nearly twice as many through around its edge')
  t.equal(simulate(limit({ quota: 20, algorithm: 'fixed-window' }), fixed(), 'edge', 1, 6_000).outcome, 'holds')
  t.end()
})

t.test('a load that never reaches the limit proves nothing', (t) => {
  const tested = limit({ quota: 1_000_000, burst: 1_000_000 })
  const verdict = simulate(tested, log(1_000_000, 1_000), 'steady', 1, 1_000)
  t.match(verdict, { outcome: 'inconclusive', why: [/never reached per-client/] })
  t.end()
})

t.test('a sample fits the plain part of a schema', (t) => {
  t.same(
    valueFor({
      type: 'object',
      required: ['sku', 'quantity', 'kind', 'tags', 'id'],
      properties: {
        sku: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{4}$' },
        quantity: { type: 'integer', minimum: 1 },
        kind: { enum: ['small', 'large'] },
        tags: { type: 'array', minItems: 1, items: { type: 'string', minLength: 3 } },
        id: { type: 'string', format: 'uuid' },
        note: { type: 'string' },
      },
    }),
    { sku: 'AB-1234', quantity: 1, kind: 'small', tags: ['aaa'], id: '7d0c6a4e-3f5b-4b8e-9a55-1f1f6f1d2c3b' },
  )
  t.end()
})

const gateway = 'version: 1\n'
const routes = `
issuers:
  main: { issuer: "https://id.example/", audience: shop, jwksUri: "https://id.example/keys", algorithms: [ES256] }
upstreams: { fn: { url: "https://fn.example" } }
routes:
  GET /items/{id}:
    upstream: fn
    auth: { jwt: main, scopes: [items:read] }
    rateLimit:
      per-ip: { partitionKey: ip, quota: 30, window: 1s }
      per-client: { partitionKey: jwt.sub, quota: 10, window: 1s }
  POST /items:
    upstream: fn
    auth: { jwt: main }
    request: { body: ./item.json }
    rateLimit: { per-client: { partitionKey: jwt.sub, quota: 5, window: 1s, burst: 5 } }
  GET /free:
    upstream: fn
    auth: none
    reason: nothing here needs a limit
`

function folder(t: Tap): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  mkdirSync(join(path, 'policies'))
  writeFileSync(join(path, 'policies', 'gateway.yaml'), gateway)
  writeFileSync(join(path, 'policies', 'routes.yaml'), routes)
  // A pattern that no made-up text fits.
  const item = { type: 'object', required: ['code'], properties: { code: { type: 'string', pattern: '^q7-z{3}$' } } }
  writeFileSync(join(path, 'policies', 'item.json'), JSON.stringify(item))
  writeFileSync(join(path, 'item-body.json'), '{"code":"q7-zzz"}')
  return path
}

interface Tap {
  teardown(done: () => void): void
}

t.test('the limits of a policy are proven, each by what it counts by', async (t) => {
  const cwd = folder(t)
  const { code, out } = await postern(
    ['loadtest', 'GET', '/items/{id}', '--for', '2500ms', '--json', '--html', 'r.html'],
    { cwd },
  )
  const { tested } = JSON.parse(out)
  // A machine that is busy with other tests may prove nothing; what it never may is to call the gateway wrong.
  for (const each of tested) t.not(each.outcome, 'violated', JSON.stringify(each.why))
  t.not(code, 1)
  t.same(
    tested.map((each: { limit: string }) => each.limit),
    ['per-ip', 'per-client'],
  )
  for (const each of tested) {
    t.ok(each.refused > 0, 'the limit was reached')
    t.equal(each.withRetryAfter, each.refused)
    t.equal(each.other, 0)
    t.equal(each.quiet.admitted, each.quiet.sent, 'quiet callers lose nothing')
  }
  t.match(readFileSync(join(cwd, 'r.html'), 'utf8'), /<svg/)
})

t.test('two gateways without a shared store let twice as much through, and that is found', async (t) => {
  const cwd = folder(t)
  const args = ['loadtest', 'get /items/{id}', '--limit', 'per-client', '--gateways', '2', '--for', '2500ms']
  const { code, out } = await postern(args, { cwd })
  t.equal(code, 1, out)
  t.match(out, /VIOLATED.*calls came through per-client within \d+ ms; it allows 10/)
  t.match(out, /2 gateways without a shared store count each for itself/)
})

t.test('a request that the route refuses proves nothing, until a better one is given', async (t) => {
  const cwd = folder(t)
  const without = await postern(['loadtest', 'POST /items', '--for', '1500ms'], { cwd })
  t.equal(without.code, 2)
  t.match(without.out, /INCONCLUSIVE {2}The first call was answered with 400 request\.body-invalid/)
  const given = await postern(['loadtest', 'POST /items', '--for', '2500ms', '--body', 'item-body.json', '--json'], {
    cwd,
  })
  t.match(JSON.parse(given.out).tested, [{ limit: 'per-client', other: 0 }])
  t.not(given.code, 1, given.out)
})

t.test('nobody waits for a gateway that is no more', async (t) => {
  const own = await startOwnGateways({ folder: join(folder(t), 'policies'), gateways: 1 })
  if ('problems' in own) return t.fail('the policy is sound')
  t.match(await own.credential('GET /items/{id}', { kind: 'jwt', issuer: 'main', claims: {}, isForged: false }), [
    'Authorization',
    /^Bearer ey/,
  ])
  await own.close()
  await t.rejects(own.credential('GET /items/{id}', { kind: 'none' }), /The gateway of the test ended/)
})

t.test('what makes no test is said at once', async (t) => {
  const cwd = folder(t)
  const table: [string[], number, RegExp][] = [
    [[], 2, /Name a route, or say --all/],
    [['GET /items'], 1, /There is no route "GET \/items"/],
    [['GET /free'], 1, /has no limit that is enforced/],
    [['GET /items/{id}', '--limit', 'per-ipp'], 1, /has no limit "per-ipp"/],
    [['GET /items/{id}', '--shape', 'stedy'], 2, /Did you mean steady/],
    [['GET /items/{id}', '--for', '8'], 2, /--for takes a duration/],
    [['GET /items/{id}', '--target', 'http://203.0.113.9'], 2, /not this machine/],
    [['GET /items/{id}', '--html', 'no/such/folder.html'], 2, /--html names a file to write; .* cannot be written/],
    [['GET /items/{id}', '--body', 'none.json'], 2, /--body names a file; .*none\.json cannot be read/],
    [['GET /items/{id}', '--offered', 'lots'], 2, /--offered takes a number/],
  ]
  for (const [args, expected, says] of table) {
    const { code, err } = await postern(['loadtest', ...args], { cwd })
    t.equal(code, expected, err)
    t.match(err, says)
  }
})

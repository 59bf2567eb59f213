import t from 'tap'
import { createMetrics } from '../src/record/metrics.js'
import { registerLog, registerProcess } from '../src/record/process-metrics.js'
import type { DecisionRecord, StepRecord } from '../src/record/record.js'
import { parseExposition } from './support/exposition.js'

const declaredAt = { file: 'orders.yaml', line: 14, column: 5 }

function recordWith(more: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    id: 'R1',
    at: 0,
    plan: 'ab',
    method: 'POST',
    path: '/orders',
    route: 'POST /orders',
    client: { address: '::1' },
    steps: [],
    outcome: 'forwarded',
    response: { status: 200, bytes: 1 },
    micros: 1_000,
    ...more,
  }
}

function denial(stage: StepRecord['stage'], code: string, mode: StepRecord['mode']): StepRecord {
  return { stage, code, mode, outcome: 'deny', micros: 1, declaredAt }
}

t.test('requests are counted by route, status and outcome', async (t) => {
  const metrics = createMetrics()
  metrics.read(recordWith())
  metrics.read(recordWith({ path: '/orders/2' }))
  metrics.read(recordWith({ outcome: 'denied', code: 'auth.missing', response: { status: 401, bytes: 0 } }))
  metrics.read(recordWith({ outcome: 'aborted' }))
  metrics.read(
    recordWith({ route: null, outcome: 'denied', code: 'route.not-found', response: { status: 404, bytes: 0 } }),
  )
  const seen = parseExposition(await metrics.text())
  const requests = (route: string, status: string, outcome: string): number =>
    seen.value('postern_requests_total', { route, status, outcome })
  t.equal(requests('POST /orders', '200', 'forwarded'), 2)
  t.equal(requests('POST /orders', '401', 'denied'), 1)
  t.equal(requests('POST /orders', '200', 'aborted'), 1)
  t.equal(requests('none', '404', 'denied'), 1)
  t.notMatch(await metrics.text(), '/orders/2', 'a path is never a label')
})

t.test('denials are counted by stage, code and mode', async (t) => {
  const metrics = createMetrics()
  const auth = {
    outcome: 'denied',
    code: 'auth.token-expired',
    steps: [denial('auth', 'auth.token-expired', 'enforce')],
  } as const
  metrics.read(recordWith(auth))
  metrics.read(recordWith(auth))
  metrics.read(
    recordWith({
      steps: [denial('inspect', 'inspect.sqli', 'report'), denial('replay', 'replay.seen', 'after-report')],
    }),
  )
  metrics.read(
    recordWith({
      outcome: 'failed',
      code: 'forward.timeout',
      steps: [denial('inspect', 'inspect.sqli', 'report'), denial('forward', 'forward.timeout', 'after-report')],
    }),
  )
  metrics.read(recordWith({ route: null, outcome: 'denied', code: 'http.malformed' }))
  const seen = parseExposition(await metrics.text())
  const decisions = (stage: string, code: string, mode: string): number =>
    seen.value('postern_decisions_total', { stage, code, mode })
  t.equal(decisions('auth', 'auth.token-expired', 'enforce'), 2)
  t.equal(decisions('inspect', 'inspect.sqli', 'report'), 2)
  t.equal(decisions('replay', 'replay.seen', 'after-report'), 1)
  t.equal(
    decisions('forward', 'forward.timeout', 'enforce'),
    1,
    'what stopped the request was enforced, whatever came before',
  )
  t.equal(decisions('front-door', 'http.malformed', 'enforce'), 1)
})

t.test('latencies fall into the bucket that holds them', async (t) => {
  const cases: readonly [number, string][] = [
    [0, '0.001'],
    [1_000, '0.001'],
    [1_001, '0.0025'],
    [99_999, '0.1'],
    [100_000, '0.1'],
    [100_001, '0.25'],
    [30_000_000, '30'],
    [30_000_001, '+Inf'],
    [600_000_000, '+Inf'],
  ]
  for (const [micros, le] of cases) {
    const metrics = createMetrics()
    metrics.read(recordWith({ micros }))
    const { series, value } = parseExposition(await metrics.text())
    const first = series.find((one) => one.name.endsWith('request_duration_seconds_bucket') && one.value === 1)
    t.equal(first?.labels['le'], le, `${micros} µs`)
    t.equal(value('postern_request_duration_seconds_sum'), micros / 1e6)
    t.equal(value('postern_request_duration_seconds_count'), 1)
  }
})

t.test('a histogram adds up, and the function has its own', async (t) => {
  const metrics = createMetrics()
  let sum = 0
  for (let i = 1; i <= 1_000; i++) {
    sum += i * 100
    const upstream = { name: 'fn', status: i % 2 === 0 ? 200 : 0, micros: i * 10, attempts: 1 }
    metrics.read(recordWith({ micros: i * 100, upstream }))
  }
  const { value } = parseExposition(await metrics.text())
  t.equal(value('postern_request_duration_seconds_count', { route: 'POST /orders' }), 1_000)
  t.equal(value('postern_request_duration_seconds_sum'), sum / 1e6)
  t.equal(value('postern_request_duration_seconds_bucket', { le: '0.01' }), 100)
  t.equal(value('postern_request_duration_seconds_bucket', { le: '0.05' }), 500)
  t.equal(value('postern_upstream_duration_seconds_count'), 500, 'a function that did not answer has no latency')
})

t.test('names that an operator wrote cannot break the format', async (t) => {
  const metrics = createMetrics()
  const route = 'GET /a"b\\c\nd{e="f"}/é'
  metrics.read(
    recordWith({ route, outcome: 'denied', code: 'x"y\\z\n', steps: [denial('auth', 'x"y\\z\n', 'enforce')] }),
  )
  metrics.register({
    name: 'postern_test_keys',
    help: 'Keys \\ by\nissuer.',
    type: 'gauge',
    collect: () => [{ labels: { issuer: route }, value: 3 }],
  })
  const { value, series } = parseExposition(await metrics.text())
  t.equal(value('postern_requests_total', { route }), 1)
  t.equal(value('postern_decisions_total', { route, code: 'x"y\\z\n' }), 1)
  t.equal(value('postern_test_keys', { issuer: route }), 3)
  t.ok(series.every((one) => !('e' in one.labels)))
})

t.test('the number of series is bounded, however many routes come and go', async (t) => {
  const metrics = createMetrics({ maxRoutes: 5 })
  for (let i = 0; i < 1_000; i++) metrics.read(recordWith({ route: `GET /r${i}` }))
  metrics.read(recordWith({ route: 'GET /r0' }))
  const { value, series } = parseExposition(await metrics.text())
  t.equal(value('postern_requests_total', { route: 'GET /r0' }), 2)
  t.equal(value('postern_requests_total', { route: 'other' }), 995)
  t.equal(series.filter((one) => one.name === 'postern_requests_total').length, 6, 'five and other')
  metrics.read(recordWith({ route: null }))
  const before = parseExposition(await metrics.text()).series.length
  for (let i = 0; i < 10_000; i++) {
    metrics.read(
      recordWith({ route: null, path: `/p${i}`, method: `M${i}`, client: { address: `::${i.toString(16)}` } }),
    )
  }
  t.equal(parseExposition(await metrics.text()).series.length, before, 'callers add no series')
})

t.test('a look at many routes stalls no request', async (t) => {
  const metrics = createMetrics()
  for (let i = 0; i < 1_000; i++) metrics.read(recordWith({ route: `GET /r${i}` }))
  let turns = 0
  let isDone = false
  const turn = (): void => {
    turns++
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const text = await metrics.text()
  isDone = true
  t.ok(turns > text.length / 70_000, `${turns} turns of the event loop for ${text.length} characters`)
  t.equal(
    parseExposition(text).series.filter((one) => one.name === 'postern_request_duration_seconds_count').length,
    1_000,
  )
})

t.test('values that live elsewhere are asked for at each look', async (t) => {
  const metrics = createMetrics()
  let inFlight = 1
  metrics.register({ name: 'postern_in_flight', help: 'Under way.', type: 'gauge', collect: () => inFlight })
  metrics.register({
    name: 'postern_broken',
    help: 'Broken.',
    type: 'gauge',
    collect: () => {
      throw new Error('no')
    },
  })
  metrics.register({
    name: 'postern_odd',
    help: 'Odd values.',
    type: 'gauge',
    collect: () => [Infinity, -Infinity, Number.NaN, 1e21, 1e-9].map((value, i) => ({ labels: { i: `${i}` }, value })),
  })
  t.equal(parseExposition(await metrics.text()).value('postern_in_flight'), 1)
  inFlight = 2
  const seen = parseExposition(await metrics.text())
  t.equal(seen.value('postern_in_flight'), 2)
  t.notOk(seen.types.has('postern_broken'), 'one that cannot be had is left out')
  t.equal(seen.value('postern_odd', { i: '0' }), Infinity)
  t.equal(seen.value('postern_odd', { i: '3' }), 1e21)
  for (const name of ['postern_in_flight', 'postern_requests_total', 'with-dash', '9lives', '', 'a\nb 1']) {
    t.throws(() => metrics.register({ name, help: 'x', type: 'gauge', collect: () => 1 }), name)
  }
})

t.test('reloads, the process and the log are shown', async (t) => {
  const metrics = createMetrics()
  const stop = registerProcess(metrics, { version: '0.1.0', startedAt: 1_795_000_000_000 })
  t.teardown(stop)
  registerLog(metrics, () => ({ writtenLines: 7, droppedLines: 3, heldBytes: 11, fault: null }))
  metrics.reloaded('accepted')
  metrics.reloaded('refused')
  metrics.reloaded('refused')
  const { value } = parseExposition(await metrics.text())
  t.equal(value('postern_reloads_total', { result: 'refused' }), 2)
  t.equal(value('postern_reloads_total', { result: 'unchanged' }), 0)
  t.equal(value('postern_build_info', { version: '0.1.0' }), 1)
  t.equal(value('postern_start_time_seconds'), 1_795_000_000)
  t.ok(value('postern_resident_memory_bytes') > 1e6)
  t.ok(value('postern_event_loop_delay_seconds', { quantile: '0.99' }) >= 0)
  t.equal(value('postern_log_lines_dropped_total'), 3)
  t.equal(value('postern_log_held_bytes'), 11)
})

t.test('the reader of these tests is strict', async (t) => {
  const head = '# HELP a_total x\n# TYPE a_total counter\n'
  t.equal(parseExposition(`${head}a_total{b="c"} 1\n`).value('a_total', { b: 'c' }), 1)
  const wrong: readonly [string, string][] = [
    ['no line feed at the end', `${head}a_total 1`],
    ['a series without a family', 'a_total 1\n'],
    ['a series of another family', `${head}b_total 1\n`],
    ['a series twice', `${head}a_total{b="c"} 1\na_total{b="c"} 2\n`],
    ['a family twice', `${head}a_total 1\n${head}`],
    ['an open quote', `${head}a_total{b="c} 1\n`],
    ['a bad escape', `${head}a_total{b="\\x"} 1\n`],
    ['a bad label', `${head}a_total{9="x"} 1\n`],
    ['a bad value', `${head}a_total one\n`],
    ['two blanks', `${head}a_total  1\n`],
    ['a counter without _total', '# HELP a x\n# TYPE a counter\na 1\n'],
    [
      'a histogram that does not add up',
      '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    ],
    ['a histogram without +Inf', '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 1\nh_count 2\n'],
  ]
  for (const [name, text] of wrong) t.throws(() => parseExposition(text), name)
})

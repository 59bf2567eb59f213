import { readFileSync } from 'node:fs'
import t from 'tap'
import type { RoutePlan, Segment, Step } from '../src/plan/plan.js'
import { formatHuman, printable } from '../src/record/human.js'
import { formatEvent, lineFormat } from '../src/record/line.js'
import { createRecorder, type RecordHead } from '../src/record/open-record.js'
import { createRecent } from '../src/record/recent.js'
import type { DecisionRecord } from '../src/record/record.js'
import { createRedactor } from '../src/record/redact.js'
import { allow, deny, type Identity } from '../src/stages/contract.js'

const formatLine = lineFormat()
const esc = '\u001b'

function stepOf(stage: Step['stage'], more: Partial<Step> = {}): Step {
  const slot = stage === 'rateLimit' ? 'rateLimit:address' : stage
  const declaredAt = { file: 'orders.yaml', line: 14, column: 5 }
  return { stage, slot, phase: 'head', mode: 'enforce', settings: null, declaredAt, ...more }
}

function routeOf(id: string, segments: readonly Segment[] = []): RoutePlan {
  const declaredAt = { file: 'orders.yaml', line: 2, column: 3 }
  return { id, match: { method: 'POST', segments }, body: 'buffered', steps: [], upstream: 'fn', declaredAt }
}

const route = routeOf('POST /orders')
const alice: Identity = { method: 'jwt', subject: 'alice', clientId: 'shop', plan: null, scopes: new Set(), claims: {} }
const expired = { code: 'auth.token-expired', status: 401, sentence: 'The token has expired.' }
const sqli = { code: 'inspect.sqli', status: 403, sentence: 'An injection.' }
const unreachable = { code: 'forward.unreachable', status: 502, sentence: 'Unreachable.' }
const gone = { code: 'forward.aborted', status: 499, sentence: 'The caller went away.' }
const end = { status: 200, bytes: 10, micros: 4_100.4, aborted: false }

function open(head: Partial<RecordHead> = {}, redact: readonly string[] = []) {
  const read: DecisionRecord[] = []
  const recorder = createRecorder({
    plan: 'ab'.repeat(32),
    redactor: createRedactor(redact),
    readers: [(record) => read.push(record)],
  })
  const at = Date.UTC(2026, 10, 22, 14, 34, 28, 7)
  const record = recorder.open({
    id: 'R1',
    at,
    method: 'POST',
    path: '/orders',
    address: '203.0.113.9',
    route,
    ...head,
  })
  return { record, read }
}

/** A closed record with whatever a caller or a stage might have put in. */
function recordWith(more: Partial<DecisionRecord>): DecisionRecord {
  const { record } = open()
  return { ...record.close(end), ...more }
}

t.test('a record tells how its request ended', async (t) => {
  const cases: readonly [
    string,
    (record: ReturnType<typeof open>['record']) => void,
    boolean,
    Partial<DecisionRecord>,
  ][] = [
    ['all steps passed', (r) => r.add(stepOf('auth'), allow, 1), false, { outcome: 'forwarded' }],
    [
      'a step refused',
      (r) => r.add(stepOf('auth'), deny(expired), 1),
      false,
      { outcome: 'denied', code: expired.code },
    ],
    ['the front door refused', (r) => r.refuse('http.malformed'), false, { outcome: 'denied', code: 'http.malformed' }],
    [
      'the function could not be reached',
      (r) => r.add(stepOf('forward', { phase: 'upstream' }), deny(unreachable), 1),
      false,
      { outcome: 'failed', code: unreachable.code },
    ],
    [
      'its answer was cut',
      (r) => r.fail('forward.answer-cut'),
      true,
      { outcome: 'failed', code: 'forward.answer-cut' },
    ],
    ['the caller went away', () => {}, true, { outcome: 'aborted' }],
    [
      'the caller went away while the function worked',
      (r) => r.add(stepOf('forward', { phase: 'upstream' }), deny(gone), 1),
      true,
      { outcome: 'aborted', code: gone.code },
    ],
    [
      'the caller did not wait for the refusal',
      (r) => r.add(stepOf('auth'), deny(expired), 1),
      true,
      { outcome: 'denied', code: expired.code },
    ],
    [
      'something broke while the refusal was sent',
      (r) => {
        r.refuse('http.malformed')
        r.fail('gateway.failed')
      },
      false,
      { outcome: 'denied', code: 'http.malformed' },
    ],
  ]
  for (const [name, happen, aborted, expected] of cases) {
    const { record } = open()
    happen(record)
    t.match(record.close({ ...end, aborted }), expected, name)
  }
})

t.test('the runner stops at an enforced denial and at nothing else', async (t) => {
  const { record } = open()
  t.equal(record.add(stepOf('auth'), allow, 1), false)
  t.equal(record.add(stepOf('inspect', { mode: 'report' }), deny(sqli, { at: 'body:/note' }), 2), false)
  t.equal(record.add(stepOf('replay'), allow, 3), false)
  t.equal(record.add(stepOf('forward', { phase: 'upstream' }), deny(unreachable), 4), true)
  const closed = record.close(end)
  t.same(
    closed.steps.map((step) => `${step.stage} ${step.outcome} ${step.mode}`),
    ['auth allow enforce', 'inspect deny report', 'replay allow after-report', 'forward deny after-report'],
  )
  t.equal(closed.code, 'forward.unreachable', 'a denial that was passed over is not the decision')
  const line = JSON.parse(formatLine(closed))
  t.match(line, { stage: 'forward', code: 'forward.unreachable' })
  t.same(
    line.reported.map((step: { code: string }) => step.code),
    ['inspect.sqli'],
  )
})

t.test('a request that report mode let pass is forwarded, and its would-be denial is told', async (t) => {
  const { record } = open()
  record.add(stepOf('inspect', { mode: 'report' }), deny(sqli, { at: 'body:/note' }), 2)
  const closed = record.close(end)
  t.equal(closed.outcome, 'forwarded')
  t.equal(closed.code, undefined)
  const line = JSON.parse(formatLine(closed))
  t.notOk('code' in line || 'stage' in line)
  t.same(line.steps, ['inspect report 2'])
  t.match(line.reported, [{ stage: 'inspect', code: 'inspect.sqli', declaredAt: 'orders.yaml:14:5', mode: 'report' }])
  t.match(formatHuman(closed, { color: false }), 'would deny: inspect.sqli  orders.yaml:14:5')
})

t.test('a denial points at the line that caused it, the rule before the step', async (t) => {
  const { record } = open()
  const declaredAt = { file: '_defaults.yaml', line: 3, column: 12 }
  record.add(stepOf('auth'), deny(expired, { expired: '4 s ago' }, { declaredAt }), 30)
  const line = JSON.parse(formatLine(record.close({ ...end, status: 401 })))
  t.equal(line.declaredAt, '_defaults.yaml:3:12')
  t.same(line.evidence, { expired: '4 s ago' })
  const coarse = open().record
  coarse.add(stepOf('auth'), deny(expired), 30)
  const without = JSON.parse(formatLine(coarse.close(end)))
  t.equal(without.declaredAt, 'orders.yaml:14:5')
  t.notOk('evidence' in without, 'no evidence is no key')
})

t.test('a function that gave no answer is told apart from one that did', async (t) => {
  const forward = stepOf('forward', { phase: 'upstream' })
  const { record } = open()
  record.add(forward, deny(unreachable, { attempts: 2, fault: 'unreachable' }), 3_000)
  t.same(record.close(end).upstream, { name: 'fn', status: 0, micros: 3_000, attempts: 2 })
  const never = open().record
  never.add(stepOf('auth'), deny(expired), 1)
  t.equal(never.close(end).upstream, undefined, 'and from one that was never asked')
})

t.test('one line tells a whole decision', async (t) => {
  const { record } = open({ identity: alice })
  record.add(stepOf('rateLimit'), allow, 12.4)
  record.add(stepOf('auth'), allow, 30)
  record.upstreamAnswered(201)
  record.add(stepOf('forward', { phase: 'upstream' }), allow, 2_600.2)
  record.note('header-underscore-dropped')
  const text = formatLine(record.close({ status: 201, bytes: 120, micros: 4_100, aborted: false }))
  t.equal(text.indexOf('\n'), text.length - 1)
  t.same(JSON.parse(text), {
    time: '2026-11-22T14:34:28.007Z',
    id: 'R1',
    outcome: 'forwarded',
    status: 201,
    method: 'POST',
    path: '/orders',
    route: 'POST /orders',
    client: '203.0.113.9',
    subject: 'alice',
    clientId: 'shop',
    micros: 4100,
    bytes: 120,
    upstream: 'fn',
    upstreamStatus: 201,
    upstreamMicros: 2600,
    attempts: 1,
    steps: ['rateLimit allow 12', 'auth allow 30', 'forward allow 2600'],
    notes: ['header-underscore-dropped'],
    plan: 'abababababab',
  })
})

t.test('the line that the documentation shows is one that is written', async (t) => {
  const readme = readFileSync('src/record/README.md', 'utf8')
  const shown = /```text\n(.+)\n```/.exec(readme)?.[1] ?? ''
  const declaredAt = { file: '_defaults.yaml', line: 3, column: 12 }
  const { record } = open({ id: '01JD3ZK8M5Q9X2V7B4N6T1R0WS', identity: alice })
  record.add(stepOf('rateLimit'), allow, 4)
  record.add(stepOf('auth'), allow, 31)
  record.add(stepOf('request'), allow, 60)
  const evidence = { detector: 'sqli', at: 'body:/note', excerpt: "1' OR ****" }
  record.add(stepOf('inspect', { declaredAt }), deny(sqli, evidence), 88)
  const line = formatLine(record.close({ status: 403, bytes: 131, micros: 412, aborted: false }))
  t.equal(line.replace('abababababab', '5f1c0a94e2b7'), `${shown}\n`)
  const keys = [...readme.matchAll(/^\| (`.+?`) +\|/gm)].flatMap(([, cell = '']) =>
    cell.split(', ').map((key) => key.slice(1, -1)),
  )
  const written = Object.keys(JSON.parse(line)).filter((key) => !['time', 'id', 'method', 'path'].includes(key))
  t.same(
    written.filter((key) => !keys.includes(key)),
    [],
    'every key is explained',
  )
})

t.test('the time in a line is the time of its record, whatever came before', async (t) => {
  for (const at of [0, 999, 1_000, 1_001, 1_795_000_000_099, 1_795_000_000_100, 5, 1_795_000_000_099.9]) {
    const line = JSON.parse(formatLine(recordWith({ at })))
    t.equal(line.time, new Date(at).toISOString())
  }
})

t.test('no caller text can break out of its line, or out of its quotes', async (t) => {
  const hostile: readonly [string, string][] = [
    ['a line feed', '/a\n{"outcome":"forwarded"}'],
    ['a carriage return', '/a\rb'],
    ['a quote', '/a","outcome":"forwarded'],
    ['a backslash at the end', '/a\\'],
    ['a terminal sequence', `/a${esc}[2J${esc}]0;title\u0007`],
    ['a C1 sequence', '/a\u009b2J'],
    ['DEL', '/a\u007f'],
    ['a line separator', '/a\u2028b\u2029c\u0085d'],
    ['a direction override', '/a\u202egnp.exe'],
    ['a zero-width character', '/a\u200bb\ufeff'],
    ['a lone surrogate', '/a\ud800b\udc00'],
    ['a null', '/a\u0000b'],
    ['an emoji', '/a😀'],
  ]
  for (const [name, text] of hostile) {
    const record = recordWith({
      path: text,
      id: text,
      evidence: { at: text, [text]: [text] },
      code: 'x.y',
      method: text,
    })
    const line = formatLine(record)
    t.match(line, /^[ -~]+\n$/, `${name}: printable ASCII and one line feed`)
    const parsed = JSON.parse(line)
    t.equal(parsed.path, text, `${name}: a reader gets the text back`)
    t.equal(parsed.outcome, 'forwarded')
    t.equal(parsed.evidence.at, text)
    // Not `parsed.evidence[text]`: Node 24 takes an escaped key for one of an object it has parsed before.
    t.same(Object.values(parsed.evidence), [text, [text]])
    for (const shown of [formatHuman(record, { color: false }), formatEvent(0, text, { fact: text })]) {
      t.equal(shown.indexOf('\n'), shown.length - 1, `${name}: one line for people`)
      t.notMatch(shown.slice(0, -1), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, `${name}: nothing a terminal obeys`)
    }
  }
  t.equal(printable('grüße 日本 a\tb'), 'grüße 日本 a\\u{9}b', 'ordinary text stays as it is')
})

t.test('people see colors only when they asked for them', async (t) => {
  const { record } = open({ identity: alice })
  record.add(stepOf('auth'), deny(expired, { token: 'old' }), 30)
  const closed = record.close({ ...end, status: 401 })
  const plain = formatHuman(closed, { color: false })
  t.match(plain, /^\d\d:\d\d:\d\d DENY {2}401 POST \/orders {2}auth\.token-expired {2}orders\.yaml:14:5 .* R1\n$/)
  const colored = formatHuman(closed, { color: true })
  t.match(colored, esc)
  t.equal(colored.replaceAll(new RegExp(`${esc}\\[[0-9]+m`, 'g'), ''), plain)
  const passed = open({ identity: alice }).record
  passed.upstreamAnswered(200)
  passed.add(stepOf('forward', { phase: 'upstream' }), allow, 2_600)
  t.match(
    formatHuman(passed.close(end), { color: false }),
    /allow 200 POST \/orders {2}client=alice {2}4\.1 ms \(fn 2\.6\) {2}R1\n$/,
  )
})

t.test('a request that was never understood has a line all the same', async (t) => {
  const { record } = open({ method: '', path: '', route: null })
  record.refuse('wire.malformed', { parser: 'HPE_INVALID_METHOD' })
  const closed = record.close({ status: 400, bytes: 0, micros: 0, aborted: false })
  t.match(
    formatHuman(closed, { color: false }),
    /DENY {2}400 - - {2}wire\.malformed {2}parser=HPE_INVALID_METHOD {2}R1\n$/,
  )
  t.match(JSON.parse(formatLine(closed)), { outcome: 'denied', code: 'wire.malformed', method: '', path: '' })
})

t.test('events share the log with decisions', async (t) => {
  t.same(JSON.parse(formatEvent(0, 'reload', { result: 'refused', problems: 2 })), {
    time: '1970-01-01T00:00:00.000Z',
    event: 'reload',
    result: 'refused',
    problems: 2,
  })
  t.same(JSON.parse(formatEvent(0, 'started')), { time: '1970-01-01T00:00:00.000Z', event: 'started' })
})

t.test('a closed record does not change any more, and is read once', async (t) => {
  const { record, read } = open()
  record.add(stepOf('auth'), allow, 1)
  const closed = record.close({ ...end, aborted: true })
  t.equal(record.add(stepOf('inspect'), deny(sqli), 1), true, 'a check that was still waiting stops all the same')
  t.equal(record.add(stepOf('inspect'), allow, 1), false)
  t.equal(record.close(end), closed)
  t.equal(closed.steps.length, 1)
  t.equal(closed.outcome, 'aborted')
  t.equal(read.length, 1)
})

t.test('a reader that throws harms neither the request nor the other readers', async (t) => {
  const read: string[] = []
  const faults: unknown[] = []
  const recorder = createRecorder({
    plan: 'ab',
    redactor: createRedactor([]),
    readers: [
      () => {
        throw new Error('broken reader')
      },
      (record) => read.push(record.id),
    ],
    onFault: (error) => faults.push(error),
  })
  const record = recorder.open({ id: 'R1', at: 0, method: 'GET', path: '/', address: '::1', route: null })
  t.equal(record.close(end).route, null)
  t.same(read, ['R1'])
  t.equal(faults.length, 1)
})

t.test('notes are bounded', async (t) => {
  const { record } = open()
  for (let i = 0; i < 100; i++) record.note('header-underscore-dropped')
  t.equal(record.close(end).notes?.length, 16)
})

t.test('the last records are remembered, no more and no less', async (t) => {
  const recent = createRecent({ count: 3 })
  t.equal(recent.find('a'), undefined)
  for (const id of ['a', 'b', 'c', 'd']) recent.read(recordWith({ id }))
  t.equal(recent.size, 3)
  t.equal(recent.find('a'), undefined, 'the oldest made room')
  t.equal(recent.find('b')?.id, 'b')
  t.equal(recent.find(''), undefined)
  t.equal(recent.find('b\n/orders'), undefined)
  t.same(
    recent.latest(10).map((record) => record.id),
    ['d', 'c', 'b'],
  )
  recent.read(recordWith({ id: 'b', path: '/newer' }))
  t.equal(recent.find('b')?.path, '/newer', 'of two with one id the newer')
})

t.test('a record comes back as it went in, whatever was in it', async (t) => {
  const odd: readonly Partial<DecisionRecord>[] = [
    {},
    { client: { address: '::1', subject: 'a\nb\n', id: 'shop' } },
    { client: { address: '::1', subject: 'x', id: 'line\nfeed' } },
    { client: { address: '::1', id: 'shop' } },
    { client: { address: '::1', subject: 'grüße 日本 😀' } },
    { path: '/a\nb' },
    { id: 'a\nb' },
    { route: null },
    { upstream: { name: 'fn', status: 200, micros: 3, attempts: 2 } },
    { outcome: 'denied', code: 'auth.missing', evidence: { header: 'authorization' } },
    { outcome: 'aborted', response: { status: 0, bytes: 0 } },
    { notes: ['header-underscore-dropped'] },
    { steps: Array.from({ length: 30 }, () => ({ ...stepOf('auth'), outcome: 'allow', micros: 4e9 })) },
  ]
  const recent = createRecent({ count: odd.length })
  const steps = (['rateLimit', 'auth', 'forward'] as const).map((stage, i) => {
    const { mode, declaredAt } = stepOf(stage)
    return { stage, mode, declaredAt, outcome: 'allow', micros: i * 7 } as const
  })
  const sent = odd.map((more, i) => ({ ...recordWith({ id: `r${i}`, steps, micros: i }), ...more }))
  for (const round of [1, 2, 3]) {
    for (const record of sent) recent.read(record)
    t.same(recent.latest(100), sent.toReversed(), `round ${round}`)
    for (const record of sent) t.same(recent.find(record.id), record)
  }
})

t.test('long records shorten the memory and do not grow it', async (t) => {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  const recent = createRecent({ count: 200, textBytes: 20_000, objectBytes: 50_000 })
  const sent: DecisionRecord[] = []
  let least = 200
  for (let i = 0; i < 5_000; i++) {
    const path = `/${'p'.repeat(i < 300 ? 5 : random(1_000))}`
    const denied = { outcome: 'denied', code: 'x.y', evidence: { shown: 'b'.repeat(random(256)) } } as const
    const record = recordWith({ id: `r${i}`, path, ...(random(3) === 0 ? denied : {}) })
    recent.read(record)
    sent.push(record)
    if (i === 299) t.equal(recent.size, 200, 'short ones are all there')
    if (i > 299) least = Math.min(least, recent.size)
    if (i % 97 === 0) {
      const expected = sent.slice(-recent.size).reverse()
      if (
        !recent.latest(recent.size).every((found, n) => found.id === expected[n]?.id && found.path === expected[n].path)
      ) {
        t.fail(`after ${i}: what is remembered is not what was sent`)
      }
    }
  }
  t.ok(least >= 10 && recent.size < 80, `at least ${least} of them, ${recent.size} at the end`)
  const huge = recordWith({ id: 'huge', path: 'a'.repeat(200_000) })
  recent.read(huge)
  t.same(recent.find('huge'), huge, 'the newest is always there')
})

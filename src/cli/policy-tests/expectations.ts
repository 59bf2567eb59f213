import type { Sent } from '../../gateway/rehearsal.js'
import type { Expectation, HeaderExpectation, UpstreamExpectation } from '../../policy/test-file.js'
import type { DecisionRecord } from '../../record/record.js'
import { formatPlace } from '../../values/place.js'

/** What a test saw of one request. */
export interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Null where the gateway is another process: it alone has its record. */
  readonly record: DecisionRecord | null
  readonly sent: Sent | null
}

/** One thing that is not as expected. */
export interface Miss {
  readonly what: string
  readonly expected: string
  readonly got: string
}

/** Everything that a run of requests misses; empty when all is as expected. All but the statuses is asked of the last. */
export function missesOf(expect: Expectation, seen: readonly Seen[]): readonly Miss[] {
  const last = seen.at(-1)
  if (last === undefined) return [{ what: 'requests', expected: 'at least one', got: 'none' }]
  const { record } = last
  const misses = [...statusMisses(expect, seen), ...headerMisses(expect.headers, last.headers, '')]
  if (record !== null) {
    if (expect.code !== undefined && expect.code !== (record.code ?? null)) {
      misses.push({ what: 'code', expected: expect.code ?? 'none', got: record.code ?? 'none' })
    }
    if (expect.origin !== undefined && !isAt(expect.origin, record)) {
      const got = record.declaredAt === undefined ? 'no line decided' : formatPlace(record.declaredAt)
      misses.push({ what: 'origin', expected: expect.origin, got })
    }
    for (const code of expect.reported ?? []) {
      const reported = record.steps.filter((step) => step.outcome === 'deny' && step.code !== record.code)
      if (reported.some((step) => step.code === code)) continue
      const got = reported.map((step) => step.code).join(', ') || 'nothing'
      misses.push({ what: 'reported', expected: code, got })
    }
    if (expect.upstream !== undefined) misses.push(...upstreamMisses(expect.upstream, last.sent))
  }
  if ('body' in expect) misses.push(...bodyMisses(expect.body, last.body, 'body'))
  return misses
}

function statusMisses({ statuses }: Expectation, seen: readonly Seen[]): Miss[] {
  if (statuses === undefined) return []
  const got = seen.map(({ status }) => status)
  const first = statuses.findIndex((status, i) => status !== got[i])
  if (first === -1) return []
  const what = seen.length === 1 ? 'status' : `status of request ${first + 1} of ${seen.length}`
  return [{ what, expected: String(statuses[first]), got: String(got[first]) }]
}

/** Whether the deciding line is the expected one; the column is compared where it is given. */
function isAt(origin: string, { declaredAt }: DecisionRecord): boolean {
  if (declaredAt === undefined) return false
  const { file, line } = declaredAt
  return origin === formatPlace(declaredAt) || origin === `${file}:${line}` || `${file}:${line}`.endsWith(`/${origin}`)
}

function headerMisses(
  expected: Readonly<Record<string, HeaderExpectation>> | undefined,
  headers: Readonly<Record<string, string>>,
  whose: string,
): Miss[] {
  return Object.entries(expected ?? {}).flatMap(([name, wanted]) => {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (holds(wanted, value)) return []
    return [{ what: `${whose}header ${name}`, expected: describeHeader(wanted), got: value ?? 'absent' }]
  })
}

function holds(wanted: HeaderExpectation, value: string | undefined): boolean {
  if (wanted.kind === 'absent') return value === undefined
  if (value === undefined) return false
  if (wanted.kind === 'present') return true
  if (wanted.kind === 'text') return value === wanted.text
  if (wanted.kind === 'pattern') return wanted.pattern.test(value)
  return /^\d+$/.test(value) && Number(value) >= wanted.least && Number(value) <= wanted.most
}

function describeHeader(wanted: HeaderExpectation): string {
  if (wanted.kind === 'text') return wanted.text
  if (wanted.kind === 'pattern') return String(wanted.pattern)
  return wanted.kind === 'range' ? `${wanted.least}..${wanted.most}` : wanted.kind
}

function upstreamMisses(expected: UpstreamExpectation | null, sent: Sent | null): Miss[] {
  if (expected === null) {
    return sent === null ? [] : [{ what: 'upstream', expected: 'nothing', got: `${sent.method} ${sent.target}` }]
  }
  if (sent === null) return [{ what: 'upstream', expected: 'a request', got: 'nothing' }]
  const misses: Miss[] = []
  const compare = (what: string, wanted: string | undefined, got: string): void => {
    if (wanted !== undefined && wanted !== got) misses.push({ what: `upstream ${what}`, expected: wanted, got })
  }
  compare('name', expected.name, sent.upstream)
  compare('method', expected.method, sent.method)
  compare('target', expected.target, sent.target)
  misses.push(...headerMisses(expected.headers, sentHeaders(sent), 'upstream '))
  if ('body' in expected) misses.push(...bodyMisses(expected.body, sent.body ?? Buffer.alloc(0), 'upstream body'))
  return misses
}

function sentHeaders({ headers }: Sent): Record<string, string> {
  const named: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    named[name] = named[name] === undefined ? value : `${named[name]}, ${value}`
  }
  return named
}

function bodyMisses(expected: unknown, body: Buffer, what: string): Miss[] {
  const text = body.toString('utf8')
  if (typeof expected === 'string') return text === expected ? [] : [{ what, expected, got: shown(text) }]
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [{ what, expected: shown(JSON.stringify(expected)), got: text === '' ? 'nothing' : shown(text) }]
  }
  const at = differsAt(expected, value, '')
  if (at === null) return []
  return [
    { what: `${what}${at.path}`, expected: shown(JSON.stringify(at.expected)), got: shown(JSON.stringify(at.got)) },
  ]
}

/** Where a value lacks what is expected of it: maps may hold more, all else must be equal. */
function differsAt(
  expected: unknown,
  got: unknown,
  path: string,
): { path: string; expected: unknown; got: unknown } | null {
  if (expected === got) return null
  if (typeof expected !== 'object' || expected === null || typeof got !== 'object' || got === null) {
    return { path, expected, got }
  }
  if (Array.isArray(expected) !== Array.isArray(got)) return { path, expected, got }
  if (Array.isArray(expected) && Array.isArray(got) && expected.length !== got.length) return { path, expected, got }
  for (const [key, part] of Object.entries(expected)) {
    const found = differsAt(part, Object.hasOwn(got, key) ? Object(got)[key] : undefined, `${path}/${key}`)
    if (found !== null) return found
  }
  return null
}

function shown(text: string | undefined): string {
  const whole = text ?? 'nothing'
  return whole.length > 120 ? `${whole.slice(0, 119)}…` : whole
}

import { nearest } from '../values/nearest.js'
import type { Report } from './problems.js'
import { textsOf } from './resolving.js'
import type { NodeSection } from './section.js'
import type { Expectation, HeaderExpectation, UpstreamExpectation } from './test-file.js'

const expectKeys = ['status', 'code', 'origin', 'header', 'body', 'reported', 'upstream'] as const
const upstreamKeys = ['name', 'method', 'target', 'header', 'body'] as const

/** Reads `expect:`. `times` is what the test says itself; statuses that are counted otherwise are a problem. */
export function readExpectation(section: NodeSection, times: number | undefined, report: Report): Expectation {
  if (!isKnown(section, expectKeys, report)) {
    if (section.value === undefined || section.node?.kind !== 'map') {
      report({
        code: 'test.expect-missing',
        message: 'A test without an expectation proves nothing.',
        hint: 'Add expect: { status: 200 }.',
        at: section.place,
      })
    }
    return {}
  }
  if (Object.keys(Object(section.value)).length === 0) {
    report({
      code: 'test.expect-missing',
      message: 'A test without an expectation proves nothing.',
      hint: 'Add expect: { status: 200 }.',
      at: section.place,
    })
  }
  const status = section.get('status')
  const { value: code } = section.get('code')
  const { value: origin } = section.get('origin')
  if (origin !== undefined && !/^.+:\d+(:\d+)?$/.test(String(origin))) {
    report({
      code: 'test.origin-malformed',
      message: 'This is no line of a file.',
      hint: 'Write orders.yaml:4.',
      at: section.get('origin').place,
    })
  }
  const header = section.get('header')
  const upstream = section.get('upstream')
  const reported = section.get('reported')
  return {
    ...(status.value !== undefined && { statuses: readStatuses(status, times, report) }),
    ...(code !== undefined && { code: code === null || code === 'none' ? null : String(code) }),
    ...(typeof origin === 'string' && { origin }),
    ...(header.value !== undefined && { headers: readHeaders(header, report) }),
    ...('body' in Object(section.value) && { body: section.get('body').value }),
    ...(reported.value !== undefined && { reported: textsOf(reported) }),
    ...(upstream.value !== undefined && { upstream: readUpstream(upstream, report) }),
  }
}

/** `429`, `[201 x 10, 429]`. */
function readStatuses(section: NodeSection, times: number | undefined, report: Report): number[] {
  const items = Array.isArray(section.value) ? section.value : [section.value]
  const statuses: number[] = []
  for (const [index, item] of items.entries()) {
    const found = /^(\d{3})(?: *x *(\d{1,6}))?$/.exec(String(item))
    if (found === null) {
      report({
        code: 'test.status-malformed',
        message: 'This is no status.',
        hint: 'Write 201, or [201 x 10, 429] for eleven requests.',
        at: (Array.isArray(section.value) ? section.get(index) : section).place,
      })
      continue
    }
    for (let i = 0; i < Number(found[2] ?? 1); i++) statuses.push(Number(found[1]))
  }
  const [only] = statuses
  // One status stands for all requests of the test.
  if (statuses.length === 1 && times !== undefined && only !== undefined) return new Array<number>(times).fill(only)
  if (times !== undefined && statuses.length !== times) {
    report({
      code: 'test.status-count',
      message: `${times} requests are sent, and ${statuses.length} statuses expected.`,
      hint: 'Let the numbers agree, or leave times out: it is counted from the list.',
      at: section.place,
    })
  }
  return statuses
}

function readHeaders(section: NodeSection, report: Report): Record<string, HeaderExpectation> {
  const headers: Record<string, HeaderExpectation> = {}
  if (section.node?.kind !== 'map') {
    report({
      code: 'test.value-type',
      message: 'A map of header names is expected here.',
      hint: 'Write { retry-after: 1..60 }.',
      at: section.place,
    })
    return headers
  }
  for (const { key, node } of section.node.entries.list) headers[key.toLowerCase()] = headerExpectation(node.value)
  return headers
}

function headerExpectation(value: unknown): HeaderExpectation {
  if (value === null || value === false) return { kind: 'absent' }
  if (value === true) return { kind: 'present' }
  const text = String(value)
  const range = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text)
  if (range !== null) return { kind: 'range', least: Number(range[1]), most: Number(range[2]) }
  if (text.length > 2 && text.startsWith('/') && text.endsWith('/')) {
    const pattern = compiled(text.slice(1, -1))
    if (pattern !== null) return { kind: 'pattern', pattern }
  }
  return { kind: 'text', text }
}

/** Whoever writes a test owns the machine that runs it: its patterns need no guard. */
function compiled(source: string): RegExp | null {
  try {
    return new RegExp(source)
  } catch {
    return null
  }
}

function readUpstream(section: NodeSection, report: Report): UpstreamExpectation | null {
  if (section.value === 'none' || section.value === null) return null
  if (!isKnown(section, upstreamKeys, report)) return {}
  const text = (key: 'name' | 'method' | 'target') => {
    const { value } = section.get(key)
    return value === undefined ? {} : { [key]: String(value) }
  }
  const header = section.get('header')
  return {
    ...text('name'),
    ...text('method'),
    ...text('target'),
    ...(header.value !== undefined && { headers: readHeaders(header, report) }),
    ...('body' in Object(section.value) && { body: section.get('body').value }),
  }
}

function isKnown(section: NodeSection, known: readonly string[], report: Report): boolean {
  if (section.node?.kind !== 'map') return false
  for (const key of section.node.entries.keys()) {
    if (known.includes(key)) continue
    const meant = nearest(key, known)
    report({
      code: 'test.key-unknown',
      message: `Unknown key "${key}".`,
      hint: meant === undefined ? `Known keys: ${known.join(', ')}.` : `Did you mean "${meant}"?`,
      at: section.get(key).keyPlace,
    })
  }
  return true
}

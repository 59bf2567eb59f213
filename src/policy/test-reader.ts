import { isIP } from 'node:net'
import { parseDuration } from '../values/duration.js'
import { nearest } from '../values/nearest.js'
import type { Problem } from '../values/problem.js'
import { parseText } from './files.js'
import { Memory } from './memory.js'
import { parseYaml } from './parse.js'
import { Problems, type Report } from './problems.js'
import { PolicyFolder } from './read.js'
import { textsOf } from './resolving.js'
import { routeMethods } from './route-key.js'
import { type NodeSection, rootSection } from './section.js'
import { Source } from './source.js'
import { readExpectation } from './test-expectations.js'
import type { PolicyTest, PolicyTestFile, TestAnswer, TestCaller, TestRequest } from './test-file.js'

/** The methods a test may send: those of routes, without the word for all of them. */
const methods = routeMethods.filter((method) => method !== 'ANY')
const callerKeys = ['jwt', 'apiKey', 'key', 'issuer', 'forged', 'from'] as const
const requestKeys = [...methods, 'header', 'body', 'raw'] as const
const answerKeys = ['status', 'header', 'body', 'fault'] as const
const testKeys = ['as', 'send', 'answer', 'times', 'after', 'expect'] as const
const fileKeys = ['as', 'send', 'answer', 'clock', 'tests'] as const
const faults = ['unreachable', 'bad-answer', 'timeout'] as const
const mostTimes = 100_000
/** Of the network that documents may use for examples: RFC 5737 */
const usualAddress = '192.0.2.1'

/** Reads every `*.test.yaml` of a policy folder, or every problem in them. */
export function readPolicyTests(folder: string): {
  readonly files: readonly PolicyTestFile[]
  readonly problems: readonly Problem[]
} {
  const problems = new Problems()
  const opened = PolicyFolder.open(folder, problems.report)
  if (opened === undefined) return { files: [], problems: problems.list(() => undefined) }
  opened.policyTexts()
  const memory = new Memory()
  const files = opened.testTexts().flatMap((text) => {
    const node = parseText(text, memory, problems.report)
    if (node === undefined || node.value === null) return []
    return [new TestReader(problems.report).file(text.source.file, rootSection(node))]
  })
  return { files, problems: problems.list((file) => opened.sourceOf(file)) }
}

/** Reads a caller from a text such as `{ jwt: { sub: u1 } }`, for the command line; a text says what is wrong with it. */
export function readCallerText(text: string): TestCaller | string {
  const problems = new Problems()
  const source = new Source('--as', text)
  const node = parseYaml(source, problems.report)
  const caller = node === undefined ? nobody : new TestReader(problems.report).caller(rootSection(node), nobody)
  const [first] = problems.list(() => source)
  return first === undefined ? caller : `${first.message} ${first.hint ?? ''}`.trim()
}

const nobody: TestCaller = { address: usualAddress, credential: { kind: 'none' } }

class TestReader {
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  file(file: string, root: NodeSection): PolicyTestFile {
    this.#onlyKeys(root, fileKeys)
    const as = this.caller(root.get('as'), nobody)
    const send = this.#request(root.get('send'), null)
    if (send === undefined) return { file, startsAt: null, tests: [] }
    const answer = this.#answer(root.get('answer'))
    const tests = root.get('tests')
    const names = tests.node?.kind === 'map' ? tests.node.entries.keys() : []
    if (names.length === 0) {
      this.#wrong(tests, 'test.none', `${file} holds no tests.`, 'Write tests: and, below it, a name for each.')
    }
    return {
      file,
      startsAt: this.#clock(root.get('clock')),
      tests: names.flatMap((name) => this.#test(name, tests.get(name), { as, send, answer }) ?? []),
    }
  }

  #test(
    name: string,
    section: NodeSection,
    usual: { readonly as: TestCaller; readonly send: TestRequest | null; readonly answer: TestAnswer | null },
  ): PolicyTest | undefined {
    if (!this.#onlyKeys(section, testKeys)) return undefined
    const send = this.#request(section.get('send'), usual.send)
    if (send === undefined) return undefined
    if (send === null) {
      this.#wrong(section, 'test.send-missing', `"${name}" sends nothing.`, 'Add send: { GET: /path }.')
      return undefined
    }
    const times = section.get('times')
    const given = times.value === undefined ? undefined : this.#count(times)
    const read = readExpectation(section.get('expect'), given, this.#report)
    return {
      name,
      place: section.keyPlace,
      as: this.caller(section.get('as'), usual.as),
      send,
      answer: section.get('answer').value === undefined ? usual.answer : this.#answer(section.get('answer')),
      times: given ?? read.statuses?.length ?? 1,
      afterMs: this.#duration(section.get('after')),
      expect: read,
    }
  }

  caller(section: NodeSection, usual: TestCaller): TestCaller {
    const { value } = section
    if (value === undefined) return usual
    if (value === 'nobody') return { ...nobody, address: usual.address }
    if (!this.#onlyKeys(section, callerKeys, 'Write nobody, { jwt: { … } } or { apiKey: <client> }.')) return usual
    const from = this.#text(section.get('from'))
    if (from !== undefined && isIP(from) === 0) {
      this.#wrong(section.get('from'), 'test.value-type', 'This is no address.', 'Write one such as 192.0.2.7.')
    }
    const address = from ?? usual.address
    const kind = section.get('jwt').value !== undefined ? 'jwt' : 'apiKey'
    for (const key of kind === 'jwt' ? ['apiKey', 'key'] : ['issuer', 'forged']) {
      if (section.get(key).value === undefined) continue
      this.#wrong(
        section.get(key),
        'test.key-misplaced',
        `${key} means nothing here.`,
        'jwt goes with issuer and forged, apiKey with key.',
      )
    }
    if (kind === 'jwt') {
      const issuer = this.#text(section.get('issuer')) ?? null
      const isForged = section.get('forged').value === true
      return { address, credential: { kind, issuer, claims: this.#map(section.get('jwt')), isForged } }
    }
    const client = this.#text(section.get('apiKey'))
    if (client === undefined) return { address, credential: usual.credential }
    return { address, credential: { kind, client, key: this.#text(section.get('key')) ?? null } }
  }

  /**
   * A request that names its method is whole; one that does not changes the file's own. Null: there is none; undefined:
   * it has problems.
   */
  #request(section: NodeSection, usual: TestRequest | null): TestRequest | null | undefined {
    if (section.value === undefined) return usual
    if (!this.#onlyKeys(section, requestKeys)) return undefined
    const raw = this.#text(section.get('raw'))
    if (raw !== undefined) {
      if (Object.keys(Object(section.value)).length > 1) {
        this.#wrong(section, 'test.key-misplaced', 'A raw request says everything itself.', 'Keep raw alone.')
      }
      return { raw }
    }
    const named = methods.filter((method) => section.get(method).value !== undefined)
    const [method, second] = named
    if (second !== undefined) {
      this.#wrong(section.get(second), 'test.method-twice', 'A request has one method.', `Keep ${method} or ${second}.`)
    }
    const base = method === undefined && usual !== null && 'method' in usual ? usual : null
    const target = method === undefined ? base?.target : section.get(method).value
    if (typeof target !== 'string') {
      this.#wrong(
        section,
        'test.method-missing',
        'The request names no method and path.',
        'Write { GET: /path }, or a method and path in the send: of the file.',
      )
      return undefined
    }
    return {
      method: method ?? base?.method ?? 'GET',
      target,
      headers: { ...base?.headers, ...this.#texts(section.get('header')) },
      body: section.get('body').value === undefined ? base?.body : section.get('body').value,
    }
  }

  #answer(section: NodeSection): TestAnswer | null {
    if (section.value === undefined || !this.#onlyKeys(section, answerKeys)) return null
    const fault = section.get('fault')
    if (fault.value !== undefined) {
      const known = faults.find((each) => each === fault.value)
      if (known !== undefined) return { fault: known }
      this.#wrong(fault, 'test.fault-unknown', 'No function fails like that.', `Faults: ${faults.join(', ')}.`)
    }
    const status = section.get('status')
    const isStatus = typeof status.value === 'number' && status.value >= 200 && status.value <= 599
    if (status.value !== undefined && !isStatus) {
      this.#wrong(status, 'test.status-malformed', 'This is no status of an answer.', 'Write one from 200 to 599.')
    }
    return {
      status: isStatus ? Number(status.value) : 200,
      headers: this.#texts(section.get('header')),
      body: section.get('body').value,
    }
  }

  #clock(section: NodeSection): number | null {
    if (section.value === undefined) return null
    const at = Date.parse(String(section.value))
    if (!Number.isNaN(at)) return at
    this.#wrong(section, 'test.clock-unreadable', 'This is no time.', 'Write one such as 2027-01-31T23:59:00Z.')
    return null
  }

  #count(section: NodeSection): number {
    const { value } = section
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= mostTimes) return value
    this.#wrong(section, 'test.times-malformed', 'This is no number of requests.', 'Write a whole number, at least 1.')
    return 1
  }

  #duration(section: NodeSection): number {
    if (section.value === undefined) return 0
    const [text] = textsOf(section)
    // Days are longer than any setting may be, and what tests of monthly quotas need.
    const days = /^(\d{1,4})d$/.exec(text ?? '')?.[1]
    const ms = days === undefined ? parseDuration(text ?? '') : Number(days) * 86_400_000
    if (ms !== null) return ms
    this.#wrong(section, 'test.duration-unreadable', 'This is no duration.', 'Write one such as 61s, 5m, 24h or 30d.')
    return 0
  }

  /** Whether it is a map of known keys; reports what is not, so that what follows from it need not be said. */
  #onlyKeys(section: NodeSection, known: readonly string[], hint = `Known keys: ${known.join(', ')}.`): boolean {
    if (section.node?.kind !== 'map') {
      this.#wrong(section, 'test.value-type', 'A map is expected here.', hint)
      return false
    }
    const strange = section.node.entries.keys().filter((key) => !known.includes(key))
    for (const key of strange) {
      const meant = nearest(key, known)
      this.#report({
        code: 'test.key-unknown',
        message: `Unknown key "${key}".`,
        hint: meant === undefined ? hint : `Did you mean "${meant}"?`,
        at: section.get(key).keyPlace,
      })
    }
    return strange.length === 0
  }

  #text(section: NodeSection): string | undefined {
    const { value } = section
    if (value === undefined || typeof value === 'string') return value
    this.#wrong(section, 'test.value-type', 'A text is expected here.', 'Put it in quotes if it is one.')
    return undefined
  }

  #map(section: NodeSection): Readonly<Record<string, unknown>> {
    if (section.node === undefined) return {}
    if (section.node.kind === 'map') return section.node.value
    this.#wrong(section, 'test.value-type', 'A map is expected here.', 'Write { name: value }.')
    return {}
  }

  #texts(section: NodeSection): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#map(section)).map(([key, each]) => [key, String(each)]))
  }

  #wrong(section: NodeSection, code: string, message: string, hint: string): void {
    this.#report({ code, message, hint, at: section.place })
  }
}

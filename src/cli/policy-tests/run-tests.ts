import { type TestCredentials, testCredentials } from '../../gateway/rehearsal/credentials.js'
import { openRehearsal, type Rehearsal, type Sent, type StandInAnswer } from '../../gateway/rehearsal.js'
import type { Plan } from '../../plan/plan.js'
import { loadPolicy } from '../../policy/load.js'
import type { PolicyTest, PolicyTestFile, TestAnswer } from '../../policy/test-file.js'
import { readPolicyTests } from '../../policy/test-reader.js'
import { Kept } from '../../state/kept.js'
import type { Problem } from '../../values/problem.js'
import type { Vault } from '../../values/secret.js'
import { Coverage, type CoverageReport } from './coverage.js'
import { CredentialFault, credentialHeader, proofHeader, type RouteFinder, routeFinder } from './credential.js'
import { type Miss, missesOf, type Seen } from './expectations.js'
import { type NearestReason, nearestReason } from './nearest-reason.js'
import { rawRequestBytes, requestBytes, usualHost } from './request-bytes.js'

/** What became of one test. */
export interface TestOutcome {
  readonly test: PolicyTest
  /** `skipped` says why in `misses`. */
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly misses: readonly Miss[]
  /** Why the last request was answered as it was; null for a test that passed. */
  readonly nearest: NearestReason | null
  readonly tookMs: number
}

interface FileOutcome {
  readonly file: string
  readonly outcomes: readonly TestOutcome[]
}

/** One run over all tests of a folder. */
export interface TestRun {
  readonly files: readonly FileOutcome[]
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly coverage: CoverageReport
  /** Warnings of the policies. */
  readonly warnings: readonly Problem[]
  readonly tookMs: number
}

/** How the requests of a test file are answered: by a rehearsal here, or by a gateway elsewhere. */
export interface TestTarget {
  /** Why a test cannot be asked of this target; null when it can. */
  cannot(test: PolicyTest): string | null
  /** Opens what answers one file, with a clock that starts there. */
  open(startsAt: number): Promise<TestStage>
}

/** Where the tests of one file are played. */
interface TestStage {
  advance(ms: number): void
  now(): number
  ask(bytes: Buffer, address: string, answer: TestAnswer | null): Promise<Seen>
  close(): Promise<void>
}

/** Reads the tests of a folder and runs them, or gives the problems that keep them from running. */
export async function runPolicyTests(
  folder: string,
  options: { readonly target?: (plan: Plan) => TestTarget } = {},
): Promise<TestRun | { readonly problems: readonly Problem[] }> {
  const started = performance.now()
  const loaded = await loadPolicy(folder, { standInSecrets: true })
  const { plan, problems } = loaded
  const read = readPolicyTests(folder)
  const errors = [...problems, ...read.problems].filter(({ severity }) => severity === 'error')
  if (plan === null || errors.length > 0) return { problems: errors.length > 0 ? errors : problems }
  const credentials = await testCredentials(plan, loaded.secrets)
  const target = options.target?.(plan) ?? rehearsals(credentials.plan, loaded.secrets)
  const coverage = new Coverage(plan)
  const findRoute = routeFinder(plan)
  const files: FileOutcome[] = []
  for (const file of read.files) {
    files.push({ file: file.file, outcomes: await runFile(file, { target, credentials, coverage, findRoute }) })
  }
  const all = files.flatMap(({ outcomes }) => outcomes)
  const count = (wanted: TestOutcome['outcome']) => all.filter(({ outcome }) => outcome === wanted).length
  return {
    files,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    coverage: coverage.report(),
    warnings: problems,
    tookMs: performance.now() - started,
  }
}

interface Playing {
  readonly target: TestTarget
  readonly credentials: TestCredentials
  readonly coverage: Coverage
  readonly findRoute: RouteFinder
}

async function runFile(file: PolicyTestFile, playing: Playing): Promise<TestOutcome[]> {
  const stage = await playing.target.open(file.startsAt ?? noonOfToday())
  const outcomes: TestOutcome[] = []
  try {
    for (const test of file.tests) outcomes.push(await runTest(test, stage, playing))
  } finally {
    await stage.close()
  }
  return outcomes
}

async function runTest(test: PolicyTest, stage: TestStage, playing: Playing): Promise<TestOutcome> {
  const started = performance.now()
  const done = (rest: Pick<TestOutcome, 'outcome' | 'misses' | 'nearest'>): TestOutcome => ({
    test,
    ...rest,
    tookMs: performance.now() - started,
  })
  const cannot = playing.target.cannot(test)
  if (cannot !== null) {
    return done({ outcome: 'skipped', misses: [{ what: 'skipped', expected: '', got: cannot }], nearest: null })
  }
  stage.advance(test.afterMs)
  const seen: Seen[] = []
  try {
    const bytes = await bytesOf(test, stage.now(), playing)
    for (let i = 0; i < test.times; i++) {
      const one = await stage.ask(bytes, test.as.address, test.answer)
      if (one.record !== null) playing.coverage.note(one.record)
      seen.push(one)
    }
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error
    return done({
      outcome: 'failed',
      misses: [{ what: 'as', expected: 'a credential that can be made', got: error.message }],
      nearest: null,
    })
  }
  const misses = missesOf(test.expect, seen)
  if (misses.length === 0) return done({ outcome: 'passed', misses, nearest: null })
  return done({ outcome: 'failed', misses, nearest: nearestReason(test, seen, playing.credentials.plan) })
}

async function bytesOf({ send, as }: PolicyTest, now: number, { credentials, findRoute }: Playing): Promise<Buffer> {
  if ('raw' in send) return rawRequestBytes(send.raw)
  const shown = await credentialHeader(as, findRoute(send.method, send.target), credentials, now)
  if (shown === null) return requestBytes(send)
  const host = Object.entries(send.headers).find(([name]) => name.toLowerCase() === 'host')?.[1] ?? usualHost
  const proof = await proofHeader(shown, { ...send, host }, credentials, now)
  const headers = Object.fromEntries(proof === null ? [shown] : [shown, proof])
  return requestBytes({ ...send, headers: { ...send.headers, ...headers } })
}

/** Far from midnight and from the hour, so that no calendar window turns by chance. */
function noonOfToday(): number {
  return new Date().setUTCHours(12, 0, 0, 0)
}

/** Plays each file in a gateway of its own, on no port. */
function rehearsals(plan: Plan, vault: Vault): TestTarget {
  const kept = new Kept()
  return {
    cannot: () => null,
    open: async (startsAt) => {
      let now = startsAt
      let wanted: TestAnswer | null = null
      const rehearsal: Rehearsal = await openRehearsal({
        plan,
        vault,
        clock: { now: () => now, monotonic: () => now },
        isCounting: true,
        kept,
        answer: (sent) => standIn(wanted, sent),
      })
      return {
        advance: (ms) => {
          now += ms
        },
        now: () => now,
        ask: (bytes, address, answer) => {
          wanted = answer
          return rehearsal.judge(bytes, address)
        },
        close: () => rehearsal.close(),
      }
    },
  }
}

function standIn(answer: TestAnswer | null, { method }: Sent): StandInAnswer {
  if (answer === null) {
    const status = method === 'POST' ? 201 : 200
    return { status, headers: ['content-type', 'application/json'], body: Buffer.from('{"ok":true}') }
  }
  if ('fault' in answer) return answer
  const { status, headers, body } = answer
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const isNamed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const type =
    body === undefined || isNamed ? [] : ['content-type', typeof body === 'string' ? 'text/plain' : 'application/json']
  return { status, headers: [...type, ...Object.entries(headers).flat()], body: Buffer.from(text) }
}

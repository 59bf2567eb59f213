import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import { countProblems, formatProblems } from './problems.js'
import type { Terminal } from './terminal.js'

export const command: Command = {
  usage: 'test [folder] [--watch] [--json] [--junit FILE] [--against URL]',
  says: [
    'Runs the policy tests of a folder (default: policies): every *.test.yaml beside the policies. The real stages judge,',
    'on no port: with a test issuer that really signs, a test clock, and functions that only remember what reached them.',
    'No secret is read and nothing goes over the network. A failing test names the line nearest to its reason.',
    '',
    'Exit code 1: a test failed, or the policies or tests have problems. docs/policy-tests.md has the format.',
  ],
  flags: {
    watch: { type: 'boolean', short: 'w', says: 'run again whenever a file changes' },
    json: { type: 'boolean', says: 'print JSON' },
    junit: { type: 'string', value: 'FILE', says: 'write a JUnit report as well' },
    against: {
      type: 'string',
      value: 'URL',
      says: 'ask a running gateway instead; tests that need the clock, a stand-in or a credential are skipped',
    },
    'require-coverage': { type: 'boolean', says: 'fail when a route is never called or a rule never refuses' },
  },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern test', does: 'the tests of policies/' },
    { line: 'postern test policies --watch', does: 'while you write them' },
    { line: 'postern test policies --junit report.xml', does: 'in CI' },
    { line: 'postern test policies --against http://127.0.0.1:8080', does: 'what a running gateway answers' },
  ],
  run: async (given, terminal) => {
    if (given.has('watch')) return await watch(given, terminal)
    return await once(given, terminal)
  },
}

async function once(given: Given, terminal: Terminal): Promise<number> {
  const named = given.arguments[0] ?? 'policies'
  const root = resolve(terminal.cwd, named)
  const url = targetOf(given)
  const [{ runPolicyTests }, { formatRun, runAsJson, runAsJunit }, { against }] = await Promise.all([
    import('./policy-tests/run-tests.js'),
    import('./policy-tests/print.js'),
    import('./policy-tests/against.js'),
  ])
  const run = await runPolicyTests(root, url === null ? {} : { target: () => against(url) }).catch((error: unknown) => {
    if (url === null) throw error
    throw new Refusal(`${url.origin} could not be asked: ${error instanceof Error ? error.message : 'it failed'}.`)
  })
  const asJson = given.has('json')
  if ('problems' in run) {
    if (asJson) terminal.out(`${JSON.stringify({ ok: false, problems: run.problems }, null, 2)}\n`)
    else {
      terminal.out(`${formatProblems(run.problems, named, terminal.outPaint)}\n`)
      terminal.out(`${countProblems(run.problems)} in ${named}: no test was run.\n`)
    }
    return exitCode.problems
  }
  const report = given.text('junit')
  if (report !== undefined) save(resolve(terminal.cwd, report), runAsJunit(run))
  if (asJson) terminal.out(`${JSON.stringify(runAsJson(run), null, 2)}\n`)
  else if (run.files.length === 0)
    terminal.out(`There is no *.test.yaml in ${named}. docs/policy-tests.md shows how to write one.\n`)
  else terminal.out(formatRun(run, named, root, terminal.outPaint))
  if (run.failed > 0 || run.files.length === 0) return exitCode.problems
  const { neverHit, neverCalled } = run.coverage
  if (given.has('require-coverage') && neverHit.length + neverCalled.length > 0) return exitCode.problems
  return exitCode.fine
}

async function watch(given: Given, terminal: Terminal): Promise<number> {
  const root = resolve(terminal.cwd, given.arguments[0] ?? 'policies')
  const [{ watchFolder }, { listenToSignals }, { oneAtATime }] = await Promise.all([
    import('./watch.js'),
    import('./signals.js'),
    import('./one-at-a-time.js'),
  ])
  let code: number = exitCode.fine
  let runs = 0
  const again = oneAtATime<void>(async () => {
    if (runs++ > 0) terminal.out(`\n${terminal.outPaint('dim', new Date().toTimeString().slice(0, 8))}\n`)
    code = await once(given, terminal)
  })
  // Watched before it is first read: what is saved meanwhile is seen.
  const watcher = watchFolder(root, () => void again())
  await again()
  terminal.err('Watching; press Ctrl-C to end.\n')
  // Neither a watcher nor a signal's listener keeps a process alive.
  const hold = setInterval(() => {}, 2 ** 30)
  const signals = listenToSignals({ reload: () => void again(), force: () => process.exit(code) })
  await signals.stopped
  clearInterval(hold)
  signals.release()
  watcher.close()
  return code
}

function targetOf(given: Given): URL | null {
  const text = given.text('against')
  if (text === undefined) return null
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageFault(`--against wants a URL, such as http://127.0.0.1:8080; it is "${text}".`)
  }
  return new URL(text)
}

function save(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw new Refusal(`The report could not be written: ${error instanceof Error ? error.message : 'unknown'}.`)
  }
}

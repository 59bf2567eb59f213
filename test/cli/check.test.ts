import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { load } from 'js-yaml'
import t from 'tap'
import { oneAtATime } from '../../src/cli/one-at-a-time.js'
import { formatProblems } from '../../src/cli/problems.js'
import type { Problem } from '../../src/values/problem.js'
import { postern, script } from './command-line.js'

const good = `
upstreams: { fn: { url: "http://127.0.0.1:9" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test }
`

t.test('a folder without problems is a plan', async (t) => {
  const folder = t.testdir({
    'gateway.yaml': 'version: 1\naddressLimit: { quota: 100, window: 1m }\n',
    'routes.yaml': good,
  })
  const { code, out, err } = await postern(['check', folder])
  t.equal(code, 0)
  t.equal(err, '')
  t.match(
    out.trimEnd().split('\n').at(-1),
    /^(No problems|\d+ warnings?) in 2 files, \d+ ms\. Plan [0-9a-f]{12}, 1 route\./,
  )
})

t.test('a problem shows its place, its line, what is wrong and how to mend it', async (t) => {
  const folder = t.testdir({ 'routes.yaml': good.replace('reason: a test', 'raeson: a test') })
  const { code, out } = await postern(['check', folder])
  t.equal(code, 1)
  t.match(
    out,
    /routes\.yaml:4:\d+ {2}route\.key-unknown\n {4}4 \| {3}GET \/a: \{.*\n {6}\| +\^{6}\n {2}Unknown key "raeson"\. Did you mean "reason"\?/,
  )
  const lines = out.split('\n')
  const at = lines.findIndex((line) => /\| +\^{6}$/.test(line))
  const [underlined = '', marks = ''] = lines.slice(at - 1, at + 1)
  t.equal(
    underlined.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1),
    'raeson',
    'the underline stands below the word',
  )
  t.match(
    out.trimEnd().split('\n').at(-1),
    /^\d problems?.* in 1 file, \d+ ms\. Refused: /,
    'the summary is the last line',
  )
})

t.test('machines get the same facts', async (t) => {
  const folder = t.testdir({
    good: { 'routes.yaml': good },
    bad: { 'routes.yaml': good.replace('fn, auth', 'gn, auth') },
  })
  const accepted = await postern(['check', `${folder}/good`, '--json'])
  t.equal(accepted.code, 0)
  t.match(JSON.parse(accepted.out), { ok: true, plan: { fingerprint: /^[0-9a-f]{64}$/, routes: ['GET /a'] }, files: 1 })
  const refused = await postern(['check', `${folder}/bad`, '--json'])
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.out), {
    ok: false,
    plan: null,
    problems: [{ severity: 'error', place: { file: 'routes.yaml', line: 4 }, message: /gn/ }],
  })
})

t.test('control characters of a file never reach the terminal', async (t) => {
  const folder = t.testdir({ 'routes.yaml': `${good}\u00a0\n# \u001b[31m\u202e\nroutez\u001b: 1\n` })
  const { code, out, err } = await postern(['check', folder])
  t.equal(code, 1)
  t.notMatch(out + err, '\u001b')
  t.notMatch(out + err, '\u202e')
})

t.test('a reader that has seen enough is no error', async (t) => {
  const child = spawn('sh', ['-c', `"${process.execPath}" "${script}" schema | head -c 10`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (piece) => {
    err += String(piece)
  })
  child.stdout.resume()
  await new Promise((resolve) => child.on('close', resolve))
  t.equal(err, '')
})

t.test('the example policies are accepted without a warning', async (t) => {
  const { code, out } = await postern(['check', 'policies'])
  t.equal(code, 0, out)
  t.match(out, /^No problems in \d+ files/)
})

t.test('the schema that editors use beside the examples is the one that ships', async (t) => {
  const { code, out } = await postern(['schema'])
  t.equal(code, 0)
  const file = 'policies/.postern/schema.json'
  if (process.env['UPDATE'] === '1') writeFileSync(file, out)
  t.ok(readFileSync(file, 'utf8') === out, 'if stale: UPDATE=1 npm run tap -- test/cli/check.test.ts')
  const ajv = new Ajv({ strict: false, allowUnionTypes: true, validateFormats: false })
  const fits = ajv.compile(JSON.parse(out))
  for (const name of ['gateway', '_defaults', 'shared', 'catalog', 'orders', 'stock']) {
    const text = readFileSync(`policies/${name}.yaml`, 'utf8')
    t.match(text, /^# yaml-language-server: \$schema=\.\/\.postern\/schema\.json\n/, `${name}.yaml names it`)
    t.ok(fits(load(text)), `${name}.yaml fits: ${ajv.errorsText(fits.errors)}`)
  }
  t.notOk(fits({ routes: { 'GET /a': { upstrem: 'fn' } } }), 'and a misspelt key is underlined')

  const tests = await postern(['schema', '--tests'])
  const testsFile = 'policies/.postern/tests.json'
  if (process.env['UPDATE'] === '1') writeFileSync(testsFile, tests.out)
  t.ok(readFileSync(testsFile, 'utf8') === tests.out, 'the one of their tests, too')
})

t.test('a place far to the right of a long line is still underlined', async (t) => {
  const long = `${'x'.repeat(300)}bursts: 1${'y'.repeat(300)}`
  const problem: Problem = {
    severity: 'warning',
    code: 'route.key-unknown',
    message: 'Unknown key "bursts".',
    place: { file: 'a.yaml', line: 7, column: 301, length: 6 },
    related: [{ message: 'first declared here', place: { file: '(built-in)', line: 1, column: 1 } }],
    frame: [{ line: 7, text: long }],
  }
  const [head, shown = '', marks = '', , related] = formatProblems([problem], 'policies', (_style, text) => text).split(
    '\n',
  )
  t.equal(head, 'policies/a.yaml:7:301  route.key-unknown  (warning)')
  t.ok(shown.length < 130, 'the line is cut')
  t.equal(shown.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1), 'bursts')
  t.equal(related, '  (built-in)  first declared here', 'what is no file gets no folder and no line')
})

t.test('reloads asked for while one runs become one more, with the latest cause', async (t) => {
  const ran: string[] = []
  const waiting: (() => void)[] = []
  const reload = oneAtATime<string>((cause) => {
    ran.push(cause)
    return new Promise((resolve) => waiting.push(resolve))
  })
  const all = [reload('a'), reload('b'), reload('c')]
  t.same(ran, ['a'], 'one at a time')
  waiting.shift()?.()
  await all[0]
  await new Promise((resolve) => setImmediate(resolve))
  t.same(ran, ['a', 'c'])
  waiting.shift()?.()
  await Promise.all(all)
  const later = reload('d')
  waiting.shift()?.()
  await later
  t.same(ran, ['a', 'c', 'd'])
  const failing = oneAtATime<number>((turn) => (turn === 1 ? Promise.reject(new Error('no')) : Promise.resolve()))
  const first = failing(1)
  const second = failing(2)
  await t.rejects(first)
  await t.resolves(second, 'one that fails does not stop the next')
})

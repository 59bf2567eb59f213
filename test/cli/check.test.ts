import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { load } from 'js-yaml'
import t from 'tap'
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
    /^(No problems|\d+ warnings?) in 2 files, \d+ ms\. Plan [0-9a-f]{12}, 1 route\.$/,
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
})

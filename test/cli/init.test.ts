import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { postern } from './command-line.js'

t.test('a new folder passes check without a finding, and its own tests', async (t) => {
  const cwd = t.testdir({})
  const { code, out, err } = await postern(['init'], { cwd })
  t.equal(code, 0, err)
  t.match(out, /^ {2}policies\/gateway\.yaml\n[\s\S]*\n.* check policies +# [\s\S]*dev --demo policies/)
  const checked = await postern(['check'], { cwd })
  t.match(checked.out, /^No problems in \d files, \d+ ms\. Plan [0-9a-f]{12}, 2 routes\. Audit 100\/100\.\n$/)
  const tested = await postern(['test', 'policies'], { cwd })
  t.equal(tested.code, 0, tested.out)
  t.match(tested.out, /8 passed in 1 file/)
  for (const file of ['gateway.yaml', '_defaults.yaml', 'shared.yaml', 'orders.yaml']) {
    t.match(
      readFileSync(join(cwd, 'policies', file), 'utf8'),
      /^# yaml-language-server: \$schema=\.\/\.postern\/schema\.json\n/,
    )
  }
  t.equal(readFileSync(join(cwd, 'policies/.postern/schema.json'), 'utf8'), (await postern(['schema'])).out)
  t.match(readFileSync(join(cwd, 'policies/orders.test.yaml'), 'utf8'), /^# yaml-language-server: \S+\/tests\.json\n/)
  t.equal(readFileSync(join(cwd, 'policies/.postern/tests.json'), 'utf8'), (await postern(['schema', '--tests'])).out)
})

t.test('answers go where they belong, and stay values', async (t) => {
  const cwd = t.testdir({})
  const flags = ['--issuer', 'https://id.acme.eu/', '--audience', 'a: b, "c" # d', '--name', 'invoices', '--yes']
  const { code, err } = await postern(['init', 'own', '--function', 'https://fn.acme.eu/api', ...flags], { cwd })
  t.equal(code, 0, err)
  t.match((await postern(['check', 'own', '--fail-on', 'low'], { cwd })).code, 0)
  t.match((await postern(['test', 'own'], { cwd })).code, 0)
  const text = readFileSync(join(cwd, 'own/shared.yaml'), 'utf8')
  t.match(text, 'main:\n    issuer: "https://id.acme.eu/"\n    audience: "a: b, \\"c\\" # d"\n')
  t.match(text, 'invoices-fn: { url: "https://fn.acme.eu/api" }')
  t.ok(existsSync(join(cwd, 'own/invoices.test.yaml')))
})

t.test('a function on a known platform gets a key of its own, that only its owner reads', async (t) => {
  const cwd = t.testdir({})
  t.equal((await postern(['init', '--function', 'https://abc123.lambda-url.eu-west-1.on.aws'], { cwd })).code, 0)
  t.match((await postern(['check'], { cwd })).out, /Audit 100\/100\.\n$/)
  const file = join(cwd, 'policies/.postern/function_key')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(readFileSync(file, 'utf8'), /^[A-Za-z0-9_-]{43}\n$/)
  t.equal(readFileSync(join(cwd, 'policies/.postern/.gitignore'), 'utf8'), 'function_key\n')
})

t.test('nothing is overwritten, and nothing half written', async (t) => {
  const cwd = t.testdir({ full: { 'orders.yaml': 'mine' }, file: 'mine', empty: {} })
  const rows: readonly (readonly [string[], RegExp, number])[] = [
    [['full'], /^full is not empty, and init overwrites nothing/, 1],
    [['file'], /^file is no folder that can be read/, 1],
    [['new', '--name', '../etc'], /"\.\.\/etc" is no name for a path/, 2],
    [['new', '--name', 'A b'], /"A b" is no name for a path/, 2],
    [['new', '--function', 'shop'], /"shop" is no URL/, 2],
    [
      ['new', '--function', 'http://169.254.169.254/'],
      /These answers make no policy:\n {2}shared\.yaml:\d+:\d+ upstream\.url-metadata/,
      1,
    ],
    [['new', '--issuer', 'http://id.internal/'], /issuer\.url-insecure/, 1],
  ]
  for (const [args, expected, status] of rows) {
    const { code, err, out } = await postern(['init', ...args], { cwd })
    t.match(err, expected, args.join(' '))
    t.equal(code, status)
    t.equal(out, '')
  }
  t.same(readdirSync(cwd).sort(), ['empty', 'file', 'full'])
  t.equal(readFileSync(join(cwd, 'full/orders.yaml'), 'utf8'), 'mine')
  t.equal((await postern(['init', 'empty'], { cwd })).code, 0, 'an empty folder is as good as none')
  writeFileSync(join(cwd, 'empty/mine.txt'), '')
  t.equal((await postern(['init', 'empty'], { cwd })).code, 1)
})

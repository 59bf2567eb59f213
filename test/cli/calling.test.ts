import { readFileSync } from 'node:fs'
import t from 'tap'
import { paintFor } from '../../src/cli/terminal.js'
import { version } from '../../src/cli/version.js'
import { postern } from './command-line.js'

const commands = [
  'run',
  'dev',
  'check',
  'diff',
  'init',
  'explain',
  'test',
  'why',
  'keys',
  'schema',
  'health',
  'version',
]

t.test('every command explains itself with examples', async (t) => {
  const overview = await postern(['--help'])
  t.equal(overview.code, 0)
  for (const command of commands) {
    t.match(overview.out, new RegExp(`^  ${command} +\\S`, 'm'), `${command} is listed`)
    const { code, out, err } = await postern([command, '--help'])
    t.equal(code, 0)
    t.match(out, new RegExp(`^usage  postern (${command}|keys)`))
    t.match(out, /^examples\n {2}\S/m)
    t.notMatch(out, /\n\n\n/, 'lines stand together, and paragraphs one empty line apart')
    t.equal(err, '')
  }
})

t.test('what is mistyped is answered with what was meant, and exit code 2', async (t) => {
  const rows: readonly (readonly [string[], RegExp])[] = [
    [['chekc', 'policies'], /Unknown command chekc\. Did you mean check\?/],
    [['--verison'], /Unknown flag --verison\. Did you mean --version\?|Unknown flag --verison/],
    [['frobnicate'], /Unknown command frobnicate\. Commands: run, dev/],
    [['run', '--lisen', ':0', 'policies'], /Unknown flag --lisen\. Did you mean --listen\?/],
    [['check', 'policies', '--jsn'], /Unknown flag --jsn\. Did you mean --json\?/],
    [['check', 'policies', '--json=yes'], /--json takes no value/],
    [['run'], /Something is missing: postern run <folder>/],
    [['check', 'a', 'b'], /"b" is one argument too many/],
    [['run', 'policies', '--listen', '--admin-listen'], /--listen needs a value/],
    [['run', 'policies', '--listen'], /--listen needs a value: --listen HOST:PORT/],
    [['run', 'policies', '--listen', ':1', '--listen', ':2'], /--listen stands twice/],
    [['run', 'policies', '--listen', 'shop.example:80'], /--listen wants HOST:PORT/],
    [
      ['run', 'policies', '--listen', '::1:8080'],
      /--listen wants HOST:PORT, such as 127\.0\.0\.1:8080 or \[::1\]:8080/,
    ],
    [['run', 'policies', '--listen', '127.0.0.1:70000'], /--listen wants HOST:PORT/],
    [['keys', 'nwe', 'acme'], /Unknown: keys nwe\. Did you mean new\?/],
    [['keys'], /Something is missing: postern keys/],
    [['keys', 'new'], /For whom\? postern keys new <client>/],
    [['keys', 'new', 'a b'], /A client's name is made of/],
    [['keys', 'jwt', '--expires', 'soon'], /--expires wants a duration/],
    [['keys', 'jwt', '--claim', 'plan'], /--claim wants NAME=VALUE/],
  ]
  for (const [args, expected] of rows) {
    const { code, out, err } = await postern(args)
    t.match(err, expected, `postern ${args.join(' ')}`)
    t.equal(code, 2)
    t.equal(out, '')
  }
})

t.test('a variable with an unreadable address is named', async (t) => {
  const { code, err } = await postern(['run', 'policies'], { env: { POSTERN_LISTEN: 'everywhere' } })
  t.equal(code, 2)
  t.match(err, /POSTERN_LISTEN wants HOST:PORT.* it is "everywhere"/)
})

t.test('without a command it helps, and tells a script that nothing was done', async (t) => {
  const { code, out, err } = await postern([])
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /usage {2}postern <command>/)
})

t.test('the version is the one of the package', async (t) => {
  const packaged: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.equal(version, packaged.version)
  for (const args of [['version'], ['--version'], ['-v']]) t.equal((await postern(args)).out, `${version}\n`)
  t.match(JSON.parse((await postern(['version', '--json'])).out), { version, node: process.version })
})

t.test('colors are for terminals that want them', async (t) => {
  t.equal(paintFor(true, {})('red', 'x'), '\u001b[31mx\u001b[39m')
  for (const [isTerminal, env] of [
    [false, {}],
    [true, { NO_COLOR: '1' }],
    [true, { TERM: 'dumb' }],
    [true, { FORCE_COLOR: '0' }],
  ] as const) {
    t.equal(paintFor(isTerminal, env)('red', 'x'), 'x')
  }
  t.equal(paintFor(false, { FORCE_COLOR: '1' })('dim', 'x'), '\u001b[2mx\u001b[22m')
})

t.test('an API key is shown once, and the policy gets its digest', async (t) => {
  const made = await postern(['keys', 'new', 'acme'])
  t.equal(made.code, 0)
  const key = made.out.trim()
  t.match(key, /^pst_[A-Za-z0-9_-]{43}$/, 'stdout holds the key alone')
  t.notOk(made.err.includes(key), 'the lines for the policy do not hold it')
  const digest = /sha256: ([0-9a-f]{64})/.exec(made.err)?.[1]
  const hashed = await postern(['keys', 'hash'], { input: `${key}\n` })
  t.equal(hashed.out, `${digest}\n`, 'hash says the same of the key')
  t.not((await postern(['keys', 'new', 'acme'])).out, made.out, 'each key is new')
  t.match(JSON.parse((await postern(['keys', 'new', 'acme', '--json'])).out), {
    client: 'acme',
    key: /^pst_/,
    sha256: String,
  })
})

t.test('what cannot be a key is not hashed', async (t) => {
  for (const input of ['', '\n', 'two\nlines', 'a blank', 'ü', 'x'.repeat(5_000)]) {
    const { code, out } = await postern(['keys', 'hash'], { input })
    t.equal(code, 1)
    t.equal(out, '')
  }
  t.equal(
    (await postern(['keys', 'hash'], { input: 'legacy-key-1\r\n' })).code,
    0,
    'a Windows line end is no part of it',
  )
})

t.test('a token needs a development issuer, and says how to start one', async (t) => {
  const empty = t.testdir({})
  const { code, out, err } = await postern(['keys', 'jwt', '--scope', 'orders:write'], { env: { TMPDIR: empty } })
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, /No development issuer is running\. Start one in another terminal: postern dev --demo/)
})

t.test('health says no where nothing listens', async (t) => {
  const { code, out } = await postern(['health', '--admin', '127.0.0.1:1'])
  t.equal(code, 1)
  t.match(out, /^not ready: 127\.0\.0\.1:1: .*ECONNREFUSED/)
})

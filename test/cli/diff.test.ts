import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { postern } from './command-line.js'

const shared = `upstreams:
  fn: { url: "https://fn.example.com", auth: { header: { name: x-key, value: "\${secret:key}" } } }
issuers:
  main: { issuer: "https://id.example.com/", audience: a }
`
const routes = `routes:
  POST /a:
    upstream: fn
    auth: { jwt: main, scopes: [a:write] }
    rateLimit: { me: { partitionKey: jwt.sub, quota: 10, window: 1m } }
  GET /b: { upstream: fn, auth: { jwt: main, scopes: [b:read] } }
  GET /c: { upstream: fn, auth: { jwt: main, scopes: [c:read] } }
`
const files = {
  'gateway.yaml': 'secrets: { key: { env: NOBODY_SETS_THIS } }\n',
  'shared.yaml': shared,
  'routes.yaml': routes,
}
const weaker = routes.replace(', scopes: [a:write]', '').replace('quota: 10', 'quota: 20')
const stronger = routes.replace('quota: 10', 'quota: 5')

t.test('what changes is told per route, what is weaker is marked, the summary is last', async (t) => {
  const folder = t.testdir({
    old: files,
    next: {
      ...files,
      'routes.yaml': `${weaker}  GET /health: { upstream: fn, auth: none, reason: for the balancer }\n`,
    },
  })
  const { code, out, err } = await postern(['diff', 'old', 'next'], { cwd: folder })
  t.equal(code, 0, 'a difference is no failure, unless asked for')
  t.equal(err, '')
  t.equal(
    out,
    `! POST /a  routes.yaml:2:3
    weaker    auth.scopes lost a:write  routes.yaml:4:5
    weaker    rateLimit.me 10/1m → 20/1m  routes.yaml:5:18

! GET /health  new, and open to everyone  routes.yaml:8:3

Routes: 1 changed, 1 added. 3 weaker, 0 stronger, 0 other.
`,
  )
})

t.test('the exit code follows the bar that was set', async (t) => {
  const folder = t.testdir({
    old: files,
    same: { ...files, 'routes.yaml': `# a comment\n${routes}` },
    weaker: { ...files, 'routes.yaml': weaker },
    stronger: { ...files, 'routes.yaml': stronger },
    broken: { ...files, 'routes.yaml': routes.replace('fn', 'gn') },
  })
  const rows: readonly (readonly [string, string, number])[] = [
    ['weaker', 'never', 0],
    ['weaker', 'weaker', 1],
    ['stronger', 'weaker', 0],
    ['stronger', 'change', 1],
    ['same', 'change', 0],
    ['broken', 'never', 1],
    ['weaker', 'nothing', 2],
  ]
  for (const [next, bar, expected] of rows) {
    const { code } = await postern(['diff', 'old', next, '--fail-on', bar], { cwd: folder })
    t.equal(code, expected, `${next} --fail-on ${bar}`)
  }
  t.equal((await postern(['diff', 'old', 'same'], { cwd: folder })).out, 'No difference: both decide the same.\n')
  const refused = await postern(['diff', 'old', 'broken'], { cwd: folder })
  t.match(refused.err, /^broken is refused: 1 problem\.\n {2}routes\.yaml:3:15 route\.upstream-unknown /)
  t.equal(refused.out, '')
})

t.test('JSON holds every change with both values', async (t) => {
  const folder = t.testdir({ old: files, next: { ...files, 'routes.yaml': weaker } })
  const { out } = await postern(['diff', 'old', 'next', '--json'], { cwd: folder })
  t.match(JSON.parse(out), {
    before: /^[0-9a-f]{64}$/,
    counts: { weaker: 2, stronger: 0, other: 0 },
    things: [
      {
        kind: 'route',
        name: 'POST /a',
        direction: 'weaker',
        changes: [
          { setting: 'auth.scopes', before: ['a:write'], after: [], place: { file: 'routes.yaml', line: 4 } },
          { setting: 'rateLimit.me.rate', before: { quota: 10 }, after: { quota: 20, windowMs: 60_000 } },
        ],
      },
    ],
  })
})

t.test('routes that change alike are told together', async (t) => {
  const folder = t.testdir({ old: files, next: { ...files, '_defaults.yaml': 'response: { errors: pass }\n' } })
  const { out } = await postern(['diff', 'old', 'next'], { cwd: folder })
  t.match(
    out,
    /^! POST \/a, GET \/b, GET \/c {2}routes\.yaml:2:3\n {4}weaker {4}response\.errors mask → pass {2}_defaults\.yaml:1:1\n/,
  )
  t.match(out, /Routes: 3 changed\. 3 weaker, 0 stronger, 0 other\.\n$/)
})

/** A repository whose first commit, tagged `v1`, holds the policies; the working tree is weaker. */
function repository(t: Test): string {
  const root = t.testdir({ deep: { policies: { ...files, nested: { 'more.yaml': '' } } } })
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', ...args],
      {
        cwd: root,
        stdio: 'pipe',
      },
    )
  git('init', '-q')
  symlinkSync('shared.yaml', join(root, 'deep/policies/link.txt'))
  git('add', '.')
  git('commit', '-q', '-m', 'first')
  git('tag', 'v1')
  writeFileSync(join(root, 'deep/policies/routes.yaml'), weaker)
  return root
}

t.test('git revisions stand for the folder as it was there', async (t) => {
  const root = repository(t)
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('postern-diff-'))
  const told = /^! POST \/a .*\n.*auth\.scopes lost a:write/
  t.match((await postern(['diff', 'HEAD', 'deep/policies'], { cwd: root })).out, told)
  t.match((await postern(['diff', 'v1:deep/policies', 'deep/policies'], { cwd: root })).out, told)
  t.match(
    (await postern(['diff', 'v1:./policies'], { cwd: join(root, 'deep') })).out,
    told,
    'policies is the usual folder',
  )
  t.match((await postern(['diff', 'HEAD'], { cwd: join(root, 'deep') })).out, told)
  t.match(
    (await postern(['diff', 'deep/policies', 'HEAD'], { cwd: root })).out,
    /stronger {2}auth\.scopes gained a:write/,
  )
  t.match((await postern(['diff', 'v1:deep/policies', 'HEAD:deep/policies'], { cwd: root })).out, /^No difference/)
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith('postern-diff-'))
  t.same(
    after.filter((name) => !before.includes(name)),
    [],
    'nothing is left behind',
  )
})

t.test('what git does not know is said in one line', async (t) => {
  const root = repository(t)
  mkdirSync(join(root, 'empty'))
  const rows: readonly (readonly [string[], RegExp, number])[] = [
    [['diff', 'nowhere', 'deep/policies'], /^"nowhere" is neither a folder here nor a revision that git knows\.\n$/, 1],
    [['diff', 'v1:nowhere', 'deep/policies'], /^v1 holds no folder "nowhere"\.\n$/, 1],
    [['diff', 'v1:./../../etc', 'deep/policies'], /outside the repository/, 1],
    [['diff', '--', '--upload-pack=x', 'deep/policies'], /^"--upload-pack=x" is neither/, 1],
    [['diff'], /Something is missing/, 2],
  ]
  for (const [args, expected, status] of rows) {
    const { code, err, out } = await postern(args, { cwd: root })
    t.match(err, expected, args.join(' '))
    t.equal(code, status)
    t.equal(out, '')
  }
  const outside = join(tmpdir(), `postern-no-repository-${process.pid}`)
  cpSync(join(root, 'empty'), outside, { recursive: true })
  t.teardown(() => execFileSync('rm', ['-rf', outside]))
  t.match(
    (await postern(['diff', 'HEAD', 'HEAD'], { cwd: outside })).err,
    /no folder here, and this folder is in no git repository|holds no folder/,
  )
})

t.test('a credential in a policy is not repeated', async (t) => {
  const key = `ghp_${'q8Zr3WxT7mKp2VnB9sLd'.repeat(2)}`
  const text = (value: string) =>
    routes.replace('    rateLimit', `    forward: { headers: { set: { x-a: ${value} } } }\n    rateLimit`)
  const folder = t.testdir({
    old: { ...files, 'routes.yaml': text(key) },
    next: { ...files, 'routes.yaml': text('eu') },
  })
  for (const flags of [[], ['--json']]) {
    const { out } = await postern(['diff', 'old', 'next', ...flags], { cwd: folder })
    t.match(out, 'setHeaders')
    t.notOk(out.includes(key))
  }
})

t.test('the documents show what the command prints', async (t) => {
  const page = readFileSync('docs/diff.md', 'utf8')
  t.match(page, /^\$ postern diff /m)
  for (const flag of ['--fail-on weaker', '--fail-on change', '--json']) t.ok(page.includes(flag), flag)
})

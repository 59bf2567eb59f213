import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { renderProblems } from '../../src/policy/render.js'
import { formatPlace } from '../../src/values/place.js'
import { fakeStages } from './fake-stages.js'
import { sharedText, writeFolder } from './folder.js'

const route = (key: string) => `routes:\n  ${key}:\n    upstream: fn\n    auth: none\n    reason: a test\n`
const good = { 'shared.yaml': sharedText, 'orders.yaml': route('GET /a') }
const load = (folder: string) => loadPolicy(folder, {}, fakeStages)

async function firstProblem(folder: string): Promise<string> {
  const { problems, plan } = await load(folder)
  const [first] = problems.filter(({ severity }) => severity === 'error')
  if (first === undefined) return `none, ${plan?.routes.length} routes`
  return `${first.code} ${formatPlace(first.place)}`
}

t.test('bytes that are no policy text are refused with their line, and the same text in UTF-8 is taken', async (t) => {
  const text = route('GET /b')
  const cases: Readonly<Record<string, readonly [Buffer | string, string]>> = {
    'a NUL byte': [`${text}# \0\n`, 'policy.file-binary b.yaml:6:3'],
    'a control character': [`${text}# \u0007\n`, 'policy.file-binary b.yaml:6:3'],
    'UTF-16 with its mark': [Buffer.from(`\ufeff${text}`, 'utf16le'), 'policy.file-encoding b.yaml:1:1'],
    'UTF-16 without one': [Buffer.from(text, 'utf16le'), 'policy.file-encoding b.yaml:1:1'],
    'big-endian UTF-16': [Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'policy.file-encoding b.yaml:1:1'],
    'a byte order mark': [`\ufeff${text}`, 'policy.file-encoding b.yaml:1:1'],
    'Latin-1': [Buffer.from(`${text}# caf\u00e9\n`, 'latin1'), 'policy.file-encoding b.yaml:6:1'],
    'a cut UTF-8 sequence': [
      Buffer.concat([Buffer.from(text), Buffer.from([0xe2, 0x82])]),
      'policy.file-encoding b.yaml:6:1',
    ],
    'UTF-8 beyond ASCII': [`${text}# caf\u00e9 \u{1f680}\n`, 'none, 2 routes'],
    'lines that end in CR LF': [text.replaceAll('\n', '\r\n'), 'none, 2 routes'],
  }
  for (const [name, [content, expected]] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      t.equal(await firstProblem(writeFolder(t, { ...good, 'b.yaml': content })), expected)
    })
  }
})

t.test('a file of 8 MiB is the largest that is read', async (t) => {
  const fill = (size: number) => `${route('GET /b')}#${'x'.repeat(size - route('GET /b').length - 1)}`
  const started = performance.now()
  t.equal(
    await firstProblem(writeFolder(t, { ...good, 'b.yaml': fill(8 * 1024 ** 2 + 1) })),
    'policy.file-too-large b.yaml:1:1',
  )
  t.ok(performance.now() - started < 20_000, 'and it is refused at once')
  t.equal(await firstProblem(writeFolder(t, { ...good, 'b.yaml': fill(8 * 1024 ** 2) })), 'none, 2 routes')
})

t.test(
  'alias bombs, deep nesting and floods of keys are over in seconds and bounded in their complaints',
  async (t) => {
    const letters = 'abcdefghijklmnop'.split('')
    const bomb = letters
      .map((c, i) => `${c}: &${c} [${Array(9).fill(i === 0 ? 'x' : `*${letters[i - 1]}`)}]`)
      .join('\n')
    const cases = {
      bomb,
      'deep flow': `a: ${'['.repeat(100_000)}`,
      'deep block': Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}k:`).join('\n'),
      'wide duplicate': `routes:\n${'  a: 1\n'.repeat(50_000)}`,
      'many mistakes': `routes:\n${Array.from({ length: 50_000 }, (_, i) => `  x${i}: 1\n`).join('')}`,
      'one long line': `a: "${'x'.repeat(3_000_000)}`,
      'question marks': '? '.repeat(100_000),
    }
    for (const [name, text] of Object.entries(cases)) {
      await t.test(name, async (t) => {
        const started = performance.now()
        const loaded = await load(writeFolder(t, { ...good, 'b.yaml': text }))
        t.equal(loaded.plan, null)
        t.ok(loaded.problems.length > 0 && loaded.problems.length <= 2_000)
        t.ok(renderProblems(loaded.problems).length < 100_000, 'what is printed is bounded too')
        t.ok(performance.now() - started < 60_000)
      })
    }
  },
)

t.test('links may lead around inside the folder, as Kubernetes mounts do, and never out of it', async (t) => {
  const outside = writeFolder(t, { 'secret.yaml': route('GET /stolen'), 'schema.json': '{}' })
  await t.test('a mounted ConfigMap', async (t) => {
    const folder = t.testdir({
      '..2026_11_22': {
        'orders.yaml': good['orders.yaml'],
        'shared.yaml': sharedText,
        shop: { 'a.yaml': route('GET /s') },
      },
    })
    symlinkSync('..2026_11_22', join(folder, '..data'))
    for (const name of ['orders.yaml', 'shared.yaml', 'shop']) symlinkSync(`..data/${name}`, join(folder, name))
    t.equal(await firstProblem(folder), 'none, 2 routes')
  })
  await t.test('a file outside', async (t) => {
    const folder = writeFolder(t, good)
    symlinkSync(join(outside, 'secret.yaml'), join(folder, 'b.yaml'))
    t.equal(await firstProblem(folder), 'policy.file-outside b.yaml:1:1')
  })
  await t.test('a folder outside', async (t) => {
    const folder = writeFolder(t, good)
    symlinkSync(outside, join(folder, 'more'))
    t.equal(await firstProblem(folder), 'policy.file-outside more:1:1')
  })
  await t.test('a circle', async (t) => {
    const folder = writeFolder(t, good)
    symlinkSync('.', join(folder, 'again'))
    t.equal(await firstProblem(folder), 'policy.folder-loop again:1:1')
  })
  await t.test('a link to nothing', async (t) => {
    const folder = writeFolder(t, good)
    symlinkSync('nowhere', join(folder, 'b.yaml'))
    t.equal(await firstProblem(folder), 'policy.file-missing b.yaml:1:1')
  })
})

t.test('what cannot be read is a problem, not a crash and not a wait', async (t) => {
  await t.test('no folder', async (t) => {
    t.equal(
      await firstProblem(join(writeFolder(t, {}), 'none')).then((text) => text.split(' ')[0]),
      'policy.folder-missing',
    )
  })
  await t.test('a file instead of a folder', async (t) => {
    const folder = writeFolder(t, good)
    t.match(await firstProblem(join(folder, 'orders.yaml')), /^policy\.folder-missing/)
  })
  await t.test('an empty folder', async (t) => {
    t.equal(await firstProblem(writeFolder(t, {})), 'policy.no-routes .:1:1')
  })
  await t.test('a folder named like a policy file', async (t) => {
    const folder = writeFolder(t, good)
    mkdirSync(join(folder, 'b.yaml'))
    t.equal(await firstProblem(folder), 'policy.file-unreadable b.yaml:1:1')
  })
  await t.test('a named pipe', async (t) => {
    const folder = writeFolder(t, good)
    execFileSync('mkfifo', [join(folder, 'b.yaml')])
    t.equal(await firstProblem(folder), 'policy.file-unreadable b.yaml:1:1')
  })
  await t.test('a file without read permission', async (t) => {
    const folder = writeFolder(t, { ...good, 'b.yaml': route('GET /b') })
    chmodSync(join(folder, 'b.yaml'), 0)
    // Root reads everything; elsewhere the file is a problem.
    const expected = process.getuid?.() === 0 ? 'none, 2 routes' : 'policy.file-unreadable b.yaml:1:1'
    t.equal(await firstProblem(folder), expected)
  })
  await t.test('hidden files and policy tests are passed over', async (t) => {
    const folder = writeFolder(t, {
      ...good,
      '.draft.yaml': ': broken',
      'orders.test.yaml': 'tests: {}',
      'README.md': '# ours',
    })
    mkdirSync(join(folder, '.git'))
    writeFileSync(join(folder, '.git', 'x.yaml'), ': broken')
    t.equal(await firstProblem(folder), 'none, 1 routes')
  })
})

t.test('a hostile text cannot write to the terminal of whoever reads about it', async (t) => {
  const { problems } = await load(
    writeFolder(t, { ...good, 'b.yaml': 'routes:\n  "GET /\\e[2J\\u202e":\n    upstream: fn\n' }),
  )
  const raw = await load(writeFolder(t, { ...good, 'b.yaml': 'routes:\n  "x\u202e\u2066y": 1\n' }))
  const printed = renderProblems([...problems, ...raw.problems])
  t.ok(problems.length > 0 && raw.problems.length > 0)
  for (const char of ['\u001b', '\u202e', '\u2066']) t.notOk(printed.includes(char))
})

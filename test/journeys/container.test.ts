import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { spawnClean, start } from '../cli/command-line.js'
import { createAwsAccount, startContainerEndpoint, startSignedFunction } from '../support/cloud-endpoints.js'
import { send } from '../support/http.js'
import { startUpstream } from '../support/upstream.js'

interface Instruction {
  readonly word: string
  readonly rest: string
}

/** The stages of a Dockerfile, each with its instructions; continued lines are joined, comments dropped. */
function dockerStages(text: string): Instruction[][] {
  const lines = text
    .replace(/^\s*#.*$/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
  const stages: Instruction[][] = []
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (word === 'FROM') stages.push([])
    if (word !== '') stages.at(-1)?.push({ word, rest: rest.trim() })
  }
  return stages
}

const stages = dockerStages(readFileSync('Dockerfile', 'utf8'))
const build = stages[0] ?? []
const image = stages.at(-1) ?? []
const all = (of: readonly Instruction[], word: string): string[] =>
  of.filter((instruction) => instruction.word === word).map(({ rest }) => rest)

t.test('the image holds what runs, as nobody, and is told to stop politely', async (t) => {
  t.equal(stages.length, 2, 'what builds stays behind')
  for (const stage of stages) t.match(all(stage, 'FROM')[0], /^node:24-slim\b/)
  t.match(all(build, 'RUN').join('\n'), /npm ci --ignore-scripts[\s\S]*npm run build/)
  t.notOk(
    all(image, 'COPY').some((copy) => copy.includes('node_modules')),
    'the bundle holds the packages of production, and none of development',
  )
  t.same(all(image, 'USER'), ['1000:1000'], 'a number, so that an orchestrator can see that it is not root')
  t.same(all(image, 'STOPSIGNAL'), ['SIGTERM'])
  t.same(all(image, 'EXPOSE'), ['8080 9090'])
  t.same(all(image, 'VOLUME'), ['/etc/postern/policies'])
  t.notOk(
    all(image, 'COPY').some((copy) => copy.includes('policies')),
    'an image without policies serves nothing',
  )
  t.notOk(
    all(image, 'COPY').some((copy) => copy.includes('--chown')),
    'files belong to root',
  )
  t.match(all(image, 'ENV').join(' '), /POSTERN_LISTEN=0\.0\.0\.0:8080 +POSTERN_ADMIN_LISTEN=127\.0\.0\.1:9090/)
})

t.test('process 1 is the gateway itself, without a shell that would swallow signals', async (t) => {
  const entry: unknown = JSON.parse(all(image, 'ENTRYPOINT')[0] ?? '')
  const command: unknown = JSON.parse(all(image, 'CMD')[0] ?? '')
  const health: unknown = JSON.parse(/CMD (\[.*\])$/.exec(all(image, 'HEALTHCHECK')[0] ?? '')?.[1] ?? '')
  t.same(entry, ['node', '/opt/postern/dist/cli/main.js'])
  t.same(command, ['run', '/etc/postern/policies'])
  t.same(health, ['node', '/opt/postern/dist/cli/main.js', 'health'], 'and is asked by its own binary')
})

t.test('everything that is copied exists, and is sent to the builder', async (t) => {
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n')
  t.ok(ignored.includes('*'), 'nothing is sent that is not named')
  for (const copy of stages.flatMap((stage) => all(stage, 'COPY')).filter((rest) => !rest.startsWith('--from'))) {
    for (const source of copy.split(/\s+/).slice(0, -1)) {
      const name = source.replace(/^\.\//, '')
      t.ok(existsSync(name), `${name} exists`)
      t.ok(ignored.includes(`!${name}`), `${name} is sent`)
    }
  }
})

const isRoot = process.getuid?.() === 0

/** The file tree of the image, built as the image's first stage builds it. */
function imageTree(t: { teardown(done: () => void): void }): string {
  const root = mkdtempSync(join(tmpdir(), 'postern-image-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const app = join(root, 'opt', 'postern')
  mkdirSync(app, { recursive: true })
  execFileSync(process.execPath, ['scripts/build.mjs', join(app, 'dist')])
  cpSync('package.json', join(app, 'package.json'))
  execFileSync('chmod', ['-R', 'a+rX,a-w', root])
  return root
}

t.test('the image serves as nobody from files it cannot change, tells its health, and stops in order', async (t) => {
  const upstream = await startUpstream(t)
  const account = createAwsAccount()
  const signed = await startSignedFunction(t, account)
  const keys = await startContainerEndpoint(t, account, 'token', () => 3_600_000)
  const root = imageTree(t)
  const main = join(root, 'opt', 'postern', 'dist', 'cli', 'main.js')
  const policies = mkdtempSync(join(tmpdir(), 'postern-volume-'))
  t.teardown(() => rmSync(policies, { recursive: true, force: true }))
  writeFileSync(
    join(policies, 'routes.yaml'),
    `
upstreams:
  fn: { url: "${upstream.url}" }
  signed: { url: "${signed.url}", auth: { aws-sigv4: { region: eu-west-1, service: lambda } } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of the image }
  GET /signed: { upstream: signed, auth: none, reason: a test of the image }
`,
  )
  execFileSync('chmod', ['-R', 'a+rX,a-w', policies])
  // As a container would run it: another user, no capabilities, no new privileges. Without root we are nobody special already.
  const asNobody = isRoot ? { uid: 1000, gid: 1000 } : {}
  const env = {
    PATH: process.env['PATH'] ?? '',
    TMPDIR: '/nowhere',
    HOME: '/nowhere',
    NODE_ENV: 'production',
    POSTERN_LISTEN: '127.0.0.1:0',
    POSTERN_ADMIN_LISTEN: '127.0.0.1:0',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: keys.url,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token',
  }
  const child = spawnClean(main, ['run', policies], env, { cwd: '/', ...asNobody })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stderr.on('data', (piece) => {
    err += String(piece)
  })
  const started = await new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on('data', (piece) => {
      out += String(piece)
      const line = /^.*"event":"started".*\n/m.exec(out)?.[0]
      if (line !== undefined) resolve(JSON.parse(line) as Record<string, unknown>) // a log line is an object
    })
    child.on('close', () => reject(new Error(`ended at the start: ${err}`)))
  })
  const admin = String(started['admin'])
  const health = (address: string): Promise<number | null> =>
    new Promise((resolve) => {
      const asked = spawnClean(main, ['health'], { ...env, POSTERN_ADMIN_LISTEN: address }, asNobody)
      asked.on('close', resolve)
    })
  t.equal(await health(new URL(admin).host), 0, 'healthy')
  t.equal((await send(String(started['gateway']), 'GET', '/a')).status, 200)
  const signedFor = await send(String(started['gateway']), 'GET', '/signed?b=2&a=1')
  t.equal(signedFor.status, 200, 'the bundle holds what signs, and what finds the keys')
  const ended = new Promise((resolve) => child.on('close', resolve))
  child.kill('SIGTERM')
  t.equal(await ended, 0)
  t.equal(await health(new URL(admin).host), 1, 'and not healthy once it is gone')
  t.equal(err.replace(/^SIGTERM: .*\n/m, ''), '', 'nothing else was said')
})

t.test('without a policy folder nothing is served', async (t) => {
  const child = start(['run', join(t.testdir({}), 'none')])
  t.equal(await new Promise((resolve) => child.on('close', resolve)), 1)
})

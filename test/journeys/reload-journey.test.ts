import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { postern, type Running, watched } from '../cli/command-line.js'
import { send } from '../support/http.js'
import { type LoadRequest, quantile, startLoad } from '../support/load.js'
import { startUpstream } from '../support/upstream.js'

type Teardown = { teardown(done: () => Promise<void> | void): void }

/** A route whose function receives the version of the policy that let it through. */
const versioned = (url: string, version: string): string => `
upstreams: { fn: { url: "${url}" } }
routes:
  GET /a:
    upstream: fn
    auth: none
    reason: a test of reloading
    forward: { headers: { set: { x-version: "${version}" } } }
`

interface Served extends Running {
  readonly gateway: string
  readonly admin: string
  readonly port: number
  readonly started: Readonly<Record<string, unknown>>
  /** The next event of this name after what has been written so far, or after `from`. */
  event(name: string, from?: number): Promise<Readonly<Record<string, unknown>>>
}

async function run(t: Teardown, folder: string, env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const running = watched(t, ['run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'], { env })
  const event = async (name: string, from = running.out().length): Promise<Record<string, unknown>> => {
    const [line] = await running.until(new RegExp(`^.*"event":"${name}".*$`, 'm'), from)
    return JSON.parse(line) as Record<string, unknown> // a log line is an object
  }
  const started = await event('started', 0)
  const gateway = String(started['gateway'])
  return { ...running, event, started, gateway, admin: String(started['admin']), port: Number(new URL(gateway).port) }
}

async function readiness(served: Served): Promise<Record<string, unknown>> {
  return (await send(served.admin, 'GET', '/readyz')).json ?? {}
}

t.test('fifty reloads under load, half of them broken, lose nothing and judge by whole sets alone', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer = ({ headers }, response) => response.end(String(headers['x-version']))
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '0') })
  const served = await run(t, folder)
  t.match(served.started, { routes: 1, warningsCount: Number })

  let newest = 0
  const judge: LoadRequest['judge'] = ({ status, body }) => {
    const version = body.toString()
    if (status !== 200) return `status ${status}`
    return /^\d+$/.test(version) && Number(version) <= newest ? null : `judged by version ${version}`
  }
  const bytes = Buffer.from(`GET /a HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`)
  const load = startLoad({ port: served.port, connections: 8, rate: 300, next: () => ({ bytes, judge }) })

  const takenMs: number[] = []
  for (let version = 1; version <= 50; version++) {
    const isBroken = version % 2 === 0
    const from = served.out().length
    const saved = performance.now()
    if (isBroken) {
      // Half of the set is good: were it put to work by itself, an answer would say "broken".
      writeFileSync(join(folder, 'more.yaml'), 'routes:\n  GET /b: { upstream: nowhere, auth: none, reason: broken }\n')
      writeFileSync(join(folder, 'routes.yaml'), versioned(upstream.url, 'broken'))
      await served.event('reload-refused', from)
    } else {
      newest = version
      rmSync(join(folder, 'more.yaml'), { force: true })
      writeFileSync(join(folder, 'routes.yaml'), versioned(upstream.url, String(version)))
      await served.event('reloaded', from)
      takenMs.push(performance.now() - saved)
      t.equal((await send(served.gateway, 'GET', '/a')).text, String(version))
    }
  }
  const report = await load.stop()
  t.same(report.wrong, [])
  t.equal(report.lost + report.unaccepted + report.refused, 0, 'no request was lost')
  t.ok(report.answered > 1_000, `${report.answered} requests were answered`)
  // The median, since a busy machine makes any one of them late.
  t.ok(quantile(takenMs, 0.5) <= 1_000, `live ${Math.round(quantile(takenMs, 0.5))} ms after saving`)

  const metrics = (await send(served.admin, 'GET', '/metrics')).text
  t.match(metrics, /^postern_reloads_total\{result="accepted"\} 25$/m)
  t.match(metrics, /^postern_reloads_total\{result="refused"\} 25$/m)
  served.child.kill('SIGTERM')
  t.equal(await served.ended, 0)
})

t.test('a refused reload is told everywhere, until one is accepted', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '1') })
  const served = await run(t, folder)
  const before = await readiness(served)
  t.match(before, { ready: true, draining: false, plan: /^[0-9a-f]{64}$/, refused: null })

  let from = served.out().length
  writeFileSync(join(folder, 'routes.yaml'), versioned(upstream.url, '2').replace('forward:', 'forwad:'))
  const refused = await served.event('reload-refused', from)
  t.match(refused, { cause: 'files changed', problemsCount: Number, plan: String(before['plan']).slice(0, 12) })
  t.match(refused['problems'], [/^routes\.yaml:8:5 route\.key-unknown Unknown key "forwad"\. Did you mean "forward"\?/])
  t.match(served.err(), /routes\.yaml:8:5[\s\S]*8 \| {5}forwad: .*\n.*\^{6}/, 'people get the line itself')
  t.match(await readiness(served), { ready: true, plan: before['plan'], refused: { first: /routes\.yaml:8:5/ } })
  t.equal((await send(served.gateway, 'GET', '/a')).status, 200, 'the last good set serves on')
  t.match((await send(served.admin, 'GET', '/metrics')).text, /^postern_reload_refused 1$/m)
  const told = await postern(['health', '--admin', new URL(served.admin).host])
  t.equal(told.code, 0, 'it serves, so it is healthy')
  t.match(
    told.out,
    /^ready: \S+: plan [0-9a-f]{4}, loaded \S+\n.*REFUSED.* 1 problem, routes\.yaml:8:5 .*"forwad".*\n$/,
  )

  from = served.out().length
  writeFileSync(join(folder, 'routes.yaml'), versioned(upstream.url, '2'))
  await served.event('reloaded', from)
  t.match(await readiness(served), { ready: true, refused: null })
  t.match((await send(served.admin, 'GET', '/metrics')).text, /^postern_reload_refused 0$/m)
  t.match((await postern(['health', '--admin', new URL(served.admin).host])).out, /^ready: [^\n]*\n$/)
})

t.test('counters survive a reload: who is throttled stays throttled', async (t) => {
  const upstream = await startUpstream(t)
  const limited = (note: string): string =>
    `${versioned(upstream.url, note)}    rateLimit: { per-ip: { partitionKey: ip, quota: 2, window: 5m } }\n`
  const folder = t.testdir({ 'routes.yaml': limited('1') })
  const served = await run(t, folder)
  const ask = async (): Promise<number> => (await send(served.gateway, 'GET', '/a')).status
  t.same([await ask(), await ask(), await ask()], [200, 200, 429])
  const from = served.out().length
  writeFileSync(join(folder, 'routes.yaml'), limited('2'))
  await served.event('reloaded', from)
  t.equal(await ask(), 429)
})

t.test('the folder of a ConfigMap, whose link is swapped twice, is followed both times', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ '..v1': { 'routes.yaml': versioned(upstream.url, '1') } })
  symlinkSync('..v1', join(folder, '..data'))
  symlinkSync('..data/routes.yaml', join(folder, 'routes.yaml'))
  const served = await run(t, folder)
  for (const version of ['2', '3']) {
    const from = served.out().length
    mkdirSync(join(folder, `..v${version}`))
    writeFileSync(join(folder, `..v${version}`, 'routes.yaml'), versioned(upstream.url, version))
    symlinkSync(`..v${version}`, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    rmSync(join(folder, `..v${Number(version) - 1}`), { recursive: true })
    await served.event('reloaded', from)
    await send(served.gateway, 'GET', '/a')
    t.equal(upstream.requests.at(-1)?.headers['x-version'], version)
  }
})

t.test('files in folders below are followed, also in folders that are new', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '1') })
  const served = await run(t, folder)
  const route = (path: string): string =>
    `routes:\n  GET ${path}: { upstream: fn, auth: none, reason: a test of folders }\n`
  mkdirSync(join(folder, 'team', 'a'), { recursive: true })
  for (const path of ['/one', '/two']) {
    const from = served.out().length
    writeFileSync(join(folder, 'team', 'a', 'routes.yaml'), route(path))
    await served.event('reloaded', from)
    t.equal((await send(served.gateway, 'GET', path)).status, 200)
  }
})

t.test('a secret that is rotated on disk is taken up by itself, as a file and as a mounted link', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ secrets: { '..v1': { key: 'first-key' } }, policies: {} })
  const secrets = join(folder, 'secrets')
  symlinkSync('..v1', join(secrets, '..data'))
  symlinkSync('..data/key', join(secrets, 'key'))
  const policies = join(folder, 'policies')
  writeFileSync(
    join(policies, 'gateway.yaml'),
    `version: 1\nsecrets: { fn_key: { file: "${join(folder, 'secrets', 'key')}" } }\n`,
  )
  writeFileSync(
    join(policies, 'routes.yaml'),
    versioned(upstream.url, '1').replace(
      `"${upstream.url}"`,
      `"${upstream.url}", auth: { azure-function-key: "\${secret:fn_key}" }`,
    ),
  )
  const served = await run(t, policies)
  await send(served.gateway, 'GET', '/a')
  t.equal(upstream.requests.at(-1)?.headers['x-functions-key'], 'first-key')

  let from = served.out().length
  mkdirSync(join(secrets, '..v2'))
  writeFileSync(join(secrets, '..v2', 'key'), 'second-key')
  symlinkSync('..v2', join(secrets, '..data_tmp'))
  renameSync(join(secrets, '..data_tmp'), join(secrets, '..data'))
  t.match(await served.event('secrets-renewed', from), { cause: 'files changed', secrets: ['fn_key'] })
  await send(served.gateway, 'GET', '/a')
  t.equal(upstream.requests.at(-1)?.headers['x-functions-key'], 'second-key')

  from = served.out().length
  rmSync(join(secrets, 'key'))
  t.match((await served.event('reload-refused', from))['problems'], [/secret "fn_key" is missing/])
  await send(served.gateway, 'GET', '/a')
  t.equal(upstream.requests.at(-1)?.headers['x-functions-key'], 'second-key', 'the last one serves on')
  from = served.out().length
  writeFileSync(join(secrets, 'key'), 'third-key')
  await served.event('secrets-renewed', from)
  t.match(await readiness(served), { refused: null })

  writeFileSync(join(secrets, 'key'), 'fourth-key')
  from = served.out().length
  served.child.kill('SIGHUP')
  await served.event('secrets-renewed', from)
  await send(served.gateway, 'GET', '/a')
  t.equal(upstream.requests.at(-1)?.headers['x-functions-key'], 'fourth-key', 'SIGHUP takes it at once')
  t.notMatch(served.out() + served.err(), /(first|second|third|fourth)-key/, 'and none is printed')
})

t.test('whatever way an editor saves, the new text serves and nothing is refused on the way', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '1') })
  const file = join(folder, 'routes.yaml')
  const served = await run(t, folder)
  const ways: Readonly<Record<string, (text: string) => void>> = {
    'over the old text': (text) => writeFileSync(file, text),
    'emptied first, then in three pieces': (text) => {
      writeFileSync(file, '')
      for (const piece of [text.slice(0, 40), text.slice(40, 90), text.slice(90)]) appendFileSync(file, piece)
    },
    'aside and renamed into place': (text) => {
      writeFileSync(join(folder, 'routes.yaml.tmp123'), text)
      renameSync(join(folder, 'routes.yaml.tmp123'), file)
    },
    'the old one renamed to a backup, the new one written': (text) => {
      writeFileSync(join(folder, '4913'), '')
      rmSync(join(folder, '4913'))
      renameSync(file, `${file}~`)
      writeFileSync(file, text)
      rmSync(`${file}~`)
    },
    'beside a lock that is a link to nowhere': (text) => {
      symlinkSync('user@host.1234:1', join(folder, '.#routes.yaml'))
      writeFileSync(join(folder, '.routes.yaml.swp'), 'b0VIM 9.0')
      writeFileSync(file, text)
      rmSync(join(folder, '.#routes.yaml'))
    },
    'deleted and written anew': (text) => {
      rmSync(file)
      writeFileSync(file, text)
    },
  }
  for (const [i, [way, save]] of Object.entries(ways).entries()) {
    const from = served.out().length
    save(versioned(upstream.url, String(i + 2)))
    await served.event('reloaded', from)
    await send(served.gateway, 'GET', '/a')
    t.equal(upstream.requests.at(-1)?.headers['x-version'], String(i + 2), way)
  }
  t.notMatch(served.out(), /reload-refused/)
})

t.test('ten thousand changes in a row are a few reloads, and requests are answered meanwhile', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '1') })
  const served = await run(t, folder)
  const route = (file: number, round: number): string =>
    `routes:\n  GET /many/${file}: { upstream: fn, auth: none, reason: round ${round} }\n`
  const slow: number[] = []
  const from = served.out().length
  for (let round = 0; round < 50; round++) {
    for (let file = 0; file < 200; file++) writeFileSync(join(folder, `many-${file}.yaml`), route(file, round))
    const asked = performance.now()
    t.equal((await send(served.gateway, 'GET', '/a')).status, 200)
    slow.push(performance.now() - asked)
  }
  writeFileSync(join(folder, 'routes.yaml'), versioned(upstream.url, '2'))
  for (let version = ''; version !== '2'; ) {
    await send(served.gateway, 'GET', '/a')
    version = String(upstream.requests.at(-1)?.headers['x-version'])
  }
  t.equal((await send(served.gateway, 'GET', '/many/199')).status, 200, 'every file of the last round is in force')
  const events =
    served
      .out()
      .slice(from)
      .match(/"event":"reload[^"]*"/g) ?? []
  t.ok(events.length >= 1 && events.length <= 60, `${events.length} reloads for 10,000 changes`)
  t.notMatch(served.out().slice(from), /loader-failed/)
  t.ok(quantile(slow, 0.5) < 500, `answered in ${Math.round(quantile(slow, 0.5))} ms`)
})

t.test('a policy folder that vanishes stops nothing, and counts again when it is back', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ policies: { 'routes.yaml': versioned(upstream.url, '1') } })
  const policies = join(folder, 'policies')
  const served = await run(t, policies)
  let from = served.out().length
  renameSync(policies, join(folder, 'away'))
  t.match((await served.event('reload-refused', from))['problems'], [/policies.*cannot be read/])
  t.equal((await send(served.gateway, 'GET', '/a')).status, 200)
  t.match(await readiness(served), { ready: true, refused: { first: /cannot be read/ } })
  from = served.out().length
  cpSync(join(folder, 'away'), policies, { recursive: true })
  await served.event('reload(ed|-unchanged)', from)
  t.match(await readiness(served), { ready: true, refused: null })
  from = served.out().length
  writeFileSync(join(policies, 'routes.yaml'), versioned(upstream.url, '2'))
  await served.event('reloaded', from)
  await send(served.gateway, 'GET', '/a')
  t.equal(upstream.requests.at(-1)?.headers['x-version'], '2', 'saving works as before')
})

t.test('a policy with problems starts nothing, and every problem is told', async (t) => {
  const folder = t.testdir({
    'a.yaml': 'routes:\n  GET /a: { upstream: nowhere, auth: none, reason: open }\n',
    'b.yaml': 'routes:\n  GET /b: { upstrem: x }\n',
  })
  const { code, out, err } = await postern(['run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'])
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, /a\.yaml:2:\d+[\s\S]*b\.yaml:2:\d+/)
  t.match(err, /\d problems in .*: nothing was started\.\n$/)
  const missing = await postern(['run', join(folder, 'none')])
  t.equal(missing.code, 1)
  t.match(missing.err, /cannot be read[\s\S]*nothing was started/)
})

t.test('a busy port is said with its holder, and leaves nothing half open', async (t) => {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'routes.yaml': versioned(upstream.url, '1') })
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void holder.close())
  const { port } = holder.address() as AddressInfo // a listening TCP server has one
  for (const [busy, free] of [
    ['--listen', '--admin-listen'],
    ['--admin-listen', '--listen'],
  ] as const) {
    const { code, out, err } = await postern(['run', folder, busy, `127.0.0.1:${port}`, free, '127.0.0.1:0'])
    t.equal(code, 1)
    t.match(err, `Cannot listen on 127.0.0.1:${port}: `)
    t.match(
      err,
      new RegExp(`(process ${process.pid} \\(.*\\)|another process) has this port\\. Stop it, or choose another`),
    )
    t.match(err, `with ${busy} HOST:PORT or POSTERN_`)
    t.notMatch(out, /"event":"started"/)
  }
})

t.test('SIGTERM under load loses no accepted request', async (t) => {
  const upstream = await startUpstream(t)
  const slowMs = 300
  upstream.answer = (_request, response) => void setTimeout(() => response.end('done'), slowMs)
  const served = await run(t, t.testdir({ 'routes.yaml': versioned(upstream.url, '1') }))
  const bytes = Buffer.from(`GET /a HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`)
  const load = startLoad({ port: served.port, connections: 16, next: () => ({ bytes }) })
  while (upstream.requests.length < 48) await send(served.admin, 'GET', '/livez')
  const asked = performance.now()
  served.child.kill('SIGTERM')
  const code = await served.ended
  const tookMs = performance.now() - asked
  const report = await load.stop()
  t.equal(code, 0)
  t.equal(report.lost, 0)
  t.same([...report.statuses.keys()], [200])
  t.ok(tookMs <= slowMs + 1_000, `gone after ${Math.round(tookMs)} ms`)
  t.match(served.out(), /"event":"draining","signal":"SIGTERM"[\s\S]*"event":"stopped","cut":0/)
  const decisions = served.out().match(/"outcome":"forwarded"/g) ?? []
  t.equal(decisions.length, report.answered, 'and every answer has its line in the log')
})

t.test('a log that nobody reads any more stops nothing', async (t) => {
  const upstream = await startUpstream(t)
  const served = await run(t, t.testdir({ 'routes.yaml': versioned(upstream.url, '1') }))
  served.child.stdout?.destroy()
  served.child.stderr?.destroy()
  for (let i = 0; i < 20; i++) t.equal((await send(served.gateway, 'GET', '/a')).status, 200)
  t.match(await readiness(served), { ready: true })
  served.child.kill('SIGTERM')
  t.equal(await new Promise((resolve) => served.child.on('exit', resolve)), 0)
})

t.test('a second wish to stop is obeyed at once; one that came twice is one', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer = () => {}
  const served = await run(t, t.testdir({ 'routes.yaml': versioned(upstream.url, '1') }))
  const hanging = send(served.gateway, 'GET', '/a').catch(() => null)
  while (upstream.requests.length === 0) await send(served.admin, 'GET', '/livez')
  const from = served.out().length
  served.child.kill('SIGTERM')
  served.child.kill('SIGTERM')
  await served.event('draining', from)
  served.child.kill('SIGINT')
  t.equal(await served.ended, 1)
  t.match(served.err(), /^SIGINT while stopping: stopped at once/m)
  await hanging
})

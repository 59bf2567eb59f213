import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { postern, watched } from '../cli/command-line.js'

/** Where there is no curl, a few lines of Node take its place: what is tested is the shell line, as it was printed. */
const curlOfNode = `#!/usr/bin/env node
const args = process.argv.slice(2)
const asked = { method: 'GET', headers: {} }
let url = '', form = '', shows = false, quiet = false
while (args.length > 0) {
  const word = args.shift()
  if (word === '-i') shows = true
  else if (word === '-s') quiet = true
  else if (word === '-o') args.shift()
  else if (word === '-w') form = args.shift()
  else if (word === '-d') { asked.method = 'POST'; asked.body = args.shift() }
  else if (word === '-H') { const [name, ...rest] = args.shift().split(':'); asked.headers[name] = rest.join(':').trim() }
  else url = word
}
const answer = await fetch(url, asked)
const text = await answer.text()
if (shows) console.log(['HTTP/1.1 ' + answer.status, ...[...answer.headers].map((pair) => pair.join(': ')), '', text].join('\\r\\n'))
else process.stdout.write(form.replace('%{http_code}', String(answer.status)))
`

/** A PATH on which `curl` is found. */
function pathWithCurl(folder: string): string {
  const path = process.env['PATH'] ?? ''
  if (spawnSync('curl', ['--version']).status === 0) return path
  writeFileSync(join(folder, 'curl'), curlOfNode)
  chmodSync(join(folder, 'curl'), 0o755)
  return [folder, path].join(delimiter)
}

function shell(line: string, env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve) => execFile('sh', ['-c', line], { env, timeout: 30_000 }, (_error, out) => resolve(out)))
}

/** The promised requests of the screen: a status, what it shows, and under it the line to paste. */
function promises(screen: string): { status: number; says: string; line: string }[] {
  return [...screen.matchAll(/^ {2}(\d{3}| {3}) {2}(\S.*)\n {7}(.+)$/gm)].map(([, status, says = '', line = '']) => ({
    status: Number(status), // 0: a line that prepares others
    says,
    line,
  }))
}

t.test('the demo keeps every promise that it prints', async (t) => {
  const folder = t.testdir({ policies: {}, bin: {} })
  cpSync('policies', join(folder, 'policies'), { recursive: true })
  const env = { TMPDIR: folder, PATH: pathWithCurl(join(folder, 'bin')) }
  const demo = watched(t, ['dev', '--demo', join(folder, 'policies')], { env })
  await demo.until(/Decisions:\n/)
  const screen = demo.out()

  const asked = promises(screen)
  const statuses = asked.map(({ status }) => status)
  for (const status of [200, 201, 400, 401, 403, 404, 429]) t.ok(statuses.includes(status), `${status} is promised`)
  let prepared = ''
  for (const { status, says, line } of asked) {
    if (status === 0) {
      prepared += `${line}\n`
      continue
    }
    const out = await shell(line.includes('Bearer $') ? `${prepared}${line}` : line, { ...env, HOME: folder })
    const last = /^HTTP\/1\.1 (\d{3})/.exec(out)?.[1] ?? out.trim().split(/\s+/).at(-1)
    t.equal(Number(last), status, `${status} ${says}: ${line}`)
    if (says.includes('body:/quantity')) t.match(out, /"at":\s*"body:\/quantity"/, 'the answer names the field')
    if (status === 429) t.match(out, /^(200 )+(429 )+\s*$/, 'first served, then told to wait')
    if (status === 201) {
      const seen = JSON.parse(out.slice(out.indexOf('{')))
      t.equal(seen.order.customer, 'alice', 'the function learns who asks')
      t.notOk('authorization' in seen.received.headers, 'and never sees the token')
      t.notMatch(out, /x-powered-by|^server:/im, 'nor does the caller see what the function runs on')
    }
  }
  const log = demo.out().slice(screen.length)
  t.match(log, /allow 201 POST \/orders/, 'every decision is one line')
  t.match(log, /DENY {2}401 POST \/orders {2}auth\.missing {2}orders\.yaml:\d+/, 'with its code and policy line')

  await t.test('tokens come with the claims that were asked for', async (t) => {
    const args = [
      'keys',
      'jwt',
      '--scope',
      'a b',
      '--scope',
      'c',
      '--sub',
      'bo',
      '--claim',
      'plan=pro',
      '--claim',
      'amr=["mfa"]',
    ]
    const { out } = await postern([...args, '--expires', '90s'], { env })
    const claims = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString())
    t.match(claims, { sub: 'bo', scope: 'a b c', plan: 'pro', amr: ['mfa'], aud: 'shop-api' })
    t.equal(claims.exp - claims.iat, 90)
    const wrong = await postern(['keys', 'jwt', '--issuer', 'http://127.0.0.1:1'], { env })
    t.equal(wrong.code, 1)
    t.match(wrong.err, /No development issuer at http:\/\/127\.0\.0\.1:1\. Running: http:\/\/127/)
  })

  await t.test('the issuer makes tokens for nobody who lacks its secret', async (t) => {
    const issuer = /issuer +(http:\S+)/.exec(screen)?.[1] ?? ''
    const wish = JSON.stringify({ sub: 'x', scope: '', audience: 'shop-api', expiresInSeconds: 60, claims: {} })
    const refused = await fetch(`${issuer}/token`, { method: 'POST', body: wish })
    t.equal(refused.status, 401)
    t.equal((await fetch(`${issuer}/.well-known/openid-configuration`)).status, 200, 'its public part answers')
  })

  await t.test('a saved policy takes effect, and a broken one is refused with its line', async (t) => {
    const file = join(folder, 'policies', 'catalog.yaml')
    const good = readFileSync(file, 'utf8')
    const gateway = /gateway +(http:\S+)/.exec(screen)?.[1] ?? ''
    let seen = demo.out().length
    writeFileSync(file, good.replaceAll('rateLimit:', 'rateLimits:'))
    await demo.until(
      /reload REFUSED.*still on plan [0-9a-f]{4}[\s\S]*catalog\.yaml:\d+:\d+[\s\S]*Did you mean "rateLimit"\?/,
      seen,
    )
    t.equal((await fetch(`${gateway}/products`)).status, 200, 'the last good set serves on')
    seen = demo.out().length
    writeFileSync(
      file,
      `${good}\n  GET /offers:\n    upstream: catalog-fn\n    auth: none\n    reason: Offers are public.\n`,
    )
    await demo.until(/reload {2}plan [0-9a-f]{4} → [0-9a-f]{4}, \d+ routes/, seen)
    t.equal((await fetch(`${gateway}/offers`)).status, 200, 'the new route is there')
  })

  // Twice, as under npm: from the terminal, and passed on.
  demo.child.kill('SIGINT')
  demo.child.kill('SIGINT')
  t.equal(await demo.ended, 0, 'Ctrl-C ends it in order')
  const after = await postern(['keys', 'jwt'], { env })
  t.match(after.err, /No development issuer is running/, 'and the issuer went with it')
})

t.test('busy ports are no obstacle to the demo, and are said', async (t) => {
  const folder = t.testdir({})
  const holders = [8080, 9090, 8090, 8091].map((port) => {
    const server = createServer()
    server.on('error', () => {}) // somebody else holds it: just as good
    return { server: server.listen(port, '127.0.0.1'), port }
  })
  t.teardown(() => {
    for (const { server } of holders) server.close()
  })
  await new Promise((resolve) => setImmediate(resolve))
  const demo = watched(t, ['dev', '--demo', 'policies'], { env: { TMPDIR: folder } })
  await demo.until(/Decisions:\n/)
  for (const { port } of holders) t.match(demo.out(), `(${port} was busy)`)
  const gateway = /gateway +(http:\S+)/.exec(demo.out())?.[1] ?? ''
  t.equal((await fetch(`${gateway}/products`)).status, 200)
})

t.test('dev listens to this machine alone', async (t) => {
  const { code, err } = await postern(['dev', '--listen', '0.0.0.0:0', 'policies'])
  t.equal(code, 2)
  t.match(err, /dev listens on loopback addresses only.*To serve others: postern run/)
})

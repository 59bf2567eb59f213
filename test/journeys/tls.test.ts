import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { formatPlace } from '../../src/values/place.js'
import { watched } from '../cli/command-line.js'
import { makeCertificate, type TestCertificate } from '../support/certificates.js'
import { parseExposition } from '../support/exposition.js'
import { startGateway } from '../support/gateway.js'
import { send } from '../support/http.js'
import { startUpstream } from '../support/upstream.js'

const authority = makeCertificate({ name: 'test authority', isAuthority: true })
const server = makeCertificate({ name: 'gateway.test', by: authority, dns: ['gateway.test'] })
const renewed = makeCertificate({ name: 'gateway.test', by: authority, dns: ['gateway.test'], to: 60 })
const client = makeCertificate({ name: 'billing', by: authority, uris: ['spiffe://corp.test/billing'] })
const stranger = makeCertificate({ name: 'stranger' })

const gatewayYaml = (more = '') => `version: 1
listeners:
  public:
    address: 127.0.0.1:0
    tls: { cert: ./tls/cert.pem, key: ./tls/key.pem${more} }
`

const routes = (url: string) => `
upstreams: { fn: { url: "${url}" } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of TLS }
`

const files = (url: string, more = '') => ({
  'gateway.yaml': gatewayYaml(more),
  'routes.yaml': routes(url),
  'tls/cert.pem': server.cert,
  'tls/key.pem': server.key,
  'tls/ca.pem': authority.cert,
})

interface Answer {
  readonly socket: TLSSocket
  readonly text: string
}

/** One request on a connection of its own, or on one that stands. */
function ask(port: number, options: ConnectionOptions = {}, on?: TLSSocket): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket =
      on ?? connect({ port, host: '127.0.0.1', servername: 'gateway.test', ca: authority.cert, ...options })
    let text = ''
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      // All answers are JSON, in one piece or in chunks.
      if (!/\r\n\r\n[\s\S]*\}(\r\n0\r\n\r\n)?$/.test(text)) return
      socket.off('data', take)
      resolve({ socket, text })
    }
    socket.on('data', take)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)))
    const say = (): void => void socket.write('GET /a HTTP/1.1\r\nhost: gateway.test\r\n\r\n')
    if (on === undefined) socket.once('secureConnect', say)
    else say()
  })
}

t.test('a request over TLS reaches its function, which is told that it came by https', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, files(upstream.url))
  const { socket, text } = await ask(gateway.gateway.address.port)
  t.match(text, /^HTTP\/1\.1 200 /)
  t.equal(socket.getProtocol(), 'TLSv1.3')
  t.equal(socket.alpnProtocol, false, 'who asks for no protocol gets HTTP/1.1 unsaid')
  t.equal(upstream.requests[0]?.headers['x-forwarded-proto'], 'https')
  socket.destroy()
})

t.test('what is older than TLS 1.3 is refused in the handshake, unless the policy asks for 1.2', async (t) => {
  const upstream = await startUpstream(t)
  const strict = await startGateway(t, files(upstream.url))
  await t.rejects(ask(strict.gateway.address.port, { maxVersion: 'TLSv1.2' }), { code: /PROTOCOL_VERSION/ })
  const lenient = await startGateway(t, files(upstream.url, ', minVersion: "1.2"'))
  const { socket } = await ask(lenient.gateway.address.port, { maxVersion: 'TLSv1.2' })
  t.equal(socket.getProtocol(), 'TLSv1.2')
  t.match(socket.getCipher().name, /^ECDHE-.*(GCM|POLY1305)/, 'past traffic stays secret')
  socket.destroy()
  const weak = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' } as const
  await t.rejects(ask(lenient.gateway.address.port, weak), { code: /HANDSHAKE_FAILURE/ })
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await t.rejects(ask(lenient.gateway.address.port, old), 'and 1.1 never is')
  t.equal(lenient.gateway.refusedConnections.handshake, 2)
})

t.test('who speaks HTTP/2 alone is told so in the handshake; who offers both gets HTTP/1.1', async (t) => {
  const upstream = await startUpstream(t)
  const { gateway } = await startGateway(t, files(upstream.url))
  await t.rejects(ask(gateway.address.port, { ALPNProtocols: ['h2'] }), { code: /NO_APPLICATION_PROTOCOL/ })
  const { socket, text } = await ask(gateway.address.port, { ALPNProtocols: ['h2', 'http/1.1'] })
  t.equal(socket.alpnProtocol, 'http/1.1')
  t.match(text, /^HTTP\/1\.1 200 /)
  socket.destroy()
})

t.test('plain HTTP on a TLS port is dropped and counted, and the next caller is served', async (t) => {
  const upstream = await startUpstream(t)
  const { gateway, records } = await startGateway(t, files(upstream.url))
  const { port } = gateway.address
  const plain = request({ port, host: '127.0.0.1', path: '/a', agent: false }).end()
  await t.rejects(new Promise((_, reject) => plain.on('error', reject)))
  const probe = connectPlain(port, '127.0.0.1', () => probe.end())
  probe.resume()
  await once(probe, 'close')
  t.equal(gateway.refusedConnections.handshake, 1, 'a probe that only looks whether the port is open is not counted')
  t.same(records, [], 'what is no request leaves no record')
  const { socket, text } = await ask(port)
  t.match(text, / 200 /)
  socket.destroy()
})

t.test('a malformed request inside TLS is refused as it is outside', async (t) => {
  const upstream = await startUpstream(t)
  const { gateway, records } = await startGateway(t, files(upstream.url))
  const { socket } = await ask(gateway.address.port)
  const closed = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    socket.on('close', () => resolve(text))
  })
  socket.write('GET /a/../b HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n')
  socket.write('garbage\r\n\r\n')
  const text = await closed
  t.match(text, /"code":"wire\.host-invalid"/)
  t.match(text, /"code":"wire\.malformed"/)
  t.equal(records.length, 3)
})

t.test(
  'a client certificate is asked for only where an authority is named, and read only where a route asks',
  async (t) => {
    const upstream = await startUpstream(t)
    const shown = { cert: client.cert, key: client.key }
    const { gateway } = await startGateway(t, files(upstream.url, ', clientCa: ./tls/ca.pem'))
    for (const options of [{}, shown, { cert: stranger.cert, key: stranger.key }]) {
      const { socket, text } = await ask(gateway.address.port, options)
      t.match(text, / 200 /, 'a route that asks for none serves them all')
      socket.destroy()
    }
  },
)

t.test('an answer that breaks off inside TLS never looks whole', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' })
    response.write('half')
    setTimeout(() => response.destroy(), 50)
  }
  const { gateway } = await startGateway(t, files(upstream.url))
  const socket = connect({
    port: gateway.address.port,
    host: '127.0.0.1',
    servername: 'gateway.test',
    ca: authority.cert,
  })
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  socket.on('error', () => {})
  socket.write('GET /a HTTP/1.0\r\nhost: gateway.test\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve))
  t.match(text, /content-length: 1000[\s\S]*\r\n\r\nhalf$/)
})

t.test('a renewed certificate serves new connections while those that stand go on', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(t, files(upstream.url))
  const { port } = gateway.gateway.address
  const before = await ask(port)
  const first = gateway.gateway.certificate
  await gateway.reload({ ...files(upstream.url), 'tls/cert.pem': renewed.cert, 'tls/key.pem': renewed.key })
  const again = await ask(port, {}, before.socket)
  t.match(again.text, / 200 /, 'the connection from before still answers')
  t.notMatch(again.text, /connection: close/i)
  const after = await ask(port)
  t.not(after.socket.getPeerCertificate().fingerprint256, before.socket.getPeerCertificate().fingerprint256)
  const second = gateway.gateway.certificate
  t.ok((second?.validTo ?? 0) > (first?.validTo ?? 0), 'and the gateway knows how long it is good for')
  for (const { socket } of [before, after]) socket.destroy()
})

t.test('with other authorities, a connection judged by the old ones ends with its next answer', async (t) => {
  const upstream = await startUpstream(t)
  const given = files(upstream.url, ', clientCa: ./tls/ca.pem')
  const gateway = await startGateway(t, given)
  const { socket } = await ask(gateway.gateway.address.port, { cert: client.cert, key: client.key })
  const other = makeCertificate({ name: 'another authority', isAuthority: true })
  await gateway.reload({ ...given, 'tls/ca.pem': other.cert })
  const { text } = await ask(gateway.gateway.address.port, {}, socket)
  t.match(text, /connection: close/i)
})

const expired = makeCertificate({ name: 'old.test', from: -30, to: -1 })
const soon = makeCertificate({ name: 'soon.test', to: 3 })
const faults: readonly (readonly [sentence: string, given: Readonly<Record<string, string>>, found: string])[] = [
  ['a certificate file that is missing', { 'tls/cert.pem': '' }, 'gateway.tls-unreadable gateway.yaml:5:18'],
  ['a certificate that is none', { 'tls/cert.pem': 'hello' }, 'gateway.tls-cert-unusable gateway.yaml:5:18'],
  ['a key that is none', { 'tls/key.pem': 'hello' }, 'gateway.tls-key-unusable gateway.yaml:5:39'],
  ['a key of another certificate', { 'tls/key.pem': client.key }, 'gateway.tls-key-unusable gateway.yaml:5:39'],
  [
    'a key under a passphrase',
    { 'tls/key.pem': server.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') },
    'gateway.tls-key-unusable gateway.yaml:5:39',
  ],
  [
    'a certificate that ran out',
    { 'tls/cert.pem': expired.cert, 'tls/key.pem': expired.key },
    'gateway.tls-cert-expired gateway.yaml:5:18',
  ],
  [
    'a file outside of everything',
    { 'gateway.yaml': gatewayYaml().replace('./tls/cert.pem', '/nowhere/cert.pem') },
    'gateway.tls-unreadable gateway.yaml:5:18',
  ],
  [
    'a key in the policy itself',
    { 'gateway.yaml': gatewayYaml().replace('./tls/key.pem', `"${server.key.replaceAll('\n', '\\n')}"`) },
    'gateway.tls-plain gateway.yaml:5:39',
  ],
  [
    'an authority that is none',
    { 'gateway.yaml': gatewayYaml(', clientCa: ./tls/cert.pem') },
    'gateway.tls-ca-unusable gateway.yaml:5:64',
  ],
  [
    'TLS for the admin listener',
    { 'gateway.yaml': 'version: 1\nlisteners:\n  admin:\n    tls: { cert: a, key: b }\n' },
    'policy.not-available gateway.yaml:4:5',
  ],
]
for (const [sentence, given, found] of faults) {
  t.test(`check refuses ${sentence}, at its line`, async (t) => {
    const folder = t.testdir({})
    write(folder, { ...files('http://127.0.0.1:9'), ...given })
    const { plan, problems } = await loadPolicy(folder)
    t.equal(plan, null)
    const errors = problems.filter(({ severity }) => severity === 'error')
    t.same(
      errors.map(({ code, place }) => `${code} ${formatPlace(place)}`),
      [found],
    )
    t.notMatch(errors.map(({ message }) => message).join(), /BEGIN|[A-Za-z0-9+/]{40}/, 'and shows nothing of a key')
  })
}

t.test('a certificate that runs out within two weeks is named, and serves', async (t) => {
  const folder = t.testdir({})
  write(folder, { ...files('http://127.0.0.1:9'), 'tls/cert.pem': soon.cert, 'tls/key.pem': soon.key })
  const { plan, problems } = await loadPolicy(folder)
  t.ok(plan)
  t.same(
    problems.map(({ code, severity }) => [code, severity]),
    [['gateway.tls-cert-expires', 'warning']],
  )
})

t.test('one that ran out while it serves keeps no change of the rules from taking effect', async (t) => {
  const folder = t.testdir({})
  write(folder, { ...files('http://127.0.0.1:9'), 'tls/cert.pem': expired.cert, 'tls/key.pem': expired.key })
  const { X509Certificate } = await import('node:crypto')
  const certificateInUse = new X509Certificate(expired.cert).fingerprint256.replaceAll(':', '').toLowerCase()
  t.ok((await loadPolicy(folder, { certificateInUse })).plan)
  t.equal((await loadPolicy(folder, { certificateInUse: 'another' })).plan, null)
})

t.test('certificate and key may come by secrets, whose files are watched alike', async (t) => {
  const folder = t.testdir({})
  write(folder, files('http://127.0.0.1:9'))
  writeFileSync(
    join(folder, 'gateway.yaml'),
    `version: 1
secrets: { cert: { file: ./tls/cert.pem }, key: { file: ./tls/key.pem } }
listeners: { public: { tls: { cert: "\${secret:cert}", key: "\${secret:key}" } } }
`,
  )
  const { plan, problems } = await loadPolicy(folder)
  t.same(problems, [])
  t.same(plan?.gateway.listeners.public.tls?.files, [join(folder, 'tls/cert.pem'), join(folder, 'tls/key.pem')])
  t.notMatch(JSON.stringify(plan), /BEGIN/, 'no text of them is in the plan')
})

t.test(
  'a serving gateway takes a renewed pair by itself, and keeps the old one when the new one is broken',
  async (t) => {
    const upstream = await startUpstream(t)
    const folder = t.testdir({})
    write(folder, files(upstream.url))
    const served = watched(t, ['run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'])
    const event = async (name: string, after: number): Promise<Record<string, unknown>> =>
      JSON.parse((await served.until(new RegExp(`^.*"event":"${name}".*$`, 'm'), after))[0]) as Record<string, unknown> // a log line is an object
    const started = await event('started', 0)
    t.match(started['gateway'], /^https:/)
    const port = Number(new URL(String(started['gateway'])).port)
    const admin = String(started['admin'])
    const metrics = async () => parseExposition((await send(admin, 'GET', '/metrics')).text)
    const standing = await ask(port)
    const expiry = (await metrics()).value('postern_tls_certificate_expiry_time_seconds')

    let from = served.out().length
    writeFileSync(join(folder, 'tls/key.pem'), 'broken')
    const refusal = await event('reload-refused', from)
    t.match(refusal['problems'], [/gateway\.yaml:5:39 gateway\.tls-key-unusable/])
    t.match((await send(admin, 'GET', '/readyz')).json, {
      ready: true,
      refused: { problems: 1, first: /tls-key-unusable/ },
    })
    t.equal((await metrics()).value('postern_reload_refused'), 1)
    const meanwhile = await ask(port)
    t.match(meanwhile.text, / 200 /, 'new connections get the certificate from before')

    from = served.out().length
    writeFileSync(join(folder, 'tls/key.pem'), renewed.key)
    writeFileSync(join(folder, 'tls/cert.pem'), renewed.cert)
    t.match(await event('certificate-renewed', from), { sha256: /^[0-9a-f]{64}$/ })
    t.match((await send(admin, 'GET', '/readyz')).json, { ready: true, refused: null })
    t.ok(((await metrics()).value('postern_tls_certificate_expiry_time_seconds') ?? 0) > (expiry ?? 0))
    t.match((await ask(port, {}, standing.socket)).text, / 200 /, 'a connection from before stands through all of it')
    for (const { socket } of [standing, meanwhile]) socket.destroy()
    served.child.kill('SIGTERM')
    t.equal(await served.ended, 0)
  },
)

// ── towards functions ────────────────────────────────────────────────────────────────────────────────────────────────

/** A function behind TLS, with this certificate. */
async function startSecureUpstream(t: { teardown(done: () => void): void }, given: TestCertificate): Promise<number> {
  const fn = createServer({ cert: given.cert, key: given.key }, (_request, response) => response.end('{"ok":true}'))
  await new Promise<void>((resolve) => fn.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    fn.closeAllConnections()
    fn.close()
  })
  return (fn.address() as AddressInfo).port // a listening TCP server has one
}

const functionCert = makeCertificate({ name: 'fn', by: authority, ips: ['127.0.0.1'] })
const otherName = makeCertificate({ name: 'fn', by: authority, dns: ['other.test'] })
const ranOut = makeCertificate({ name: 'fn', by: authority, ips: ['127.0.0.1'], from: -9, to: -1 })
const self = makeCertificate({ name: 'fn', ips: ['127.0.0.1'] })
const strangePin = stranger.pin

const beliefs: readonly (readonly [sentence: string, shown: TestCertificate, tls: string, status: number])[] = [
  ['a function of an authority that nobody named is not believed', functionCert, '', 502],
  ['a function of the named authority is', functionCert, 'tls: { ca: ./ca.pem }', 200],
  ['a certificate of the named authority for another host is not', otherName, 'tls: { ca: ./ca.pem }', 502],
  ['nor one that ran out', ranOut, 'tls: { ca: ./ca.pem }', 502],
  [
    'a function with the pinned key is believed',
    functionCert,
    `tls: { ca: ./ca.pem, pin: "${functionCert.pin}" }`,
    200,
  ],
  [
    'with either of two pinned keys',
    functionCert,
    `tls: { ca: ./ca.pem, pin: ["${strangePin}", "${functionCert.pin}"] }`,
    200,
  ],
  [
    'with another key it is not, whoever signed its certificate',
    functionCert,
    `tls: { ca: ./ca.pem, pin: "${strangePin}" }`,
    502,
  ],
  ['a pin does not stand in for a certificate that holds', self, `tls: { pin: "${self.pin}" }`, 502],
  [
    'a self-signed function is believed where its certificate is the named authority',
    self,
    'tls: { ca: ./self.pem }',
    200,
  ],
]
for (const [sentence, shown, tls, status] of beliefs) {
  t.test(sentence, async (t) => {
    const port = await startSecureUpstream(t, shown)
    const gateway = await startGateway(t, {
      'ca.pem': authority.cert,
      'self.pem': self.cert,
      'routes.yaml': `
upstreams: { fn: { url: "https://127.0.0.1:${port}"${tls === '' ? '' : `, ${tls}`} } }
routes:
  GET /a: { upstream: fn, auth: none, reason: a test of TLS }
`,
    })
    const answer = await gateway.get('/a')
    t.equal(answer.status, status)
    t.notMatch(answer.text, /cert|pin|127\.0\.0\.1/i, 'and the caller learns nothing of it')
    t.equal((await gateway.recordOf(answer)).outcome, status === 200 ? 'forwarded' : 'failed')
  })
}

function write(folder: string, given: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'tls'), { recursive: true })
  for (const [name, text] of Object.entries(given)) {
    if (text === '') rmSync(join(folder, name), { force: true })
    else writeFileSync(join(folder, name), text)
  }
}

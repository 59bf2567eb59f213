import { createHash, X509Certificate } from 'node:crypto'
import { type ConnectionOptions, connect } from 'node:tls'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { verifyChain } from '../../src/stages/auth/certificate-chain.js'
import { faultOfRule, nameRule, subjectNames } from '../../src/stages/auth/subject-names.js'
import { readCertificates } from '../../src/values/certificate.js'
import { formatPlace } from '../../src/values/place.js'
import { writeFolder } from '../policy/folder.js'
import { makeCertificate, type TestCertificate } from '../support/certificates.js'
import { startGateway } from '../support/gateway.js'
import { makeKey, startIssuer } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

const authority = makeCertificate({ name: 'clients of the shop', isAuthority: true })
const between = makeCertificate({ name: 'partners of the shop', by: authority, isAuthority: true })
const elsewhere = makeCertificate({ name: 'another shop', isAuthority: true })
const names = { dns: ['orders.partner.example'], uris: ['spiffe://partner.example/orders'] }
const partner = makeCertificate({ name: 'partner', by: authority, ...names })
const deeper = makeCertificate({ name: 'deeper', by: between, ...names })
const server = makeCertificate({ name: 'gateway.test', by: authority, dns: ['gateway.test'] })

const rawOf = ({ cert }: TestCertificate): Buffer => new X509Certificate(cert).raw
const field = (certificate: TestCertificate): string => `:${rawOf(certificate).toString('base64')}:`
const fingerprintOf = (certificate: TestCertificate) => createHash('sha256').update(rawOf(certificate)).digest('hex')

const policy = (upstream: string, issuer = 'https://id.example.test') => `
upstreams: { fn: { url: "${upstream}" } }
issuers: { main: { issuer: "${issuer}", audience: orders-api, keySet: { timeout: 20s } } }
routes:
  GET /named: { upstream: fn, auth: { mtls: { ca: ./clients.pem, san: ["dns:*.partner.example", "uri:spiffe://other/*"] } } }
  GET /any: { upstream: fn, auth: { mtls: { ca: ./clients.pem } }, forward: { claims: { fingerprint: X-Fingerprint, san: X-San } } }
  GET /listed: { upstream: fn, auth: { mtls: { fingerprints: ["${fingerprintOf(partner)}"] } } }
  GET /either: { upstream: fn, auth: { anyOf: [{ mtls: { ca: ./clients.pem } }, { jwt: main }] } }
  GET /token: { upstream: fn, auth: { jwt: main } }
  GET /open: { upstream: fn, auth: none, reason: a test }
`

type Test = Parameters<typeof startUpstream>[0] & { teardown(end: () => unknown): unknown }

/** A gateway behind a proxy on loopback, which says whose certificate it saw. */
async function behindProxy(t: Test, trusted = '127.0.0.0/8') {
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const gateway = await startGateway(t, {
    'gateway.yaml': `version: 1\ntrustedProxies: [${trusted}]\n`,
    'routes.yaml': policy(upstream.url, issuer.url),
    'clients.pem': authority.cert,
  })
  const port = Number(new URL(gateway.url).port)
  const call = async (headers: readonly string[], path = '/any') => {
    const before = upstream.requests.length
    const { answers } = await converse(port, message([`GET ${path} HTTP/1.1`, 'Host: gateway.test', ...headers]))
    const { status = 0, head = '', body = '' } = answers[0] ?? {}
    const id = /\r\nx-request-id: (\S+)/i.exec(head)?.[1] ?? ''
    const record = await gateway.recordOf({ headers: { 'x-request-id': id } } as never) // all that is looked at
    return { status, head, body, code: record.code ?? null, record, reached: upstream.requests.length > before }
  }
  const mint = (claims: Record<string, unknown>) => issuer.mint(Date.now(), { claims })
  return { upstream, gateway, call, mint }
}

const proxied = (certificate: TestCertificate, ...above: readonly TestCertificate[]) => [
  `Client-Cert: ${field(certificate)}`,
  ...(above.length === 0 ? [] : [`Client-Cert-Chain: ${above.map(field).join(', ')}`]),
]

t.test('a certificate that a trusted proxy saw opens what it may open, and nothing else does', async (t) => {
  const { call, upstream } = await behindProxy(t)
  const good = field(partner)
  const base64 = rawOf(partner).toString('base64')
  const own = makeCertificate({ name: 'partner', ...names })
  const foreign = makeCertificate({ name: 'partner', by: elsewhere, ...names })
  const signedByClient = makeCertificate({ name: 'below a client', by: partner, ...names })
  const namesake = makeCertificate({ name: 'clients of the shop', isAuthority: true })
  const byNamesake = makeCertificate({ name: 'partner', by: namesake, ...names })
  const clientAuth = ['1.3.6.1.5.5.7.3.2']
  const forClients = makeCertificate({ name: 'partner', by: authority, ...names, usages: clientAuth })
  const forServers = makeCertificate({ name: 'partner', by: authority, ...names, usages: ['1.3.6.1.5.5.7.3.1'] })
  const ended = makeCertificate({ name: 'partner', by: authority, ...names, from: -9, to: -1 })
  const early = makeCertificate({ name: 'partner', by: authority, ...names, from: 1, to: 9 })
  const endedBetween = makeCertificate({ name: 'ended', by: authority, isAuthority: true, from: -9, to: -1 })
  const belowEnded = makeCertificate({ name: 'partner', by: endedBetween, ...names })
  const sha1 = makeCertificate({ name: 'partner', by: authority, ...names, digest: 'sha1' })
  const tampered = Buffer.from(rawOf(partner))
  tampered.write('evil', tampered.indexOf('partner.example'))
  const unreadable = 'auth.certificate-malformed'
  const untrusted = 'auth.certificate-untrusted'
  const rows: readonly [says: string, headers: readonly string[], status: number, code: string, path?: string][] = [
    ['no certificate', [], 401, 'auth.missing'],
    ['two of them', [...proxied(partner), ...proxied(partner)], 400, 'auth.credentials-repeated'],
    ['two on one line', [`Client-Cert: ${good}, ${good}`], 401, unreadable],
    ['an empty field', ['Client-Cert:'], 401, unreadable],
    ['no colons', [`Client-Cert: ${base64}`], 401, unreadable],
    ['one colon', [`Client-Cert: :${base64}`], 401, unreadable],
    ['quotes', [`Client-Cert: "${base64}"`], 401, unreadable],
    ['a parameter', [`Client-Cert: ${good};q=1`], 401, unreadable],
    ['base64url', [`Client-Cert: :${rawOf(partner).toString('base64url')}:`], 401, unreadable],
    ['a blank in it', [`Client-Cert: :${base64.slice(0, 8)} ${base64.slice(8)}:`], 401, unreadable],
    ['no padding, or too much', [`Client-Cert: :${base64.replace(/=*$/, '')}===:`], 401, unreadable],
    ['PEM', [`Client-Cert: ${partner.cert.replaceAll('\n', ' ').trim()}`], 401, unreadable],
    ['percent-encoded PEM, as nginx sends', [`Client-Cert: ${encodeURIComponent(partner.cert)}`], 401, unreadable],
    ['no certificate in it', [`Client-Cert: :${Buffer.from('hello').toString('base64')}:`], 401, unreadable],
    [
      'a byte more behind it',
      [`Client-Cert: :${Buffer.concat([rawOf(partner), Buffer.of(0)]).toString('base64')}:`],
      401,
      unreadable,
    ],
    ['cut short', [`Client-Cert: :${rawOf(partner).subarray(0, -1).toString('base64')}:`], 401, unreadable],
    ['a chain that is none', [...proxied(partner), 'Client-Cert-Chain: hello'], 401, unreadable],
    ['a chain of nine', proxied(partner, ...Array.from({ length: 9 }, () => between)), 401, unreadable],
    ['signed by itself', proxied(own), 401, untrusted],
    ['signed by itself, with our authority above', proxied(own, authority), 401, untrusted],
    ['of another authority', proxied(foreign), 401, untrusted],
    ['of another authority, which it brings', proxied(foreign, elsewhere), 401, untrusted],
    ['of an authority of the same name', proxied(byNamesake), 401, untrusted],
    ['of an authority of the same name, which it brings', proxied(byNamesake, namesake, authority), 401, untrusted],
    ['signed by a client', proxied(signedByClient, partner), 401, untrusted],
    ['changed after signing', [`Client-Cert: :${tampered.toString('base64')}:`], 401, untrusted],
    ['signed over SHA-1', proxied(sha1), 401, untrusted],
    ['for servers', proxied(forServers), 401, untrusted],
    ['deeper, without what is between', proxied(deeper), 401, untrusted],
    ['deeper, with something else between', proxied(deeper, elsewhere), 401, untrusted],
    ['ended', proxied(ended), 401, 'auth.certificate-expired'],
    ['not yet valid', proxied(early), 401, 'auth.certificate-expired'],
    ['below an authority that ended', proxied(belowEnded, endedBetween), 401, 'auth.certificate-expired'],
    ['one that is not listed, where no authority is named', proxied(deeper, between), 401, untrusted, '/listed'],
  ]
  for (const [says, headers, status, code, path] of rows) {
    const answer = await call(headers, path)
    t.match(answer, { status, code, reached: false }, `${says}: ${answer.status} ${answer.code}`)
  }
  const sans: readonly [string, object, number][] = [
    ['no names', {}, 403],
    ['another host', { dns: ['partner.example'] }, 403],
    ['a host two labels below', { dns: ['a.orders.partner.example'] }, 403],
    ['a host that ends alike', { dns: ['evilpartner.example'] }, 403],
    ['a wildcard of its own', { dns: ['*.partner.example'] }, 403],
    ['the host as a URI', { uris: ['dns:orders.partner.example'] }, 403],
    ['the host behind a comma of another name', { uris: ['x, DNS:orders.partner.example'] }, 403],
    ['the host in quotes', { uris: ['x", DNS:orders.partner.example, URI:"y'] }, 403],
    ['a URI beside the path', { uris: ['spiffe://other.evil/x'] }, 403],
    ['a URI with dots', { uris: ['spiffe://other/../x'] }, 403],
    ['a URI with encoded dots', { uris: ['spiffe://other/%2e%2e/x'] }, 403],
    ['a URI with nothing behind', { uris: ['spiffe://other/'] }, 403],
    ['a host in capitals', { dns: ['ORDERS.Partner.Example'] }, 200],
    ['the host among others', { dns: ['a.test', 'b.partner.example'], ips: ['192.0.2.7'] }, 200],
    ['a URI below the path', { uris: ['spiffe://other/orders/eu'] }, 200],
  ]
  for (const [says, wanted, status] of sans) {
    const certificate = makeCertificate({ name: 'partner.partner.example', by: authority, ...wanted })
    const answer = await call(proxied(certificate), '/named')
    t.match(answer, { status, reached: status === 200 }, `${says}: ${answer.status}`)
  }
  const harmless: readonly [string, readonly string[], string?][] = [
    ['as it is', proxied(partner)],
    ['in other letters', [`client-cert: ${good}`]],
    ['with blanks around', [`Client-Cert:   ${good}  `]],
    ['for clients', proxied(forClients)],
    ['with its authority above', proxied(partner, authority)],
    ['deeper, with what is between', proxied(deeper, between)],
    ['deeper, with more than that', proxied(deeper, elsewhere, between, authority)],
    ['listed by fingerprint', proxied(partner), '/listed'],
    ['named', proxied(partner), '/named'],
  ]
  for (const [says, headers, path] of harmless) {
    t.match(await call(headers, path), { status: 200, reached: true }, says)
    t.match(await call(headers, path), { status: 200, reached: true }, `${says}, once more`)
  }
  const { record } = await call(proxied(partner), '/named')
  t.match(record, { client: { subject: 'orders.partner.example', id: 'orders.partner.example' } })
  await call(proxied(partner))
  t.match(upstream.requests.at(-1)?.headers, { 'x-fingerprint': fingerprintOf(partner) }, 'the function is told which')
  t.match((await call([])).head, /\r\nwww-authenticate: ClientCertificate realm="api"\r\n/i)
})

t.test('whoever is no trusted proxy cannot name a certificate, in whatever spelling', async (t) => {
  const { call, upstream } = await behindProxy(t, '192.0.2.1')
  const value = field(partner)
  const spellings = [
    'Client-Cert',
    'client-cert',
    'CLIENT-CERT',
    'Client_Cert',
    'client_cert',
    'X-Client-Cert',
    'X-Forwarded-Client-Cert',
    'SSL-Client-Cert',
    'X-SSL-Client-Cert',
    'X-Amzn-Mtls-Clientcert',
    'X-Arr-Clientcert',
    'X-Goog-Client-Cert',
  ]
  for (const name of spellings) {
    for (const path of ['/any', '/listed', '/named', '/either']) {
      t.match(
        await call([`${name}: ${value}`], path),
        { status: 401, code: 'auth.missing', reached: false },
        `${name} at ${path}`,
      )
    }
    t.match(await call([`${name}: ${value}`, 'Client-Cert-Chain: x'], '/open'), { status: 200, reached: true })
    const raw = JSON.stringify(upstream.requests.at(-1)?.rawHeaders)
    t.notMatch(raw, /cert/i, `the function hears nothing of ${name}`)
  }
  t.match(await call([`Connection: client-cert`, `Client-Cert: ${value}`], '/open'), { status: 200 })
  t.notMatch(JSON.stringify(upstream.requests.at(-1)?.rawHeaders), /client-cert/i)
})

t.test('a trusted proxy’s own headers about certificates end here too', async (t) => {
  const { call, upstream } = await behindProxy(t)
  await call(proxied(partner, authority))
  t.notMatch(JSON.stringify(upstream.requests.at(-1)?.rawHeaders), /client-cert/i)
})

t.test('a token that is bound to a certificate is good with it alone', async (t) => {
  const { call, mint } = await behindProxy(t)
  const thumbprint = createHash('sha256').update(rawOf(partner)).digest('base64url')
  const bearer = async (cnf: unknown) => [`Authorization: Bearer ${await mint({ cnf })}`]
  const bound = await bearer({ 'x5t#S256': thumbprint })
  const denied = { status: 401, code: 'auth.token-bound', reached: false }
  t.match(await call([...bound, ...proxied(partner)], '/token'), { status: 200, reached: true })
  const rows: readonly [string, readonly string[]][] = [
    ['without a certificate', bound],
    ['with another', [...bound, ...proxied(deeper, between)]],
    ['with one that cannot be read', [...bound, 'Client-Cert: :AAAA:']],
    ['with two', [...bound, ...proxied(partner), ...proxied(partner)]],
    ['bound in hex', [...(await bearer({ 'x5t#S256': fingerprintOf(partner) })), ...proxied(partner)]],
    ['bound with padding', [...(await bearer({ 'x5t#S256': `${thumbprint}=` })), ...proxied(partner)]],
    ['bound by SHA-1', [...(await bearer({ x5t: thumbprint })), ...proxied(partner)]],
    ['bound in a list', [...(await bearer({ 'x5t#S256': [thumbprint] })), ...proxied(partner)]],
    [
      'bound to a certificate and to a key',
      [...(await bearer({ 'x5t#S256': thumbprint, jkt: 'x' })), ...proxied(partner)],
    ],
  ]
  for (const [says, headers] of rows) t.match(await call(headers, '/token'), denied, says)
  const strangers = await behindProxy(t, '192.0.2.1')
  const theirs = [
    `Authorization: Bearer ${await strangers.mint({ cnf: { 'x5t#S256': thumbprint } })}`,
    ...proxied(partner),
  ]
  t.match(await strangers.call(theirs, '/token'), denied, 'who is no proxy cannot say which certificate it is')
})

t.test('of certificate and token either will do, and what is shown must be good', async (t) => {
  const { call, mint } = await behindProxy(t)
  const token = [`Authorization: Bearer ${await mint({})}`]
  const bad = ['Authorization: Bearer x.y.z']
  const foreign = proxied(makeCertificate({ name: 'foreign', by: elsewhere }))
  t.match(await call(proxied(partner), '/either'), {
    status: 200,
    record: { client: { subject: 'orders.partner.example' } },
  })
  t.match(await call(token, '/either'), { status: 200, record: { client: { subject: 'u1' } } })
  const both = await call([...token, ...proxied(partner)], '/either')
  t.match(
    both,
    { status: 200, record: { client: { subject: 'orders.partner.example' } } },
    'known by the first of the policy',
  )
  t.match(await call([...bad, ...proxied(partner)], '/either'), {
    status: 401,
    code: 'auth.token-malformed',
    reached: false,
  })
  t.match(await call([...token, ...foreign], '/either'), {
    status: 401,
    code: 'auth.certificate-untrusted',
    reached: false,
  })
  const neither = await call([], '/either')
  t.match(neither, { status: 401, code: 'auth.missing', reached: false })
  t.match(neither.head, /ClientCertificate realm="api"\r\nwww-authenticate: Bearer realm="api"/i)
})

t.test('on its own listener the handshake says who calls, and a header says nothing', async (t) => {
  const upstream = await startUpstream(t)
  const issuer = await startIssuer(t, [await makeKey('ES256', 'k1')])
  const listener = (more: string) => ({
    'gateway.yaml': `version: 1
listeners: { public: { address: 127.0.0.1:0, tls: { cert: ./tls/cert.pem, key: ./tls/key.pem, clientCa: ./tls/ca.pem } } }
${more}`,
    'routes.yaml': policy(upstream.url, issuer.url),
    'clients.pem': authority.cert,
    'tls/cert.pem': server.cert,
    'tls/key.pem': server.key,
    'tls/ca.pem': `${authority.cert}${elsewhere.cert}`,
  })
  const { gateway } = await startGateway(t, listener(''))
  const showing = ({ cert, key }: TestCertificate, ...above: readonly TestCertificate[]) => ({
    cert: [cert, ...above.map((each) => each.cert)].join(''),
    key,
  })
  const call = async (options: ConnectionOptions, path: string, headers: readonly string[] = [], at = gateway) => {
    const before = upstream.requests.length
    const status = await ask(at.address.port, options, path, headers)
    return { status, reached: upstream.requests.length > before }
  }
  const foreign = makeCertificate({ name: 'foreign', by: elsewhere, ...names })
  const own = makeCertificate({ name: 'own', ...names })
  const thumbprint = createHash('sha256').update(rawOf(own)).digest('base64url')
  const token = [
    `Authorization: Bearer ${await issuer.mint(Date.now(), { claims: { cnf: { 'x5t#S256': thumbprint } } })}`,
  ]
  const rows: readonly [string, ConnectionOptions, string, readonly string[], number][] = [
    ['a good certificate', showing(partner), '/any', [], 200],
    ['a good certificate by name', showing(partner), '/named', [], 200],
    ['a good certificate by fingerprint', showing(partner), '/listed', [], 200],
    ['no certificate', {}, '/any', [], 401],
    ['no certificate, where none is asked', {}, '/open', [], 200],
    ['a header in its place', {}, '/any', proxied(partner), 401],
    ['a header beside a stranger’s', showing(own), '/any', proxied(partner), 401],
    ['of no authority', showing(own), '/any', [], 401],
    ['of an authority of the listener that the route does not name', showing(foreign), '/any', [], 401],
    ['of an authority of the listener, not listed', showing(foreign), '/listed', [], 403],
    ['a bound token with its certificate, which need have no authority', showing(own), '/token', token, 200],
    ['a bound token with another certificate', showing(partner), '/token', token, 401],
    ['a bound token without certificate', {}, '/token', token, 401],
    ['a bound token with its certificate in a header', {}, '/token', [...token, ...proxied(own)], 401],
  ]
  for (const [says, options, path, headers, status] of rows) {
    const answer = await call(options, path, headers)
    t.match(answer, { status, reached: status === 200 }, `${says}: ${answer.status}`)
  }
  const behind = await startGateway(t, listener('trustedProxies: [127.0.0.0/8]'))
  const atProxy = (options: ConnectionOptions, headers: readonly string[]) =>
    call(options, '/any', headers, behind.gateway)
  t.match(
    await atProxy(showing(partner), []),
    { status: 401, reached: false },
    'the certificate of a proxy is no client’s',
  )
  t.match(
    await atProxy(showing(partner), proxied(deeper, between)),
    { status: 200 },
    'what it says of its client counts',
  )
  t.match(await atProxy(showing(partner), proxied(foreign)), { status: 401 })
})

t.test('a policy that could admit nobody, or anybody, is refused at its line', async (t) => {
  const check = async (auth: string, gateway: string) => {
    const folder = writeFolder(t, {
      'gateway.yaml': `version: 1\n${gateway}`,
      'clients.pem': authority.cert,
      'leaf.pem': partner.cert,
      'text.pem': 'hello',
      'routes.yaml': `upstreams: { fn: { url: "http://127.0.0.1:9" } }\nroutes:\n  GET /a:\n    upstream: fn\n    auth: ${auth}\n`,
    })
    const { problems } = await loadPolicy(folder)
    return problems
      .filter(({ severity }) => severity === 'error')
      .map(({ code, place }) => `${code} ${formatPlace(place)}`)
  }
  const proxies = 'trustedProxies: [192.0.2.1]'
  const rows: readonly [auth: string, gateway: string, problems: readonly string[]][] = [
    ['{ mtls: { ca: ./clients.pem } }', '', ['auth.mtls-no-source routes.yaml:5:13']],
    ['{ mtls: {} }', proxies, ['auth.mtls-unjudged routes.yaml:5:13']],
    ['{ mtls: { san: ["dns:a.test"] } }', proxies, ['auth.mtls-unjudged routes.yaml:5:13']],
    ['{ mtls: { ca: ./none.pem } }', proxies, ['policy.file-missing routes.yaml:5:25']],
    ['{ mtls: { ca: ./leaf.pem } }', proxies, ['auth.mtls-ca-unusable routes.yaml:5:25']],
    ['{ mtls: { ca: ./text.pem } }', proxies, ['auth.mtls-ca-unusable routes.yaml:5:25']],
    ['{ mtls: { ca: ./clients.pem, san: ["dns:*.*.test"] } }', proxies, ['auth.mtls-name-malformed routes.yaml:5:46']],
    ['{ mtls: { ca: ./clients.pem }, scopes: [a] }', proxies, ['auth.certificate-without-claims routes.yaml:5:42']],
    ['{ mtls: { ca: ./clients.pem }, apiKey: [a] }', proxies, ['auth.method-count routes.yaml:5:5']],
    ['{ mtls: { ca: ./clients.pem } }', proxies, []],
    [
      `{ mtls: { fingerprints: ["${fingerprintOf(partner)
        .toUpperCase()
        .replace(/..(?=.)/g, '$&:')}"] } }`,
      proxies,
      [],
    ],
  ]
  for (const [auth, gateway, problems] of rows) t.same(await check(auth, gateway), problems, auth)
})

t.test('names are read as a certificate holds them', async (t) => {
  const read = (text: string) => subjectNames(text).map(({ kind, value }) => `${kind}:${value}`)
  t.same(read('DNS:A.test, URI:spiffe://a/b, IP Address:2001:DB8:0:0:0:0:0:1, email:Ops@A.test'), [
    'dns:a.test',
    'uri:spiffe://a/b',
    'ip:2001:db8::1',
    'email:Ops@a.test',
  ])
  t.same(read('URI:"x, DNS:evil.test", DNS:a.test'), ['uri:x, DNS:evil.test', 'dns:a.test'])
  t.same(read('othername:<unsupported>, DirName:CN = a, DNS:a.test'), ['dns:a.test'])
  t.same(read('URI:"broken, DNS:evil.test'), [])
  t.same(read(''), [])
  const rules: readonly [rule: string, name: string, holds: boolean][] = [
    ['dns:a.test', 'DNS:A.TEST', true],
    ['dns:a.test', 'URI:a.test', false],
    ['dns:*.a.test', 'DNS:b.a.test', true],
    ['dns:*.a.test', 'DNS:.a.test', false],
    ['uri:spiffe://a/b', 'URI:spiffe://a/b', true],
    ['uri:spiffe://a/b', 'URI:spiffe://a/B', false],
    ['uri:spiffe://a/*', 'URI:spiffe://a/b/c', true],
    ['uri:spiffe://a/*', 'URI:spiffe://a/b//c', false],
    ['email:ops@a.test', 'email:ops@A.TEST', true],
    ['email:ops@a.test', 'email:OPS@a.test', false],
    ['ip:2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:1', true],
    ['ip:192.0.2.7', 'IP Address:192.0.2.8', false],
  ]
  for (const [rule, text, holds] of rules) {
    t.equal(faultOfRule(rule), null, rule)
    t.equal(subjectNames(text).some(nameRule(rule)), holds, `${rule} and ${text}`)
  }
  for (const rule of ['a.test', 'dns:', 'dns:a b', 'dns:a.*.test', 'ip:a', 'email:a', 'uri:a', 'uri:http://*/x']) {
    t.ok(faultOfRule(rule), rule)
  }
})

t.test('a chain costs no more than its length, however it is knotted', async (t) => {
  const root = makeCertificate({ name: 'same', isAuthority: true })
  const knots = Array.from({ length: 8 }, () => makeCertificate({ name: 'same', by: root, isAuthority: true }))
  const leaf = makeCertificate({ name: 'leaf', by: root })
  const started = process.cpuUsage()
  for (let i = 0; i < 20; i++) verifyChain(rawOf(leaf), knots.map(rawOf), readCertificates(elsewhere.cert) ?? [])
  const { user, system } = process.cpuUsage(started)
  t.ok((user + system) / 20 < 100_000, `${Math.round((user + system) / 20)} µs for a knot of eight`)
  t.match(verifyChain(rawOf(leaf), knots.map(rawOf), readCertificates(root.cert) ?? []), { to: Number })
})

/** The status of one request on a TLS connection of its own. */
function ask(port: number, options: ConnectionOptions, path: string, headers: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const where = { port, host: '127.0.0.1', servername: 'gateway.test', ca: authority.cert }
    const socket = connect({ ...where, ...options }, () => {
      socket.write(message([`GET ${path} HTTP/1.1`, 'Host: gateway.test', 'Connection: close', ...headers]))
    })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
  })
}

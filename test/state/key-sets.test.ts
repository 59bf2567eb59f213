import { generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { exportJWK } from 'jose'
import t from 'tap'
import { metadataLocations } from '../../src/state/issuer-requests.js'
import { createKeySets, type KeySetNotice } from '../../src/state/key-sets.js'
import { readJwkSet } from '../../src/values/jwk-set.js'
import { makeKey, startIssuer, testClock } from '../support/issuer.js'

type Test = { teardown(end: () => unknown): unknown }

const first = await makeKey('ES256', 'k1')
const second = await makeKey('ES256', 'k2')

function start(t: Test, options: { timers?: boolean } = {}) {
  const clock = testClock()
  const notices: KeySetNotice[] = []
  const keySets = createKeySets({ clock, timers: false, notify: (notice) => notices.push(notice), ...options })
  t.teardown(() => keySets.close())
  return { clock, notices, keySets }
}

const kids = (current: { keys: readonly { kid: string | null }[] } | null) => current?.keys.map((key) => key.kid)

t.test('keys are fetched before the first token asks for them', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, keySets } = start(t)
  const keySet = keySets.open(issuer.plan())
  t.equal(keySet.ready(clock.now()), null, 'not in the same moment')
  const answer = await keySet.wait('not-ready')
  t.same(kids(answer.current), ['k1'])
  t.same(issuer.paths, ['/.well-known/openid-configuration', '/jwks'], 'one discovery, one key set')
  t.same(kids(keySet.ready(clock.now())), ['k1'], 'from now on without waiting')
  t.match(keySets.stats(), [{ issuer: 'main', keys: 1, attempts: 1, failures: 0, failing: false, ageMs: 0 }])
})

t.test('ten thousand invented key names cause a handful of fetches, whoever asks', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, keySets } = start(t)
  const keySet = keySets.open(issuer.plan())
  await keySet.wait('not-ready')
  const asked = issuer.paths.length
  await Promise.all(Array.from({ length: 5_000 }, () => keySet.wait('unknown-key')))
  for (let i = 0; i < 5_000; i++) await keySet.wait('unknown-key')
  t.equal(issuer.paths.length - asked, 1, 'one, in one cooldown')
  clock.advance(30_000)
  await Promise.all(Array.from({ length: 100 }, () => keySet.wait('unknown-key')))
  t.equal(issuer.paths.length - asked, 2, 'one more in the next')
})

t.test('a rotated key is found by the first token that names it, and the removed one is gone', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, keySets } = start(t)
  const keySet = keySets.open(issuer.plan())
  const before = (await keySet.wait('not-ready')).current
  issuer.keys = [second]
  const answer = await keySet.wait('unknown-key')
  t.same(kids(answer.current), ['k2'], 'the new set replaces the old one whole')
  t.ok(answer.certain)
  t.not(answer.current?.generation, before?.generation, 'what was verified with the old keys counts no more')
  clock.advance(40_000)
  const again = await keySet.wait('unknown-key')
  t.equal(again.current?.generation, answer.current?.generation, 'the same keys again are the same generation')
})

t.test('an issuer that is down is asked once per cooldown, and its keys serve for a bounded time', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, keySets, notices } = start(t)
  const keySet = keySets.open(
    issuer.plan({ keySet: { ...issuer.plan().keySet, maxAgeMs: 60_000, staleIfErrorMs: 120_000 } }),
  )
  await keySet.wait('not-ready')
  issuer.answer = (_, response) => {
    response.destroy()
    return true
  }
  const asked = issuer.paths.length
  clock.advance(59_999)
  t.same(kids(keySet.ready(clock.now())), ['k1'], 'fresh keys need no issuer')
  clock.advance(1)
  t.equal(keySet.ready(clock.now()), null, 'old keys wait for one attempt: a removed key dies with maxAge')
  const stale = await keySet.wait('not-ready')
  t.same(kids(stale.current), ['k1'])
  t.notOk(stale.certain)
  t.same(kids(keySet.ready(clock.now())), ['k1'], 'then they serve on at once')
  t.equal(issuer.paths.length - asked, 1)
  for (let i = 0; i < 100; i++) await keySet.wait('unknown-key')
  t.equal(issuer.paths.length - asked, 1, 'no second attempt within the cooldown')
  clock.advance(30_000)
  t.ok(keySet.ready(clock.now()), 'the next attempt runs beside the requests')
  await keySet.wait('not-ready')
  t.ok(issuer.paths.length - asked <= 3, 'one attempt more, discovery again')
  clock.advance(90_000)
  t.equal(keySet.ready(clock.now()), null, 'after maxAge and staleIfError they are no keys any more')
  const dead = await keySet.wait('not-ready')
  t.equal(dead.current, null)
  t.ok(dead.retryAfterSeconds >= 1 && dead.retryAfterSeconds <= 30)
  issuer.answer = () => false
  clock.advance(30_000)
  const back = await keySet.wait('not-ready')
  t.same(kids(back.current), ['k1'], 'back as soon as the issuer is')
  t.ok(back.certain)
  t.same(
    notices.map(({ level }) => level),
    ['warn', 'info'],
    'the operator hears of the beginning and the end',
  )
  t.match(
    notices[0]?.message,
    /^Could not fetch keys of main: http:\/\/127\.0\.0\.1:\d+\/.+\. Using the keys fetched 60 s ago\.$/,
  )
})

t.test('an issuer that is not there at the start is found when it comes', async (t) => {
  const issuer = await startIssuer(t, [first])
  issuer.answer = (_, response) => {
    response.destroy()
    return true
  }
  const { clock, keySets } = start(t)
  const keySet = keySets.open(issuer.plan())
  const none = await keySet.wait('not-ready')
  t.same([none.current, none.certain, none.retryAfterSeconds], [null, false, 30])
  const asked = issuer.paths.length
  await Promise.all(Array.from({ length: 1_000 }, () => keySet.wait('not-ready')))
  t.equal(issuer.paths.length, asked, 'a thousand waiting tokens ask nobody within the cooldown')
  issuer.answer = () => false
  clock.advance(30_000)
  t.same(kids((await keySet.wait('not-ready')).current), ['k1'])
})

t.test('hostile answers neither replace good keys nor cost more than their bounds', async (t) => {
  const issuer = await startIssuer(t, [first])
  const elsewhere = await startIssuer(t, [second])
  const json = (response: ServerResponse, value: unknown) => response.end(JSON.stringify(value))
  const rows: readonly { says: string; at?: string; answer: (response: ServerResponse) => void; why: RegExp }[] = [
    {
      says: 'a redirect',
      answer: (r) => r.writeHead(302, { location: `${elsewhere.url}/jwks` }).end(),
      why: /302; redirects are not followed/,
    },
    {
      says: 'a permanent redirect',
      answer: (r) => r.writeHead(308, { location: `${elsewhere.url}/jwks` }).end(),
      why: /308/,
    },
    { says: 'an error', answer: (r) => r.writeHead(500).end('{"keys":[]}'), why: /answered 500/ },
    { says: 'no content', answer: (r) => r.writeHead(204).end(), why: /answered 204/ },
    { says: 'part of the content', answer: (r) => r.writeHead(206).end('{}'), why: /answered 206/ },
    { says: 'an empty body', answer: (r) => r.end(), why: /sent no JSON/ },
    { says: 'HTML', answer: (r) => r.end('<html>'), why: /sent no JSON/ },
    { says: 'broken JSON', answer: (r) => r.end('{"keys":['), why: /sent no JSON/ },
    { says: 'bytes that are no UTF-8', answer: (r) => r.end(Buffer.from([0x7b, 0xff, 0x7d])), why: /sent no JSON/ },
    {
      says: 'a compressed body',
      answer: (r) => r.end(gzipSync(JSON.stringify({ keys: [second.jwk] }))),
      why: /sent no JSON/,
    },
    { says: 'null', answer: (r) => json(r, null), why: /no JWK set/ },
    { says: 'a list of keys', answer: (r) => json(r, [second.jwk]), why: /no JWK set/ },
    { says: 'a single key', answer: (r) => json(r, second.jwk), why: /no JWK set/ },
    { says: 'keys as an object', answer: (r) => json(r, { keys: { 0: second.jwk } }), why: /no JWK set/ },
    { says: 'an empty set', answer: (r) => json(r, { keys: [] }), why: /no usable key/ },
    { says: 'keys that are none', answer: (r) => json(r, { keys: [null, 1, 'x', [], {}] }), why: /no usable key/ },
    {
      says: 'a symmetric key',
      answer: (r) => json(r, { keys: [{ kty: 'oct', k: 'AAAA', kid: 'k1' }] }),
      why: /k1: a symmetric key/,
    },
    {
      says: 'a reset in the middle',
      answer: (r) => {
        r.writeHead(200, { 'content-length': 100 })
        r.write('{"keys":')
        setImmediate(() => r.destroy())
      },
      why: /closed|reset|aborted/i,
    },
    {
      says: 'a body beyond the cap',
      answer: (r) => {
        r.write('{"keys":[')
        endless(r)
      },
      why: /more than 65536 bytes/,
    },
    { says: 'a head that never comes', answer: () => {}, why: /timed out after 150 ms/ },
    { says: 'a body that never ends', answer: (r) => void r.write('{"keys":['), why: /timed out after 150 ms/ },
    {
      says: 'headers beyond reason',
      answer: (r) => r.writeHead(200, { 'x-pad': 'x'.repeat(40_000) }).end('{}'),
      why: /Header|header/,
    },
  ]
  for (const { says, answer, why } of rows) {
    const { clock, keySets } = start(t)
    const plan = issuer.plan({
      keys: { kind: 'jwksUri', url: `${issuer.url}/jwks` },
      keySet: { ...issuer.plan().keySet, timeoutMs: 150, maxBytes: 65_536 },
    })
    const keySet = keySets.open(plan)
    await keySet.wait('not-ready')
    issuer.answer = (_, response) => {
      answer(response)
      return true
    }
    const after = await keySet.wait('unknown-key')
    t.match(keySets.stats()[0]?.lastFailure, why, says)
    t.same(kids(after.current), ['k1'], `${says}: the good keys stay`)
    t.notOk(after.certain, `${says}: and nothing is certain`)
    issuer.answer = () => false
    clock.advance(60_000)
    t.ok((await keySet.wait('unknown-key')).certain, `${says}: an honest answer mends it`)
    await keySets.close()
  }
  t.equal(elsewhere.paths.length, 0, 'nobody else was asked')
})

/** Writes until the other side has had enough. */
function endless(response: ServerResponse): void {
  const piece = '{"kty":"RSA"},'.repeat(1_000)
  const more = () => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

t.test('metadata is believed only if it is the issuer’s own', async (t) => {
  const issuer = await startIssuer(t, [first])
  const jwks = `${issuer.url}/jwks`
  const rows: readonly { says: string; metadata: unknown; why?: RegExp }[] = [
    { says: 'its own', metadata: { issuer: issuer.url, jwks_uri: jwks } },
    { says: 'with more in it', metadata: { issuer: issuer.url, jwks_uri: jwks, x: { y: [] } } },
    {
      says: 'another issuer',
      metadata: { issuer: 'https://evil.test', jwks_uri: jwks },
      why: /names the issuer "https:\/\/evil.test"/,
    },
    { says: 'a slash more', metadata: { issuer: `${issuer.url}/`, jwks_uri: jwks }, why: /names the issuer/ },
    { says: 'no issuer', metadata: { jwks_uri: jwks }, why: /names the issuer none/ },
    { says: 'an issuer in a list', metadata: { issuer: [issuer.url], jwks_uri: jwks }, why: /names the issuer none/ },
    { says: 'null', metadata: null, why: /names the issuer none/ },
    { says: 'no jwks_uri', metadata: { issuer: issuer.url }, why: /names no jwks_uri/ },
    { says: 'a relative jwks_uri', metadata: { issuer: issuer.url, jwks_uri: '/jwks' }, why: /names no jwks_uri/ },
    { says: 'a file', metadata: { issuer: issuer.url, jwks_uri: 'file:///etc/passwd' }, why: /without https/ },
    { says: 'data', metadata: { issuer: issuer.url, jwks_uri: 'data:application/json,{}' }, why: /without https/ },
  ]
  for (const { says, metadata, why } of rows) {
    issuer.answer = (request, response) => {
      if (!request.url?.includes('openid')) return false
      response.end(JSON.stringify(metadata))
      return true
    }
    const { keySets } = start(t)
    const { current } = await keySets.open(issuer.plan()).wait('not-ready')
    if (why === undefined) t.same(kids(current), ['k1'], says)
    else {
      t.equal(current, null, says)
      t.match(keySets.stats()[0]?.lastFailure, why, says)
    }
  }
})

t.test('metadata is looked for where OpenID puts it, then where RFC 8414 does', async (t) => {
  t.same(metadataLocations('https://id.test/'), [
    'https://id.test/.well-known/openid-configuration',
    'https://id.test/.well-known/oauth-authorization-server',
  ])
  t.same(metadataLocations('https://id.test/realms/shop'), [
    'https://id.test/realms/shop/.well-known/openid-configuration',
    'https://id.test/.well-known/oauth-authorization-server/realms/shop',
  ])
  const issuer = await startIssuer(t, [first])
  issuer.answer = (request, response) => {
    if (request.url !== '/.well-known/oauth-authorization-server') return false
    response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }))
    return true
  }
  const openid = issuer.answer
  issuer.answer = (request, response) => {
    if (request.url?.includes('openid')) response.writeHead(404).end()
    return request.url?.includes('openid') === true || openid(request, response)
  }
  const { clock, keySets } = start(t)
  const keySet = keySets.open(issuer.plan())
  t.same(kids((await keySet.wait('not-ready')).current), ['k1'])
  const asked = issuer.paths.length
  clock.advance(60_000)
  await keySet.wait('unknown-key')
  t.same(issuer.paths.slice(asked), ['/jwks'], 'the place is remembered')
})

t.test('a reload keeps the keys of an issuer that did not change', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { clock, keySets } = start(t)
  const old = keySets.open(issuer.plan())
  await old.wait('not-ready')
  const moved = keySets.open(issuer.plan({ declaredAt: { file: 'other.yaml', line: 9, column: 1 } }))
  t.same(kids(moved.ready(clock.now())), ['k1'], 'at once, even if its line moved')
  t.equal(issuer.paths.length, 2)
  const changed = keySets.open(issuer.plan({ algorithms: ['ES256'] }))
  t.equal(changed.ready(clock.now()), null, 'an issuer that changed starts anew')
  await changed.wait('not-ready')
  old.close()
  old.close()
  t.same(kids(moved.ready(clock.now())), ['k1'], 'closing one handle, even twice, is closing one')
  moved.close()
  changed.close()
  t.same(keySets.stats(), [], 'nobody’s keys are kept')
  t.equal(keySets.open(issuer.plan()).ready(clock.now()), null)
})

t.test('keys are renewed in the background before they are old', async (t) => {
  const issuer = await startIssuer(t, [first])
  const { keySets } = start(t, { timers: true })
  const renewed = new Promise<void>((resolve) => {
    let sets = 0
    issuer.answer = (request) => {
      if (request.url === '/jwks') sets += 1
      if (sets === 2) resolve()
      return false
    }
  })
  keySets.open(issuer.plan({ keySet: { ...issuer.plan().keySet, maxAgeMs: 200 } }))
  await renewed
  t.pass('without any request')
})

t.test('keys that must not be trusted are passed over one by one', async (t) => {
  const algorithms = ['RS256', 'ES256', 'EdDSA']
  const rsa = await makeKey('RS256', 'rsa')
  const weak = await exportJWK(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)
  const koblitz = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)
  const flat = await exportJWK(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey)
  const rows: readonly [string, unknown, RegExp | null][] = [
    ['a good RSA key', rsa.jwk, null],
    ['a good RSA key without use and alg', { ...rsa.jwk, use: undefined, alg: undefined }, null],
    ['a good EC key', first.jwk, null],
    ['a key with operations', { ...first.jwk, key_ops: ['verify'] }, null],
    ['a key with exponent 3', flat, null],
    ['RSA of 1024 bits', weak, /1024 bits/],
    ['RSA with exponent 1', { ...rsa.jwk, e: 'AQ' }, /exponent|unreadable/],
    ['RSA with an even exponent', { ...rsa.jwk, e: 'Ag' }, /exponent|unreadable/],
    ['RSA with a vast exponent', { ...rsa.jwk, e: Buffer.alloc(64, 255).toString('base64url') }, /exponent|unreadable/],
    ['a curve of coins', koblitz, /curve secp256k1|unreadable/],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }, /symmetric/],
    ['a symmetric key in disguise', { ...first.jwk, k: 'c2VjcmV0' }, /symmetric/],
    ['a private key', await exportJWK(first.privateKey), /private/],
    ['a key for encryption', { ...rsa.jwk, use: 'enc' }, /not for signatures/],
    ['a key whose use is a list', { ...rsa.jwk, use: ['sig'] }, /not for signatures/],
    ['a key to sign with', { ...rsa.jwk, key_ops: ['sign'] }, /not for verification/],
    ['operations as a text', { ...rsa.jwk, key_ops: 'verify' }, /not for verification/],
    ['another algorithm than ours', { ...rsa.jwk, alg: 'RS512' }, /its own alg/],
    ['an algorithm that is not the key’s', { ...rsa.jwk, alg: 'ES256' }, /its own alg/],
    ['an algorithm for encryption', { ...rsa.jwk, alg: 'RSA-OAEP' }, /its own alg/],
    ['an alg that is a number', { ...rsa.jwk, alg: 1 }, /its own alg/],
    ['a kid that is a number', { ...rsa.jwk, kid: 1 }, /kid/],
    ['a point beside its curve', { ...first.jwk, y: second.jwk.y }, /unreadable/],
    ['a point that is missing', { ...first.jwk, y: undefined }, /unreadable/],
    ['an unknown type', { ...first.jwk, kty: 'XX' }, /unreadable/],
    ['an unknown curve', { ...first.jwk, crv: 'P-999' }, /unreadable/],
    [
      'a curve for key agreement',
      { kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32, 9).toString('base64url') },
      /type x25519/,
    ],
    ['no object', 'key', /not an object/],
  ]
  for (const [says, jwk, why] of rows) {
    const set = readJwkSet({ keys: [jwk, second.jwk] }, algorithms)
    if (why === null) t.match(set, { keys: { length: 2 }, skipped: { length: 0 } }, says)
    else {
      t.match(set?.skipped[0]?.why, why, says)
      t.same(kids(set), ['k2'], `${says}: the key beside it is good`)
    }
  }
  const twice = readJwkSet({ keys: [first.jwk, first.jwk, { ...first.jwk, kid: 'other' }] }, algorithms)
  t.same(kids(twice), ['k1', 'other'], 'the same key twice is one key')
  const many = readJwkSet({ keys: Array.from({ length: 150 }, (_, i) => ({ ...first.jwk, kid: `k${i}` })) }, algorithms)
  t.match(many, { keys: { length: 100 }, skipped: [{ why: 'beyond the first 100 keys' }] })
})

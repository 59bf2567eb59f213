import { constants, createHash, createSecretKey, privateEncrypt, sign as signWith } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { createVerifiers } from '../../src/gateway/tools/jwt.js'
import { repeatsName } from '../../src/gateway/tools/jwt-token.js'
import type { IssuerPlan } from '../../src/plan/plan.js'
import type { Check } from '../../src/stages/contract.js'
import { createKeySets } from '../../src/state/key-sets.js'
import { createVerifiedTokens } from '../../src/state/verified-tokens.js'
import { Secret } from '../../src/values/secret.js'
import { makeExchange } from '../support/exchange.js'
import { compact, hs256, part, signer } from '../support/forge.js'
import { claims, good, header, type Kit, rows, withClaims, withHeader } from '../support/hostile-tokens.js'
import { issuerPlan, makeKey, startIssuer, testClock } from '../support/issuer.js'
import { tokenCheck } from '../support/token-check.js'

/** A kit with its back end in place. */
interface Judged extends Kit {
  /** What an attacker can read of the key: PEM and JWK text. */
  readonly published: readonly string[]
  readonly check: Check
}

const clock = testClock()
const secret = 'a shared secret of at least 32 bytes, made for this test'
const foreignSecret = 'another secret of at least 32 bytes, made for this test'

const bearer = (token: string) => makeExchange({ headers: ['Authorization', `Bearer ${token}`] })
const asked = { scopes: [], claims: [] }

t.test('tokens of every kind of issuer', async (t) => {
  const rsa = await makeKey('RS256', 'k1')
  const ec = await makeKey('ES256', 'k1')
  const ed = await makeKey('EdDSA', 'k1')
  const others = {
    RS256: await makeKey('RS256', 'k1'),
    ES256: await makeKey('ES256', 'k1'),
    EdDSA: await makeKey('EdDSA', 'k1'),
  }
  const remoteRsa = await startIssuer(t, [rsa])
  const remoteEc = await startIssuer(t, [ec])
  const remoteEd = await startIssuer(t, [ed])
  const pem = (key: typeof rsa) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const pinned = JSON.stringify({
    keys: [others.RS256.jwk, { ...ec.jwk, kid: 'k1' }].map((jwk, i) => (i === 0 ? { ...jwk, kid: 'k0' } : jwk)),
  })

  const issuers: Record<string, IssuerPlan> = {
    'HS256 secret': issuerPlan({
      name: 'HS256 secret',
      issuer: 'https://hs.test',
      algorithms: ['HS256'],
      keys: { kind: 'secret', secret: [{ secret: 'hmac' }] },
    }),
    'RS256 PEM': issuerPlan({
      name: 'RS256 PEM',
      issuer: 'https://rs.test',
      algorithms: ['RS256', 'ES256'],
      keys: { kind: 'publicKey', pem: pem(rsa) },
    }),
    'ES256 PEM': issuerPlan({
      name: 'ES256 PEM',
      issuer: 'https://es.test',
      algorithms: ['RS256', 'ES256'],
      keys: { kind: 'publicKey', pem: pem(ec) },
    }),
    'EdDSA PEM': issuerPlan({
      name: 'EdDSA PEM',
      issuer: 'https://ed.test',
      algorithms: ['EdDSA'],
      keys: { kind: 'publicKey', pem: pem(ed) },
    }),
    'ES256 pinned set': issuerPlan({
      name: 'ES256 pinned set',
      issuer: 'https://set.test',
      keys: { kind: 'jwks', json: pinned },
    }),
    'RS256 discovery': remoteRsa.plan({ name: 'RS256 discovery' }),
    'ES256 discovery': remoteEc.plan({ name: 'ES256 discovery' }),
    'EdDSA key set': remoteEd.plan({
      name: 'EdDSA key set',
      algorithms: ['EdDSA'],
      keys: { kind: 'jwksUri', url: `${remoteEd.url}/jwks` },
    }),
  }
  const fastify = Fastify()
  const keySets = createKeySets({ clock, timers: false })
  t.teardown(async () => {
    await fastify.close()
    await keySets.close()
  })
  const verifier = createVerifiers({
    issuers,
    fastify,
    vault: new Map([['hmac', new Secret(secret)]]),
    keySets,
    verifiedTokens: createVerifiedTokens(),
    clock,
  })
  await fastify.ready()

  const kits = Object.entries(issuers).map(([name, plan]): Judged => {
    const alg = name.split(' ')[0] ?? ''
    const key = { RS256: rsa, ES256: ec, EdDSA: ed }[alg]
    const other = { RS256: others.RS256, ES256: others.ES256, EdDSA: others.EdDSA }[alg]
    return {
      name,
      alg,
      issuer: plan.issuer,
      kid: 'k1',
      sign: key === undefined ? hs256(secret) : signer(key.privateKey),
      forge: other === undefined ? hs256(foreignSecret) : signer(other.privateKey),
      published:
        key === undefined
          ? []
          : [
              pem(key),
              pem(key).trim(),
              JSON.stringify(key.jwk),
              key.publicKey.export({ type: 'spki', format: 'der' }).toString('latin1'),
            ],
      check: tokenCheck(asked, verifier(name)),
    }
  })

  for (const kit of kits) {
    t.test(`${kit.name}: ${rows.length} hostile tokens are refused, and their harmless twins pass`, async (t) => {
      t.equal((await kit.check(bearer(good(kit)))).outcome, 'allow', 'a good token passes')
      const wrong: string[] = []
      for (const { says, hostile, twin, code } of rows) {
        const verdict = await kit.check(bearer(hostile(kit)))
        if (verdict.outcome !== 'deny' || verdict.reason.code !== code) {
          wrong.push(`${says}: ${verdict.outcome === 'deny' ? verdict.reason.code : 'admitted'} instead of ${code}`)
        } else if (verdict.reason.status !== 401 || verdict.reason.shown !== 'auth.invalid') {
          wrong.push(`${says}: ${verdict.reason.status} ${verdict.reason.shown}`)
        }
        const harmless = await kit.check(bearer((twin ?? good)(kit)))
        if (harmless.outcome !== 'allow') wrong.push(`${says}: its twin was refused, ${harmless.reason.code}`)
      }
      t.same(wrong, [])
    })
  }

  t.test('what an attacker can read of a public key is no shared secret', async (t) => {
    for (const kit of kits) {
      for (const text of kit.published) {
        const token = compact(header(kit, { alg: 'HS256' }), claims(kit), hs256(Buffer.from(text, 'latin1')))
        t.match(await kit.check(bearer(token)), { outcome: 'deny', reason: { code: 'auth.token-algorithm' } })
        const inDisguise = compact(header(kit), claims(kit), hs256(Buffer.from(text, 'latin1')))
        t.match(await kit.check(bearer(inDisguise)), { outcome: 'deny', reason: { code: 'auth.token-signature' } })
      }
    }
  })

  t.test('signatures at the edges of their algorithm are no signatures', async (t) => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const prime = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
    const edges = [0n, 1n, 2n, order - 1n, order, order + 1n, prime, 2n ** 256n - 1n, 2n ** 255n]
    const bytes = (value: bigint, length: number) => Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
    for (const kit of kits) {
      const input = `${part(header(kit))}.${part(claims(kit))}`
      const forged: [string, Buffer][] = []
      if (kit.alg === 'ES256') {
        for (const r of edges)
          for (const s of edges) forged.push([`r ${r} s ${s}`, Buffer.concat([bytes(r, 32), bytes(s, 32)])])
        const der = signWith('sha256', Buffer.from(input), ec.privateKey)
        forged.push(['in DER', der], ['in DER, padded', Buffer.concat([der, Buffer.alloc(128 - der.length)])])
        const true64 = kit.sign(input)
        forged.push([
          'of more bytes',
          Buffer.concat([Buffer.alloc(1), true64.subarray(0, 32), Buffer.alloc(1), true64.subarray(32)]),
        ])
        forged.push([
          'over another hash',
          signWith('sha384', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
        ])
      }
      if (kit.alg === 'EdDSA') {
        const order25519 = 2n ** 252n + 27742317777372353535851937790883648493n
        const true64 = kit.sign(input)
        const s = BigInt(`0x${Buffer.from(true64.subarray(32)).reverse().toString('hex')}`)
        for (const more of [1n, 2n, 8n]) {
          const shifted = bytes(s + more * order25519, 33)
            .subarray(1)
            .reverse()
          forged.push([`S + ${more} L`, Buffer.concat([true64.subarray(0, 32), shifted])])
        }
        for (const small of [0n, 1n])
          forged.push([`R ${small}, S 0`, Buffer.concat([bytes(small, 32).reverse(), Buffer.alloc(32)])])
      }
      if (kit.alg === 'RS256') {
        const data = Buffer.from(input)
        const padding = constants.RSA_PKCS1_PSS_PADDING
        forged.push(['by PSS', signWith('sha256', data, { key: rsa.privateKey, padding, saltLength: 32 })])
        forged.push(
          ['over SHA-512', signWith('sha512', data, rsa.privateKey)],
          ['over SHA-1', signWith('sha1', data, rsa.privateKey)],
        )
        const digest = createHash('sha256').update(data).digest()
        forged.push(['over a bare digest', privateEncrypt(rsa.privateKey, digest)])
        forged.push(
          ['of one', bytes(1n, 256)],
          ['of zero bytes and the true one', Buffer.concat([Buffer.alloc(1), kit.sign(input)])],
        )
      }
      for (const [says, signature] of forged) {
        const verdict = await kit.check(bearer(`${input}.${signature.toString('base64url')}`))
        if (verdict.outcome !== 'deny' || verdict.reason.code !== 'auth.token-signature') t.fail(`${kit.name}: ${says}`)
      }
      t.equal(
        (await kit.check(bearer(`${input}.${kit.sign(input).toString('base64url')}`))).outcome,
        'allow',
        `${kit.name}: the true one passes, ${forged.length} others did not`,
      )
    }
  })

  t.test(
    'whatever stands in a claim or header, the answer is an admission or a 401, never a fault of ours',
    async (t) => {
      const deep = JSON.parse(`${'['.repeat(25)}1${']'.repeat(25)}`)
      const traps = [
        '{}',
        '{"toString":1,"valueOf":2}',
        '{"then":1}',
        '{"toJSON":1}',
        '{"length":9}',
        '{"constructor":null}',
      ]
      const objects: unknown[] = traps.map((text) => JSON.parse(text))
      const scalars = [null, true, 0, -1, 1.5, 1e308, -1e308, '', ' ', 'x', '\u0000', '\u2028', '😀', '__proto__', 'k1']
      const values: unknown[] = [...scalars, ...objects, [], [[]], [{}], [null], deep, [...scalars, ...objects]]
      const ofClaims =
        'iss aud sub exp nbf iat jti scope scp client_id azp plan __proto__ constructor then toString'.split(' ')
      const ofHeader =
        'alg kid typ cty crit b64 zip jwk jku x5u x5c x5t nonce __proto__ constructor then toString'.split(' ')
      for (const kit of kits.filter(({ name }) => /HS256|EdDSA key set/.test(name))) {
        let admitted = 0
        for (const value of values) {
          // Written as text, since an object literal would take __proto__ for itself.
          const member = (name: string, object: unknown) =>
            `${JSON.stringify({ ...(object as object), [name]: undefined }).slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}` // ours
          for (const name of ofClaims) {
            const verdict = await kit.check(bearer(compact(header(kit), member(name, claims(kit)), kit.sign)))
            if (verdict.outcome === 'allow') admitted += 1
            else if (verdict.reason.status !== 401) t.fail(`${kit.name}: ${name} ${JSON.stringify(value)}`)
          }
          for (const name of ofHeader) {
            const verdict = await kit.check(bearer(compact(member(name, header(kit)), claims(kit), kit.sign)))
            if (verdict.outcome === 'allow') admitted += 1
            else if (verdict.reason.status !== 401) t.fail(`${kit.name}: ${name} ${JSON.stringify(value)}`)
          }
        }
        const tried = values.length * (ofClaims.length + ofHeader.length)
        t.ok(admitted > 0.3 * tried && admitted < 0.8 * tried, `${kit.name}: ${admitted} of ${tried} are harmless`)
      }
    },
  )

  t.test('the key of one issuer never verifies the token of another', async (t) => {
    for (const mine of kits) {
      for (const theirs of kits.filter((kit) => kit !== mine)) {
        const foreign = await theirs.check(bearer(good(mine)))
        t.match(foreign, { outcome: 'deny', reason: { status: 401 } }, `${mine.name} at ${theirs.name}`)
        if (mine.sign === theirs.sign || mine.alg === theirs.alg) continue
        const dressed = compact(header(theirs), claims(theirs), mine.sign)
        t.match(await theirs.check(bearer(dressed)), { outcome: 'deny', reason: { code: 'auth.token-signature' } })
      }
    }
  })

  t.test('a kid that the set does not hold is no way to another key', async (t) => {
    for (const kit of kits.filter(({ name }) => !name.includes('PEM') && !name.includes('secret'))) {
      for (const kid of ['k2', '', '../../k1', "k1' OR '1'='1", 'k1\u0000', '__proto__', '0', 'k'.repeat(3000)]) {
        const token = withHeader({ kid })(kit)
        t.match(
          await kit.check(bearer(token)),
          { outcome: 'deny', reason: { code: 'auth.token-key-unknown' } },
          `${kit.name} ${kid.slice(0, 20)}`,
        )
      }
      t.equal(
        (await kit.check(bearer(withHeader({ kid: undefined })(kit)))).outcome,
        'allow',
        'a token without kid finds its key',
      )
    }
  })

  t.test('a pinned set and a PEM are judged by the plugin at once, without a promise', async (t) => {
    for (const kit of kits.filter(({ name }) => /PEM|secret|pinned/.test(name))) {
      t.notOk(kit.check(bearer(withClaims({ jti: 'fresh' })(kit))) instanceof Promise, kit.name)
    }
  })

  t.test('no token, key or claim shows in what is said about a refusal', async (t) => {
    for (const kit of kits) {
      for (const { hostile } of rows) {
        const token = hostile(kit)
        const verdict = await kit.check(bearer(token))
        const text = JSON.stringify(verdict)
        for (const piece of token.split('.'))
          if (piece.length > 12 && text.includes(piece)) t.fail(`${kit.name}: ${text}`)
        if (text.includes('admin')) t.fail(text)
      }
    }
    t.pass('nothing of them')
  })
})

t.test(
  'every algorithm of the policy format verifies, by either back end, and no other does in its place',
  async (t) => {
    const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
    const secrets = { HS256: 'a'.repeat(32), HS384: 'b'.repeat(48), HS512: 'c'.repeat(64) }
    const rsa = await makeKey('RS256', 'rsa')
    const keys = await Promise.all(
      algorithms.map(async (alg) =>
        /^[RP]S/.test(alg) ? { ...rsa, alg, kid: alg, jwk: { ...rsa.jwk, alg, kid: alg } } : makeKey(alg, alg),
      ),
    )
    const issuer = await startIssuer(t, keys)
    const issuers: Record<string, IssuerPlan> = { remote: issuer.plan({ name: 'remote', algorithms }) }
    for (const key of keys) {
      const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
      issuers[key.alg] = issuer.plan({ name: key.alg, algorithms: [key.alg], keys: { kind: 'publicKey', pem } })
    }
    const vault = new Map<string, Secret>()
    for (const [alg, text] of Object.entries(secrets)) {
      vault.set(alg, new Secret(text))
      issuers[alg] = issuer.plan({ name: alg, algorithms: [alg], keys: { kind: 'secret', secret: [{ secret: alg }] } })
    }
    const fastify = Fastify()
    const keySets = createKeySets({ clock, timers: false })
    t.teardown(async () => {
      await fastify.close()
      await keySets.close()
    })
    const verifiers = createVerifiers({
      issuers,
      fastify,
      vault,
      keySets,
      verifiedTokens: createVerifiedTokens(),
      clock,
    })
    await fastify.ready()
    for (const key of keys) {
      const token = await issuer.mint(clock.now(), { key })
      for (const name of ['remote', ...algorithms, ...Object.keys(secrets)]) {
        const result = await verifiers(name).verify(token)
        t.equal(result.valid, name === 'remote' || name === key.alg, `${key.alg} at ${name}`)
      }
      // RSA keys are the same for all six: only the algorithm tells them apart.
      const dressed = await issuer.mint(clock.now(), { key, header: { kid: 'ES256' } })
      if (key.alg !== 'ES256')
        t.match(await verifiers('remote').verify(dressed), { valid: false, fault: 'token-key-unknown' })
    }
    for (const [alg, text] of Object.entries(secrets)) {
      const key = { ...rsa, alg, privateKey: createSecretKey(Buffer.from(text)) }
      const token = await issuer.mint(clock.now(), { key })
      for (const name of ['remote', ...Object.keys(secrets)]) {
        t.equal((await verifiers(name).verify(token)).valid, name === alg, `${alg} at ${name}`)
      }
    }
  },
)

t.test('a repeated name is found in whatever spelling and depth, and nowhere else', async (t) => {
  // Texts are written at random, blanks and escapes included, by a writer that knows whether it repeated a name.
  let state = 20_261_122
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const blank = () => ['', '', ' ', '\n', '\t '][random(5)] ?? ''
  const name = (text: string) =>
    `"${[...text].map((c) => (random(4) === 0 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c)).join('')}"`
  const texts = ['a', 'b', 'ab', '{', '"', ',', '\\', '}:'] as const
  let repeated = false
  const write = (depth: number): string => {
    const kind = depth > 3 ? 2 + random(3) : random(5)
    if (kind === 0) {
      const names = new Set<string>()
      const members: string[] = []
      for (let i = random(6); i > 0; i--) {
        const text = texts[random(texts.length)] ?? 'a'
        if (names.has(text) && random(3) > 0) continue
        repeated ||= names.has(text)
        names.add(text)
        const spelled = /["\\]/.test(text) ? JSON.stringify(text) : name(text)
        members.push(`${blank()}${spelled}${blank()}:${blank()}${write(depth + 1)}${blank()}`)
      }
      return `{${members.join(',')}}`
    }
    if (kind === 1)
      return `[${Array.from({ length: random(4) }, () => blank() + write(depth + 1) + blank()).join(',')}]`
    return kind === 2 ? JSON.stringify(texts[random(texts.length)]) : kind === 3 ? String(random(100)) : 'null'
  }
  let found = 0
  for (let i = 0; i < 20_000; i++) {
    repeated = false
    const text = write(0)
    JSON.parse(text)
    if (repeated) found += 1
    if (repeatsName(text) !== repeated) t.fail(text)
  }
  t.ok(found > 500, `${found} of 20000 repeat a name`)
})

t.test('the rows above are many', async (t) => {
  t.ok(rows.length >= 150, `${rows.length} rows`)
})

import {
  constants,
  createHash,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { registerFixedKeys } from '../../src/gateway/tools/jwt-fixed.js'
import type { KeySource } from '../../src/gateway/tools/jwt-key-source.js'
import { remoteKeys } from '../../src/gateway/tools/jwt-remote.js'
import { tokenReader } from '../../src/gateway/tools/jwt-token.js'
import { readJwkSet } from '../../src/values/jwk-set.js'
import { compact, part } from '../support/forge.js'
import { issuerPlan } from '../support/issuer.js'

/** A key as somebody published it, and a compact JWS that it signed. */
interface Vector {
  readonly source: string
  readonly alg: string
  readonly jwk: JsonWebKey & { readonly kid?: string }
  readonly jws: string
  /** Whether the payload is a JSON object: the plugin reads no other. */
  readonly isObject: boolean
}

const claimsOfJoe = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

const vectors: readonly Vector[] = [
  {
    source: 'RFC 7515 appendix A.2',
    alg: 'RS256',
    jwk: {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
    jws: `eyJhbGciOiJSUzI1NiJ9.${claimsOfJoe}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
    isObject: true,
  },
  {
    source: 'RFC 7515 appendix A.3',
    alg: 'ES256',
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    jws: `eyJhbGciOiJFUzI1NiJ9.${claimsOfJoe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
    isObject: true,
  },
  {
    source: 'RFC 7515 appendix A.4',
    alg: 'ES512',
    jwk: {
      kty: 'EC',
      crv: 'P-521',
      x: 'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk',
      y: 'ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2',
    },
    jws: 'eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn',
    isObject: false,
  },
  {
    source: 'RFC 7520 section 4.1',
    alg: 'RS256',
    jwk: {
      kty: 'RSA',
      kid: 'bilbo.baggins@hobbiton.example',
      use: 'sig',
      n: 'n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw',
      e: 'AQAB',
    },
    jws: 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg',
    isObject: false,
  },
  {
    source: 'RFC 8037 appendix A.4',
    alg: 'EdDSA',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    jws: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    isObject: false,
  },
]

type Test = { teardown(end: () => unknown): unknown }

/** Both back ends over the same keys; the plugin alone, or jose alone, where the test says so. */
async function sources(t: Test, keys: readonly JsonWebKey[], algorithms: readonly string[], isObject = true) {
  const set = readJwkSet({ keys }, algorithms)
  if (set === null || set.keys.length === 0) throw new Error(JSON.stringify(set?.skipped))
  const current = { generation: 1, keys: set.keys }
  const remote = remoteKeys({
    ready: () => current,
    wait: async () => ({ current, certain: true, retryAfterSeconds: 1 }),
    close() {},
  } as unknown as Parameters<typeof remoteKeys>[0]) // what is asked of a key set here
  const all: Record<string, KeySource> = { jose: remote }
  if (isObject) {
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    const plan = issuerPlan({ algorithms, keys: { kind: 'jwks', json: JSON.stringify({ keys }) } })
    all['@fastify/jwt'] = registerFixedKeys(fastify, plan, undefined)
    await fastify.ready()
  }
  return all
}

async function isGood(source: KeySource, token: string, algorithm: string, kid?: string): Promise<boolean> {
  const result = await source.check(token, { algorithm, kid, claims: {} }, 0)
  return !('fault' in result)
}

for (const { source, alg, jwk, jws, isObject } of vectors) {
  t.test(`${source}: the published ${alg} signature is good, and no other of its length`, async (t) => {
    const { kid } = jwk
    for (const [name, keys] of Object.entries(await sources(t, [jwk], [alg], isObject))) {
      t.ok(await isGood(keys, jws, alg, kid), name)
      const [head = '', body = '', signature = ''] = jws.split('.')
      const bytes = Buffer.from(signature, 'base64url')
      const admitted: number[] = []
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes)
        changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
        if (await isGood(keys, `${head}.${body}.${part(changed)}`, alg, kid)) admitted.push(i)
      }
      t.same(admitted, [], `${name}: one bit in any of ${bytes.length} bytes`)
      for (const wrong of [bytes.subarray(1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.alloc(bytes.length)]) {
        t.notOk(await isGood(keys, `${head}.${body}.${part(wrong)}`, alg, kid))
      }
      t.notOk(await isGood(keys, `${head}.${body.slice(0, -4)}.${signature}`, alg, kid), `${name}: another payload`)
    }
    // A good signature makes no good token: none of these says who it is for.
    const read = tokenReader({ issuer: 'joe', algorithms: [alg], tokenTypes: ['jwt'] })(jws)
    t.match(read, { fault: 'token-type' })
  })
}

const claims = { iss: 'https://id.example.test/', aud: 'orders-api', sub: 'u1', exp: 1_800_000_300 }

t.test('RSA signatures with any other padding than the one are no signatures', async (t) => {
  for (const exponent of [3, 65_537]) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: exponent })
    const input = `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}`
    const digest = createHash('sha256').update(input).digest()
    const sha256 = Buffer.from('3031300d060960864801650304020105000420', 'hex')
    const info = Buffer.concat([sha256, digest])
    const blockOf = (tail: Buffer, { type = 1, fill = 0xff, length = 256 - 3 - tail.length } = {}) =>
      Buffer.concat([Buffer.from([0, type]), Buffer.alloc(length, fill), Buffer.from([0]), tail])
    const padded = (block: Buffer, byte = 0) => Buffer.concat([block, Buffer.alloc(256 - block.length, byte)])
    const raw = (block: Buffer) => privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block)
    const rows: readonly [says: string, block: Buffer][] = [
      ['block type 2', blockOf(info, { type: 2 })],
      ['block type 0', blockOf(info, { type: 0, fill: 0 })],
      ['padding of zeros', blockOf(info, { fill: 0 })],
      ['a byte of the padding changed', Buffer.from(blockOf(info)).fill(0xfe, 9, 10)],
      ['eight bytes of padding, and garbage behind', padded(blockOf(info, { length: 8 }))],
      ['eight bytes of padding, and other garbage behind', padded(blockOf(info, { length: 8 }), 0xff)],
      ['no padding at all', padded(blockOf(info, { length: 0 }))],
      ['a zero less before the digest', Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(203, 0xff), info])],
      [
        'no parameters in the algorithm',
        blockOf(
          Buffer.concat([Buffer.from('302f300b0609608648016503040201', 'hex'), Buffer.from('0420', 'hex'), digest]),
        ),
      ],
      [
        'other parameters in the algorithm',
        blockOf(Buffer.concat([Buffer.from('3032300e06096086480165030402010501000420', 'hex'), digest])),
      ],
      [
        'a length in the long form',
        blockOf(Buffer.concat([Buffer.from('308131300d060960864801650304020105000420', 'hex'), digest])),
      ],
      [
        'another hash’s name',
        blockOf(Buffer.concat([Buffer.from('3031300d060960864801650304020305000420', 'hex'), digest])),
      ],
      ['a bare digest', blockOf(digest)],
      ['garbage inside the structure', blockOf(Buffer.concat([info, Buffer.from('0500', 'hex')]))],
      ['a digest cut short', blockOf(info.subarray(0, -1))],
      ['a digest of other claims', blockOf(Buffer.concat([sha256, createHash('sha256').update('x').digest()]))],
    ]
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' }
    for (const [name, keys] of Object.entries(await sources(t, [jwk], ['RS256']))) {
      for (const [says, block] of rows) {
        t.notOk(await isGood(keys, `${input}.${part(raw(block))}`, 'RS256', 'k'), `${name}, e = ${exponent}: ${says}`)
      }
      t.ok(
        await isGood(keys, `${input}.${part(raw(blockOf(info)))}`, 'RS256', 'k'),
        `${name}, e = ${exponent}: the one`,
      )
      t.notOk(await isGood(keys, `${input}.${part(Buffer.alloc(256))}`, 'RS256', 'k'), '0')
      t.notOk(await isGood(keys, `${input}.${part(padded(Buffer.of(1)))}`, 'RS256', 'k'))
      const modulus = Buffer.from(jwk.n ?? '', 'base64url')
      t.notOk(await isGood(keys, `${input}.${part(modulus)}`, 'RS256', 'k'), 'the modulus itself')
      const more = (
        BigInt(`0x${raw(blockOf(info)).toString('hex')}`) + BigInt(`0x${modulus.toString('hex')}`)
      ).toString(16)
      const bytes = Buffer.from(more.padStart(2 * Math.ceil(more.length / 2), '0'), 'hex')
      t.notOk(await isGood(keys, `${input}.${part(bytes)}`, 'RS256', 'k'), 'the one plus the modulus')
    }
  }
})

t.test('PSS signatures have a salt of the hash’s length and no other', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' }
  for (const [alg, hash, length] of [
    ['PS256', 'sha256', 32],
    ['PS384', 'sha384', 48],
    ['PS512', 'sha512', 64],
  ] as const) {
    const input = `${part({ alg, kid: 'k' })}.${part(claims)}`
    const signed = (digest: string, saltLength: number) =>
      part(sign(digest, Buffer.from(input), { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }))
    for (const [name, keys] of Object.entries(await sources(t, [jwk], [alg]))) {
      for (const saltLength of [0, 1, 20, length - 1, length + 1, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
        t.notOk(
          await isGood(keys, `${input}.${signed(hash, saltLength)}`, alg, 'k'),
          `${name} ${alg}: salt of ${saltLength}`,
        )
      }
      t.notOk(await isGood(keys, `${input}.${signed('sha1', 20)}`, alg, 'k'), `${name} ${alg}: over SHA-1`)
      t.notOk(
        await isGood(keys, `${input}.${part(sign(hash, Buffer.from(input), privateKey))}`, alg, 'k'),
        'PKCS #1 v1.5',
      )
      t.ok(await isGood(keys, `${input}.${signed(hash, length)}`, alg, 'k'), `${name} ${alg}: the one`)
    }
  }
})

/** The orders of the curves. FIPS 186-4 appendix D.1.2 */
const curves = [
  ['ES256', 'P-256', 'sha256', 32, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [
    'ES384',
    'P-384',
    'sha384',
    48,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ],
  [
    'ES512',
    'P-521',
    'sha512',
    66,
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ],
] as const

for (const [alg, namedCurve, hash, size, order] of curves) {
  t.test(`${alg}: r and s at the edges of the curve, in DER, and of other lengths, are no signature`, async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve })
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' }
    const input = `${part({ alg, kid: 'k' })}.${part(claims)}`
    const bytes = (value: bigint, length: number = size) =>
      Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
    const good = sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const r = BigInt(`0x${good.subarray(0, size).toString('hex')}`)
    const s = BigInt(`0x${good.subarray(size).toString('hex')}`)
    const edges = [0n, 1n, 2n, order - 1n, order, order + 1n, order * 2n, 2n ** BigInt(8 * size) - 1n].filter(
      (value) => value < 2n ** BigInt(8 * size),
    )
    const forged: [string, Buffer][] = edges.flatMap((a) => [
      ...edges.map((b): [string, Buffer] => [`r ${a} s ${b}`, Buffer.concat([bytes(a), bytes(b)])]),
      [`r ${a}, true s`, Buffer.concat([bytes(a), bytes(s)])] as [string, Buffer],
      [`true r, s ${a}`, Buffer.concat([bytes(r), bytes(a)])] as [string, Buffer],
    ])
    const der = sign(hash, Buffer.from(input), privateKey)
    forged.push(['in DER', der], ['in DER, filled up', Buffer.concat([der, Buffer.alloc(256)]).subarray(0, 2 * size)])
    for (const length of [0, 1, size, 2 * size - 1, 2 * size + 1, 2 * size + 2, 4 * size]) {
      forged.push([`of ${length} bytes`, Buffer.concat([good, Buffer.alloc(4 * size)]).subarray(0, length)])
    }
    forged.push(['with zeros before', Buffer.concat([Buffer.alloc(2), good])])
    forged.push(['of parts a byte longer', Buffer.concat([bytes(r, size + 1), bytes(s, size + 1)])])
    forged.push(['exchanged', Buffer.concat([good.subarray(size), good.subarray(0, size)])])
    if (order + r < 2n ** BigInt(8 * size))
      forged.push(['r plus the order', Buffer.concat([bytes(r + order), bytes(s)])])
    if (order + s < 2n ** BigInt(8 * size))
      forged.push(['s plus the order', Buffer.concat([bytes(r), bytes(s + order)])])
    for (const [name, keys] of Object.entries(await sources(t, [jwk], [alg]))) {
      for (const [says, signature] of forged) {
        // An empty signature never gets here: the reader wants a part.
        if (await isGood(keys, `${input}.${part(signature)}`, alg, 'k')) t.fail(`${name}: ${says}`)
      }
      t.ok(
        await isGood(keys, `${input}.${part(good)}`, alg, 'k'),
        `${name}: the one, and none of ${forged.length} others`,
      )
      // Two good ones exist for every message: whoever remembers tokens remembers the whole text, not the claims.
      const second = Buffer.concat([bytes(r), bytes(order - s)])
      t.ok(
        await isGood(keys, `${input}.${part(second)}`, alg, 'k'),
        `${name}: its other half is as good, by the mathematics`,
      )
    }
  })
}

t.test('of a mixed key set only the keys that fit their algorithm and purpose are taken', async (t) => {
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p256 = ec('P-256')
  const jwkOf = ({ publicKey }: { publicKey: KeyObject }) => publicKey.export({ format: 'jwk' })
  const rsaJwk = jwkOf(rsa)
  const ecJwk = jwkOf(p256)
  const weak = jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }))
  const n = Buffer.from(rsaJwk.n ?? '', 'base64url')
  const rows: readonly [says: string, jwk: unknown][] = [
    ['a shared secret', { kty: 'oct', k: 'AAAA', kid: 'k' }],
    ['a shared secret that calls itself RSA', { ...rsaJwk, k: 'AAAA' }],
    ['a private key', p256.privateKey.export({ format: 'jwk' })],
    ['an encryption key', { ...rsaJwk, use: 'enc' }],
    ['a key that may only sign', { ...rsaJwk, key_ops: ['sign'] }],
    ['a key that may do nothing', { ...rsaJwk, key_ops: [] }],
    ['operations that are a text', { ...rsaJwk, key_ops: 'verify' }],
    ['RSA for ES256', { ...rsaJwk, alg: 'ES256' }],
    ['RSA for encryption', { ...rsaJwk, alg: 'RSA-OAEP' }],
    ['EC for RS256', { ...ecJwk, alg: 'RS256' }],
    ['an alg that is no text', { ...ecJwk, alg: ['ES256'] }],
    ['a kid that is no text', { ...ecJwk, kid: 1 }],
    ['RSA of 1024 bits', weak],
    ['RSA with the exponent 1', { ...rsaJwk, e: 'AQ' }],
    ['RSA with the exponent 2', { ...rsaJwk, e: 'Ag' }],
    ['RSA with the exponent 0', { ...rsaJwk, e: 'AA' }],
    ['RSA with an exponent of its own length', { ...rsaJwk, e: rsaJwk.n }],
    ['RSA without its modulus', { ...rsaJwk, n: undefined }],
    ['RSA with an empty modulus', { ...rsaJwk, n: '' }],
    ['a curve that only looks like P-256', jwkOf(ec('secp256k1'))],
    ['a point beside its curve', { ...ecJwk, y: ecJwk.x }],
    ['the point at infinity', { ...ecJwk, x: part(Buffer.alloc(32)), y: part(Buffer.alloc(32)) }],
    ['a point of another curve', { ...jwkOf(ec('P-384')), crv: 'P-256' }],
    ['a key on a curve that is not listed', jwkOf(ec('P-384'))],
    ['X25519', { kty: 'OKP', crv: 'X25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }],
    [
      'Ed25519 where it is not listed',
      { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    ],
    ['a kty in other letters', { ...ecJwk, kty: 'ec' }],
    ['no kty', { ...ecJwk, kty: undefined }],
    ['null', null],
    ['a list', [ecJwk]],
    ['a text', JSON.stringify(ecJwk)],
  ]
  for (const [says, jwk] of rows) {
    const set = readJwkSet({ keys: [jwk, { ...ecJwk, kid: 'good' }] }, ['RS256', 'ES256'])
    t.same(
      set?.keys.map(({ kid }) => kid),
      ['good'],
      says,
    )
    t.equal(set?.skipped.length, 1, `${says} is told`)
  }
  t.equal(n.length, 256)
  const both = readJwkSet(
    {
      keys: [
        { ...rsaJwk, kid: 'same' },
        { ...ecJwk, kid: 'same' },
      ],
    },
    ['RS256', 'ES256'],
  )
  t.equal(both?.keys.length, 2, 'two kinds of keys may have one name')
  const keys = await sources(
    t,
    [
      { ...rsaJwk, kid: 'same' },
      { ...ecJwk, kid: 'same' },
    ] as JsonWebKey[],
    ['RS256', 'ES256'],
  )
  const byRsa = compact({ alg: 'RS256', kid: 'same' }, claims, (input) =>
    sign('sha256', Buffer.from(input), rsa.privateKey),
  )
  for (const [name, source] of Object.entries(keys)) {
    t.ok(await isGood(source, byRsa, 'RS256', 'same'), `${name}: each is found by its algorithm`)
    t.notOk(await isGood(source, byRsa, 'ES256', 'same'))
  }
})

t.test('one token has one spelling: base64url without leniency, in each of its parts', async (t) => {
  const read = tokenReader({ issuer: claims.iss, algorithms: ['ES256'], tokenTypes: ['jwt'] })
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // Lengths that leave unused bits in the last character, for each part in turn.
  const token = compact({ alg: 'ES256', typ: 'JWT', x: '' }, { ...claims, x: '' }, () => Buffer.alloc(64, 7))
  const spellings: readonly [string, (text: string) => string][] = [
    ['a padding sign', (text) => `${text}=`],
    ['two padding signs', (text) => `${text}==`],
    ['the sign of the plain alphabet', (text) => `+${text.slice(1)}`],
    ['the slash of the plain alphabet', (text) => `/${text.slice(1)}`],
    ['a blank within', (text) => `${text.slice(0, 4)} ${text.slice(4)}`],
    ['a tab before', (text) => `\t${text}`],
    ['a line break behind', (text) => `${text}\n`],
    ['a zero byte within', (text) => `${text.slice(0, 4)}\u0000${text.slice(4)}`],
    ['a percent sign', (text) => `${text.slice(0, 4)}%41${text.slice(4)}`],
    ['a letter that looks like one', (text) => `\u0410${text.slice(1)}`],
    ['a character too many', (text) => `${text.slice(0, 4 * Math.floor(text.length / 4))}A`],
  ]
  t.notOk('fault' in read(token), 'the one spelling reads')
  for (let index = 0; index < 3; index++) {
    for (const [says, edit] of spellings) {
      const parts = token.split('.')
      parts[index] = edit(parts[index] ?? '')
      t.match(read(parts.join('.')), { fault: 'token-malformed' }, `part ${index}: ${says}`)
    }
    for (const filler of ['', 'x', 'xx']) {
      const lengthened = compact({ alg: 'ES256', typ: 'JWT', x: filler }, { ...claims, x: filler }, () =>
        Buffer.alloc(64, 7),
      )
      const parts = lengthened.split('.')
      const text = parts[index] ?? ''
      if (text.length % 4 === 0) continue
      const last = letters.indexOf(text.at(-1) ?? '')
      parts[index] = `${text.slice(0, -1)}${letters[last + 1]}`
      t.match(read(parts.join('.')), { fault: 'token-malformed' }, `part ${index}: stray bits`)
    }
  }
})

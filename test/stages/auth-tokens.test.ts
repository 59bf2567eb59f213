import { constants, createHash, createSecretKey, privateEncrypt, sign as signWith } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { createVerifiers } from '../../src/gateway/tools/jwt.js'
import { repeatsName } from '../../src/gateway/tools/jwt-token.js'
import type { IssuerPlan } from '../../src/plan/plan.js'
import { checkToken } from '../../src/stages/auth/check-token.js'
import type { Check } from '../../src/stages/contract.js'
import { createKeySets } from '../../src/state/key-sets.js'
import { createVerifiedTokens } from '../../src/state/verified-tokens.js'
import { Secret } from '../../src/values/secret.js'
import { makeExchange } from '../support/exchange.js'
import { compact, hs256, part, type Sign, signer } from '../support/forge.js'
import { issuerPlan, makeKey, startIssuer, testClock } from '../support/issuer.js'

/** One issuer with its keys and its back end; every row below is tried on each. */
interface Kit {
  readonly name: string
  readonly alg: string
  readonly issuer: string
  readonly kid: string
  readonly sign: Sign
  /** The same algorithm and `kid`, the wrong key. */
  readonly forge: Sign
  /** What an attacker can read of the key: PEM and JWK text. */
  readonly published: readonly string[]
  readonly check: Check
}

interface Row {
  readonly says: string
  readonly hostile: (kit: Kit) => string
  /** The nearest harmless token; the plain good one where the row names none. */
  readonly twin?: (kit: Kit) => string
  readonly code: string
}

const clock = testClock()
const now = clock.now() / 1000
const secret = 'a shared secret of at least 32 bytes, made for this test'
const foreignSecret = 'another secret of at least 32 bytes, made for this test'

/** A row of a table whose code is the same for all. */
type Uncoded = Omit<Row, 'code'>

type Changes = Record<string, unknown>
const header = (kit: Kit, changes: Changes = {}) => ({ alg: kit.alg, kid: kit.kid, typ: 'at+jwt', ...changes })
const claims = (kit: Kit, changes: Changes = {}) => ({
  iss: kit.issuer,
  aud: 'orders-api',
  sub: 'u1',
  iat: now,
  exp: now + 300,
  scope: 'orders:read',
  ...changes,
})
const good = (kit: Kit) => compact(header(kit), claims(kit), kit.sign)
const withHeader = (changes: Changes) => (kit: Kit) => compact(header(kit, changes), claims(kit), kit.sign)
const withClaims = (changes: Changes) => (kit: Kit) => compact(header(kit), claims(kit, changes), kit.sign)
/** The JSON text of header or claims, edited as text: for what no object can hold. */
const headerText = (edit: (text: string, kit: Kit) => string | Buffer) => (kit: Kit) =>
  compact(edit(JSON.stringify(header(kit)), kit), claims(kit), kit.sign)
const claimsText = (edit: (text: string, kit: Kit) => string | Buffer) => (kit: Kit) =>
  compact(header(kit), edit(JSON.stringify(claims(kit)), kit), kit.sign)
const reshaped = (edit: (parts: [string, string, string]) => string) => (kit: Kit) => {
  const [head = '', body = '', signature = ''] = good(kit).split('.')
  return edit([head, body, signature])
}
const add = (member: string) => (text: string) => `${text.slice(0, -1)},${member}}`

const malformed: readonly Uncoded[] = [
  { says: 'an empty credential', hostile: () => '' },
  { says: 'a token of one part', hostile: reshaped(([a]) => a) },
  { says: 'a token of two parts', hostile: reshaped(([a, b]) => `${a}.${b}`) },
  { says: 'a token without its signature', hostile: reshaped(([a, b]) => `${a}.${b}.`) },
  { says: 'a token without its claims', hostile: reshaped(([a, , c]) => `${a}..${c}`) },
  { says: 'a token without its header', hostile: reshaped(([, b, c]) => `.${b}.${c}`) },
  { says: 'a token of four parts', hostile: reshaped(([a, b, c]) => `${a}.${b}.${c}.${c}`) },
  { says: 'an encrypted token', hostile: reshaped(([a, b, c]) => `${a}.${b}.${c}.${b}.${c}`) },
  { says: 'a dot before the token', hostile: (kit) => `.${good(kit)}` },
  { says: 'a dot after the token', hostile: (kit) => `${good(kit)}.` },
  { says: 'padding after the header', hostile: reshaped(([a, b, c]) => `${a}=.${b}.${c}`) },
  { says: 'padding after the claims', hostile: reshaped(([a, b, c]) => `${a}.${b}==.${c}`) },
  { says: 'padding after the signature', hostile: (kit) => `${good(kit)}=` },
  { says: 'the plain base64 alphabet', hostile: reshaped(([a, b, c]) => `${a}.${b}.+/${c.slice(2)}`) },
  { says: 'a blank in the token', hostile: reshaped(([a, b, c]) => `${a}. ${b}.${c}`) },
  { says: 'a blank after the token', hostile: (kit) => `${good(kit)} ` },
  { says: 'a tab in the token', hostile: reshaped(([a, b, c]) => `${a}.\t${b}.${c}`) },
  { says: 'a line break in the token', hostile: reshaped(([a, b, c]) => `${a}.${b}.\n${c}`) },
  { says: 'a second token after a comma', hostile: (kit) => `${good(kit)}, Bearer ${good(kit)}` },
  { says: 'a second token after a blank', hostile: (kit) => `${good(kit)} ${good(kit)}` },
  { says: 'a token in quotes', hostile: (kit) => `"${good(kit)}"` },
  { says: 'a zero byte in the token', hostile: reshaped(([a, b, c]) => `${a}.${b}\u0000.${c}`) },
  { says: 'a letter beyond ASCII', hostile: reshaped(([a, b, c]) => `${a}.${b}é.${c}`) },
  { says: 'a full-width dot', hostile: reshaped(([a, b, c]) => `${a}．${b}.${c}`) },
  { says: 'a percent-encoded dot', hostile: reshaped(([a, b, c]) => `${a}%2e${b}.${c}`) },
  {
    says: 'a signature of impossible length',
    hostile: reshaped(([a, b, c]) => `${a}.${b}.${c.slice(0, 1 + 4 * Math.floor((c.length - 1) / 4))}`),
  },
  {
    says: 'stray bits after the header',
    hostile: (kit) => strayBits(headerOfLength(kit, 1)),
    twin: (kit) => headerOfLength(kit, 1),
  },
  {
    says: 'the JSON serialization',
    hostile: reshaped(([a, b, c]) => JSON.stringify({ protected: a, payload: b, signature: c })),
  },
  { says: 'a header that is no JSON', hostile: headerText((text) => text.slice(0, -1)) },
  {
    says: 'a header with text after it',
    hostile: headerText((text) => `${text}x`),
    twin: headerText((text) => ` ${text}\n`),
  },
  { says: 'a header that is a list', hostile: headerText((text) => `[${text}]`) },
  { says: 'a header that is null', hostile: headerText(() => 'null') },
  { says: 'a header that is a text', hostile: headerText(() => '"RS256"') },
  { says: 'a header after a byte order mark', hostile: headerText((text) => `\ufeff${text}`) },
  {
    says: 'a header that is no UTF-8',
    hostile: headerText((text) =>
      Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    ),
  },
  {
    says: 'an overlong UTF-8 sequence',
    hostile: headerText((text) =>
      Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ),
  },
  {
    says: 'a header that names alg twice',
    hostile: headerText((text, kit) => add(`"alg":"${kit.alg}"`)(text)),
    twin: headerText(add('"a1g":"x"')),
  },
  {
    says: 'alg twice, once in disguise',
    hostile: headerText((text, kit) => add(`"al\\u0067":"${kit.alg}"`)(text)),
    twin: headerText(add('"\\u0061lgo":1')),
  },
  { says: 'alg none before the true one', hostile: headerText((text) => text.replace('{', '{"alg":"none",')) },
  {
    says: 'a name that repeats deeper in the header',
    hostile: headerText(add('"x":[{"y":{"a":1,"a":1}}]')),
    twin: headerText(add('"x":[{"y":{"a":1,"b":1}},{"a":1}]')),
  },
  {
    says: 'half a surrogate pair in the header',
    hostile: headerText(add('"x":"\\ud800"')),
    twin: headerText(add('"x":"\\ud83d\\ude00"')),
  },
  { says: 'a kid that is a number', hostile: withHeader({ kid: 1 }) },
  { says: 'a kid that is null', hostile: withHeader({ kid: null }) },
  { says: 'a kid that is an object', hostile: withHeader({ kid: { toString: 'k1' } }) },
  { says: 'a kid that is a list', hostile: (kit) => withHeader({ kid: [kit.kid] })(kit) },
  { says: 'claims that are no JSON', hostile: claimsText((text) => `${text.slice(0, -1)},}`) },
  { says: 'claims in single quotes', hostile: claimsText((text) => text.replaceAll('"', "'")) },
  { says: 'claims with a comment', hostile: claimsText((text) => `${text}/**/`) },
  { says: 'claims that are a list', hostile: claimsText((text) => `[${text}]`) },
  { says: 'claims that are a number', hostile: claimsText(() => '1') },
  { says: 'claims that are null', hostile: claimsText(() => 'null') },
  {
    says: 'claims after a byte order mark',
    hostile: claimsText((text) => `\ufeff${text}`),
    twin: claimsText((text) => JSON.stringify(JSON.parse(text), null, 2)),
  },
  {
    says: 'claims that are no UTF-8',
    hostile: claimsText((text) =>
      Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')]),
    ),
    twin: withClaims({ name: 'Zoë Müller 😀' }),
  },
  { says: 'claims in UTF-16', hostile: claimsText((text) => Buffer.from(text, 'utf16le')) },
  {
    says: 'sub twice',
    hostile: claimsText((text) => text.replace('{', '{"sub":"admin",')),
    twin: claimsText((text) => text.replace('{', '{"sub2":"admin",')),
  },
  { says: 'sub twice, the second time the same', hostile: claimsText(add('"sub":"u1"')) },
  {
    says: 'scope twice, once in disguise',
    hostile: claimsText(add('"sc\\u006fpe":"admin"')),
    twin: claimsText(add('"sc\\u00f6pe":"admin"')),
  },
  { says: 'exp twice', hostile: claimsText((text) => text.replace('{', '{"exp":99999999999,')) },
  {
    says: 'a name that repeats deeper in the claims',
    hostile: claimsText(add('"realm":{"roles":["a"],"roles":["admin"]}')),
    twin: claimsText(add('"realm":{"roles": ["a"]},"other":{"roles":["a"]}')),
  },
  {
    says: 'half a surrogate pair in a claim',
    hostile: claimsText(add('"name":"\\uD83D x"')),
    twin: claimsText(add('"name":"\\uD83D\\uDE00 x"')),
  },
  {
    says: 'a raw control character in a claim',
    hostile: claimsText(add('"name":"a\u0001"')),
    twin: claimsText(add('"name":"a\\u0001"')),
  },
  { says: 'a number no JSON knows', hostile: claimsText(add('"n":NaN')), twin: claimsText(add('"n":1.50')) },
]

const headers: Row[] = [
  ...[
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'rs256',
    'RS256 ',
    ' ES256',
    'RS256\u0000',
    'HS256;RS256',
    'RS1',
    'ES256K',
    'A128KW',
    '__proto__',
  ].map((alg) => ({
    says: `alg ${JSON.stringify(alg)}`,
    hostile: withHeader({ alg }),
    code: 'auth.token-algorithm',
  })),
  ...[null, 0, true, ['RS256'], { alg: 'RS256' }].map((alg) => ({
    says: `alg ${JSON.stringify(alg)}`,
    hostile: withHeader({ alg }),
    code: 'auth.token-algorithm',
  })),
  { says: 'no alg at all', hostile: withHeader({ alg: undefined }), code: 'auth.token-algorithm' },
  {
    says: 'alg none and no signature to check',
    hostile: (kit) => `${part(header(kit, { alg: 'none' }))}.${part(claims(kit))}.AA`,
    code: 'auth.token-algorithm',
  },
  {
    says: 'an algorithm of the same family that is not listed',
    hostile: (kit) => withHeader({ alg: kit.alg.replace('256', '512').replace('EdDSA', 'Ed448') })(kit),
    code: 'auth.token-algorithm',
  },
  ...[[], ['exp'], ['b64'], ['x'], [1], null, '', 0, false, {}].map((crit) => ({
    says: `crit ${JSON.stringify(crit)}`,
    hostile: withHeader({ crit, x: 1 }),
    twin: withHeader({ x: 1 }),
    code: 'auth.token-critical',
  })),
  ...[false, true, null].map((b64) => ({
    says: `b64 ${b64}`,
    hostile: withHeader({ b64 }),
    code: 'auth.token-critical',
  })),
  {
    says: 'an unencoded payload by the rules',
    hostile: withHeader({ b64: false, crit: ['b64'] }),
    code: 'auth.token-critical',
  },
  ...['DEF', '', null].map((zip) => ({
    says: `zip ${zip}`,
    hostile: withHeader({ zip }),
    code: 'auth.token-critical',
  })),
  ...[
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'id_token',
    'at+jwt ',
    'at',
    '',
    'absent',
    'application/',
    'application/application/at+jwt',
    'at+jwt;x=1',
    'text/at+jwt',
    'JWE',
    'jose',
  ].map((typ) => ({
    says: `typ ${JSON.stringify(typ)}`,
    hostile: withHeader({ typ }),
    code: 'auth.token-type',
  })),
  ...[null, 1, ['at+jwt'], {}].map((typ) => ({
    says: `typ ${JSON.stringify(typ)}`,
    hostile: withHeader({ typ }),
    code: 'auth.token-type',
  })),
  {
    says: 'no typ',
    hostile: withHeader({ typ: undefined }),
    twin: withHeader({ typ: 'JWT' }),
    code: 'auth.token-type',
  },
  {
    says: 'typ with a long s',
    hostile: withHeader({ typ: 'at+jw\u0162' }),
    twin: withHeader({ typ: 'Application/AT+JWT' }),
    code: 'auth.token-type',
  },
]

const signatures: readonly Uncoded[] = [
  { says: 'another key under the same kid', hostile: (kit) => compact(header(kit), claims(kit), kit.forge) },
  { says: 'the signature of other claims', hostile: (kit) => swap(good(kit), 2, withClaims({ sub: 'u2' })(kit)) },
  {
    says: 'claims changed after signing',
    hostile: (kit) => swap(good(kit), 1, withClaims({ sub: 'admin' })(kit)),
    twin: withClaims({ sub: 'admin' }),
  },
  {
    says: 'a header changed after signing',
    hostile: (kit) => swap(good(kit), 0, withHeader({ typ: 'JWT' })(kit)),
    twin: withHeader({ typ: 'JWT' }),
  },
  {
    says: 'a signature of zeros',
    hostile: reshaped(
      ([a, b, c]) => `${a}.${b}.${Buffer.alloc(Buffer.from(c, 'base64url').length).toString('base64url')}`,
    ),
  },
  {
    says: 'a signature of ones',
    hostile: reshaped(
      ([a, b, c]) => `${a}.${b}.${Buffer.alloc(Buffer.from(c, 'base64url').length, 255).toString('base64url')}`,
    ),
  },
  { says: 'a signature of one byte', hostile: reshaped(([a, b]) => `${a}.${b}.AA`) },
  {
    says: 'a signature cut short',
    hostile: reshaped(([a, b, c]) => `${a}.${b}.${Buffer.from(c, 'base64url').subarray(1).toString('base64url')}`),
  },
  {
    says: 'a signature with a byte more',
    hostile: reshaped(
      ([a, b, c]) => `${a}.${b}.${Buffer.concat([Buffer.from(c, 'base64url'), Buffer.of(0)]).toString('base64url')}`,
    ),
  },
  { says: 'a signature with its halves exchanged', hostile: reshaped(([a, b, c]) => `${a}.${b}.${halves(c)}`) },
  {
    says: 'a signature of kilobytes',
    hostile: reshaped(([a, b]) => `${a}.${b}.${Buffer.alloc(4000, 7).toString('base64url')}`),
  },
  {
    says: 'a signature in hex',
    hostile: reshaped(([a, b, c]) => `${a}.${b}.${part(Buffer.from(c, 'base64url').toString('hex'))}`),
  },
  {
    says: 'a key that the token brings along',
    hostile: (kit) => compact(header(kit, { jwk: JSON.parse(foreignJwk) }), claims(kit), kit.forge),
    twin: withHeader({ jwk: { kty: 'oct', k: 'AAAA' } }),
  },
  {
    says: 'a key set that the token points at',
    hostile: (kit) => compact(header(kit, { jku: 'https://evil.test/jwks' }), claims(kit), kit.forge),
    twin: withHeader({ jku: 'https://evil.test/jwks' }),
  },
  {
    says: 'a certificate that the token brings along',
    hostile: (kit) => compact(header(kit, { x5c: ['AAAA'], x5u: 'https://evil.test/x' }), claims(kit), kit.forge),
    twin: withHeader({ x5c: ['AAAA'], x5t: 'x' }),
  },
]

const unreadable = 'auth.token-claim-unreadable'
const missing = 'auth.token-claim-missing'
const claimRows: Row[] = [
  { says: 'no iss', hostile: withClaims({ iss: undefined }), code: 'auth.token-issuer' },
  ...[null, '', 1, {}, 'https://evil.test/'].map((iss) => ({
    says: `iss ${JSON.stringify(iss)}`,
    hostile: withClaims({ iss }),
    code: 'auth.token-issuer',
  })),
  { says: 'iss in a list', hostile: (kit) => withClaims({ iss: [kit.issuer] })(kit), code: 'auth.token-issuer' },
  {
    says: 'iss with a slash more',
    hostile: (kit) => withClaims({ iss: `${kit.issuer}/` })(kit),
    code: 'auth.token-issuer',
  },
  {
    says: 'iss in capitals',
    hostile: (kit) => withClaims({ iss: kit.issuer.toUpperCase() })(kit),
    code: 'auth.token-issuer',
  },
  { says: 'iss with a blank', hostile: (kit) => withClaims({ iss: `${kit.issuer} ` })(kit), code: 'auth.token-issuer' },
  {
    says: 'iss with a zero byte',
    hostile: (kit) => withClaims({ iss: `${kit.issuer}\u0000` })(kit),
    code: 'auth.token-issuer',
  },
  { says: 'no aud', hostile: withClaims({ aud: undefined }), code: missing },
  ...[
    null,
    '',
    'other-api',
    'Orders-API',
    'orders-api ',
    'orders-api other',
    'orders-ap',
    [],
    ['other'],
    [['orders-api']],
    1,
    true,
    {},
    { 'orders-api': 1 },
    ['orders-api', 1],
  ].map((aud) => ({
    says: `aud ${JSON.stringify(aud)}`,
    hostile: withClaims({ aud }),
    twin: withClaims({ aud: ['other', 'orders-api'] }),
    code: 'auth.token-audience',
  })),
  { says: 'no exp', hostile: withClaims({ exp: undefined }), code: missing },
  { says: 'exp an hour ago', hostile: withClaims({ exp: now - 3600 }), code: 'auth.token-expired' },
  {
    says: 'exp at the very end of the skew',
    hostile: withClaims({ exp: now - 30 }),
    twin: withClaims({ exp: now - 29 }),
    code: 'auth.token-expired',
  },
  { says: 'exp 0', hostile: withClaims({ exp: 0 }), code: 'auth.token-expired' },
  ...[String(now + 300), '', null, true, {}, -1, (now + 300) * 1000, 1e306].map((exp) => ({
    says: `exp ${JSON.stringify(exp)}`,
    hostile: withClaims({ exp }),
    twin: withClaims({ exp: now + 300.5 }),
    code: unreadable,
  })),
  { says: 'exp in a list', hostile: withClaims({ exp: [now + 300] }), code: unreadable },
  {
    says: 'exp beyond what a double holds',
    hostile: claimsText((text) => text.replace(/"exp":\d+/, '"exp":1e400')),
    twin: claimsText((text) => text.replace(/"exp":\d+/, '"exp":1.9e9')),
    code: unreadable,
  },
  {
    says: 'nbf in an hour',
    hostile: withClaims({ nbf: now + 3600 }),
    twin: withClaims({ nbf: now - 3600 }),
    code: 'auth.token-not-yet-valid',
  },
  {
    says: 'nbf just beyond the skew',
    hostile: withClaims({ nbf: now + 31 }),
    twin: withClaims({ nbf: now + 30 }),
    code: 'auth.token-not-yet-valid',
  },
  ...[1e15, 8.64e15, 1e300, '0', null, {}, [], -1, true].map((nbf) => ({
    says: `nbf ${JSON.stringify(nbf)}`,
    hostile: withClaims({ nbf }),
    twin: withClaims({ nbf: 0 }),
    code: unreadable,
  })),
  {
    says: 'nbf beyond what a double holds',
    hostile: claimsText(add('"nbf":1e400')),
    twin: claimsText(add('"nbf":1e3')),
    code: unreadable,
  },
  {
    says: 'iat in an hour',
    hostile: withClaims({ iat: now + 3600 }),
    twin: withClaims({ iat: now - 3600 }),
    code: 'auth.token-issued-in-future',
  },
  {
    says: 'iat just beyond the skew',
    hostile: withClaims({ iat: now + 31 }),
    twin: withClaims({ iat: now + 30 }),
    code: 'auth.token-issued-in-future',
  },
  ...['0', null, {}, -1, now * 1000, 1e300].map((iat) => ({
    says: `iat ${JSON.stringify(iat)}`,
    hostile: withClaims({ iat }),
    twin: withClaims({ iat: undefined }),
    code: unreadable,
  })),
  { says: 'no sub', hostile: withClaims({ sub: undefined }), code: missing },
  ...['', null, 0, 1, true, [], ['u1'], {}, 'u1\r\nx-admin: 1', 'u1\u0000', '\u007f', 'x'.repeat(1025)].map((sub) => ({
    says: `sub ${JSON.stringify(sub).slice(0, 30)}`,
    hostile: withClaims({ sub }),
    twin: withClaims({ sub: 'auth0|müller@example.com' }),
    code: unreadable,
  })),
  ...[1, true, {}, [1], ['a', null]].map((scope) => ({
    says: `scope ${JSON.stringify(scope)}`,
    hostile: withClaims({ scope }),
    twin: withClaims({ scope: ['a', 'b'] }),
    code: unreadable,
  })),
  {
    says: 'sub by way of the prototype',
    hostile: claimsText((text) => text.replace('"sub":"u1"', '"__proto__":{"sub":"admin"}')),
    twin: claimsText(add('"__proto__":{"sub":"admin"}')),
    code: missing,
  },
  {
    says: 'aud by way of the prototype',
    hostile: claimsText((text) => text.replace('"aud":"orders-api"', '"__proto__":{"aud":"orders-api"}')),
    code: missing,
  },
  {
    says: 'claims nested thousands deep',
    hostile: claimsText(add(`"x":${'['.repeat(2400)}1${']'.repeat(2400)}`)),
    twin: claimsText(add(`"x":${'['.repeat(30)}1${']'.repeat(30)}`)),
    code: 'auth.token-malformed',
  },
  {
    says: 'claims nested deeper than anything reads',
    hostile: claimsText(add(`"x":${'{"a":'.repeat(33)}1${'}'.repeat(33)}`)),
    code: 'auth.token-malformed',
  },
  {
    says: 'a token beyond 8 KiB',
    hostile: withClaims({ x: 'y'.repeat(8192) }),
    twin: withClaims({ x: 'y'.repeat(5000) }),
    code: 'auth.token-too-long',
  },
  { says: 'a token of 100 KB', hostile: withClaims({ x: 'y'.repeat(100_000) }), code: 'auth.token-too-long' },
]

const rows: readonly Row[] = [
  ...malformed.map((row) => ({ ...row, code: 'auth.token-malformed' })),
  ...headers,
  ...signatures.map((row) => ({ ...row, code: 'auth.token-signature' })),
  ...claimRows,
]
const foreignJwk = JSON.stringify({
  kty: 'EC',
  crv: 'P-256',
  x: part(Buffer.alloc(32, 1)),
  y: part(Buffer.alloc(32, 2)),
})

/** The good token with one part of another. */
function swap(token: string, index: number, other: string): string {
  const parts = token.split('.')
  parts[index] = other.split('.')[index] ?? ''
  return parts.join('.')
}

function halves(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url')
  const middle = bytes.length / 2
  return Buffer.concat([bytes.subarray(middle), bytes.subarray(0, middle)]).toString('base64url')
}

/** A good token whose header has a length that leaves unused bits in its last character. */
function headerOfLength(kit: Kit, rest: number): string {
  let pad = ''
  while (JSON.stringify(header(kit, { pad })).length % 3 !== rest) pad += 'x'
  return withHeader({ pad })(kit)
}

/** The same bytes under another spelling: a lenient decoder would not see the difference. */
function strayBits(token: string): string {
  const [head = '', ...others] = token.split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(head.at(-1) ?? '')
  return [`${head.slice(0, -1)}${alphabet[last + 1]}`, ...others].join('.')
}

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

  const kits = Object.entries(issuers).map(([name, plan]): Kit => {
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
      check: checkToken(asked, verifier(name)),
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

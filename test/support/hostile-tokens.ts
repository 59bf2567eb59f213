import { compact, part, type Sign } from './forge.js'
import { testClock } from './issuer.js'

/** One issuer and its key; every row below is tried on each of several. */
export interface Kit {
  readonly name: string
  readonly alg: string
  readonly issuer: string
  readonly kid: string
  readonly sign: Sign
  /** The same algorithm and `kid`, the wrong key. */
  readonly forge: Sign
}

/** A token that must not pass, and its nearest harmless relative. */
export interface Row {
  readonly says: string
  readonly hostile: (kit: Kit) => string
  /** The nearest harmless token; the plain good one where the row names none. */
  readonly twin?: (kit: Kit) => string
  readonly code: string
}

/** The tokens are good at the time of the test clock. */
const now = testClock().now() / 1000

/** A row of a table whose code is the same for all. */
type Uncoded = Omit<Row, 'code'>

type Changes = Record<string, unknown>
export const header = (kit: Kit, changes: Changes = {}) => ({ alg: kit.alg, kid: kit.kid, typ: 'at+jwt', ...changes })
export const claims = (kit: Kit, changes: Changes = {}) => ({
  iss: kit.issuer,
  aud: 'orders-api',
  sub: 'u1',
  iat: now,
  exp: now + 300,
  scope: 'orders:read',
  ...changes,
})
export const good = (kit: Kit) => compact(header(kit), claims(kit), kit.sign)
export const withHeader = (changes: Changes) => (kit: Kit) => compact(header(kit, changes), claims(kit), kit.sign)
export const withClaims = (changes: Changes) => (kit: Kit) => compact(header(kit), claims(kit, changes), kit.sign)
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
  ...[null, '', 1, {}, { toString: 1, valueOf: 2 }, 'https://evil.test/'].map((iss) => ({
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

export const rows: readonly Row[] = [
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

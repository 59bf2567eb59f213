import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID } from 'node:crypto'
import { compact, part, type Sign, signer } from './forge.js'

/** A caller's key, as a proof shows it and a token names it. */
export interface ProofKit {
  readonly alg: string
  readonly jwk: JsonWebKey
  readonly privateJwk: JsonWebKey
  readonly thumbprint: string
  readonly sign: Sign
}

type Changes = Readonly<Record<string, unknown>>

/** A proof of one request, and all that goes with it on the wire. */
export interface Proven {
  readonly kit: ProofKit
  readonly other: ProofKit
  readonly token: string
  readonly otherToken: string
  /** Seconds. */
  readonly now: number
  /** What the caller asks for. */
  readonly url: string
  readonly method: string
}

/** A proof that must not pass, and its nearest harmless relative. */
export interface ProofRow {
  readonly says: string
  readonly hostile: (asked: Proven) => string | readonly string[]
  /** The plain good proof where the row names none. */
  readonly twin?: (asked: Proven) => string | readonly string[]
  readonly code: string
}

/** A new key, and how it is named. RFC 7638 */
export function proofKit(alg: 'ES256' | 'RS256' | 'EdDSA', bits = 2048): ProofKit {
  const { publicKey, privateKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: bits })
  return kitOf(alg, publicKey, privateKey)
}

function kitOf(alg: string, publicKey: KeyObject, privateKey: KeyObject): ProofKit {
  const jwk = publicKey.export({ format: 'jwk' })
  const { crv, e, kty, n, x, y } = jwk
  const named = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return {
    alg,
    jwk,
    privateJwk: privateKey.export({ format: 'jwk' }),
    thumbprint: createHash('sha256').update(JSON.stringify(named)).digest('base64url'),
    sign: signer(privateKey),
  }
}

const athOf = (token: string) => createHash('sha256').update(token).digest('base64url')
const header = ({ kit }: Proven, changes: Changes = {}) => ({ typ: 'dpop+jwt', alg: kit.alg, jwk: kit.jwk, ...changes })
const claims = ({ token, now, url, method }: Proven, changes: Changes = {}) => ({
  jti: randomUUID(),
  htm: method,
  htu: url,
  iat: now,
  ath: athOf(token),
  ...changes,
})

/** A proof that is good but for what the test changes; undefined leaves a member out. */
export function proofFor(asked: Proven, changed: Changes = {}, changedHeader: Changes = {}): string {
  return compact(header(asked, changedHeader), claims(asked, changed), asked.kit.sign)
}

const withClaims = (changes: Changes) => (asked: Proven) => proofFor(asked, changes)
const withHeader = (changes: Changes) => (asked: Proven) => proofFor(asked, {}, changes)
const withJwk = (changes: Changes) => (asked: Proven) => proofFor(asked, {}, { jwk: { ...asked.kit.jwk, ...changes } })
const reshaped = (edit: (parts: [string, string, string]) => string) => (asked: Proven) => {
  const [head = '', body = '', signature = ''] = proofFor(asked).split('.')
  return edit([head, body, signature])
}
const claimsText = (edit: (text: string) => string | Buffer) => (asked: Proven) =>
  compact(header(asked), edit(JSON.stringify(claims(asked))), asked.kit.sign)
const headerText = (edit: (text: string) => string) => (asked: Proven) =>
  compact(edit(JSON.stringify(header(asked))), claims(asked), asked.kit.sign)
const htu = (edit: (url: URL) => string) => (asked: Proven) => proofFor(asked, { htu: edit(new URL(asked.url)) })

const malformed: readonly Omit<ProofRow, 'code'>[] = [
  { says: 'an empty proof', hostile: () => '' },
  { says: 'a proof of two parts', hostile: reshaped(([a, b]) => `${a}.${b}`) },
  { says: 'a proof without its signature', hostile: reshaped(([a, b]) => `${a}.${b}.`) },
  { says: 'a proof of four parts', hostile: reshaped(([a, b, c]) => `${a}.${b}.${c}.${c}`) },
  { says: 'an encrypted proof', hostile: reshaped(([a, b, c]) => `${a}.${b}.${c}.${b}.${c}`) },
  { says: 'a padded signature', hostile: (asked) => `${proofFor(asked)}==` },
  { says: 'a padded header', hostile: reshaped(([a, b, c]) => `${a}=.${b}.${c}`) },
  { says: 'the plain base64 alphabet', hostile: reshaped(([a, b, c]) => `${a}.${b}.+/${c.slice(2)}`) },
  { says: 'two proofs after a comma', hostile: (asked) => `${proofFor(asked)}, ${proofFor(asked)}` },
  { says: 'two proofs after a blank', hostile: (asked) => `${proofFor(asked)} ${proofFor(asked)}` },
  { says: 'a proof after its scheme', hostile: (asked) => `DPoP ${proofFor(asked)}` },
  { says: 'a proof in quotes', hostile: (asked) => `"${proofFor(asked)}"` },
  {
    says: 'the JSON serialization',
    hostile: reshaped(([a, b, c]) => JSON.stringify({ protected: a, payload: b, signature: c })),
  },
  { says: 'a header that is no JSON', hostile: headerText((text) => text.slice(1)) },
  { says: 'a header that names jwk twice', hostile: headerText((text) => text.replace('{', '{"jwk":{},')) },
  { says: 'a header that names alg twice', hostile: headerText((text) => text.replace('{', '{"alg":"none",')) },
  { says: 'claims that are a list', hostile: claimsText((text) => `[${text}]`) },
  {
    says: 'claims that are no UTF-8',
    hostile: claimsText((text) => Buffer.concat([Buffer.from(text), Buffer.of(255)])),
  },
  { says: 'htu twice', hostile: claimsText((text) => text.replace('{', '{"htu":"https://evil.test/",')) },
  { says: 'htm twice, once in disguise', hostile: claimsText((text) => text.replace('{', '{"ht\\u006d":"PUT",')) },
  { says: 'claims after a byte order mark', hostile: claimsText((text) => `\ufeff${text}`) },
  { says: 'crit', hostile: withHeader({ crit: ['x'], x: 1 }), twin: withHeader({ x: 1 }) },
  { says: 'crit that is empty', hostile: withHeader({ crit: [] }) },
  { says: 'b64 false', hostile: withHeader({ b64: false }) },
  { says: 'a compressed payload', hostile: withHeader({ zip: 'DEF' }) },
  {
    says: 'a proof beyond 4 KB',
    hostile: withClaims({ x: 'y'.repeat(4096) }),
    twin: withClaims({ x: 'y'.repeat(1500) }),
  },
]

const types: readonly ProofRow[] = [
  'JWT',
  'at+jwt',
  'dpop',
  'jwt+dpop',
  'dpop+jwt ',
  'dpop+jwt;x=1',
  'text/dpop+jwt',
  '',
  null,
  1,
  ['dpop+jwt'],
  undefined,
].map((typ) => ({
  says: `typ ${JSON.stringify(typ)}`,
  hostile: withHeader({ typ }),
  twin: withHeader({ typ: 'application/DPoP+JWT' }),
  code: 'auth.proof-type',
}))

const algorithms: readonly ProofRow[] = [
  ...['none', 'None', '', 'HS256', 'HS512', 'es256', 'ES256K', 'RS1', 'ES512', null, 0, ['ES256']].map((alg) => ({
    says: `alg ${JSON.stringify(alg)}`,
    hostile: withHeader({ alg }),
    code: 'auth.proof-algorithm',
  })),
  { says: 'no alg', hostile: withHeader({ alg: undefined }), code: 'auth.proof-algorithm' },
  {
    says: 'an HMAC by the text of the key',
    hostile: (asked) => {
      const text = JSON.stringify(asked.kit.jwk)
      const head = { typ: 'dpop+jwt', alg: 'HS256', jwk: { kty: 'oct', k: part(text) } }
      return compact(head, claims(asked), () => Buffer.alloc(32))
    },
    code: 'auth.proof-algorithm',
  },
]

const keys: readonly ProofRow[] = [
  ...[undefined, null, 'key', 1, [], {}].map((jwk) => ({
    says: `jwk ${JSON.stringify(jwk)}`,
    hostile: withHeader({ jwk }),
    code: 'auth.proof-key',
  })),
  {
    says: 'a private key',
    hostile: (asked) => proofFor(asked, {}, { jwk: asked.kit.privateJwk }),
    code: 'auth.proof-key',
  },
  ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].map((member) => ({
    says: `the private member ${member}`,
    hostile: withJwk({ [member]: 'AAAA' }),
    code: 'auth.proof-key',
  })),
  { says: 'a symmetric key', hostile: withHeader({ jwk: { kty: 'oct', k: 'AAAA' } }), code: 'auth.proof-key' },
  { says: 'a key of an unknown type', hostile: withJwk({ kty: 'XX' }), code: 'auth.proof-key' },
  { says: 'a key of type __proto__', hostile: withJwk({ kty: '__proto__' }), code: 'auth.proof-key' },
  { says: 'a key without its x', hostile: withJwk({ x: undefined }), code: 'auth.proof-key' },
  { says: 'an x that is a number', hostile: withJwk({ x: 1 }), code: 'auth.proof-key' },
  {
    says: 'an x with padding',
    hostile: (asked) => withJwk({ x: `${asked.kit.jwk.x}=` })(asked),
    code: 'auth.proof-key',
  },
  { says: 'an x of the plain alphabet', hostile: withJwk({ x: '+/AA' }), code: 'auth.proof-key' },
  {
    says: 'a key for encryption',
    hostile: withJwk({ use: 'enc' }),
    twin: withJwk({ use: 'sig' }),
    code: 'auth.proof-key',
  },
  {
    says: 'a key that may not verify',
    hostile: withJwk({ key_ops: ['sign'] }),
    twin: withJwk({ key_ops: ['verify'] }),
    code: 'auth.proof-key',
  },
  {
    says: 'a key for another algorithm',
    hostile: withJwk({ alg: 'ES384' }),
    twin: withJwk({ alg: 'ES256' }),
    code: 'auth.proof-key',
  },
  {
    says: 'a stranger’s key and signature',
    hostile: (asked) => compact(header(asked, { jwk: asked.other.jwk }), claims(asked), asked.other.sign),
    code: 'auth.proof-key-other',
  },
  {
    says: 'the right key named by kid alone',
    hostile: (asked) => proofFor(asked, {}, { jwk: undefined, kid: asked.kit.thumbprint }),
    twin: (asked) => proofFor(asked, {}, { kid: asked.kit.thumbprint }),
    code: 'auth.proof-key',
  },
  {
    says: 'a key behind jku',
    hostile: withHeader({ jwk: undefined, jku: 'https://evil.test/jwks' }),
    code: 'auth.proof-key',
  },
  { says: 'a key in a certificate', hostile: withHeader({ jwk: undefined, x5c: ['AAAA'] }), code: 'auth.proof-key' },
  {
    says: 'x and y exchanged',
    hostile: (asked) => withJwk({ x: asked.kit.jwk.y, y: asked.kit.jwk.x })(asked),
    code: 'auth.proof-key-other',
  },
]

const signatures: readonly Omit<ProofRow, 'code'>[] = [
  {
    says: 'the right key and a stranger’s signature',
    hostile: (asked) => compact(header(asked), claims(asked), asked.other.sign),
  },
  { says: 'claims changed after signing', hostile: (asked) => swap(proofFor(asked), 1, proofFor(asked)) },
  {
    says: 'a header changed after signing',
    hostile: (asked) => swap(proofFor(asked), 0, proofFor(asked, {}, { x: 1 })),
  },
  { says: 'a signature of zeros', hostile: reshaped(([a, b]) => `${a}.${b}.${part(Buffer.alloc(64))}`) },
  { says: 'a signature of one byte', hostile: reshaped(([a, b]) => `${a}.${b}.AA`) },
  { says: 'a signature cut short', hostile: reshaped(([a, b, c]) => `${a}.${b}.${part(bytes(c).subarray(1))}`) },
  {
    says: 'a signature with a byte more',
    hostile: reshaped(([a, b, c]) => `${a}.${b}.${part(Buffer.concat([bytes(c), Buffer.of(0)]))}`),
  },
  {
    says: 'a signature with its halves exchanged',
    hostile: reshaped(
      ([a, b, c]) => `${a}.${b}.${part(Buffer.concat([bytes(c).subarray(32), bytes(c).subarray(0, 32)]))}`,
    ),
  },
]

const contents: readonly ProofRow[] = [
  ...['jti', 'htm', 'htu', 'iat', 'ath'].flatMap((name) =>
    [undefined, null, name === 'iat' ? '1' : 1, '', {}, []].map((value) => ({
      says: `${name} ${JSON.stringify(value)}`,
      hostile: withClaims({ [name]: value }),
      code: 'auth.proof-claim',
    })),
  ),
  { says: 'an iat below zero', hostile: withClaims({ iat: -1 }), code: 'auth.proof-claim' },
  {
    says: 'an iat beyond what a double holds',
    hostile: claimsText((text) => text.replace(/"iat":\d+/, '"iat":1e400')),
    code: 'auth.proof-time',
  },
  {
    says: 'a jti of more than 256 characters',
    hostile: withClaims({ jti: 'x'.repeat(257) }),
    twin: (asked) => proofFor(asked, { jti: randomUUID().padEnd(256, 'x') }),
    code: 'auth.proof-claim',
  },
  {
    says: 'a proof of ninety seconds ago',
    hostile: (asked) => proofFor(asked, { iat: asked.now - 90 }),
    twin: (asked) => proofFor(asked, { iat: asked.now - 89 }),
    code: 'auth.proof-time',
  },
  {
    says: 'a proof of yesterday',
    hostile: (asked) => proofFor(asked, { iat: asked.now - 86_400 }),
    code: 'auth.proof-time',
  },
  {
    says: 'a proof made in the future',
    hostile: (asked) => proofFor(asked, { iat: asked.now + 31 }),
    twin: (asked) => proofFor(asked, { iat: asked.now + 30 }),
    code: 'auth.proof-time',
  },
  {
    says: 'a proof in milliseconds',
    hostile: (asked) => proofFor(asked, { iat: asked.now * 1000 }),
    code: 'auth.proof-time',
  },
  ...['POST', 'get', 'GET ', 'HEAD', 'PROPFIND'].map((htm) => ({
    says: `htm ${JSON.stringify(htm)}`,
    hostile: withClaims({ htm }),
    code: 'auth.proof-request',
  })),
  ...(
    [
      ['another path', (url) => `${url.origin}/other`],
      ['a path with a slash more', (url) => `${url.href}/`],
      ['a path in capitals', (url) => `${url.origin}${url.pathname.toUpperCase()}`],
      ['a longer path', (url) => `${url.href}/x`],
      ['the origin alone', (url) => url.origin],
      ['the path alone', (url) => url.pathname],
      ['another host', (url) => `http://evil.test${url.pathname}`],
      ['a host that begins like ours', (url) => `http://${url.host}.evil.test${url.pathname}`],
      ['a host that ends like ours', (url) => `http://evil-${url.host}${url.pathname}`],
      ['our host as a user', (url) => `http://${url.host}@evil.test${url.pathname}`],
      ['a user at our host', (url) => `http://user@${url.host}${url.pathname}`],
      ['another port', (url) => `http://${url.hostname}:8081${url.pathname}`],
      ['another scheme', (url) => `https://${url.host}${url.pathname}`],
      ['no scheme', (url) => `//${url.host}${url.pathname}`],
      ['a scheme of its own', (url) => `dpop://${url.host}${url.pathname}`],
      ['one slash after the scheme', (url) => `http:/${url.host}${url.pathname}`],
      ['backslashes', (url) => `http:\\\\${url.host}${url.pathname}`],
      ['a line break in the path', (url) => `${url.origin}/bo\nund`],
      ['a blank before', (url) => ` ${url.href}`],
      ['an encoded slash', (url) => `${url.origin}/%2F${url.pathname.slice(1)}`],
      ['a path twice encoded', (url) => `${url.origin}/%2562ound`],
      ['a host beyond ASCII', (url) => `http://gatew\u0430y.test${url.pathname}`],
    ] as [string, (url: URL) => string][]
  ).map(([says, edit]) => ({ says: `htu: ${says}`, hostile: htu(edit), code: 'auth.proof-request' })),
  ...(
    [
      ['of another token', ({ otherToken }: Proven) => athOf(otherToken)],
      ['of the token with its scheme', ({ token }: Proven) => athOf(`DPoP ${token}`)],
      ['with padding', ({ token }: Proven) => `${athOf(token)}=`],
      ['in hex', ({ token }: Proven) => createHash('sha256').update(token).digest('hex')],
      ['by SHA-512', ({ token }: Proven) => createHash('sha512').update(token).digest('base64url')],
      ['the token itself', ({ token }: Proven) => token.slice(0, 500)],
    ] as [string, (asked: Proven) => string][]
  ).map(([says, of]) => ({
    says: `ath ${says}`,
    hostile: (asked: Proven) => proofFor(asked, { ath: of(asked) }),
    code: 'auth.proof-token',
  })),
]

/** Ways of writing the same URL that RFC 9449 section 4.3 asks to be taken for the same. */
export const harmlessUrls: readonly [says: string, edit: (url: URL) => string][] = [
  ['as it is', (url) => url.href],
  ['with a query', (url) => `${url.href}?x=1`],
  ['with a fragment', (url) => `${url.href}#x`],
  ['with scheme and host in capitals', (url) => `HTTP://${url.host.toUpperCase()}${url.pathname}`],
  ['with the default port', (url) => `http://${url.host}:80${url.pathname}`],
  ['with a letter percent-encoded', (url) => url.href.replace('/bound', '/%62ound')],
]

export const proofRows: readonly ProofRow[] = [
  ...malformed.map((row) => ({ ...row, code: 'auth.proof-malformed' })),
  ...types,
  ...algorithms,
  ...keys,
  ...signatures.map((row) => ({ ...row, code: 'auth.proof-signature' })),
  ...contents,
]

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64url')
}

function swap(proof: string, index: number, other: string): string {
  const parts = proof.split('.')
  parts[index] = other.split('.')[index] ?? ''
  return parts.join('.')
}

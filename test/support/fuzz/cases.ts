import { seeded } from '../seeded.js'

type Random = () => number

/** The key that admits to the guarded routes; its digest stands in the policy. */
export const goodKey = 'fuzz-key-4b1d0c6a7e'

const pick = <T>(random: Random, from: readonly T[]): T => {
  const found = from[Math.floor(random() * from.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

const crlf = '\r\n'
const word = (random: Random): string => Math.floor(random() * 36 ** 4).toString(36)

const json = (random: Random): string =>
  pick(random, ['{"a":1}', '{"a":-7,"note":"two words"}', '{"note":"\\u00e9","a":42}'])

/** Requests that pass, by the route that takes them: method, target, further lines, body. */
const harmless: readonly ((random: Random) => readonly [string, string, readonly string[], string])[] = [
  (random) => ['GET', `/items/${word(random)}`, [], ''],
  (random) => ['GET', `/items/${word(random)}?q=${word(random)}&r=%20`, [], ''],
  (random) => ['HEAD', `/items/${word(random)}`, [], ''],
  (random) => ['GET', `/files/${word(random)}/${word(random)}.txt`, [], ''],
  (random) => ['GET', `/slash/${word(random)}%2F${word(random)}`, [], ''],
  () => ['GET', '/admin', [`X-Api-Key: ${goodKey}`], ''],
  (random) => ['POST', '/admin', [`X-Api-Key: ${goodKey}`, 'Content-Type: application/json'], json(random)],
  (random) => ['POST', '/items', ['Content-Type: application/json'], json(random)],
  (random) => ['POST', '/items', ['Content-Type: application/json; charset=utf-8'], json(random)],
  (random) => [
    'PUT',
    `/form/${word(random)}`,
    ['Content-Type: application/x-www-form-urlencoded'],
    `a=${word(random)}&b=2`,
  ],
  (random) => ['POST', '/stream', ['Content-Type: application/octet-stream'], `${word(random)}\x00\xff`],
]

const company: readonly string[] = [
  'Accept: */*',
  'Accept-Language: de, en;q=0.5',
  'User-Agent: fuzz/1.0',
  'Cookie: a=1; b=2',
  'X-Note: plain words',
  'Cache-Control: no-cache',
  'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'Connection: keep-alive',
]

/** Lines that somebody hopes will get through, or will split two readers. */
const hostileLines: readonly string[] = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding:\tchunked',
  'transfer-encoding : chunked',
  'Transfer_Encoding: chunked',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: +7',
  'Content-Length: 7, 7',
  'content-length: 1e1',
  'Content_Length: 3',
  'Host: evil.example',
  'Host: shop.example@evil.example',
  'Connection: X-Route',
  'Connection: close, Content-Length, Transfer-Encoding',
  'Connection: x-request-id, host',
  'Connection: upgrade',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'HTTP2-Settings: AAMAAABk',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'TE: trailers',
  'Trailer: X-Route',
  'X-Route: admin-read',
  'X_Route: admin-read',
  'X-Route : admin-read',
  'X-Request-Id: 00000000000000000000000000',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Host: evil.example',
  'Forwarded: for=127.0.0.1',
  'X-Original-URL: /admin',
  'X-Rewrite-URL: /admin',
  'X-HTTP-Method-Override: DELETE',
  `X-Api-Key: ${goodKey.slice(1)}`,
  'X-Api-Key: ',
  'Authorization: Bearer x',
  'Content-Type: text/plain',
  'Content-Type: application/json',
  'Content-Type: application/json ; charset=utf-16',
  'Content-Type: multipart/form-data; boundary=x',
  'Content-Encoding: gzip',
  '__proto__: x',
  'X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  ' folded: line',
  '\tfolded: line',
  'nocolon',
  ': noname',
  '',
]

const hostileTargetPieces: readonly string[] = [
  ...[
    '/../admin',
    '/..%2fadmin',
    '%2e%2e/',
    '/%2e/',
    '/./',
    '//',
    '///',
    '\\',
    '%5c',
    '%2F',
    '%2f..%2f',
    ';',
    ';a=b',
    '..;/',
    '#',
    '?',
    '??',
  ],
  ...[
    '%00',
    '%0d%0a',
    '%09',
    '%7f',
    '%',
    '%2',
    '%zz',
    '%252f',
    '%25',
    '%c0%af',
    '%e0%80%af',
    '%ff',
    '%ed%a0%80',
    '%C3%A9',
    '\xe9',
  ],
  ...[
    'admin',
    'ADMIN',
    '/admin',
    '*',
    '{',
    '}',
    '"',
    '<',
    '|',
    '^',
    '`',
    '~',
    '@',
    ':',
    '+',
    '%20',
    '.',
    '..',
    '/.',
    '/..',
    '!',
    "'",
    '()',
  ],
  ...['http://evil.example/', 'https:/', 'a'.repeat(300)],
]

const hostileBodyPieces: readonly string[] = [
  ...[
    '{"a":1,"a":2}',
    '{"__proto__":{"a":1}}',
    '{"a":1e999}',
    '{"a":1.5}',
    '{"a":"1"}',
    '\xef\xbb\xbf',
    '\xff',
    '\xed\xa0\x80',
    '[',
    '{',
    '"',
    '\\u0000',
  ],
  ...[
    '{"a":9007199254740993}',
    '{"\\u0061":1}',
    '{"a":1}x',
    ' ',
    '\x00',
    '/*',
    'NaN',
    '{"a":1,"b":1}',
    '[[[[[[[[[[[[[[[[[[[[[[[[',
    `' or 1=1--`,
  ],
  ...[
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    '1;x=y\r\na\r\n',
    '0\r\nX-Route: admin-read\r\n\r\n',
    'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n',
  ],
]

const oddBytes: readonly string[] = [
  ...[
    '\0',
    '\x01',
    '\t',
    '\n',
    '\v',
    '\r',
    '\x1b',
    ' ',
    '  ',
    '\x7f',
    '\x80',
    '\xa0',
    '\xff',
    '\r\n',
    '\n\n',
    '\r\r\n',
    ' \r\n',
    '\t\r\n',
  ],
  ...[':', ';', ',', '=', '"', "'", '\\', '/', '.', '%', '_', '-', '+', '0', '1', 'a', 'A', '\r\n ', ': ', ' :'],
]

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PRI',
  'get',
  'GET ',
  'G\tET',
  'PROPFIND',
  'QUERY',
  'XGET',
]
const versions = [
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/1.10',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'RTSP/1.0',
  '',
]

/** A request cut where its grammar cuts it, so that what is taken out or changed is a thing and not only a byte. */
function piecesOf(random: Random): string[] {
  const [method, target, lines, body] = pick(random, harmless)(random)
  const isChunked = body !== '' && random() < 0.3
  const framing = body === '' ? [] : [isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`]
  const more = company.filter(() => random() < 0.25)
  const head = ['Host: shop.example', ...more, ...lines, ...framing]
  const pieces = [method, ' ', target, ' ', 'HTTP/1.1', crlf]
  for (const line of head) {
    const colon = line.indexOf(': ')
    pieces.push(line.slice(0, colon), ': ', line.slice(colon + 2), crlf)
  }
  pieces.push(crlf)
  if (!isChunked) return body === '' ? pieces : [...pieces, body]
  const cut = Math.ceil(body.length / 2)
  for (const chunk of [body.slice(0, cut), body.slice(cut)]) {
    if (chunk !== '') pieces.push(chunk.length.toString(16), crlf, chunk, crlf)
  }
  return [...pieces, '0', crlf, crlf]
}

/** Changes the pieces in place, in one way. */
type Mutation = (pieces: string[], random: Random) => void

const somewhere = (pieces: readonly string[], random: Random): number => Math.floor(random() * pieces.length)
const into = (text: string, piece: string, random: Random): string => {
  const at = Math.floor(random() * (text.length + 1))
  return text.slice(0, at) + piece + text.slice(at)
}
const lineStart = (pieces: readonly string[], random: Random): number => {
  const ends = pieces.flatMap((piece, i) => (piece === crlf ? [i + 1] : []))
  return ends.length === 0 ? 0 : pick(random, ends)
}

const mutations: readonly Mutation[] = [
  (pieces, random) => {
    const at = somewhere(pieces, random)
    pieces[at] = into(pieces[at] ?? '', pick(random, oddBytes), random)
  },
  (pieces, random) => {
    const at = somewhere(pieces, random)
    const text = pieces[at] ?? ''
    const byte = Math.floor(random() * text.length)
    pieces[at] = text.slice(0, byte) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(byte + 1)
  },
  (pieces, random) => void pieces.splice(somewhere(pieces, random), 1),
  (pieces, random) => {
    const at = somewhere(pieces, random)
    pieces.splice(at, 0, pieces[at] ?? '')
  },
  (pieces, random) => {
    const [a, b] = [somewhere(pieces, random), somewhere(pieces, random)]
    ;[pieces[a], pieces[b]] = [pieces[b] ?? '', pieces[a] ?? '']
  },
  (pieces, random) => void pieces.splice(lineStart(pieces, random), 0, pick(random, hostileLines), crlf),
  (pieces, random) => void pieces.splice(lineStart(pieces, random), 0, pick(random, hostileLines), crlf),
  (pieces, random) => {
    pieces[2] = into(pieces[2] ?? '', pick(random, hostileTargetPieces), random)
  },
  (pieces, random) => {
    pieces[2] = into(pieces[2] ?? '', pick(random, hostileTargetPieces), random)
  },
  (pieces, random) => {
    pieces[2] = `${pieces[2] ?? ''}${pick(random, hostileTargetPieces)}`
  },
  (pieces, random) => {
    pieces[0] = pick(random, methods)
  },
  (pieces, random) => {
    pieces[4] = pick(random, versions)
  },
  (pieces, random) => {
    const at = lineStart(pieces, random) - 1
    if (at >= 0) pieces[at] = pick(random, ['\n', '\r', '\r\r\n', '\r\n ', '\n\r', ' \r\n', '\r\n\t', ''])
  },
  (pieces, random) => {
    const last = pieces.length - 1
    pieces[last] = into(pieces[last] ?? '', pick(random, hostileBodyPieces), random)
  },
  (pieces, random) => {
    // A body of the right length: it gets past the framing, and its content is judged.
    const at = pieces.indexOf('Content-Length')
    const body = pick(random, hostileBodyPieces)
    if (at === -1) return
    pieces[at + 2] = String(body.length)
    pieces[pieces.length - 1] = body
  },
  (pieces, random) => {
    const at = pieces.findIndex((piece, i) => /^[0-9a-f]+$/.test(piece) && pieces[i + 1] === crlf && i > 6)
    if (at !== -1)
      pieces[at] = pick(random, [
        '',
        '0x1',
        '-1',
        '+2',
        '1 ',
        ' 1',
        '1;x',
        '1;x=\n',
        'ffffffffffffffff',
        '00',
        '01',
        '1_0',
        'g',
      ])
  },
  (pieces, random) => void pieces.splice(somewhere(pieces, random)),
  (pieces, random) => void pieces.push(...piecesOf(random)),
  (pieces, random) => {
    const at = somewhere(pieces, random)
    const text = pieces[at] ?? ''
    pieces[at] = random() < 0.5 ? text.toUpperCase() : text.toLowerCase()
  },
  (pieces, random) => {
    const at = somewhere(pieces, random)
    pieces[at] = (pieces[at] ?? '').repeat(pick(random, [2, 3, 50]))
  },
]

/** One case: its bytes in pieces, and whether nothing was changed, so that it must pass. */
export interface FuzzCase {
  readonly pieces: readonly string[]
  readonly isHarmless: boolean
}

/** The case of a seed and a number: the same in every run and on every machine. */
export function makeCase(seed: number, index: number): FuzzCase {
  const random = seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const pieces = piecesOf(random)
  const count = random() < 0.08 ? 0 : 1 + Math.floor(random() ** 2 * 4)
  for (let i = 0; i < count; i++) pick(random, mutations)(pieces, random)
  // A change of case may leave latin-1, which is all that goes on the wire.
  return { pieces: pieces.map((piece) => Buffer.from(piece, 'latin1').toString('latin1')), isHarmless: count === 0 }
}

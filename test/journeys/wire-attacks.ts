import { message } from '../support/wire.js'

/** Bytes that must be refused before any function is asked, beside the nearest that must pass. */
export interface Refused {
  /** Completes "the wire refuses …". */
  readonly what: string
  readonly bytes: string
  /** The status; several where parsers of different Node versions may differ in which, never in whether. */
  readonly status: number | readonly number[]
  /** What passes, with 200. */
  readonly twin: string
  /** Nothing more will come: the parser must not wait for it. */
  readonly endAtOnce?: boolean
  /** HEAD was asked: the answer has no body whatever its head says. */
  readonly headOnly?: boolean
  /** A body was announced that nobody reads: the connection must close. */
  readonly closes?: boolean
}

/** Header lines that pass, while what they try to smuggle does not reach the function. */
export interface Neutralized {
  /** Completes "the function never sees …". */
  readonly what: string
  readonly lines: readonly string[]
}

const host = 'Host: shop.example'
const get = (target: string, ...lines: string[]) => message([`GET ${target} HTTP/1.1`, host, ...lines])
const bare = (...lines: string[]) => message(lines)
const json = 'Content-Type: application/json'
const post = (lines: readonly string[], body: string) => message(['POST /items HTTP/1.1', host, json, ...lines], body)
const whole = post(['Content-Length: 7'], '{"a":1}')
const chunked = post(['Transfer-Encoding: chunked'], '7\r\n{"a":1}\r\n0\r\n\r\n')
/** What an attacker hopes that somebody reads as a request of its own. */
const smuggled = 'GET /items/smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n'

const target = (what: string, path: string, twin: string): Refused => ({
  what,
  bytes: get(path),
  status: 400,
  twin: get(twin),
})

/** Targets that two readers resolve in two ways. */
const targets: readonly Refused[] = [
  target('a dot segment that climbs out of a route', '/files/../admin', '/files/a/admin'),
  target('a dot segment at the end', '/files/a/..', '/files/a/b'),
  target('a single dot segment', '/files/./a', '/files/.a'),
  target('a single dot at the end', '/files/a/.', '/files/a/.b'),
  target('an encoded dot segment', '/files/%2e%2e/admin', '/files/%2ea'),
  target('a half encoded dot segment', '/files/.%2e/admin', '/files/.hidden'),
  target('the other half of it', '/files/%2E./admin', '/files/%2Ehidden'),
  target('an encoded single dot', '/files/%2e/a', '/files/a.b'),
  target('a dot segment at the root', '/../admin', '/files/admin'),
  target('an encoded slash', '/files/a%2fb', '/files/a-b'),
  target('an encoded slash in capitals', '/files/a%2Fb', '/files/a_b'),
  target('an encoded slash with dot segments', '/files/a%2f..%2fadmin', '/files/a/admin'),
  target('an encoded backslash', '/files/a%5cb', '/files/a/b'),
  target('an encoded backslash in capitals', '/files/a%5Cb', '/files/a~b'),
  target('a plain backslash', '/files/a\\b', '/files/a/b'),
  target('dot segments between backslashes', '/files/..\\admin', '/files/..admin'),
  target('an encoded NUL', '/files/a%00b', '/files/a0b'),
  target('an encoded NUL before an extension', '/files/a.php%00.png', '/files/a.php.png'),
  target('an encoded line break', '/files/a%0d%0aX-Admin:1', '/files/a%20b'),
  target('an encoded line feed', '/files/a%0ab', '/files/a-0ab'),
  target('an encoded tab', '/files/a%09b', '/files/a%20c'),
  target('an encoded DEL', '/files/a%7fb', '/files/a%7eb'),
  target('an empty segment', '/files//a', '/files/a/c'),
  target('an empty segment at the root', '//files/a', '/files/a'),
  target('many slashes', '/files////a', '/files/a/b/c'),
  target('a path parameter', '/files/a;x=1', '/files/a,x=1'),
  target('a path parameter after two dots', '/files/..;/admin', '/files/..,/admin'),
  target('an encoded percent sign before hex', '/files/a%252fb', '/files/100%25'),
  target('dots encoded twice', '/files/%252e%252e/admin', '/files/%25'),
  target('a slash encoded three times', '/files/a%25252fb', '/files/a%25-b'),
  target('a percent sign without hex', '/files/a%zz', '/files/a%7E'),
  target('a percent sign at the end', '/files/a%', '/files/a%25'),
  target('half a percent sequence', '/files/a%4', '/files/a%41'),
  target('a percent sequence of another maker', '/files/a%u002fb', '/files/au002fb'),
  target('an overlong slash', '/files/a%c0%afb', '/files/a%c3%a9b'),
  target('overlong dots', '/files/%c0%ae%c0%ae/admin', '/files/%c3%a9/admin'),
  target('a three byte overlong slash', '/files/a%e0%80%afb', '/files/a%e2%82%acb'),
  target('a byte that is no UTF-8', '/files/%ff', '/files/%c3%bf'),
  target('an encoded surrogate', '/files/%ed%a0%80', '/files/%ed%9f%bf'),
  target('half a UTF-8 character', '/files/%c3/a', '/files/%c3%a4/a'),
  target('raw bytes beyond ASCII', '/files/caf\u00e9', '/files/caf%c3%a9'),
  target('a raw fragment', '/files/a#b', '/files/a?b'),
  target('a fragment in the query', '/files/a?b#c', '/files/a?b=c'),
  target('raw bytes beyond ASCII in the query', '/files/a?q=caf\u00e9', '/files/a?q=caf%c3%a9'),
  target('a control byte in the query', '/files/a?q=\u0001', '/files/a?q=1'),
  target('a control byte in the path', '/files/\u0001', '/files/1'),
  target('a DEL byte in the path', '/files/a\u007f', '/files/a7f'),
  target('a tab in the path', '/files/a\tb', '/files/a+b'),
  target('a blank in the path', '/files/a b', '/files/a%20b'),
  target('angle brackets', '/files/<a>', '/files/(a)'),
  target('a raw quote', '/files/a"b', "/files/a'b"),
  target('braces', '/files/{a}', '/files/(b)'),
  target('a raw pipe', '/files/a|b', '/files/a%7Cb'),
  target('a circumflex', '/files/a^b', '/files/a*b'),
  target('a backtick', '/files/a`b', '/files/a!b'),
  target('the absolute form of our own host', 'http://shop.example/files/a', '/files/a'),
  target('the absolute form of another host', 'http://evil.example/admin', '/files/a'),
  target('the absolute form of another scheme', 'file:///files/a', '/files/file:a'),
  target('the authority form', 'shop.example:80', '/files/shop.example:80'),
  target('a target without its slash', 'files/a', '/files/a'),
  target('a target that is a query', '?a=b', '/files/a?a=b'),
  target('an encoded climb behind an encoded slash', '/files/a%2F%2e%2e%2fadmin', '/files/a-%2e%2e-admin'),
  target('dot segments between encoded backslashes', '/files/%5c..%5cadmin', '/files/-..-admin'),
  target('a dot segment with a NUL in it', '/files/.%00./admin', '/files/.0./admin'),
  target('an encoded vertical tab', '/files/a%0bb', '/files/a%21b'),
  target('an encoded escape', '/files/a%1bb', '/files/a%2Bb'),
  target('an overlong backslash', '/files/a%c1%9cb', '/files/a%c3%9cb'),
  target('a four byte overlong slash', '/files/a%f0%80%80%afb', '/files/a%f0%9f%98%80b'),
  target('a character beyond Unicode', '/files/%f4%90%80%80', '/files/%f4%8f%bf%bf'),
  target('two bytes that never stand in UTF-8', '/files/%fe%fe', '/files/%c3%be'),
  target('a percent sign and two encoded digits', '/files/a%25%32%66', '/files/a%25-f'),
  target('an encoded digit within a percent sequence', '/files/a%2%66', '/files/a%26'),
  target('an empty segment before a climb', '/files/a//../admin', '/files/a/b../admin'),
  target('a path that is a dot', '/.', '/files/.a'),
  target('a path that is two dots', '/..', '/files/..a'),
  target('an encoded climb at the root', '/%2e%2e/admin', '/files/%2e%2eadmin'),
  target('a climb with a path parameter between its dots', '/files/.;./admin', '/files/.,./admin'),
  target('our own host in capitals in absolute form', 'HTTP://SHOP.EXAMPLE/files/a', '/files/HTTP'),
  target('the absolute form over TLS', 'https://shop.example/files/a', '/files/https:'),
  target('a DEL byte in the query', '/files/a?b=\u007f', '/files/a?b=%7e'),
  target('a tab in the query', '/files/a?b=\t', '/files/a?b=+'),
  target('an asterisk for anything but OPTIONS', '*', '/files/*'),
  { what: 'an asterisk', bytes: message(['OPTIONS * HTTP/1.1', host]), status: 400, twin: get('/files/*') },
  {
    what: 'a target of nine kilobytes',
    bytes: get(`/files/${'a'.repeat(9_000)}`),
    status: 414,
    twin: get(`/files/${'a'.repeat(7_000)}`),
  },
  {
    what: 'a query of nine kilobytes',
    bytes: get(`/files/a?q=${'a'.repeat(9_000)}`),
    status: 414,
    twin: get(`/files/a?q=${'a'.repeat(7_000)}`),
  },
]

const hosts = (what: string, ...lines: string[]): Refused => ({
  what,
  bytes: bare('GET /items/1 HTTP/1.1', ...lines),
  status: 400,
  twin: bare('GET /items/1 HTTP/1.1', 'Host: shop.example:8080'),
})

/** One host, and a host it must be. */
const hostLines: readonly Refused[] = [
  hosts('two hosts', 'Host: shop.example', 'Host: evil.example'),
  hosts('the same host twice', 'Host: shop.example', 'Host: shop.example'),
  hosts('two hosts in different spelling', 'Host: shop.example', 'hOST: evil.example'),
  hosts('two hosts with a line between', 'Host: shop.example', 'Accept: */*', 'Host: evil.example'),
  hosts('no host'),
  hosts('an empty host', 'Host:'),
  hosts('a host of blanks', 'Host:   '),
  hosts('a host with a path', 'Host: shop.example/admin'),
  hosts('a host with a user', 'Host: admin@shop.example'),
  hosts('a host with a query', 'Host: shop.example?admin'),
  hosts('a host with a fragment', 'Host: shop.example#admin'),
  hosts('a host with a backslash', 'Host: shop.example\\admin'),
  hosts('a list of hosts', 'Host: shop.example, evil.example'),
  hosts('two hosts with a blank between', 'Host: shop.example evil.example'),
  hosts('a host with a tab in it', 'Host: shop\texample'),
  hosts('a port that is no number', 'Host: shop.example:http'),
  hosts('an empty port', 'Host: shop.example:'),
  hosts('a port of six digits', 'Host: shop.example:808080'),
  hosts('two ports', 'Host: shop.example:80:81'),
  hosts('a bracket left open', 'Host: [::1'),
  hosts('brackets around a name', 'Host: [shop.example]'),
  hosts('a host beyond ASCII', 'Host: sh\u00f6p.example'),
  hosts('a percent sign in the host', 'Host: shop%2eexample'),
  hosts('a quote in the host', "Host: shop'example"),
  hosts('a host of 300 letters', `Host: ${'a'.repeat(300)}`),
  hosts('a blank before the colon of the host', 'Host : shop.example'),
  hosts('a folded host', 'Host: shop.example', ' .evil.example'),
  hosts('a host in quotes', 'Host: "shop.example"'),
  hosts('a host that is a URL', 'Host: http://shop.example'),
  hosts('a host behind a point', 'Host: .shop.example'),
  hosts('a host behind a hyphen', 'Host: -shop.example'),
  hosts('any host', 'Host: *'),
  hosts('a host with a parameter', 'Host: shop.example;a'),
  hosts('a port with a sign', 'Host: shop.example:-80'),
  hosts('a port with a letter', 'Host: shop.example:80a'),
  hosts('brackets closed twice', 'Host: [::1]]'),
  hosts('an address with a zone', 'Host: [fe80::1%25eth0]'),
  {
    ...hosts('an old request without a host'),
    bytes: bare('GET /items/1 HTTP/1.0'),
    twin: bare('GET /items/1 HTTP/1.0', host),
  },
  {
    ...hosts('a list instead of an address'),
    bytes: bare('GET /items/1 HTTP/1.1', 'Host: [::1]x'),
    twin: bare('GET /items/1 HTTP/1.1', 'Host: [::1]:8080'),
  },
]

const framed = (what: string, lines: readonly string[], body = '{"a":1}', more: Partial<Refused> = {}): Refused => ({
  what,
  bytes: post(lines, body),
  status: 400,
  twin: whole,
  closes: true,
  ...more,
})
const inChunks = (what: string, body: string, more: Partial<Refused> = {}): Refused => ({
  ...framed(what, ['Transfer-Encoding: chunked'], body),
  twin: chunked,
  ...more,
})
const encoding = (what: string, ...values: string[]): Refused => ({
  ...framed(
    what,
    values.map((value) => `Transfer-Encoding: ${value}`),
    '7\r\n{"a":1}\r\n0\r\n\r\n',
  ),
  // 501 is what RFC 9112 section 6.1 has for a coding that nobody here knows.
  status: [400, 501],
  twin: chunked,
})

const onGet = (what: string, bytes: string): Refused => ({
  what,
  bytes,
  status: [400, 413, 415],
  twin: get('/items/1', 'Content-Length: 0'),
})

/** Where one message ends and the next begins, told in two ways. */
const framing: readonly Refused[] = [
  framed('a length and chunks', ['Content-Length: 7', 'Transfer-Encoding: chunked'], '7\r\n{"a":1}\r\n0\r\n\r\n'),
  framed('chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 7'], '7\r\n{"a":1}\r\n0\r\n\r\n'),
  framed('a zero length and chunks', ['Content-Length: 0', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
  framed('two different lengths', ['Content-Length: 7', 'Content-Length: 0']),
  framed('the same length twice', ['Content-Length: 7', 'Content-Length: 7']),
  framed('two lengths in different spelling', ['Content-Length: 7', 'content-length: 8']),
  framed('a list of lengths', ['Content-Length: 7, 7']),
  framed('a list of different lengths', ['Content-Length: 7, 0']),
  framed('a length with a plus sign', ['Content-Length: +7']),
  framed('a negative length', ['Content-Length: -7']),
  framed('a length in hex', ['Content-Length: 0x7']),
  framed('a length with a blank in it', ['Content-Length: 0 7']),
  framed('a length with an underscore', ['Content-Length: 0_7']),
  framed('a length with a point', ['Content-Length: 7.0']),
  framed('a length with an exponent', ['Content-Length: 7e0']),
  framed('an empty length', ['Content-Length:']),
  framed('a length that is a word', ['Content-Length: seven']),
  framed('a length in other digits', ['Content-Length: \u00b2']),
  framed('a length that overflows 64 bits', ['Content-Length: 18446744073709551623']),
  framed('a length behind a comma', ['Content-Length: ,7']),
  framed('a length before a comma', ['Content-Length: 7,']),
  framed('a length before a semicolon', ['Content-Length: 7;']),
  framed('a length in quotes', ['Content-Length: "7"']),
  framed('a length in brackets', ['Content-Length: (7)']),
  framed('a length behind thirty zeros', [`Content-Length: ${'0'.repeat(30)}7`]),
  framed('a length after a vertical tab', ['Content-Length: \u000b7']),
  framed('a blank before the colon of the length', ['Content-Length : 7']),
  framed('a folded length', ['Content-Length:', ' 7']),
  encoding('chunks named twice', 'chunked, chunked'),
  encoding('chunks named twice on two lines', 'chunked', 'chunked'),
  encoding('chunks and then identity', 'chunked, identity'),
  encoding('identity and then chunks', 'identity, chunked'),
  encoding('identity on a line of its own', 'chunked', 'identity'),
  encoding('identity alone', 'identity'),
  encoding('a coding under the chunks', 'gzip, chunked'),
  encoding('an unknown coding', 'xchunked'),
  encoding('chunks with a parameter', 'chunked;q=1'),
  encoding('chunks after a vertical tab', '\u000bchunked'),
  encoding('chunks before a vertical tab', 'chunked\u000b'),
  encoding('chunks in quotes', '"chunked"'),
  encoding('chunks after a comma', ', chunked'),
  encoding('chunks before a comma', 'chunked,'),
  encoding('a word after chunks', 'chunked x'),
  encoding('chunks and then gzip', 'chunked, gzip'),
  encoding('compression alone', 'gzip'),
  encoding('another compression alone', 'deflate'),
  encoding('chunks misspelt', 'chunkedd'),
  encoding('chunks cut short', 'chunke'),
  encoding('chunks before a semicolon', 'chunked;'),
  encoding('chunks in brackets', '(chunked)'),
  encoding('chunks behind an equals sign', '=chunked'),
  encoding('chunks with a control byte', '\u0001chunked'),
  encoding('chunks after a form feed', '\u000cchunked'),
  encoding('an empty coding', ''),
  framed('a blank before the colon of the coding', ['Transfer-Encoding : chunked'], '0\r\n\r\n', { twin: chunked }),
  framed('a folded coding', ['Transfer-Encoding:', ' chunked'], '0\r\n\r\n', { twin: chunked }),
  framed('a tab before the coding line', ['X-A: b', '\tTransfer-Encoding: chunked'], '0\r\n\r\n', { twin: chunked }),
  {
    what: 'chunks in HTTP/1.0',
    bytes: message(['POST /items HTTP/1.0', host, json, 'Transfer-Encoding: chunked'], '7\r\n{"a":1}\r\n0\r\n\r\n'),
    status: 400,
    closes: true,
    twin: message(['POST /items HTTP/1.0', host, json, 'Content-Length: 7'], '{"a":1}'),
  },
  inChunks('a chunk size in another notation', '0x7\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a negative chunk size', '-7\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size with a plus sign', '+7\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size with an underscore', '0_7\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a blank before the chunk size', ' 7\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size that overflows', '10000000000000007\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size that is a word', 'seven\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('an empty chunk size', '\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size ended by a bare line feed', '7\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk size ended by a bare carriage return', '7\r{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk ended by a bare line feed', '7\r\n{"a":1}\n0\r\n\r\n'),
  inChunks('a letter for a chunk size', 'g\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a last chunk with a sign', '7\r\n{"a":1}\r\n-0\r\n\r\n'),
  inChunks('a trailer without a colon', '7\r\n{"a":1}\r\n0\r\nX-Note\r\n\r\n'),
  inChunks('a trailer without a name', '7\r\n{"a":1}\r\n0\r\n: a\r\n\r\n'),
  inChunks('a trailer with a control byte', '7\r\n{"a":1}\r\n0\r\nX-Note: a\u0001\r\n\r\n'),
  inChunks('a NUL before a chunk size', '\u00007\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk longer than it says', '6\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk ended by two letters', '7\r\n{"a":1}XX0\r\n\r\n'),
  inChunks('a chunk extension with a bare line feed', '7;a=\nb\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a chunk extension with a control byte', '7;a=\u0001\r\n{"a":1}\r\n0\r\n\r\n'),
  inChunks('a body that ends before its last chunk', '7\r\n{"a":1}\r\n', { endAtOnce: true }),
  framed('a body shorter than its length', ['Content-Length: 70'], '{"a":1}', { endAtOnce: true }),
  // These bodies are read to their end, so the connection may live on.
  onGet('a body on GET', `${get('/items/1', 'Content-Length: 7')}{"a":1}`),
  onGet('a chunked body on GET', `${get('/items/1', 'Transfer-Encoding: chunked')}7\r\n{"a":1}\r\n0\r\n\r\n`),
  onGet('a request hidden in the body of a GET', get('/items/1', `Content-Length: ${smuggled.length}`) + smuggled),
]

const odd = (what: string, ...lines: string[]): Refused => ({
  what,
  bytes: bare('GET /items/1 HTTP/1.1', host, ...lines),
  status: 400,
  twin: get('/items/1', 'X-Note: a b'),
})

/** Header lines that are none. */
const headerLines: readonly Refused[] = [
  odd('a header without a colon', 'X-Note'),
  odd('a header without a name', ': value'),
  odd('a blank in a header name', 'X Note: a'),
  odd('a blank before a colon', 'X-Note : a'),
  odd('a tab before a colon', 'X-Note\t: a'),
  odd('brackets in a header name', 'X-Note(1): a'),
  odd('a quote in a header name', 'X-"Note": a'),
  ...[...'/@,;=?{}[]\\<>'].map((sign) => odd(`${sign} in a header name`, `X-No${sign}te: a`)),
  odd('a NUL in a header name', 'X-\u0000Note: a'),
  odd('a DEL in a header name', 'X-\u007fNote: a'),
  odd('a header line that is a request line', 'GET /admin HTTP/1.1'),
  odd('a control byte in a header name', 'X-\u0001Note: a'),
  odd('a name beyond ASCII', 'X-N\u00f6te: a'),
  odd('a NUL in a header value', 'X-Note: a\u0000b'),
  odd('a bare carriage return in a value', 'X-Note: a\rX-Admin: 1'),
  odd('a bare carriage return before a line', 'X-Note: a', '\rX-Admin: 1'),
  odd('a control byte in a value', 'X-Note: a\u0001b'),
  odd('a DEL in a value', 'X-Note: a\u007fb'),
  odd('a folded value', 'X-Note: a', ' b'),
  odd('a value folded by a tab', 'X-Note: a', '\tb'),
  { ...odd('a blank before the first header'), bytes: bare('GET /items/1 HTTP/1.1', ' Host: shop.example') },
  { ...odd('lines ended by bare line feeds'), bytes: 'GET /items/1 HTTP/1.1\nHost: shop.example\n\n' },
  { ...odd('one line ended by a bare line feed'), bytes: `GET /items/1 HTTP/1.1\r\n${host}\nX-Admin: 1\r\n\r\n` },
  { ...odd('a head ended by a bare line feed'), bytes: `GET /items/1 HTTP/1.1\r\n${host}\r\n\n` },
  { ...odd('a head ended by bare carriage returns'), bytes: `GET /items/1 HTTP/1.1\r\n${host}\r\r`, endAtOnce: true },
  { ...odd('a head that never ends'), bytes: `GET /items/1 HTTP/1.1\r\n${host}\r\n`, endAtOnce: true },
  {
    ...odd('a header block of 20 KB', `X-Note: ${'a'.repeat(20_000)}`),
    status: 431,
    twin: get('/items/1', `X-Note: ${'a'.repeat(7_000)}`),
  },
  { ...odd('a header name of 20 KB', `X-${'n'.repeat(20_000)}: a`), status: 431 },
  {
    ...odd('101 header lines', ...Array.from({ length: 100 }, (_, i) => `X-${i}: a`)),
    status: 431,
    twin: get('/items/1', ...Array.from({ length: 90 }, (_, i) => `X-${i}: a`)),
  },
]

const once = (name: string, first: string, second: string): Refused => ({
  what: `two lines of ${name}`,
  bytes: get('/items/1', `${name}: ${first}`, `${name}: ${second}`),
  status: 400,
  twin: get('/items/1', `${name}: ${first}`),
})

/** Fields of which readers take the first, the last, or both. */
const repeated: readonly Refused[] = [
  once('Authorization', 'Basic YTpi', 'Basic Yzpk'),
  once('X-Api-Key', 'a', 'b'),
  once('Origin', 'https://shop.example', 'https://evil.example'),
  once('Date', 'Mon, 04 May 2026 09:12:44 GMT', 'Tue, 05 May 2026 09:12:44 GMT'),
  once('From', 'a@shop.example', 'b@shop.example'),
  once('If-Unmodified-Since', 'Mon, 04 May 2026 09:12:44 GMT', 'Tue, 05 May 2026 09:12:44 GMT'),
  once('Max-Forwards', '1', '2'),
  once('Proxy-Authorization', 'Basic YTpi', 'Basic Yzpk'),
  once('Range', 'bytes=0-1', 'bytes=0-999'),
  once('User-Agent', 'a', 'b'),
  once('Referer', 'https://shop.example/', 'https://evil.example/'),
  once('If-Modified-Since', 'Mon, 04 May 2026 09:12:44 GMT', 'Tue, 05 May 2026 09:12:44 GMT'),
  once('Idempotency-Key', 'a', 'b'),
  once(
    'Traceparent',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
  ),
  { ...framed('two content types', ['Content-Type: text/plain', 'Content-Length: 7']) },
  { ...framed('two content encodings', ['Content-Encoding: gzip', 'Content-Encoding: identity', 'Content-Length: 7']) },
]

const expected = (what: string, status: number, ...lines: string[]): Refused => ({
  what,
  bytes: post([...lines, 'Content-Length: 7'], ''),
  status,
  twin: post(['Expect: 100-continue', 'Content-Length: 7'], '{"a":1}'),
  closes: true,
})

const expectations: readonly Refused[] = [
  expected('an expectation nobody knows', 417, 'Expect: 200-ok'),
  expected('an expectation with an addition', 417, 'Expect: 100-continue, x'),
  expected('an empty expectation', 417, 'Expect:'),
  expected('an expectation twice', 400, 'Expect: 100-continue', 'Expect: 100-continue'),
  {
    ...expected('a body too large before it is sent', 413),
    bytes: post(['Expect: 100-continue', 'Content-Length: 90000000'], ''),
  },
  {
    ...expected('a body for an unknown path before it is sent', 404),
    bytes: message(['POST /nowhere HTTP/1.1', host, json, 'Expect: 100-continue', 'Content-Length: 7']),
  },
]

const method = (what: string, line: string, status: number | readonly number[], ...lines: string[]): Refused => ({
  what,
  bytes: bare(line, host, ...lines),
  status,
  twin: get('/items/1'),
})

const methods: readonly Refused[] = [
  method('TRACE', 'TRACE /items/1 HTTP/1.1', 405),
  method('TRACE with Max-Forwards', 'TRACE /items/1 HTTP/1.1', 405, 'Max-Forwards: 0'),
  method('CONNECT to elsewhere', 'CONNECT evil.example:443 HTTP/1.1', 405),
  method('CONNECT to a path', 'CONNECT /items/1 HTTP/1.1', [400, 405]),
  method('PROPFIND', 'PROPFIND /items/1 HTTP/1.1', 405),
  method('LINK', 'LINK /items/1 HTTP/1.1', 405),
  method('PURGE', 'PURGE /items/1 HTTP/1.1', 405),
  ...['MOVE', 'COPY', 'LOCK', 'UNLOCK', 'MKCOL', 'SEARCH', 'REPORT', 'SUBSCRIBE', 'BIND', 'ACL'].map((name) =>
    method(name, `${name} /items/1 HTTP/1.1`, [400, 405]),
  ),
  method('QUERY', 'QUERY /items/1 HTTP/1.1', [400, 405]),
  method('TRACK', 'TRACK /items/1 HTTP/1.1', [400, 405]),
  method('a method in small letters', 'get /items/1 HTTP/1.1', [400, 405]),
  method('an invented method', 'JUMP /items/1 HTTP/1.1', [400, 405]),
  method('a method with a control byte', 'G\u0001T /items/1 HTTP/1.1', 400),
  method('a method no route of the path has', 'DELETE /items/1 HTTP/1.1', 405),
  method('OPTIONS where nobody asked for cross-origin calls', 'OPTIONS /items/1 HTTP/1.1', 405),
  { ...method('HEAD where there is no GET', 'HEAD /items HTTP/1.1', 405), headOnly: true, twin: whole },
  method(
    'an upgrade to WebSocket',
    'GET /items/1 HTTP/1.1',
    400,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ),
  method(
    'an upgrade to clear-text HTTP/2',
    'GET /items/1 HTTP/1.1',
    400,
    'Upgrade: h2c',
    'Connection: Upgrade, HTTP2-Settings',
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  ),
  method('an upgrade that is not in Connection', 'GET /items/1 HTTP/1.1', 400, 'Upgrade: h2c'),
  method(
    'settings of HTTP/2 without an upgrade',
    'GET /items/1 HTTP/1.1',
    400,
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  ),
  { ...method('the preface of HTTP/2', '', [400, 405, 505]), bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
]

const version = (what: string, word: string): Refused => ({
  what,
  bytes: bare(`GET /items/1 ${word}`, host),
  status: [400, 505],
  twin: bare('GET /items/1 HTTP/1.0', host),
})

const versions: readonly Refused[] = [
  { ...version('HTTP/0.9', ''), bytes: 'GET /items/1\r\n', endAtOnce: true },
  version('HTTP/0.9 by name', 'HTTP/0.9'),
  version('HTTP/1.2', 'HTTP/1.2'),
  version('HTTP/2.0', 'HTTP/2.0'),
  version('HTTP/3.0', 'HTTP/3.0'),
  version('a version of three digits', 'HTTP/1.10'),
  version('a version with a leading zero', 'HTTP/01.1'),
  version('a version without its minor', 'HTTP/1'),
  version('a version in small letters', 'http/1.1'),
  version('a version of three numbers', 'HTTP/1.1.1'),
  version('a version with a sign', 'HTTP/+1.1'),
  version('a version without a point', 'HTTP/11'),
  version('a version without a slash', 'HTTP 1.1'),
  version('a version in hex', 'HTTP/1.0x1'),
  version('a version of telephony', 'SIP/2.0'),
  version('a version of another protocol', 'HTTPS/1.1'),
  version('a blank within the version', 'HTTP/1. 1'),
  version('a word after the version', 'HTTP/1.1 x'),
  {
    ...version('bytes that are no HTTP', ''),
    bytes: '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003\r\n\r\n',
  },
]

const unread = (
  what: string,
  lines: readonly string[],
  status: number | readonly number[],
  body = '{"a":1}',
): Refused => ({
  what: `to go on after ${what}`,
  bytes: `${message([...lines, `Content-Length: ${body.length}`], body)}${smuggled}`,
  status,
  closes: true,
  twin: whole,
})

/** Refusals that leave a body unread must end the connection: what follows could be read as a request. */
const unreadBodies: readonly Refused[] = [
  unread('a body for an unknown path', ['POST /nowhere HTTP/1.1', host, json], 404),
  unread('a body for a method the path lacks', ['PUT /items/1 HTTP/1.1', host, json], 405),
  unread('a body without credentials', ['POST /admin HTTP/1.1', host, json], 401),
  unread('a body for an ambiguous target', ['POST /files/../items HTTP/1.1', host, json], 400),
  unread('a body with two hosts', ['POST /items HTTP/1.1', host, 'Host: evil.example', json], 400),
  unread('a body with an unknown method', ['PROPFIND /items HTTP/1.1', host, json], 405),
  unread('a body of the wrong size', ['POST /small HTTP/1.1', host, json], 413, `{"a":"${'x'.repeat(3_000)}"}`),
  {
    ...unread('a chunked body of the wrong size', [], 413),
    bytes: `${message(['POST /small HTTP/1.1', host, json, 'Transfer-Encoding: chunked'], `bb8\r\n${'1'.repeat(3_000)}\r\n0\r\n\r\n`)}${smuggled}`,
  },
  {
    ...unread('a chunked body for an unknown path', [], 404),
    bytes: `${message(['POST /nowhere HTTP/1.1', host, json, 'Transfer-Encoding: chunked'], '7\r\n{"a":1}\r\n0\r\n\r\n')}${smuggled}`,
  },
]

/** Every family, by what it is about. */
export const refused: Readonly<Record<string, readonly Refused[]>> = {
  'ambiguous targets': targets,
  'hosts that are not exactly one': hostLines,
  'doubtful framing': framing,
  'header lines that are none': headerLines,
  'repeated single fields': repeated,
  expectations,
  'methods and upgrades': methods,
  'other versions and protocols': versions,
  'unread bodies': unreadBodies,
}

/** Stands in every line below; no header that the function receives may hold it. */
export const marker = 'smuggled-203-0-113-66'

const sees = (...names: string[]): Neutralized[] =>
  names.map((name) => ({ what: `a caller's ${name}`, lines: [`${name}: ${marker}`] }))

export const neutralized: readonly Neutralized[] = [
  ...sees('X-User-Id', 'X-User', 'X-Remote-User', 'Remote-User', 'X-Auth-User', 'X-Authenticated-User', 'X-Request-Id'),
  ...sees('Client-Cert', 'X-Client-Cert', 'X-SSL-Client-Cert', 'X-Client-Verify', 'Client-IP', 'X-Remote-IP', 'Via'),
  ...sees('X-Envoy-Original-Path', 'X-Vercel-IP-Country', 'X-Azure-ClientIP', 'X-AppEngine-User-IP', 'X-Callback-URL'),
  ...sees('X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Prefix'),
  ...sees('X-Forwarded-Server', 'X-Forwarded-Scheme', 'X-Forwarded-User', 'Forwarded', 'X-Real-IP', 'X-Client-IP'),
  ...sees('True-Client-IP', 'CF-Connecting-IP', 'Fastly-Client-IP', 'X-Cluster-Client-IP', 'X-Original-Forwarded-For'),
  ...sees('X-Original-URL', 'X-Rewrite-URL', 'X-Original-Host', 'X-Host', 'X-HTTP-Method-Override'),
  ...sees(
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Amzn-Trace-Id-Spoof',
    'X-Amz-Security-Token',
    'X-Amz-Invocation-Type',
  ),
  ...sees('X-Goog-Authenticated-User-Email', 'X-Goog-IAP-JWT-Assertion', 'X-MS-Client-Principal', 'X-Functions-Key'),
  ...sees('Proxy', 'X-Middleware-Subrequest', 'X-Apigateway-Api-Userinfo', 'X-MS-Token-AAD-Access-Token'),
  ...sees('X-Auth-Request-User', 'X-Consumer-Username', 'SSL-Client-Verify', 'Disguised-Host', 'Fly-Client-IP'),
  ...sees('Proxy-Authorization', 'Proxy-Connection', 'Keep-Alive', 'TE', 'Trailer', 'Authorization'),
  ...sees('X_Forwarded_For', 'X_User_Id', 'Content_Length', 'Transfer_Encoding', 'X-User_Id'),
  ...sees(
    'X-Serverless-Authorization',
    'X-Amzn-Oidc-Data',
    'X-Amzn-Oidc-Identity',
    'X-Amz-Date',
    'X-Amz-Content-Sha256',
  ),
  ...sees('CF-Access-Jwt-Assertion', 'CF-Access-Client-Id', 'X-Vercel-Protection-Bypass', 'X-Vercel-Forwarded-For'),
  ...sees('X-MS-Client-Principal-Id', 'X-MS-Client-Principal-Name', 'X-Goog-IAP-JWT-Assertion', 'X-Functions-Clientid'),
  ...sees(
    'X-Forwarded-By',
    'X-Original-Method',
    'WL-Proxy-Client-IP',
    'Proxy-Client-IP',
    'X-ProxyUser-Ip',
    'X-True-Client-IP',
    'Forwarded-For',
    'X-Authenticated-Userid',
  ),
  { what: 'a header that Connection names', lines: [`X-Drop-Me: ${marker}`, 'Connection: X-Drop-Me'] },
  {
    what: 'a header that Connection names among others',
    lines: [`X-Drop-Me: ${marker}`, 'Connection: keep-alive, x-drop-me'],
  },
  {
    what: 'a header that a second Connection names',
    lines: ['Connection: keep-alive', `X-Drop-Me: ${marker}`, 'Connection: X-DROP-ME'],
  },
]

/** The same with trailers: what comes after the last chunk is no header. */
export const trailers: readonly { readonly what: string; readonly bytes: string }[] = [
  { what: 'a trailer', bytes: post(['Transfer-Encoding: chunked'], `7\r\n{"a":1}\r\n0\r\nX-Note: ${marker}\r\n\r\n`) },
  {
    what: 'an announced trailer',
    bytes: post(
      ['Transfer-Encoding: chunked', 'Trailer: X-User-Id'],
      `7\r\n{"a":1}\r\n0\r\nX-User-Id: ${marker}\r\n\r\n`,
    ),
  },
  {
    what: 'a trailer that gives a length',
    bytes: post(
      ['Transfer-Encoding: chunked'],
      `7\r\n{"a":1}\r\n0\r\nContent-Length: 999\r\nX-Note: ${marker}\r\n\r\n`,
    ),
  },
  {
    what: 'a trailer with credentials',
    bytes: post(['Transfer-Encoding: chunked'], `7\r\n{"a":1}\r\n0\r\nAuthorization: ${marker}\r\n\r\n`),
  },
  {
    what: 'a chunk extension',
    bytes: post(['Transfer-Encoding: chunked'], `7;note=${marker}\r\n{"a":1}\r\n0\r\n\r\n`),
  },
]

/** A curl command line that cannot be read; the message says why. */
export class CurlFault extends Error {
  override readonly name = 'CurlFault'
}

/** What a curl line would send. */
export interface CurlRequest {
  readonly method: string
  readonly target: string
  /** As given, in order; curl's own Host, Accept and Content-Type where it would add them. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | undefined
}

/** Short flags by the long name that says what they mean. */
const shortFlags: Readonly<Record<string, string>> = {
  X: 'request',
  H: 'header',
  d: 'data',
  u: 'user',
  b: 'cookie',
  A: 'user-agent',
  e: 'referer',
  o: 'output',
  m: 'max-time',
  w: 'write-out',
  x: 'proxy',
  G: 'get',
  I: 'head',
}
/** Flags with a value that says nothing about the request itself. */
const besideThePoint: ReadonlySet<string> = new Set([
  'output',
  'max-time',
  'write-out',
  'proxy',
  'connect-timeout',
  'resolve',
  'cacert',
  'cert',
  'key',
  'retry',
])
const withValue: ReadonlySet<string> = new Set([
  ...besideThePoint,
  'request',
  'header',
  'data',
  'data-raw',
  'data-ascii',
  'data-binary',
  'data-urlencode',
  'json',
  'user',
  'cookie',
  'user-agent',
  'referer',
  'url',
])

/** Reads a curl command line as a shell and curl would, as far as requests to a gateway go. Throws CurlFault. */
export function readCurlLine(line: string): CurlRequest {
  const [first, ...words] = shellWords(line)
  if (first !== 'curl') throw new CurlFault('The line does not begin with curl.')
  const given = new Map<string, string[]>()
  const add = (flag: string, value: string) => given.set(flag, [...(given.get(flag) ?? []), value])
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (!word.startsWith('-') || word === '-') add('url', word)
    else for (const { flag, value } of flagsOf(word, () => words[++i])) add(flag, value)
  }
  return request(given)
}

function* flagsOf(word: string, next: () => string | undefined): Generator<{ flag: string; value: string }> {
  const textFor = (inline: string): string => {
    const value = inline === '' ? next() : inline
    if (value === undefined) throw new CurlFault(`${word} needs a value.`)
    return value
  }
  if (word.startsWith('--')) {
    const flag = word.slice(2)
    yield { flag, value: withValue.has(flag) ? textFor('') : '' }
    return
  }
  for (let at = 1; at < word.length; at++) {
    const flag = shortFlags[word[at] ?? ''] ?? word[at] ?? ''
    if (!withValue.has(flag)) yield { flag, value: '' }
    else {
      yield { flag, value: textFor(word.slice(at + 1)) }
      return
    }
  }
}

function request(given: ReadonlyMap<string, readonly string[]>): CurlRequest {
  const all = (flag: string): readonly string[] => given.get(flag) ?? []
  const urls = all('url')
  const [address] = urls
  if (address === undefined) throw new CurlFault('The curl line has no URL.')
  if (urls.length > 1) throw new CurlFault('The curl line has several URLs; explain takes one request at a time.')
  const { host, path } = splitUrl(address)
  const json = all('json')
  const data = [
    ...['data', 'data-raw', 'data-ascii', 'data-binary'].flatMap(all),
    ...all('data-urlencode').map(urlEncoded),
  ]
  const body = json.length > 0 ? json.join('') : data.length > 0 ? data.join('&') : undefined
  if (body?.startsWith('@') === true) throw new CurlFault('The body is in another file (@…); write it into the line.')
  const isQuery = given.has('get')
  const target = isQuery && body !== undefined ? `${path}${path.includes('?') ? '&' : '?'}${body}` : path
  const method = all('request').at(-1) ?? (given.has('head') ? 'HEAD' : body !== undefined && !isQuery ? 'POST' : 'GET')
  const headers = all('header').flatMap(headerOf)
  const add = (name: string, value: string | undefined): void => {
    if (value === undefined || headers.some(([known]) => known.toLowerCase() === name.toLowerCase())) return
    headers.push([name, value])
  }
  add('Host', host)
  add('User-Agent', all('user-agent').at(-1) ?? 'curl')
  add('Accept', json.length > 0 ? 'application/json' : '*/*')
  add('Cookie', all('cookie').at(-1))
  add('Referer', all('referer').at(-1))
  const user = all('user').at(-1)
  add('Authorization', user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`)
  if (body !== undefined && !isQuery) {
    add('Content-Type', json.length > 0 ? 'application/json' : 'application/x-www-form-urlencoded')
  }
  return { method, target, headers, body: isQuery ? undefined : body }
}

/** The path as curl sends it: not through a URL parser, which would mend what the gateway is to judge. */
function splitUrl(address: string): { host: string; path: string } {
  const rest = address.replace(/^[a-z]+:\/\//i, '')
  const end = rest.search(/[/?#]/)
  const host = end === -1 ? rest : rest.slice(0, end)
  const path = (end === -1 ? '' : rest.slice(end)).replace(/#.*$/s, '')
  return { host: host.slice(host.lastIndexOf('@') + 1), path: path.startsWith('/') ? path : `/${path}` }
}

function headerOf(text: string): [string, string][] {
  const colon = text.indexOf(':')
  // `Name;` is curl's way to send an empty header, `Name:` its way to send none.
  if (colon === -1) return text.endsWith(';') ? [[text.slice(0, -1), '']] : []
  const value = text.slice(colon + 1).trim()
  return value === '' ? [] : [[text.slice(0, colon), value]]
}

function urlEncoded(text: string): string {
  const equals = text.indexOf('=')
  if (equals === -1) return encodeURIComponent(text)
  return `${text.slice(0, equals)}${equals === 0 ? '' : '='}${encodeURIComponent(text.slice(equals + 1))}`
}

/** Words as a POSIX shell splits them: quotes, backslashes, continued lines; variables are not filled in. */
function shellWords(line: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? ''
    if (quote === "'" || quote === '"') {
      if (char === quote) quote = ''
      else if (quote === '"' && char === '\\' && /["\\$`\n]/.test(line[i + 1] ?? '')) {
        i++
        if (line[i] !== '\n') word = (word ?? '') + (line[i] ?? '')
      } else word = (word ?? '') + char
    } else if (char === '\\') {
      i++
      if (line[i] !== '\n' && line[i] !== '\r') word = (word ?? '') + (line[i] ?? '')
    } else if (char === "'" || char === '"') {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + char
  }
  if (quote !== '') throw new CurlFault(`The line ends inside a quotation (${quote}).`)
  if (word !== null) words.push(word)
  return words
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** What arrived, byte for byte. */
export interface ArrivedRequest {
  readonly method: string
  /** The request line's own target. */
  readonly target: string
  /** Flat name, value, as received. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface Verifying {
  /** The secret of an access key, and the session token that must come with it; undefined for an unknown key. */
  readonly keyOf: (accessKeyId: string) => { readonly secret: string; readonly token?: string } | undefined
  readonly region: string
  readonly service: string
  /** Epoch ms. */
  readonly now: number
  /**
   * Services either encode the path as it arrived, or decode it first and encode it twice. Nobody outside knows which, so
   * `both` (the default) refuses a path on which the two differ; the published vectors ask for the first.
   */
  readonly pathReading?: 'as-arrived' | 'both'
}

/** How far a request's time may be off. */
const toleranceMs = 5 * 60_000

/**
 * Judges a signature the way a platform does, from what arrived alone. It shares no line with the code that signs: it
 * reads bytes, decodes every segment and every parameter, and builds the canonical request from that. Null when all is
 * well, else what is wrong.
 */
export function signatureFault(request: ArrivedRequest, verifying: Verifying): string | null {
  const headers = headerMap(request.rawHeaders)
  const authorization = headers.get('authorization')
  if (authorization === undefined) return 'no signature'
  if (authorization.length !== 1) return 'two authorizations'
  const read =
    /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization[0] ?? '',
    )
  if (read === null) return 'unreadable authorization'
  const [, keyId = '', date = '', region = '', service = '', names = '', given = ''] = read
  if (region !== verifying.region || service !== verifying.service) return `scope of ${service} in ${region}`
  const key = verifying.keyOf(keyId)
  if (key === undefined) return 'unknown access key'
  const [stamp = ''] = headers.get('x-amz-date') ?? []
  if (!stamp.startsWith(date)) return 'date outside the scope'
  const at = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(at - verifying.now) <= toleranceMs)) return 'signature expired'
  const [token] = headers.get('x-amz-security-token') ?? []
  if (token !== key.token) return 'wrong session token'
  const signedNames = names.split(';')
  if (!signedNames.includes('host')) return 'host is not signed'
  const unsigned = [...headers.keys()].find((name) => name.startsWith('x-amz-') && !signedNames.includes(name))
  if (unsigned !== undefined) return `${unsigned} is not signed`
  const bodyHash = sha256(request.body)
  const [announced] = headers.get('x-amz-content-sha256') ?? []
  if (announced !== undefined && announced !== bodyHash) return 'body hash differs'

  const [path = '', ...queries] = request.target.split('?')
  const arrivedPath = path
    .split('/')
    .map((segment) => encodeBytes(Buffer.from(segment, 'latin1')))
    .join('/')
  if (verifying.pathReading !== 'as-arrived' && arrivedPath !== canonicalPath(path)) return 'a path of two readings'
  const canonical = [
    request.method,
    arrivedPath,
    canonicalQuery(queries.join('?')),
    ...signedNames.map((name) => `${name}:${(headers.get(name) ?? []).map(trimmed).join(',')}`),
    '',
    names,
    bodyHash,
  ].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${sha256(Buffer.from(canonical))}`
  let derived: Buffer = Buffer.from(`AWS4${key.secret}`)
  for (const part of [date, region, service, 'aws4_request'])
    derived = createHmac('sha256', derived).update(part).digest()
  const expected = createHmac('sha256', derived).update(toSign).digest()
  return timingSafeEqual(expected, Buffer.from(given, 'hex')) ? null : `signature differs for\n${canonical}`
}

/** Each segment decoded to its bytes and encoded twice, as a service other than S3 does. */
function canonicalPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeBytes(Buffer.from(encodeBytes(decodeBytes(segment)), 'latin1')))
    .join('/')
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  const pairs = query
    .split('&')
    .filter((piece) => piece !== '')
    .map((piece) => {
      const [name = '', ...value] = piece.split('=')
      return { name: encodeBytes(decodeBytes(name)), value: encodeBytes(decodeBytes(value.join('='))) }
    })
  pairs.sort((a, b) => order(a.name, b.name) || order(a.value, b.value))
  return pairs.map(({ name, value }) => `${name}=${value}`).join('&')
}

function order(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function decodeBytes(text: string): Buffer {
  const bytes: number[] = []
  const source = Buffer.from(text, 'latin1')
  for (let i = 0; i < source.length; i++) {
    const digits = source.toString('latin1', i + 1, i + 3)
    if (source[i] === 0x25 && /^[0-9A-Fa-f]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 16))
      i += 2
    } else bytes.push(source[i] ?? 0)
  }
  return Buffer.from(bytes)
}

function encodeBytes(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    const char = String.fromCharCode(byte)
    text += /[A-Za-z0-9\-._~]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
  }
  return text
}

function trimmed(value: string): string {
  return value.trim().replace(/ +/g, ' ')
}

function headerMap(raw: readonly string[]): Map<string, string[]> {
  const map = new Map<string, string[]>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    map.set(name, [...(map.get(name) ?? []), raw[i + 1] ?? ''])
  }
  return map
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

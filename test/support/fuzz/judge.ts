import { createHash } from 'node:crypto'
import { goodKey } from './cases.js'
import type { StrictRequest } from './strict-reader.js'

/** Every route tells the function its name, under a header that no caller may set. */
export function fuzzPolicy(functionUrl: string): Readonly<Record<string, string>> {
  const open = 'auth: none, reason: a fuzzed route'
  const named = (name: string) => `forward: { headers: { set: { x-route: ${name} } } }`
  const schema =
    'body: { type: object, required: [a], properties: { a: { type: integer }, note: { type: string } }, additionalProperties: false }'
  const digest = createHash('sha256').update(goodKey).digest('hex')
  return {
    'gateway.yaml': `version: 1
limits: { connections: 100000, connectionsPerAddress: 100000, eventLoopDelay: 60s, headersTimeout: 3s, requestTimeout: 3s }
`,
    'routes.yaml': `
upstreams: { fn: { url: "${functionUrl}" } }
clients: { partner: { keys: { k1: { sha256: ${digest} } } } }
defaults: { upstream: fn, rateLimit: {} }
routes:
  GET /items/{id}: { ${open}, ${named('items-read')} }
  POST /items: { ${open}, request: { ${schema} }, ${named('items-write')} }
  GET /files/{path+}: { ${open}, ${named('files')} }
  GET /slash/{name}: { ${open}, request: { encodedSlash: allow }, ${named('slash')} }
  GET /admin: { auth: { apiKey: [partner] }, ${named('admin-read')} }
  POST /admin: { auth: { apiKey: [partner] }, request: { ${schema} }, ${named('admin-write')} }
  POST /stream: { ${open}, request: { contentType: [application/octet-stream] }, ${named('stream')} }
  PUT /form/{id}: { ${open}, request: { contentType: [application/x-www-form-urlencoded] }, ${named('form')} }
`,
  }
}

/** The routes again, in the plainest words: what the policy above says, read by nobody's router. */
const routes: readonly (readonly [name: string, methods: readonly string[], path: RegExp])[] = [
  ['items-read', ['GET', 'HEAD'], /^\/items\/[^/]+$/],
  ['items-write', ['POST'], /^\/items$/],
  ['files', ['GET', 'HEAD'], /^\/files\/.+$/],
  ['slash', ['GET', 'HEAD'], /^\/slash\/[^/]+$/],
  ['admin-read', ['GET', 'HEAD'], /^\/admin$/],
  ['admin-write', ['POST'], /^\/admin$/],
  ['stream', ['POST'], /^\/stream$/],
  ['form', ['PUT'], /^\/form\/[^/]+$/],
]

const routeOf = (method: string, path: string): string | undefined =>
  routes.find(([, methods, pattern]) => methods.includes(method) && pattern.test(path))?.[0]

/** What a function might make of a path: decoded twice, backslashes turned, parameters cut off, slashes joined, dots resolved. */
function liberally(path: string): string {
  let read = path
  for (let i = 0; i < 2; i++)
    read = read.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const kept: string[] = []
  for (const segment of read.replaceAll('\\', '/').split('/')) {
    const bare = segment.split(';')[0] ?? ''
    if (bare === '..') kept.pop()
    else if (bare !== '.' && bare !== '') kept.push(bare)
  }
  return `/${kept.join('/')}`
}

/** Headers that say who is asking: never a caller's. */
const spoofable = ['x-original-url', 'x-rewrite-url', 'x-http-method-override', 'authorization', '__proto__']

/**
 * Why a request should not have reached the function; null where it may have. `bytes` is what the caller sent, where
 * that is known.
 */
export function faultInForwarded(
  { method, target, headers, body, isChunked }: StrictRequest,
  bytes: string | null,
): string | null {
  const values = (name: string): string[] => headers.filter(([own]) => own === name).map(([, value]) => value)
  const path = target.split('?')[0] ?? ''
  const [route, ...others] = values('x-route')
  if (route === undefined || others.length > 0) return 'not exactly one route has let it through'
  if (routeOf(method, path) !== route) return `${route} has let ${method} ${path} through`
  if (route === 'slash') {
    const inner = path.slice('/slash/'.length).split(/%2f/i)
    if (inner.some((piece) => /^(\.|%2e){1,2}$/i.test(piece))) return 'a dot segment between encoded slashes'
  } else {
    const other = routeOf(method, liberally(path))
    if (other !== route) return `${path} is ${route} to the gateway and ${other ?? 'nothing'} to a liberal reader`
  }
  if (/%2f|%5c|%00/i.test(path) && !(route === 'slash' && !/%5c|%00/i.test(path))) return `the path ${path}`
  if (route.startsWith('admin') && bytes?.includes(goodKey) === false)
    return 'a guarded function was called without the key'
  if (route.startsWith('admin') && values('x-api-key').length > 0) return 'the function got the key'
  for (const name of spoofable) if (values(name).length > 0) return `the function got the caller's ${name}`
  if (headers.some(([name]) => name.includes('_'))) return 'a name with an underscore'
  if (/evil/.test(values('host').join())) return "the caller's host"
  if (values('x-forwarded-for').length !== 1 || values('x-forwarded-for')[0] !== '127.0.0.1')
    return "the caller's address"
  if (values('x-request-id').length !== 1) return 'no request id'
  return faultInBody(route, body, values('content-type')[0] ?? '', isChunked, bytes)
}

function faultInBody(
  route: string,
  body: string,
  type: string,
  isChunked: boolean,
  bytes: string | null,
): string | null {
  const wanted = { 'items-write': 'json', 'admin-write': 'json', stream: 'any', form: 'form' }[route]
  if (wanted === undefined) return body === '' ? null : 'a body where none is taken'
  if (isChunked && wanted !== 'any') return 'a judged body without its length'
  if (bytes !== null && !/transfer-encoding/i.test(bytes) && !bytes.includes(body))
    return 'other bytes than the caller sent'
  if (wanted === 'json') {
    if (!/^application\/json\b/i.test(type)) return `JSON under ${type}`
    const keys = [...body.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, key]) => key)
    if (new Set(keys).size !== keys.length) return 'a key twice'
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(body, 'latin1').toString('utf8'))
    } catch {
      return 'JSON that is none'
    }
    if (value === null || typeof value !== 'object' || !('a' in value)) return 'JSON of another shape'
    if (!Number.isSafeInteger(value.a) || Object.keys(value).some((key) => key !== 'a' && key !== 'note'))
      return 'JSON against its schema'
  }
  if (wanted === 'form' && body !== '' && !/^application\/x-www-form-urlencoded\b/i.test(type))
    return `a form under ${type}`
  return null
}

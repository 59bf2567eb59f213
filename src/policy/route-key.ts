import type { Segment } from '../plan/plan.js'
import { nearest } from '../values/nearest.js'

/** Methods that a route may name. `ANY` stands for all of them. */
export const routeMethods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'ANY']

export interface RouteKey {
  readonly method: string
  readonly segments: readonly Segment[]
  /** The same for two routes that no request can tell apart. */
  readonly shape: string
}

export interface RouteKeyFault {
  readonly code: string
  readonly message: string
  readonly hint: string
}

const maxKeyLength = 2_048
const maxSegments = 64

/** Reads `POST /orders/{id}`: an OpenAPI path template behind a method. */
export function parseRouteKey(key: string): RouteKey | RouteKeyFault {
  const space = key.indexOf(' ')
  const method = space === -1 ? key : key.slice(0, space)
  const path = space === -1 ? '' : key.slice(space + 1)
  if (key.length > maxKeyLength) return malformed('The route key is too long.', 'A path has at most 2,048 characters.')
  if (method.startsWith('/')) return methodFault('', `GET ${key}`)
  if (!routeMethods.includes(method)) return methodFault(method, path)
  if (!path.startsWith('/')) {
    return malformed(`"${key}" has no path.`, `Write ${method} and a path that begins with /, one blank between them.`)
  }
  const segments = parsePath(path)
  if ('code' in segments) return segments
  const shape = segments.list
    .map((segment) => ('literal' in segment ? segment.literal : 'param' in segment ? '{}' : '{+}'))
    .join('/')
  return { method, segments: segments.list, shape: `/${shape}` }
}

function methodFault(method: string, path: string): RouteKeyFault {
  const guess = routeMethods.includes(method.toUpperCase()) ? method.toUpperCase() : nearest(method, routeMethods)
  return {
    code: 'route.method-unknown',
    message: method === '' ? 'The route key has no method.' : `"${method}" is no method of a route.`,
    hint:
      method === ''
        ? `Write a method before the path: ${path}`
        : guess === undefined
          ? `Methods: ${routeMethods.join(', ')}.`
          : `Did you mean ${guess} ${path}?`,
  }
}

function malformed(message: string, hint: string): RouteKeyFault {
  return { code: 'route.path-malformed', message, hint }
}

function parsePath(path: string): { readonly list: readonly Segment[] } | RouteKeyFault {
  if (path === '/') return { list: [] }
  const raw = path.slice(1).split('/')
  if (raw.length > maxSegments)
    return malformed('The path has too many segments.', `At most ${maxSegments} are allowed.`)
  const list: Segment[] = []
  const names = new Set<string>()
  for (const [i, text] of raw.entries()) {
    const isLast = i === raw.length - 1
    const segment = text.startsWith('{') || text.includes('}') ? parseParam(text, isLast) : parseLiteral(text, isLast)
    if ('code' in segment) return segment
    const name = 'param' in segment ? segment.param : 'rest' in segment ? segment.rest : undefined
    if (name !== undefined) {
      if (names.has(name)) return malformed(`The path names {${name}} twice.`, 'Give each parameter its own name.')
      names.add(name)
    }
    list.push(segment)
  }
  return { list }
}

function parseParam(text: string, isLast: boolean): Segment | RouteKeyFault {
  const found = /^\{([A-Za-z_][A-Za-z0-9_-]{0,63})(\+?)\}$/.exec(text)
  if (found === null) {
    return malformed(
      `"${text}" is no path parameter.`,
      'A parameter is a whole segment: /orders/{id}, or {rest+} at the end.',
    )
  }
  const name = found[1] ?? ''
  if (found[2] === '') return { param: name }
  return isLast
    ? { rest: name }
    : malformed(`{${name}+} takes all that remains, so it can only be last.`, `Write {${name}} for one segment.`)
}

function parseLiteral(text: string, isLast: boolean): Segment | RouteKeyFault {
  // An empty last segment is a trailing slash, which is another path.
  if (text === '') return isLast ? { literal: '' } : malformed('The path holds //.', 'Write one slash.')
  if (text === '.' || text === '..')
    return malformed(`The path holds the segment "${text}".`, 'Write the path that it stands for.')
  if (text.includes('{'))
    return malformed(`"${text}" holds a parameter inside a segment.`, 'A parameter is a whole segment: /orders/{id}.')
  if (text.includes('?') || text.includes('#'))
    return malformed('A route key has no query and no fragment.', 'Say what the query may hold under request.query.')
  if (text.includes(';'))
    return malformed('The path holds ";", which servers read in different ways.', 'Use another character.')
  if (text.includes('*')) {
    return malformed(
      `"${text}" holds "*", which is no wildcard here.`,
      isLast ? 'Write {rest+} for all that remains.' : 'Write {name} for one segment.',
    )
  }
  const bad = /[^A-Za-z0-9._~!$&'()+,=:@%-]/u.exec(text)
  if (bad !== null) {
    return malformed(
      `The path holds ${JSON.stringify(bad[0])}, which no request path can hold.`,
      `Write it percent-encoded: ${safeEncode(bad[0])}.`,
    )
  }
  return text.includes('%') ? decodeLiteral(text) : { literal: text }
}

function safeEncode(char: string): string {
  try {
    return encodeURIComponent(char)
  } catch {
    return '%..'
  }
}

/** The one spelling that requests are compared in: plain where plain is allowed, upper-case hex elsewhere. RFC 3986 section 6.2.2 */
function decodeLiteral(text: string): Segment | RouteKeyFault {
  let decoded: string
  try {
    decoded = decodeURIComponent(text)
  } catch {
    return malformed(`"${text}" is not percent-encoded UTF-8.`, 'Write % as two hexadecimal digits of UTF-8 each.')
  }
  const forbidden = [...decoded].find((char) => '/\\%;'.includes(char) || char < ' ' || char === '\x7f')
  if (forbidden !== undefined || decoded === '.' || decoded === '..') {
    return malformed(
      `"${text}" hides a character that no path may hold.`,
      'Requests with encoded slashes, backslashes, percent or control characters are refused before routing.',
    )
  }
  const literal = [...decoded]
    .map((char) => (/[A-Za-z0-9._~!$&'()*+,=:@-]/.test(char) ? char : encodeURIComponent(char)))
    .join('')
  return { literal }
}

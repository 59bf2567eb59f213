import type { Exchange, Identity } from '../contract.js'
import { queryPairs } from '../query.js'
import { lookUp, type PlaceTree } from './places.js'
import type { Home } from './view.js'

/** What to do with one value. Tokens are its place below the source; true ends the walk. */
export type Visitor = (
  text: string,
  home: Home,
  source: string,
  tokens: readonly (string | number)[],
  name: string,
) => boolean

/** Headers that hold no free text: the front door checks them, or they never reach the function. */
const standardHeaders = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'keep-alive',
  'te',
  'upgrade',
])

/** A credential that `auth` has verified, letter by letter, is no free text. */
const provenBy: { readonly [Method in Identity['method']]?: string } = { jwt: 'authorization', apiKey: 'x-api-key' }

/** Nesting of a body beyond which a walk gives up; `request` allows far less. */
const maxDepth = 512

/**
 * Shows every value of a request to the visitor, cheapest and most exposed first: path parameters, query, headers,
 * cookies one by one, then names and values of the body. Answers whether the visitor ended the walk.
 */
export function visitExchange(exchange: Exchange, pinned: PlaceTree<true> | null, visit: Visitor): boolean {
  return (
    visitPath(exchange, pinned, visit) ||
    visitQuery(exchange, pinned, visit) ||
    visitHeaders(exchange, pinned, visit) ||
    visitBody(exchange, pinned, visit)
  )
}

function isPinned(pinned: PlaceTree<true> | null, source: string, name: string): boolean {
  return pinned !== null && lookUp(pinned, source, [name]).length > 0
}

function visitPath({ params }: Exchange, pinned: PlaceTree<true> | null, visit: Visitor): boolean {
  for (const name of Object.keys(params)) {
    const raw = params[name]
    if (raw === undefined || raw === '' || isPinned(pinned, 'path', name)) continue
    const whole = decoded(raw)
    const isRest = raw.includes('/')
    if (visit(isRest ? `/${whole}` : whole, 'path', 'path', [name], name)) return true
    if (!isRest) continue
    // A parameter for the rest of the path: each segment is a value of its own.
    for (const segment of raw.split('/')) {
      if (segment.length > 1 && visit(decoded(segment), 'path', 'path', [name], name)) return true
    }
  }
  return false
}

function visitQuery(exchange: Exchange, pinned: PlaceTree<true> | null, visit: Visitor): boolean {
  for (const { name, value } of queryPairs(exchange)) {
    if (visit(name, 'key', 'query', [name], '')) return true
    if (isPinned(pinned, 'query', name)) continue
    if (visit(value, 'query', 'query', [name], name.toLowerCase())) return true
  }
  return false
}

function visitHeaders({ rawHeaders, identity }: Exchange, pinned: PlaceTree<true> | null, visit: Visitor): boolean {
  const proven = identity === null ? null : (provenBy[identity.method] ?? null)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    if (standardHeaders.has(name) || name === proven || value === '') continue
    if (name === 'cookie') {
      if (visitCookies(value, visit)) return true
      continue
    }
    if (isPinned(pinned, 'header', name)) continue
    if (visit(value, 'header', 'header', [name], name)) return true
  }
  return false
}

/** RFC 6265, section 4.2.1; values are often percent-encoded, which the inspector undoes. */
function visitCookies(header: string, visit: Visitor): boolean {
  for (const piece of header.split(';')) {
    const equals = piece.indexOf('=')
    const name = (equals === -1 ? '' : piece.slice(0, equals)).trim()
    const value = piece.slice(equals + 1).trim()
    if (name !== '' && visit(name, 'key', 'cookie', [name], '')) return true
    if (value !== '' && visit(value, 'cookie', 'cookie', [name], name.toLowerCase())) return true
  }
  // A payload with a semicolon of its own is only seen in the whole.
  return header.includes(';') && visit(header, 'cookie', 'cookie', [], '')
}

function visitBody({ content }: Exchange, pinned: PlaceTree<true> | null, visit: Visitor): boolean {
  if (content === null) return false
  switch (content.kind) {
    case 'json':
      return visitJson(content.value, [], pinned?.children.get('body') ?? null, '', visit)
    case 'form':
      for (const { name, value } of content.fields) {
        if (visit(name, 'key', 'body', [name], '')) return true
        if (!isPinned(pinned, 'body', name) && visit(value, 'body', 'body', [name], name.toLowerCase())) return true
      }
      return false
    case 'multipart':
      for (const { name, fileName, contentType, text } of content.parts) {
        if (visit(name, 'key', 'body', [name], '')) return true
        if (fileName !== null && visit(fileName, 'file-name', 'body', [name], name.toLowerCase())) return true
        if (contentType !== null && visit(contentType, 'header', 'body', [name], 'content-type')) return true
        if (text === null || isPinned(pinned, 'body', name)) continue
        if (visit(text, 'body', 'body', [name], name.toLowerCase())) return true
      }
      return false
    case 'xml':
      for (const { at, text } of content.values) {
        const tokens = at.startsWith('/') ? at.slice(1).split('/') : [at]
        if (visit(text, 'body', 'body', tokens, '')) return true
      }
      return false
    case 'text':
      return visit(content.text, 'body', 'body', [], '')
    case 'none':
    case 'opaque':
      return false
  }
}

/** Hot: every string of every JSON body. The place is only spelled out by who asks for `tokens`. */
function visitJson(
  value: unknown,
  tokens: (string | number)[],
  pinned: PlaceTree<true> | null,
  name: string,
  visit: Visitor,
): boolean {
  if (typeof value === 'string') {
    if (pinned !== null && pinned.values.length > 0) return false
    return visit(value, 'body', 'body', tokens, name)
  }
  if (typeof value !== 'object' || value === null) return false
  if (tokens.length > maxDepth) throw new RangeError('A body nests deeper than any parser should have let through.')
  const depth = tokens.length
  tokens.push('')
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      tokens[depth] = i
      if (visitJson(value[i], tokens, below(pinned, '*'), name, visit)) return true
    }
  } else {
    const record = value as Readonly<Record<string, unknown>> // JSON.parse makes nothing but plain objects here
    for (const key in record) {
      tokens[depth] = key
      if (visit(key, 'key', 'body', tokens, name)) return true
      if (visitJson(record[key], tokens, below(pinned, key), key, visit)) return true
    }
  }
  tokens.length = depth
  return false
}

function below(pinned: PlaceTree<true> | null, token: string): PlaceTree<true> | null {
  return pinned === null ? null : (pinned.children.get(token) ?? null)
}

function decoded(raw: string): string {
  if (!raw.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw // the inspector's own decoder reads what is no UTF-8
  }
}

import { createHash } from 'node:crypto'
import type { Exchange } from '../../stages/contract.js'
import { detectors } from '../../stages/inspect/detectors/all.js'
import { type Found, Inspector } from '../../stages/inspect/inspector.js'
import { formatPlaceTokens } from '../../stages/inspect/places.js'
import { visitExchange } from '../../stages/inspect/visit.js'
import { parseForm } from '../../stages/query.js'
import { type BodyReader, compileBodyReader } from '../../stages/request/body.js'
import { readableTypes } from '../../stages/request/media-type.js'

/** One labelled request of a corpus file: a JSON object on a line of its own. */
export interface Case {
  readonly id: string
  readonly source: string
  readonly category: string
  readonly label: 'attack' | 'benign'
  readonly tier?: 'core' | 'hard'
  readonly weak?: boolean
  readonly pl?: number
  readonly placement?: string
  readonly encoding?: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly contentType?: string
    readonly body?: string
    readonly bodyB64?: string
    readonly rawB64?: string
  }
}

/** What became of a case: let through, stopped by `inspect`, refused before it. */
export interface Outcome {
  readonly verdict: 'passed' | 'stopped' | 'refused'
  readonly why: string
}

/** The part of a corpus that rules may be tuned on; the rest is only ever counted. */
export function isTuning(id: string): boolean {
  return (createHash('sha256').update(id).digest()[0] ?? 0) < 154
}

/** The default policy without schemas: what `request` and `inspect` do on an open route. */
export class Judge {
  readonly #read: BodyReader = compileBodyReader({
    part: 'all',
    encodings: [],
    maxBytes: 256 * 1024,
    acceptsBody: true,
    declaresBody: false,
    requiresBody: false,
    readsBody: true,
    encodedSlash: 'refuse',
    types: readableTypes,
    structure: { depth: 20, keys: 2000, stringLength: null },
    bodySchema: null,
    parameters: null,
  })
  readonly inspector: Inspector

  constructor(strict = false) {
    this.inspector = new Inspector(detectors, strict)
  }

  /** Reads the body as `request` would, then shows every value to the detectors. */
  judge(exchange: Exchange): Outcome {
    const target = ambiguousTarget(exchange)
    if (target !== null) return { verdict: 'refused', why: target }
    const content = this.#read(exchange)
    if ('outcome' in content) return { verdict: 'refused', why: content.reason.code }
    exchange.content = content
    return this.inspect(exchange)
  }

  /** The detectors alone, on an exchange whose content has been read. */
  inspect(exchange: Exchange): Outcome {
    let found: Found | null = null
    let place = ''
    const never = () => false
    visitExchange(exchange, null, (text, home, source, tokens, name) => {
      found = this.inspector.inspect(text, home, name, never)
      if (found === null) return false
      place = formatPlaceTokens(source, tokens)
      return true
    })
    if (found === null) return { verdict: 'passed', why: '' }
    const { detector, technique, at, view, inside } = found as Found // assigned in the closure
    const excerpt = view.text.slice(Math.max(0, at - 30), at + 60).replace(/[\r\n]/g, '⏎')
    return { verdict: 'stopped', why: `${detector}: ${technique} at ${place}${inside} [${view.decoded}] «${excerpt}»` }
  }
}

/** The exchange of a case as the gateway would make it; null for cases that are raw bytes: those test the front door. */
export function exchangeOf({ request }: Case): Exchange | null {
  if (request.rawB64 !== undefined) return null
  const rawHeaders: string[] = []
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries({ host: 'api.example.com', ...request.headers })) {
    rawHeaders.push(name, String(value))
    headers[name.toLowerCase()] = String(value)
  }
  if (request.contentType !== undefined && headers['content-type'] === undefined) {
    rawHeaders.push('Content-Type', request.contentType)
    headers['content-type'] = request.contentType
  }
  const body =
    request.bodyB64 !== undefined
      ? Buffer.from(request.bodyB64, 'base64')
      : request.body !== undefined
        ? Buffer.from(request.body)
        : null
  return exchange(request.method, request.path, request.query ?? '', rawHeaders, headers, body)
}

/** A plain exchange on a route that takes any path. */
export function exchange(
  method: string,
  path: string,
  query: string,
  rawHeaders: readonly string[],
  headers: Readonly<Record<string, string>>,
  body: Buffer | null,
): Exchange {
  return {
    id: 'bench',
    at: 0,
    method,
    path,
    query,
    scheme: 'https',
    host: 'api.example.com',
    httpVersion: '1.1',
    rawHeaders,
    headers,
    address: '192.0.2.1',
    peer: '192.0.2.1',
    route: {
      id: 'ANY /{rest+}',
      match: { method: 'ANY', segments: [{ rest: 'rest' }] },
      body: 'buffered',
      steps: [],
      upstream: 'bench',
      declaredAt: { file: 'bench', line: 1, column: 1 },
    },
    params: { rest: path.slice(1) },
    identity: null,
    hasBody: body !== null,
    body,
    content: null,
    parsedQuery: parseForm(query),
    answer: null,
    answerHeaders: [],
    granted: null,
    peerCertificate: () => null,
    whenDone: () => {},
  }
}

/** What the front door refuses in a target; a short form of its rules. */
function ambiguousTarget({ path, query }: Exchange): string | null {
  for (const text of [path, query]) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code <= 32 || code >= 127) return 'front door: control, blank or non-ASCII in target'
    }
  }
  if (/\/\/|\\|%2f|%5c|%00|%(?![0-9a-f]{2})/i.test(path)) return 'front door: path'
  const segments = path.split('/').map((segment) => segment.replace(/%2e/gi, '.'))
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'front door: dot segment'
  try {
    decodeURIComponent(path)
  } catch {
    return 'front door: path is no UTF-8'
  }
  return null
}

import { isAscii, isUtf8 } from 'node:buffer'
import { type Content, type Deny, deny, type Exchange } from '../contract.js'
import { strictForm } from './forms.js'
import { type BodyKind, covers, kindOf, type MediaType, parseMediaType } from './media-type.js'
import { isReadableCharset, strictMultipart } from './multipart.js'
import { reasons } from './reasons.js'
import type { RequestSettings } from './settings.js'
import { startsWithMark, strictJson } from './strict-json.js'
import { strictXml } from './xml.js'

/**
 * Reads the body of one exchange, or says why it is refused.
 * @param inflated what the body holds, where it came encoded.
 */
export type BodyReader = (exchange: Exchange, inflated?: Buffer) => Content | Deny

interface Typed {
  readonly kind: BodyKind
  readonly media: MediaType
}

const nothing: Content = { kind: 'none' }
const opaque: Content = { kind: 'opaque' }
const missing = deny(reasons.bodyMissing)
const mediaType = deny(reasons.mediaType)
const notText = deny(reasons.textEncoding)

/** Methods whose body means nothing: refused unless the route says that it takes one. RFC 9110 §9.3.1, §9.3.5 */
const bodilessMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether a body on this method is taken. */
export function takesBody(method: string, declaresBody: boolean): boolean {
  return declaresBody || !bodilessMethods.has(method)
}

/** Compiles the reader of a route's bodies. Runs for every request; measured in bench/strict-json.ts. */
export function compileBodyReader(settings: RequestSettings): BodyReader {
  const { structure, maxBytes, types, declaresBody, requiresBody } = settings
  const unexpected = deny(reasons.bodyUnexpected)
  // RFC 9110 section 12.5.3: a 415 for a coding says which ones are taken.
  const contentEncoding = deny(
    reasons.contentEncoding,
    {},
    { headers: ['accept-encoding', settings.encodings.join(', ') || 'identity'] },
  )
  const tooLarge = deny(reasons.bodyTooLarge, { maxBytes })
  const json = strictJson(structure)
  const form = strictForm(structure)
  const multipart = strictMultipart(structure)
  const xml = strictXml(structure)
  // One caller sends one spelling: the last one read is at hand.
  let lastText = ''
  let lastTyped: Typed | null = null

  const typeOf = (text: string): Typed | null => {
    if (text === lastText) return lastTyped
    const media = parseMediaType(text)
    lastTyped =
      media !== null &&
      isReadableCharset(media.parameters.get('charset')) &&
      types.some((listed) => covers(listed, media.type))
        ? { kind: kindOf(media.type), media }
        : null
    lastText = text
    return lastTyped
  }

  return (exchange, inflated) => {
    if (!exchange.hasBody) return requiresBody ? missing : nothing
    if (!takesBody(exchange.method, declaresBody)) return unexpected
    const head = readBodyHeaders(exchange.rawHeaders)
    if (head.isEncoded && inflated === undefined) return contentEncoding
    const bytes = inflated ?? exchange.body
    if (bytes !== null && bytes.length > maxBytes) return tooLarge
    if (bytes !== null && bytes.length === 0 && head.contentType === null) return requiresBody ? missing : nothing
    if (head.contentType === null) return mediaType
    const typed = typeOf(head.contentType)
    if (typed === null) return mediaType
    if (bytes === null) {
      // Only routes without a readable type stream their bodies; anything else is a fault of ours: fail closed.
      if (settings.readsBody) throw new Error('a body that must be read was not buffered')
      return opaque
    }
    if (bytes.length === 0) return requiresBody ? missing : nothing
    if (typed.kind !== 'opaque' && typed.media.parameters.get('charset')?.toLowerCase() === 'us-ascii') {
      if (!isAscii(bytes)) return notText
    }
    switch (typed.kind) {
      case 'json':
        return json(bytes)
      case 'form':
        return form(bytes)
      case 'multipart':
        return multipart(bytes, typed.media.parameters.get('boundary'))
      case 'xml':
        return xml(bytes)
      case 'text':
        return isUtf8(bytes) && !startsWithMark(bytes) && !bytes.includes(0)
          ? { kind: 'text', text: bytes.toString('utf8') }
          : notText
      case 'opaque':
        return opaque
    }
  }
}

interface BodyHeaders {
  /** Null when absent; an unreadable text when repeated. */
  readonly contentType: string | null
  /** Whether a content coding other than `identity` is named. RFC 9110 §8.4 */
  readonly isEncoded: boolean
}

/** Reads the raw lines: Node keeps only the first of two Content-Type headers, and says nothing of it. */
function readBodyHeaders(rawHeaders: readonly string[]): BodyHeaders {
  let contentType: string | null = null
  let isEncoded = false
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string // i < length
    if (name.length !== 12 && name.length !== 16) continue
    const lower = name.toLowerCase()
    if (lower === 'content-type') contentType = contentType === null ? (rawHeaders[i + 1] as string) : ', '
    else if (lower === 'content-encoding') isEncoded ||= rawHeaders[i + 1]?.toLowerCase() !== 'identity'
  }
  return { contentType, isEncoded }
}

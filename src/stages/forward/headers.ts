/**
 * What never passes from a caller to a function, whatever the upstream: connection-specific fields, everything that
 * says who or where the caller is (we say that ourselves), what rewrites the method or the target, and what clouds
 * believe because only they are supposed to set it.
 */
const droppedNames = new Set([
  // Connection-specific, RFC 9110 section 7.6.1; framing and expectations are ours.
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // Where the caller is.
  'client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-ipcountry',
  'cf-visitor',
  'cdn-loop',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'fly-client-ip',
  'front-end-https',
  'proxy-client-ip',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-host',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-true-client-ip',
  'x-request-id',
  // Who the caller is.
  'client-cert',
  'client-cert-chain',
  'ssl-client-cert',
  'ssl-client-issuer-dn',
  'ssl-client-subject-dn',
  'ssl-client-verify',
  'remote-user',
  'x-auth-user',
  'x-client-cert',
  'x-client-dn',
  'x-client-verify',
  'x-gateway-client',
  'x-postern-token',
  'x-identity',
  'x-remote-user',
  'x-ssl-client-cert',
  'x-anonymous-consumer',
  'x-user',
  'x-user-id',
  // Another method or target than the one that was judged.
  'disguised-host',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-rewrite-url',
  'x-uri',
  'x-url-scheme',
  'x-waws-unencoded-url',
  // Next.js skips its middleware for it.
  'x-middleware-subrequest',
  // CGI makes it HTTP_PROXY, through which the function would then call out (httpoxy).
  'proxy',
  // OpenFaaS calls back wherever this points.
  'x-callback-url',
])

/** Families that clouds and proxies own. */
const droppedPrefixes = [
  'x-amz-',
  'x-amzn-',
  'x-apigateway-',
  'x-appengine-',
  'x-arr-',
  'x-azure-',
  'wl-proxy-',
  'x-auth-request-',
  'x-authenticated-',
  'x-cloud-trace-',
  'x-consumer-',
  'x-endpoint-',
  'x-envoy-',
  'x-forwarded',
  'x-functions-',
  'x-goog-',
  'x-original-',
  'x-ms-client-principal',
  'x-ms-token-',
  'x-serverless-',
  'x-vercel-',
  'cf-access-',
]

/** What becomes of a caller's header: its lower-case name, another name, or nothing. */
export type HeaderFate = (rawName: string) => string | null

/**
 * The fate of header names on one route. Answers are remembered for a bounded number of spellings, since callers choose
 * them. A name with an underscore never passes: `x_user_id` is `x-user-id` to many functions.
 * @param allow lower-case names that may pass; null: all that are not dropped.
 * @param stripped lower-case names that this route sets itself.
 */
export function headerFates(
  allow: ReadonlySet<string> | null,
  stripped: ReadonlySet<string>,
  renamed: ReadonlyMap<string, string>,
): HeaderFate {
  const known = new Map<string, string | null>()
  const decide = (name: string): string | null => {
    const moved = renamed.get(name)
    if (moved !== undefined) return moved
    if (name.includes('_') || droppedNames.has(name) || stripped.has(name)) return null
    if (droppedPrefixes.some((prefix) => name.startsWith(prefix))) return null
    if (allow !== null && name !== 'content-type' && !allow.has(name)) return null
    return name
  }
  return (rawName) => {
    const fate = known.get(rawName)
    if (fate !== undefined) return fate
    const decided = decide(rawName.toLowerCase())
    if (known.size < 512 && rawName.length <= 64) known.set(rawName, decided)
    return decided
  }
}

/**
 * Names that any `Connection` line of the caller lists, so that they end here; null when none does.
 * @param endToEnd lower-case names that no `Connection` may list: RFC 9110 section 7.6.1 forbids it to senders.
 */
export function namedByConnection(
  rawHeaders: readonly string[],
  endToEnd: ReadonlySet<string>,
): ReadonlySet<string> | null {
  let names: Set<string> | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = rawHeaders[i + 1] ?? ''
    if (value === 'keep-alive' || value === 'close') continue
    for (const token of value.toLowerCase().split(',')) {
      const trimmed = token.trim()
      if (trimmed === '' || trimmed === 'keep-alive' || trimmed === 'close' || endToEnd.has(trimmed)) continue
      names ??= new Set()
      names.add(trimmed)
    }
  }
  return names
}

/** A claim as header text: printable ASCII as it is, all else percent-encoded; null for what has no such form. */
export function headerText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return encodeText(value)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number')) {
    return value.map((item) => encodeText(String(item)).replaceAll(',', '%2C')).join(',')
  }
  return null
}

function encodeText(text: string): string {
  if (/^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]{0,4094}[\x21-\x24\x26-\x7e])?$/.test(text)) return text
  return encodeURIComponent(text.slice(0, 1024).toWellFormed())
}

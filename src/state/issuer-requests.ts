import { type Dispatcher, request } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'

/** Why an issuer could not be asked, for operators: `https://id.example.com/jwks timed out after 1500 ms`. */
export class IssuerFault extends Error {
  override readonly name = 'IssuerFault'
}

/** What an issuer tells over HTTP: one deadline for each question, a cap while streaming, no redirects. */
export interface IssuerRequests {
  /** Runs one question under the issuer's timeout. Rejects with an `IssuerFault` and nothing else. */
  within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Where the issuer's metadata (OpenID Connect Discovery, RFC 8414) says that this is; remembered for a while. */
  locate(endpoint: Endpoint, signal: AbortSignal): Promise<string>
  getJson(url: string, signal: AbortSignal): Promise<unknown>
  /** Sends one request and reads its whole answer, whatever its status. */
  send(
    url: string,
    options: {
      readonly method: 'GET' | 'POST'
      readonly headers: Readonly<Record<string, string>>
      readonly body?: string
      readonly signal: AbortSignal
    },
  ): Promise<IssuerAnswer>
  /** Requests sent so far, discovery included. */
  sent(): number
  /** Ends all that is under way. */
  abort(): void
}

export interface IssuerAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

type Endpoint = 'jwks_uri' | 'introspection_endpoint'

/** Discovery is asked again after this time, or after any failure. */
const discoveryLifeMs = 3_600_000

/** The HTTP side of one issuer, by the `timeout` and `maxBytes` of its `keySet`. */
export function createIssuerRequests(
  issuer: IssuerPlan,
  dispatcher: Dispatcher,
  monotonic: () => number,
): IssuerRequests {
  const { timeoutMs, maxBytes } = issuer.keySet
  const running = new Set<AbortController>()
  let discovered: { readonly metadata: Metadata; readonly url: string; readonly at: number } | null = null
  let sent = 0
  /** What is being asked for, or was last. */
  let asked = issuer.issuer

  async function within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController()
    running.add(own)
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      return await ask(AbortSignal.any([own.signal, deadline]))
    } catch (error) {
      discovered = null
      if (error instanceof IssuerFault) throw error
      if (deadline.aborted) throw new IssuerFault(`${asked} timed out after ${timeoutMs} ms`)
      throw new IssuerFault(`${asked} ${networkFault(error)}`)
    } finally {
      running.delete(own)
    }
  }

  async function locate(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    if (discovered === null || monotonic() - discovered.at >= discoveryLifeMs) {
      discovered = { ...(await discover(signal)), at: monotonic() }
    }
    return location(discovered, endpoint, issuer.issuer)
  }

  async function discover(signal: AbortSignal): Promise<{ metadata: Metadata; url: string }> {
    let refusal: IssuerFault | undefined
    for (const url of metadataLocations(issuer.issuer)) {
      let found: unknown
      try {
        found = await getJson(url, signal)
      } catch (error) {
        // Not there or not JSON: the other location may do. A network fault would only repeat itself.
        if (!(error instanceof IssuerFault)) throw error
        refusal ??= error
        continue
      }
      return { metadata: metadataOf(found, url, issuer.issuer), url }
    }
    throw refusal ?? new IssuerFault('no metadata found')
  }

  async function getJson(url: string, signal: AbortSignal): Promise<unknown> {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const { body } = await send(url, { method: 'GET', headers, signal }, true)
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    } catch {
      throw new IssuerFault(`${url} sent no JSON`)
    }
  }

  async function send(
    url: string,
    { method, headers, body, signal }: Parameters<IssuerRequests['send']>[1],
    mustBeOk = false,
  ): Promise<IssuerAnswer> {
    sent += 1
    asked = url
    // undici follows no redirect by itself: whoever answers here decides whose tokens we believe.
    const answer = await request(url, {
      dispatcher,
      signal,
      method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      ...(body !== undefined && { body }),
    })
    // A body that is cut off says so by an event, which must have a listener; the reasons are given elsewhere.
    answer.body.on('error', () => {})
    const { statusCode: status } = answer
    if (mustBeOk && status !== 200) {
      answer.body.destroy()
      const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : ''
      throw new IssuerFault(`${url} answered ${status}${redirect}`)
    }
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      bytes += piece.length
      // Leaving the loop cuts the connection.
      if (bytes > maxBytes) throw new IssuerFault(`${url} sent more than ${maxBytes} bytes`)
      pieces.push(piece)
    }
    return { status, contentType: String(answer.headers['content-type'] ?? ''), body: Buffer.concat(pieces) }
  }

  return {
    within,
    locate,
    getJson,
    send: (url, options) => send(url, options),
    sent: () => sent,
    abort() {
      for (const each of running) each.abort()
    },
  }
}

/** Where an issuer's metadata may stand: OpenID Connect Discovery 1.0 §4, then RFC 8414 §3.1. */
export function metadataLocations(issuer: string): readonly string[] {
  const url = new URL(issuer)
  const path = url.pathname.replace(/\/$/, '')
  return [
    `${url.origin}${path}/.well-known/openid-configuration`,
    `${url.origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

type Metadata = Readonly<Record<string, unknown>>

function metadataOf(value: unknown, url: string, issuer: string): Metadata {
  // `typeof null` is object too; its members would throw.
  const found = (typeof value === 'object' && value !== null ? value : {}) as Metadata
  // RFC 8414 §3.3: metadata that names another issuer must not be used.
  if (found['issuer'] === issuer) return found
  const named = typeof found['issuer'] === 'string' ? JSON.stringify(found['issuer'].slice(0, 200)) : 'none'
  throw new IssuerFault(`${url} names the issuer ${named}, the policy ${JSON.stringify(issuer)}`)
}

function location(
  { metadata, url }: { readonly metadata: Metadata; readonly url: string },
  endpoint: Endpoint,
  issuer: string,
): string {
  const found = metadata[endpoint]
  if (typeof found !== 'string' || !URL.canParse(found)) throw new IssuerFault(`${url} names no ${endpoint}`)
  if (isSafeLocation(found, issuer)) return found
  const article = endpoint === 'jwks_uri' ? 'a' : 'an'
  throw new IssuerFault(`${url} names ${article} ${endpoint} without https: ${found}`)
}

/**
 * Whether an issuer may be asked there: over https; over plain http from a loopback address, or where the policy itself
 * names a plain http issuer (which it must justify with `insecure`).
 */
function isSafeLocation(location: string, issuer: string): boolean {
  const url = new URL(location)
  if (url.protocol === 'https:') return true
  if (url.protocol !== 'http:') return false
  return isLoopback(url.hostname) || new URL(issuer).protocol === 'http:'
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
}

const networkFaults: Readonly<Record<string, string>> = {
  ENOTFOUND: 'cannot be resolved: there is no such name',
  EAI_AGAIN: 'cannot be resolved: the name server does not answer',
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'closed the connection too early',
  UND_ERR_SOCKET: 'closed the connection too early',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ETIMEDOUT: 'does not answer',
  CERT_HAS_EXPIRED: 'shows a certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'shows a certificate that it signed itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'shows a certificate of an authority that is not trusted here (NODE_EXTRA_CA_CERTS)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'shows a certificate of an authority that is not trusted here (NODE_EXTRA_CA_CERTS)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate of another name',
}

function networkFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : 'unknown fault'
  return networkFaults[code] === undefined ? `failed: ${message}` : `${networkFaults[code]} (${code})`
}

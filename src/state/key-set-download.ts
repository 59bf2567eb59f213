import { type Dispatcher, request } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'
import { type JwkSet, readJwkSet } from '../values/jwk-set.js'

/** Why keys could not be had, for operators: `timed out after 1500 ms`. */
export class KeySetFault extends Error {
  override readonly name = 'KeySetFault'
}

/** Fetches the key set of one issuer; remembers between calls where discovery found it. */
export interface KeySetDownload {
  /** Rejects with a `KeySetFault` and nothing else. */
  run(): Promise<{ readonly url: string; readonly set: JwkSet }>
  /** Requests sent so far, discovery included. */
  requests(): number
  /** Ends a download under way. */
  abort(): void
}

/** Discovery is asked again after this time, or after any failure. */
const discoveryLifeMs = 3_600_000

/** Reads an issuer's key set over HTTP: one deadline for all of it, a cap while streaming, no redirects. */
export function createKeySetDownload(
  issuer: IssuerPlan,
  dispatcher: Dispatcher,
  monotonic: () => number,
): KeySetDownload {
  const { timeoutMs, maxBytes } = issuer.keySet
  let discovered: { readonly url: string; readonly at: number } | null = null
  let requests = 0
  let running: AbortController | null = null
  /** What is being asked for, or was last. */
  let asked = issuer.issuer

  async function run(): Promise<{ url: string; set: JwkSet }> {
    running = new AbortController()
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([running.signal, deadline])
    try {
      const url = await locate(signal)
      const set = readJwkSet(await getJson(url, signal), issuer.algorithms)
      if (set === null) throw new KeySetFault(`${url} is no JWK set`)
      if (set.keys.length === 0) throw new KeySetFault(`${url} holds no usable key${listSkipped(set)}`)
      return { url, set }
    } catch (error) {
      discovered = null
      if (error instanceof KeySetFault) throw error
      if (deadline.aborted) throw new KeySetFault(`${asked} timed out after ${timeoutMs} ms`)
      throw new KeySetFault(`${asked} ${networkFault(error)}`)
    } finally {
      running = null
    }
  }

  async function locate(signal: AbortSignal): Promise<string> {
    if (issuer.keys.kind === 'jwksUri') return issuer.keys.url
    if (discovered !== null && monotonic() - discovered.at < discoveryLifeMs) return discovered.url
    const url = await discover(signal)
    discovered = { url, at: monotonic() }
    return url
  }

  async function discover(signal: AbortSignal): Promise<string> {
    let refusal: KeySetFault | undefined
    for (const url of metadataLocations(issuer.issuer)) {
      let metadata: unknown
      try {
        metadata = await getJson(url, signal)
      } catch (error) {
        // Not there or not JSON: the other location may do. A network fault would only repeat itself.
        if (!(error instanceof KeySetFault)) throw error
        refusal ??= error
        continue
      }
      return keySetLocation(metadata, url, issuer.issuer)
    }
    throw refusal ?? new KeySetFault('no metadata found')
  }

  async function getJson(url: string, signal: AbortSignal): Promise<unknown> {
    requests += 1
    asked = url
    // undici follows no redirect by itself: whoever answers here decides whose tokens we believe.
    const answer = await request(url, {
      dispatcher,
      signal,
      headers: { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' },
    })
    // A body that is cut off says so by an event, which must have a listener; the reasons are given below.
    answer.body.on('error', () => {})
    if (answer.statusCode !== 200) {
      answer.body.destroy()
      const redirect = answer.statusCode >= 300 && answer.statusCode < 400 ? '; redirects are not followed' : ''
      throw new KeySetFault(`${url} answered ${answer.statusCode}${redirect}`)
    }
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      bytes += piece.length
      // Leaving the loop cuts the connection.
      if (bytes > maxBytes) throw new KeySetFault(`${url} sent more than ${maxBytes} bytes`)
      pieces.push(piece)
    }
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces)))
    } catch {
      throw new KeySetFault(`${url} sent no JSON`)
    }
  }

  return { run, requests: () => requests, abort: () => running?.abort() }
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

function keySetLocation(metadata: unknown, url: string, issuer: string): string {
  // `typeof null` is object too; its members would throw.
  const found = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as Record<string, unknown>
  // RFC 8414 §3.3: metadata that names another issuer must not be used.
  if (found['issuer'] !== issuer) {
    const named = typeof found['issuer'] === 'string' ? JSON.stringify(found['issuer'].slice(0, 200)) : 'none'
    throw new KeySetFault(`${url} names the issuer ${named}, the policy ${JSON.stringify(issuer)}`)
  }
  const location = found['jwks_uri']
  if (typeof location !== 'string' || !URL.canParse(location)) throw new KeySetFault(`${url} names no jwks_uri`)
  if (!isSafeLocation(location, issuer)) throw new KeySetFault(`${url} names a jwks_uri without https: ${location}`)
  return location
}

/**
 * Whether keys may be read from there: over https; over plain http from a loopback address, or where the policy itself
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

function listSkipped(set: JwkSet): string {
  if (set.skipped.length === 0) return ''
  return ` (${set.skipped
    .slice(0, 5)
    .map((key) => `${key.kid ?? 'without kid'}: ${key.why}`)
    .join('; ')})`
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

import { X509Certificate } from 'node:crypto'
import type { Exchange, PeerCertificate, Tools } from '../contract.js'
import { singleHeader } from './credentials.js'

/** A client's certificate, with what its proxy sent of the chain above it. */
export interface ShownCertificate extends PeerCertificate {
  /** Whether a trusted proxy vouches for it, rather than the handshake of the connection. */
  readonly isForwarded: boolean
  /** DER, nearest authority first; empty where it came by the handshake. */
  readonly chain: readonly Buffer[]
}

/** Where the certificates of callers come from. */
export interface ClientCertificates {
  /** Null: none was shown. A text says what is wrong with what a proxy sent. */
  of(exchange: Exchange): ShownCertificate | 'repeated' | 'unreadable' | null
}

/** Proxied certificates that were read lately, by the headers they came in. */
const mostKnown = 1_024
const mostHeaderCharacters = 16_384
const mostAuthorities = 8

/**
 * Finds the certificate of a caller. From a trusted proxy the `Client-Cert` header counts and nothing else (RFC 9440):
 * the certificate of its own connection is the proxy's. From everyone else the handshake counts and the header is not
 * looked at, so nobody can name themselves by it.
 */
export function clientCertificates({ trusts }: Pick<Tools, 'trusts'>): ClientCertificates {
  let young = new Map<string, ShownCertificate | 'unreadable'>()
  let old = new Map<string, ShownCertificate | 'unreadable'>()
  /** By the handshake's own object, which lives as long as its connection. */
  const connected = new WeakMap<PeerCertificate, ShownCertificate>()

  return {
    of(exchange) {
      if (!trusts(exchange.peer)) {
        const own = exchange.peerCertificate()
        if (own === null) return null
        const known = connected.get(own) ?? { ...own, isForwarded: false, chain: [] }
        connected.set(own, known)
        return known
      }
      const header = singleHeader(exchange, 'client-cert')
      if (header === null) return null
      const above = listHeader(exchange, 'client-cert-chain')
      if (header === 'repeated') return 'repeated'
      if (header.value.length + above.length > mostHeaderCharacters) return 'unreadable'
      const key = `${header.value}\n${above}`
      const known = young.get(key) ?? old.get(key) ?? readForwarded(header.value, above)
      if (young.size >= mostKnown) {
        old = young
        young = new Map()
      }
      young.set(key, known)
      return known
    },
  }
}

/** Several lines of a list are one list. RFC 9110 section 5.3 */
function listHeader({ rawHeaders }: Exchange, name: string): string {
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if ((rawHeaders[i] ?? '').toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
  }
  return values.join(', ')
}

function readForwarded(leaf: string, above: string): ShownCertificate | 'unreadable' {
  const raw = byteSequence(leaf)
  const chain = above === '' ? [] : above.split(',').map((item) => byteSequence(item.trim()))
  if (raw === null || chain.length > mostAuthorities || chain.includes(null)) return 'unreadable'
  try {
    const read = new X509Certificate(raw)
    // What stands behind the certificate would be in no fingerprint of ours, and in some of others.
    if (!read.raw.equals(raw)) return 'unreadable'
    return {
      raw,
      subject: read.subject,
      issuer: read.issuer,
      subjectAltName: read.subjectAltName ?? '',
      sha256: read.fingerprint256.replaceAll(':', '').toLowerCase(),
      validFrom: Date.parse(read.validFrom),
      validTo: Date.parse(read.validTo),
      isAuthorized: false,
      fault: null,
      isForwarded: true,
      chain: chain.filter((each) => each !== null),
    }
  } catch {
    return 'unreadable'
  }
}

/** `:MIIB…:`, strictly: RFC 8941 section 3.3.5, RFC 9440 section 2.1. PEM and percent-encoding are other headers' forms. */
function byteSequence(item: string): Buffer | null {
  const text = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(item)?.[1]
  if (text === undefined) return null
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

import { isIPv4 } from 'node:net'
import { canonicalAddress } from '../values/address.js'
import { cidrMatcher } from '../values/cidr.js'

/** Who is asking, given what trusted proxies say of them. */
export interface ClientAddress {
  /**
   * @param peer the socket's remote address, in any form Node gives it.
   * @param rawHeaders as received: name, value, name, value.
   */
  read(peer: string, rawHeaders: readonly string[]): Caller
  /** Whether the peer is one of the proxies that may tell us the client's address. */
  isTrusted(peer: string): boolean
}

interface Caller {
  /** Canonical text; the peer's where nobody trusted says otherwise. */
  readonly address: string
  /** As the nearest proxy saw them; absent where the peer is not trusted, or says nothing that can be read. */
  readonly scheme?: 'http' | 'https'
  readonly host?: string
}

/** Proxies in a row; whatever claims more is not walked further. */
const mostHops = 32
const rememberedPeers = 4096

/**
 * Reads the client's address by walking X-Forwarded-For from its right end, where the nearest proxy writes, for as long
 * as the hop that wrote an entry is trusted. What a client put in front is never reached: the walk ends at the first
 * address that is not a trusted proxy. An entry that is no address ends it at the last hop that was one.
 */
export function clientAddress(trustedProxies: readonly string[]): ClientAddress {
  const isTrustedAddress = cidrMatcher(trustedProxies)
  const canonical = rememberPeers()
  const trustsNobody = trustedProxies.length === 0

  return {
    // Runs for every request, before anything else is known of it.
    read(peer, rawHeaders) {
      const address = canonical(peer)
      if (trustsNobody || !isTrustedAddress(address)) return { address }
      return readForwarded(address, rawHeaders, isTrustedAddress)
    },
    isTrusted: (peer) => !trustsNobody && isTrustedAddress(canonical(peer)),
  }
}

function readForwarded(peer: string, rawHeaders: readonly string[], isTrusted: (address: string) => boolean): Caller {
  // Several lines of one name are one list, in their order. RFC 9110 section 5.3
  let forwardedFor = ''
  let proto = ''
  let host = ''
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length < 15 || name.length > 17) continue
    const lower = name.toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    if (lower === 'x-forwarded-for') forwardedFor = forwardedFor === '' ? value : `${forwardedFor},${value}`
    else if (lower === 'x-forwarded-proto') proto = lastOf(value).toLowerCase()
    else if (lower === 'x-forwarded-host') host = lastOf(value).toLowerCase()
  }
  return {
    address: walk(peer, forwardedFor, isTrusted),
    ...((proto === 'http' || proto === 'https') && { scheme: proto }),
    ...(isHost(host) && { host }),
  }
}

function walk(peer: string, list: string, isTrusted: (address: string) => boolean): string {
  let address = peer
  let end = list.length
  for (let hop = 0; hop < mostHops && end > 0 && isTrusted(address); hop++) {
    const comma = list.lastIndexOf(',', end - 1)
    const entry = readEntry(list.slice(comma + 1, end).trim())
    if (entry === null) break
    address = entry
    end = comma
  }
  return address
}

/** `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; null for anything else. */
function readEntry(entry: string): string | null {
  if (entry.length > 64) return null
  if (entry.startsWith('[')) {
    const close = entry.indexOf(']')
    if (close === -1 || !isPortOrNothing(entry.slice(close + 1))) return null
    const inside = entry.slice(1, close)
    return inside.includes(':') ? canonicalAddress(inside) : null
  }
  const colon = entry.indexOf(':')
  if (colon !== -1 && isIPv4(entry.slice(0, colon)) && isPortOrNothing(entry.slice(colon))) return entry.slice(0, colon)
  return canonicalAddress(entry)
}

function isPortOrNothing(text: string): boolean {
  return text === '' || /^:[0-9]{1,5}$/.test(text)
}

/** The nearest proxy's word, where each has added its own. */
function lastOf(list: string): string {
  return list.slice(list.lastIndexOf(',') + 1).trim()
}

/** A host name, IPv4 address or bracketed IPv6 address, with or without a port. */
function isHost(text: string): boolean {
  return text.length <= 255 && /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/.test(text)
}

/** Few peers make most requests; a peer that Node cannot name (a closed socket) stays as it is. */
function rememberPeers(): (peer: string) => string {
  const known = new Map<string, string>()
  return (peer) => {
    const found = known.get(peer)
    if (found !== undefined) return found
    const canonical = canonicalAddress(peer) ?? peer
    if (known.size >= rememberedPeers) known.clear()
    known.set(peer, canonical)
    return canonical
  }
}

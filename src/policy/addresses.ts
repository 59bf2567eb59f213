import { isIP, isIPv4 } from 'node:net'
import { isMetadataAddress } from '../values/metadata-address.js'

/** Whether a host name or address literal is this machine itself. RFC 6761 section 6.3, RFC 1122 section 3.2.1.3 */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host)
  return (
    bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'))
  )
}

/** The host of a URL or listener without the brackets of an IPv6 literal, in lower case. */
function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase()
}

/** A CIDR block or single address, or why it is none. */
export function cidrFault(text: string): string | undefined {
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0) return `"${text}" is no address and no CIDR block.`
  if (prefix === undefined) return undefined
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128))
    return `"/${prefix}" is no prefix length.`
  return undefined
}

/** Hosts where clouds hand credentials to whoever asks, and link-local addresses: never a function, always a trap. */
export function isMetadataHost(host: string): boolean {
  const bare = bareHost(host)
  return metadataNames.has(bare.replace(/\.$/, '')) || isMetadataAddress(bare)
}

const metadataNames = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
])

/** Host and port of `0.0.0.0:8080`, `[::]:8080` or `localhost:0`; null for anything else. */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } | null {
  const found = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):([0-9]{1,5})$/.exec(text)
  if (found === null) return null
  const host = bareHost(found[1] ?? '')
  const port = Number(found[2])
  const isBracketed = (found[1] ?? '').startsWith('[')
  if (port > 65_535 || (isBracketed && isIP(host) !== 6)) return null
  // Digits and dots that are no address are a slip, not a host name.
  if (/^[0-9.]+$/.test(host) && !isIPv4(host)) return null
  return { host, port }
}

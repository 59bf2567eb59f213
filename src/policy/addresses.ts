import { isIP, isIPv4 } from 'node:net'

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
  if (bare === 'metadata.google.internal' || bare === 'metadata' || bare === 'metadata.goog') return true
  const address = mappedIPv4(bare) ?? bare
  // 169.254/16: RFC 3927. 168.63.129.16: Azure. 100.100.100.200: Alibaba Cloud. 0/8 means this host on Linux.
  if (isIPv4(address))
    return /^169\.254\.|^0\./.test(address) || address === '168.63.129.16' || address === '100.100.100.200'
  // fe80::/10: RFC 4291. fd00:ec2::254: AWS. fd20:ce::254: Google Cloud.
  return (
    /^fe[89ab][0-9a-f]:/.test(address) || address === 'fd00:ec2::254' || address === 'fd20:ce::254' || address === '::'
  )
}

/** The IPv4 address inside `::ffff:a9fe:a9fe`, as a URL's host prints it. RFC 4291 section 2.5.5.2 */
function mappedIPv4(address: string): string | undefined {
  const found = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address)
  if (found === null) return undefined
  const high = Number.parseInt(found[1] ?? '', 16)
  const low = Number.parseInt(found[2] ?? '', 16)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

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

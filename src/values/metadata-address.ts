import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from './address.js'

/** Where clouds hand credentials to whoever asks, link-local networks, and "this host": never a function, always a trap. */
const forbidden = new BlockList()
// RFC 3927 section 2.1; most clouds' metadata lives in it.
forbidden.addSubnet('169.254.0.0', 16, 'ipv4')
// On Linux a connection to it is one to the machine itself. RFC 1122 section 3.2.1.3
forbidden.addSubnet('0.0.0.0', 8, 'ipv4')
// Azure. https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
forbidden.addAddress('168.63.129.16', 'ipv4')
// Alibaba Cloud, and Oracle Cloud.
forbidden.addAddress('100.100.100.200', 'ipv4')
forbidden.addAddress('192.0.0.192', 'ipv4')
// RFC 4291 sections 2.5.6 and 2.5.2
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addAddress('::', 'ipv6')
// AWS, and Google Cloud.
forbidden.addAddress('fd00:ec2::254', 'ipv6')
forbidden.addAddress('fd20:ce::254', 'ipv6')

/** IPv6 networks that carry an IPv4 address, and where in the text's groups it begins. */
const carriers = [
  // NAT64, RFC 6052 section 2.1; IPv4-compatible, RFC 4291 section 2.5.5.1; 6to4, RFC 3056 section 2
  { prefix: '64:ff9b::', groups: 6 },
  { prefix: '::', groups: 6 },
  { prefix: '2002:', groups: 1 },
] as const

/** Whether an IP address is link-local, this host, or a cloud's metadata service, in whatever notation. */
export function isMetadataAddress(text: string): boolean {
  const address = canonicalAddress(text)
  if (address === null) return false
  if (isIPv4(address)) return forbidden.check(address, 'ipv4')
  if (forbidden.check(address, 'ipv6')) return true
  return carriers.some(({ prefix, groups }) => {
    if (!address.startsWith(prefix)) return false
    const carried = carriedIPv4(address, groups)
    // `::1` is loopback and carries nothing.
    return carried !== null && !carried.startsWith('0.') && forbidden.check(carried, 'ipv4')
  })
}

/** The IPv4 address in two groups of a canonical IPv6 address; null where a run of zeros hides them. */
function carriedIPv4(address: string, at: number): string | null {
  if (!isIPv6(address)) return null
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  const high = Number.parseInt(groups[at] ?? '', 16)
  const low = Number.parseInt(groups[at + 1] ?? '', 16)
  if (Number.isNaN(high) || Number.isNaN(low)) return null
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

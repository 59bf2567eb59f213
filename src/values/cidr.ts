import { BlockList, isIPv4 } from 'node:net'
import { canonicalAddress } from './address.js'

/** A block of addresses: `10.0.0.0/8`, `2001:db8::/32`. */
export interface Cidr {
  readonly family: 'ipv4' | 'ipv6'
  /** Canonical text; may name a host inside the block. */
  readonly address: string
  readonly prefix: number
}

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or one address as the block of itself; null when it is none of these. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/')
  const written = slash === -1 ? text : text.slice(0, slash)
  const address = written.includes('%') ? null : canonicalAddress(written)
  if (address === null) return null
  const family = isIPv4(address) ? 'ipv4' : 'ipv6'
  const bits = family === 'ipv4' ? 32 : 128
  if (slash === -1) return { family, address, prefix: bits }
  const digits = text.slice(slash + 1)
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null
  // ::ffff:10.0.0.0/104 counts its bits as IPv6 although the address reads as IPv4.
  const mapped = family === 'ipv4' && written.includes(':')
  const prefix = Number(digits) - (mapped ? 96 : 0)
  return prefix < 0 || prefix > bits ? null : { family, address, prefix }
}

/** How many answers a matcher remembers before it forgets them all: one per address seen lately. */
const remembered = 4096

/**
 * Whether an address (canonical text) lies in any of the blocks. Answers are remembered, since a look into Node's
 * BlockList costs about 2 µs and few addresses make most requests. Throws for a block that `parseCidr` does not read.
 */
export function cidrMatcher(blocks: readonly string[]): (address: string) => boolean {
  if (blocks.length === 0) return () => false
  const list = new BlockList()
  for (const text of blocks) {
    const block = parseCidr(text)
    if (block === null) throw new Error(`${text} is no CIDR block`)
    list.addSubnet(block.address, block.prefix, block.family)
  }
  const answers = new Map<string, boolean>()
  return (address) => {
    const known = answers.get(address)
    if (known !== undefined) return known
    const found = list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
    if (answers.size >= remembered) answers.clear()
    answers.set(address, found)
    return found
  }
}

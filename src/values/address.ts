import { isIPv4, isIPv6 } from 'node:net'

/**
 * The one text of an IP address: dotted IPv4, IPv6 in lower case with its longest run of zeros left out (RFC 5952).
 * An IPv4-mapped IPv6 address is its IPv4 address, a zone id is dropped. Null when the text is no address.
 */
export function canonicalAddress(text: string): string | null {
  if (text.length > 64) return null
  if (isIPv4(text)) return text
  const zone = text.indexOf('%')
  const bare = zone === -1 ? text : text.slice(0, zone)
  if (!isIPv6(bare)) return null
  const groups = ipv6Groups(bare)
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  return mapped ? ipv4Of(groups[6] ?? 0, groups[7] ?? 0) : formatGroups(groups)
}

/**
 * What limits count an address by: an IPv4 address is its own key, an IPv6 address that of its network, since whoever
 * holds one such address holds all of its /64: the groups of the prefix, no zeros left out. Takes canonical text.
 * @param prefix bits of an IPv6 network: 32 to 64.
 */
export function addressKey(address: string, prefix = 64): string {
  if (!address.includes(':')) return address
  if (prefix !== 64) return networkOf(ipv6Groups(address), prefix)
  // The first four groups, unless a run of zeros was left out before them.
  let colons = 0
  for (let i = 0; i < address.length; i++) {
    if (address.charCodeAt(i) !== 58) continue
    if (address.charCodeAt(i + 1) === 58) break
    colons++
    if (colons === 4) return address.slice(0, i)
  }
  return textOf(ipv6Groups(address).slice(0, 4))
}

function networkOf(groups: readonly number[], prefix: number): string {
  const kept = groups.slice(0, Math.ceil(prefix / 16))
  const rest = prefix % 16
  if (rest !== 0) kept.push((kept.pop() ?? 0) & (0xffff << (16 - rest)) & 0xffff)
  return `${textOf(kept)}/${prefix}`
}

/** The eight 16-bit groups of a text that `isIPv6` accepts, without zone. */
function ipv6Groups(text: string): readonly number[] {
  const gap = text.indexOf('::')
  if (gap === -1) return groupsOf(text)
  const head = groupsOf(text.slice(0, gap))
  const tail = groupsOf(text.slice(gap + 2))
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

function groupsOf(text: string): readonly number[] {
  if (text === '') return []
  return text.split(':').flatMap((piece) => {
    if (!piece.includes('.')) return [Number.parseInt(piece, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = piece.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

function ipv4Of(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** RFC 5952 §4: the longest run of at least two zero groups is left out, the first of equals. */
function formatGroups(groups: readonly number[]): string {
  let bestStart = -1
  let bestLength = 1
  let start = 0
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1
    else if (i + 1 - start > bestLength) {
      bestStart = start
      bestLength = i + 1 - start
    }
  })
  if (bestStart === -1) return textOf(groups)
  return `${textOf(groups.slice(0, bestStart))}::${textOf(groups.slice(bestStart + bestLength))}`
}

function textOf(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}

/** The host at the beginning of an authority: without user, port and brackets. */
export function hostOf(text: string, from: number): string {
  let end = from
  let start = from
  while (end < text.length && end - from < 300) {
    const code = text.charCodeAt(end)
    if (
      code === 47 ||
      code === 63 ||
      code === 35 ||
      code === 92 ||
      code <= 32 ||
      code === 34 ||
      code === 39 ||
      code === 60 ||
      code === 62 ||
      code === 44 ||
      code === 41
    )
      break
    if (code === 64) start = end + 1
    end++
  }
  const authority = text.slice(start, end)
  if (authority.startsWith('['))
    return authority.slice(1, authority.indexOf(']') === -1 ? undefined : authority.indexOf(']'))
  const colon = authority.indexOf(':')
  return (colon === -1 ? authority : authority.slice(0, colon)).replace(/\.$/, '')
}

const inward =
  /(?:^|\.)(?:localhost|localhost\.localdomain|localdomain|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|127-0-0-1\.org\.uk|spoofed\.burpcollaborator\.net|internal|intranet|local|consul|svc|ip6-localhost|ip6-loopback|bugbounty\.dod\.network|customer1\.app\.localhost\.my\.company\.127\.0\.0\.1\.nip\.io)$/
const wildcardNames =
  /(?:^|[.-])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})\.(?:nip\.io|xip\.io|sslip\.io|traefik\.me|nip\.name|1time\.|ip\.)/

/** What a host is: a metadata service, a private address, one in an odd notation, or anything public. */
export function addressOf(host: string): 'metadata' | 'private' | 'odd' | 'public' {
  if (host === '') return 'public'
  if (
    host === 'metadata' ||
    host.startsWith('metadata.google') ||
    host === 'instance-data' ||
    host.startsWith('metadata.azure')
  )
    return 'metadata'
  if (inward.test(host)) return 'private'
  const named = wildcardNames.exec(host)
  if (named !== null)
    return kindOf(((Number(named[1]) * 256 + Number(named[2])) * 256 + Number(named[3])) * 256 + Number(named[4])) ===
      'public'
      ? 'public'
      : 'odd'
  if (host.includes(':')) return ipv6(host)
  if (!/^[0-9]/.test(host) || !/^[0-9a-fx.]+$/.test(host)) return 'public'
  const parts = host.split('.')
  if (parts.length > 4 || parts.some((part) => part === '')) return 'public'
  const values: number[] = []
  let plain = parts.length === 4
  for (const part of parts) {
    let value: number
    if (/^0x[0-9a-f]{1,16}$/.test(part)) value = Number.parseInt(part.slice(-8), 16)
    else if (/^0[0-7]{1,16}$/.test(part)) value = Number.parseInt(part, 8)
    else if (/^[0-9]{1,12}$/.test(part)) value = Number(part)
    else return 'public'
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part)) plain = false
    values.push(value)
  }
  const last = values.pop() ?? 0
  let address = last % 0x100000000
  values.forEach((value, index) => {
    address += (value % 256) * 256 ** (3 - index)
  })
  const kind = kindOf(address % 0x100000000)
  if (plain) return values.every((value) => value < 256) && last < 256 ? kind : 'odd'
  // A number that is no address by itself (a version, an order) is only a host where a URL has it.
  return kind === 'public' ? (parts.length === 1 || /x/.test(host) ? 'odd' : 'public') : 'odd'
}

function kindOf(address: number): 'metadata' | 'private' | 'public' {
  const a = Math.floor(address / 0x1000000)
  const b = Math.floor(address / 0x10000) % 256
  if (
    address === 0xa9fea9fe ||
    address === 0x646464c8 ||
    address === 0xa9feaa02 ||
    address === 0xc00000c0 ||
    address === 0xa83f8110
  )
    return 'metadata'
  if (
    a === 127 ||
    a === 10 ||
    a === 0 ||
    (a === 192 && b === 168) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 169 && b === 254)
  )
    return 'private'
  return 'public'
}

function ipv6(host: string): 'metadata' | 'private' | 'odd' | 'public' {
  if (!/^[0-9a-f:.%]+$/.test(host)) return 'public'
  if (host === 'fd00:ec2::254') return 'metadata'
  const mapped = /(?:^|:)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.exec(host)
  if (mapped?.[1] !== undefined) return addressOf(mapped[1]) === 'public' ? 'public' : 'odd'
  if (/^(?:0{0,4}:){1,7}0{0,3}1?$/.test(host)) return 'private'
  if (/^(?:fe[89ab]|f[cd])/.test(host)) return 'private'
  return /^(?:0{0,4}:){2,6}ffff:|^64:ff9b::/.test(host) ? 'odd' : 'public'
}

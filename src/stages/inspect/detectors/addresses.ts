import { has } from '../character-classes.js'
import type { Detector, View } from '../view.js'
import { isWordAt } from './near.js'

/*
 * Stops: URLs that make a function fetch from inside: cloud metadata, loopback, private and link-local addresses in every
 *   notation (decimal, octal, hexadecimal, short, mapped IPv6), names that resolve to them, and schemes that speak to
 *   other services (gopher, dict, ldap).
 * How: the host of a URL is read as lenient URL parsers do and compared as an address. A private address counts where the
 *   URL is the whole value; metadata addresses count anywhere outside documents.
 * Limits: a public name that resolves to a private address cannot be seen; redirects neither.
 */
export const ssrf: Detector = {
  name: 'ssrf',
  anchors: [
    // Most URLs are of no interest, so only what may be an address or an inward name wakes this detector.
    {
      words: [
        ...[...'0123456789['].map((digit) => `://${digit}`),
        ...'localhost loopback metadata instance-data ip6- internal intranet local customer1.app spoofed.burp'
          .split(' ')
          .map((name) => `://${name}`),
        ...'.consul .svc localtest.me .nip.io .xip.io .sslip.io lvh.me vcap.me .localdomain .internal .local 127-0-0-1'.split(
          ' ',
        ),
      ],
      check: hostOfUrl,
    },
    { words: ['://'], needs: has.at | has.backslash | has.hash | has.greater, check: url },
    {
      words: [
        'gopher://',
        'dict://',
        'ldap://',
        'ldaps://',
        'tftp://',
        'sftp://',
        'netdoc://',
        'rmi://',
        'irc://',
        'imap://',
        'telnet://',
        'finger://',
      ],
      check: hostOfUrl,
    },
    {
      words: [...'0123456789\\['].flatMap((digit) => [`http:${digit}`, `https:${digit}`]),
      check: (view, start, end) => url(view, start, end - 1),
    },
    {
      words: [
        '169.254.169.254',
        'metadata.google',
        '100.100.100.200',
        '169.254.170.2',
        'fd00:ec2::254',
        '168.63.129.16',
        'rancher-metadata',
        'instance-data',
        'latest/meta-data',
        'computemetadata',
        'metadata/instance',
        '192.0.0.192',
        'metadata.azure',
        'metadata.packet',
        'kubernetes.default.svc',
        'host.docker.internal',
        'gateway.docker.internal',
      ],
      check: metadata,
    },
    { words: ['localhost', '127.0.', '0.0.0.0'], check: bareHost },
    {
      // A socket in front of a URL makes some proxies fetch the URL.
      words: ['unix:'],
      needs: has.pipe,
      check: (view, _start, end) =>
        !view.document && /^[^|\s]{0,200}\|\s{0,2}https?:/.test(view.lower.slice(end, end + 240))
          ? 'address in disguise'
          : null,
    },
  ],
}

/** Headers that truthfully name a private host during development, or hold addresses by design. */
const ownHosts = new Set([
  'origin',
  'referer',
  'x-forwarded-host',
  'forwarded',
  'x-forwarded-for',
  'via',
  'x-real-ip',
  'user-agent',
])

const oddSchemes = new Set([
  'gopher',
  'dict',
  'ldap',
  'ldaps',
  'tftp',
  'sftp',
  'netdoc',
  'rmi',
  'jar',
  'irc',
  'imap',
  'smtp',
  'telnet',
  'finger',
])

/** The URL whose host the found name belongs to. */
function hostOfUrl(view: View, start: number, end: number): string | null {
  const from = Math.max(0, start - 120)
  const separator = view.lower.slice(from, end).lastIndexOf('://')
  return separator === -1 ? null : url(view, from + separator, from + separator + 3)
}

function url(view: View, start: number, end: number): string | null {
  if (view.document) return null
  const own = view.home === 'header' && ownHosts.has(view.name)
  const { lower } = view
  const word = lower.slice(start, end)
  let from = end
  let schemeStart = start
  if (word === 'http:' || word === 'https:') {
    if (isWordAt(lower, start - 1) || lower.startsWith('//', end)) return null
    while (from < lower.length && (lower.charCodeAt(from) === 47 || lower.charCodeAt(from) === 92)) from++
  } else {
    while (schemeStart > 0 && start - schemeStart < 12 && isWordAt(lower, schemeStart - 1)) schemeStart--
  }
  const scheme = word === '://' ? lower.slice(schemeStart, start) : 'http'
  // Addresses of repositories and databases are private by nature.
  if (
    view.home === 'body' &&
    scheme !== '' &&
    !/^(?:https?|ftps?|file|ws|wss)$/.test(scheme) &&
    !oddSchemes.has(scheme)
  )
    return null
  const whole = schemeStart <= 4 && view.whole !== '' && !/\s\S{1,40}\s\S/.test(view.whole)
  if (
    oddSchemes.has(scheme) &&
    (scheme === 'gopher' || scheme === 'dict' || scheme === 'netdoc' || (whole && view.home !== 'body'))
  )
    return 'scheme of another service'
  const host = hostOf(lower, from)
  // `HTTP:80/health` is a protocol and a port.
  if (host === '' || (from === end && word !== '://' && /^\d{1,5}$/.test(host))) return null
  const address = addressOf(host)
  if (address === 'metadata') return 'metadata address'
  if (own && (view.name === 'origin' || view.name === 'referer')) return null
  if (address === 'odd') return whole || scheme === 'http' || scheme === 'https' ? 'address in disguise' : null
  if (address === 'private') return whole && (view.home !== 'body' || !isDevelopment(lower)) ? 'private address' : null
  // http://expected.com:80#@127.0.0.1/: parsers disagree about where the host ends.
  if (whole && (view.chars & has.at) !== 0) {
    const last = /[#?\\\s&][^/@]{0,60}@\s{0,2}([^/@#?\\]{1,80})(?:[/?]|$)/.exec(lower.slice(from, from + 160))
    if (last?.[1] !== undefined && /^(?:private|metadata)$/.test(addressOf(hostOf(last[1], 0))))
      return 'private address'
  }
  return null
}

/** A callback of a developer's own machine: with a port and a path, as frameworks print it. */
function isDevelopment(text: string): boolean {
  return (
    /^https?:\/\/(?:localhost|127\.0\.0\.1|192\.168\.\d{1,3}\.\d{1,3}|10\.\d{1,3}\.\d{1,3}\.\d{1,3}):[1-9]\d{3,4}(?:\/[\w/.-]{0,60}(?:\?[\w=&.-]{0,80})?)?$/.test(
      text,
    ) && !/:(?:6379|11211|9200|2375|5432|3306|8500|27017|22|25)\b/.test(text)
  )
}

/** The host at the beginning of an authority: without user, port and brackets. */
function hostOf(text: string, from: number): string {
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
function addressOf(host: string): 'metadata' | 'private' | 'odd' | 'public' {
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

function metadata(view: View, start: number, end: number): string | null {
  if (view.document || (view.home === 'header' && (view.name === 'origin' || view.name === 'referer'))) return null
  const { lower } = view
  const name = lower.slice(start, end)
  if (/^[\d.]+$/.test(name)) {
    if (/[\d.]/.test(lower.charAt(end)) || /[\d.]/.test(lower.charAt(start - 1))) return null
    // The bare address is what hosts report about themselves as well.
    return lower.length === name.length || /[/@:]/.test(lower.charAt(end) + lower.charAt(start - 1))
      ? view.home === 'body' && lower.length === name.length
        ? null
        : 'metadata address'
      : null
  }
  return (view.chars & (has.slash | has.colon)) !== 0 || (lower.length < end - start + 3 && name.includes('.'))
    ? 'metadata address'
    : null
}

function bareHost(view: View, start: number, end: number): string | null {
  if (view.document || start !== 0 || view.home === 'key' || (view.home === 'header' && ownHosts.has(view.name)))
    return null
  const rest = view.lower.slice(end, end + 60)
  return /^(?:[\d.]{0,12})(?::\d{1,5})?\/[^\s]*$/.test(rest) && !/^[\d.]{0,12}\/\d{1,2}$/.test(rest)
    ? 'private address'
    : null
}

/*
 * Stops: remote file inclusion – a URL in a parameter that names a script to load, usually with a `?` to cut off what the
 *   application appends.
 * How: the whole value is a URL whose path ends in `?`, or names a script or a text file to be included, by address.
 * Limits: a URL that an API takes on purpose passes unless it has that shape; https://example.com/image.png does.
 */
export const rfi: Detector = {
  name: 'rfi',
  anchors: [
    { words: ['http://', 'https://', 'ftp://', 'ftps://'], needs: has.endsInQuestion, check: remote },
    {
      words: [
        ...[...'123456789'].flatMap((digit) => [`http://${digit}`, `https://${digit}`, `ftp://${digit}`]),
        '\\\\',
      ],
      check: remote,
    },
    { words: ['.txt', '.php', '.phtml', '.inc'], needs: has.slash, check: (view) => remote(view, 0) },
    {
      words: ['include(', 'require(', 'include "', "include '", 'require_once', 'include_once'],
      check: (view, _start, end) =>
        !view.document && /^\s{0,3}\(?\s{0,3}["']?(?:https?|ftp|php|data):/.test(view.lower.slice(end, end + 20))
          ? 'remote include'
          : null,
    },
  ],
}

const script = /\.(?:txt|php[3457]?|phtml|asp|aspx|jsp|jspx|cgi|pl|inc|sh|py|cfm|gif|jpg|png|dat|log|csv)\?{1,4}$/

function remote(view: View, start: number): string | null {
  if (start !== 0 || view.document || view.home === 'header' || view.home === 'key') return null
  const text = view.whole
  if (/\s/.test(text)) return null
  if (text.startsWith('\\\\'))
    return /^\\\\[\d.]{7,15}\\[\w$-]{1,40}\\/.test(text) ||
      (view.home !== 'body' && /^\\\\[\w.-]{3,60}\\[\w$-]{1,40}\\[\w.-]{1,40}/.test(text))
      ? 'network share'
      : null
  const bare = text.replace(/\?{1,4}$/, '')
  if (bare !== text && (script.test(text) || (view.home === 'query' && !bare.includes('?')))) return 'remote include'
  if (
    /^(?:https?|ftps?):\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d{1,5})?\/[\w/.-]{0,120}\.(?:txt|php[3457]?|phtml|asp|jsp|cgi|pl|inc|sh|py|exe|elf|bin)$/.test(
      text,
    )
  )
    return 'remote include'
  if (
    view.home === 'query' &&
    /(?:^|[_-])(?:file|include|inc|page|template|tpl|root|path|dir|document|folder|pg|style|doc|src|conf)(?:$|[_\]-])/.test(
      view.name,
    ) &&
    /^(?:[a-z]{2,8}:)?\/\/.{1,300}\.(?:txt|php[3457]?|phtml|inc)(?:\?.{0,80})?$/.test(text)
  )
    return 'remote include'
  return null
}

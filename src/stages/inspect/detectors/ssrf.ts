import { has } from '../character-classes.js'
import type { Detector, View } from '../view.js'
import { addressOf, hostOf } from './host-address.js'
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

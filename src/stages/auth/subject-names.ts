import { canonicalAddress } from '../../values/address.js'

/** One name that a certificate holds: `dns:partner.example`. */
export interface SubjectName {
  readonly kind: 'dns' | 'uri' | 'email' | 'ip'
  readonly value: string
}

const kinds: Readonly<Record<string, SubjectName['kind']>> = {
  DNS: 'dns',
  URI: 'uri',
  email: 'email',
  'IP Address': 'ip',
}

/**
 * The alternative names of a certificate, from the text that Node prints: `DNS:a.example, URI:"spiffe://a, b"`. Values
 * with characters that could end them early stand in quotes, as JSON (since CVE-2021-44532); what cannot be read that way
 * ends the list. Kinds that no rule knows are left out.
 */
export function subjectNames(text: string): readonly SubjectName[] {
  const names: SubjectName[] = []
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at)
    if (colon === -1) return names
    const kind = text.slice(at, colon)
    const found = text[colon + 1] === '"' ? quoted(text, colon + 1) : plain(text, colon + 1)
    if (found === null) return names
    const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (known !== undefined && found.value !== '') names.push({ kind: known, value: canonical(known, found.value) })
    at = found.end + 2
  }
  return names
}

function plain(text: string, start: number): { readonly value: string; readonly end: number } {
  const end = text.indexOf(', ', start)
  return { value: text.slice(start, end === -1 ? text.length : end), end: end === -1 ? text.length : end }
}

function quoted(text: string, start: number): { readonly value: string; readonly end: number } | null {
  let end = start + 1
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  try {
    const value: unknown = JSON.parse(text.slice(start, end + 1))
    return typeof value === 'string' ? { value, end: end + 1 } : null
  } catch {
    return null
  }
}

/** Hosts and the domains of mail without case; addresses in their one form; URIs as they are. RFC 5280 section 7 */
function canonical(kind: SubjectName['kind'], value: string): string {
  if (kind === 'dns') return value.toLowerCase()
  if (kind === 'ip') return canonicalAddress(value) ?? value.toLowerCase()
  const at = value.lastIndexOf('@')
  return kind === 'email' ? value.slice(0, at) + value.slice(at).toLowerCase() : value
}

const rule = /^(dns|uri|email|ip):(.+)$/
const host = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?$/i

/** Why a rule such as `dns:*.partner.example` cannot be kept; null where it can. */
export function faultOfRule(text: string): string | null {
  const [, kind, value = ''] = rule.exec(text) ?? []
  if (kind === undefined) return 'says no kind of name'
  if (kind === 'dns') return host.test(value) ? null : 'is no host name'
  if (kind === 'ip') return canonicalAddress(value) === null ? 'is no address' : null
  if (kind === 'email') return /^[^@*\s]+@[^@*\s]+$/.test(value) ? null : 'is no mail address'
  const fixed = value.endsWith('/*') ? value.slice(0, -1) : value
  return /^[a-z][a-z0-9+.-]*:[^\s*]+$/i.test(fixed) ? null : 'is no URI, or has a * elsewhere than after its last slash'
}

/** What the policy writes as one rule; `*` stands for one label of a host, or for the rest of a URI's path. */
export function nameRule(text: string): (name: SubjectName) => boolean {
  const [, kind = '', written = ''] = rule.exec(text) ?? []
  const value = canonical(kind as SubjectName['kind'], written) // by faultOfRule
  if (kind === 'dns' && value.startsWith('*.')) {
    const rest = value.slice(1)
    return (name) => {
      if (name.kind !== 'dns' || !name.value.endsWith(rest)) return false
      return /^[a-z0-9_-]+$/.test(name.value.slice(0, -rest.length))
    }
  }
  if (kind === 'uri' && value.endsWith('/*')) {
    const start = value.slice(0, -1)
    return (name) => {
      if (name.kind !== 'uri' || !name.value.startsWith(start)) return false
      const segments = name.value.slice(start.length).split('/')
      return segments.every((segment) => /^[A-Za-z0-9._~-]+$/.test(segment) && !/^\.+$/.test(segment))
    }
  }
  return (name) => name.kind === kind && name.value === value
}

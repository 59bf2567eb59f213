import type { DetectorName } from './detector-names.js'
import type { TextKind } from './view.js'

/** What code trips, and so Markdown, which holds code. */
const ofCode: ReadonlySet<DetectorName> = new Set<DetectorName>([
  'sqli',
  'nosqli',
  'os-command',
  'path-traversal',
  'rfi',
  'xss',
  'template',
  'ldap',
  'xpath',
  'xxe',
  'ssi',
  'crlf',
  'mail',
  'ssrf',
  'code',
  'encoding',
])

/**
 * Detectors that a field of a known kind does without, because such text is made of what they look for. Code and
 * Markdown hold examples of everything; what no text should hold (a JNDI lookup, a polluted prototype) is still stopped.
 */
const lifted: Readonly<Record<TextKind, ReadonlySet<DetectorName>>> = {
  prose: new Set<DetectorName>(['rfi', 'ldap', 'mail']),
  code: ofCode,
  html: new Set<DetectorName>(['xss', 'template', 'os-command', 'ssi', 'rfi', 'ldap', 'mail', 'xxe']),
  markdown: ofCode,
  sql: new Set<DetectorName>(['sqli', 'os-command', 'ldap', 'xpath', 'mail']),
}

/** Whether text of this kind does without the detector. */
export function liftedBy(kind: TextKind, detector: DetectorName): boolean {
  return lifted[kind].has(detector)
}

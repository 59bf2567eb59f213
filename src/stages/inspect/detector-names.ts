/** What an exception's `rule` may name; also the last part of the deny code: `inspect.sqli`. */
export const detectorNames = [
  'sqli',
  'nosqli',
  'os-command',
  'path-traversal',
  'rfi',
  'xss',
  'template',
  'jndi',
  'ldap',
  'xpath',
  'xxe',
  'ssi',
  'crlf',
  'mail',
  'ssrf',
  'code',
  'prototype-pollution',
  'graphql',
  'scanner',
  'encoding',
] as const

export type DetectorName = (typeof detectorNames)[number]

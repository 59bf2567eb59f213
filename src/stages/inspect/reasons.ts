import type { Reason } from '../contract.js'
import { type DetectorName, detectorNames } from './detector-names.js'

const sentences: Readonly<Record<DetectorName, string>> = {
  sqli: 'A value would change the structure of an SQL statement.',
  nosqli: 'A value carries a query operator of a document database.',
  'os-command': 'A value would run a command of the operating system.',
  'path-traversal': 'A value leaves its folder or names a sensitive file.',
  rfi: 'A value would make the function load code from elsewhere.',
  xss: 'A value carries HTML or a URL that runs script.',
  template: 'A value carries a template or expression that reaches code.',
  jndi: 'A value carries a lookup that makes a logger fetch code.',
  ldap: 'A value would change the structure of an LDAP filter.',
  xpath: 'A value would change the structure of an XPath expression.',
  xxe: 'A value declares an XML entity or document type.',
  ssi: 'A value carries a server-side include.',
  crlf: 'A value would add a header or split a response.',
  mail: 'A value would add headers or commands to a mail.',
  ssrf: 'A value points at a private, local or metadata address.',
  code: 'A value carries code or serialised objects of a programming language.',
  'prototype-pollution': 'A key would change the prototype of JavaScript objects.',
  graphql: 'A GraphQL document is abusive.',
  scanner: 'The caller names itself as a vulnerability scanner.',
  encoding: 'A value is wrapped in more encodings than can be unwrapped within the limits.',
}

/** Every code `inspect` may deny with; callers see one coarse code, so that nobody can probe the detectors. */
export const reasons: Readonly<Record<DetectorName, Reason>> = Object.fromEntries(
  detectorNames.map((name) => [
    name,
    { code: `inspect.${name}`, status: 403, shown: 'inspect.denied', sentence: sentences[name] },
  ]),
) as Record<DetectorName, Reason> // made of exactly those names

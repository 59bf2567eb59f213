import type { DetectorName } from './detector-names.js'

/** How each detector decides, in a sentence or two for whoever asks why a value was stopped. */
export const reasoning: Readonly<Record<DetectorName, string>> = {
  sqli: 'The value is split into SQL tokens, read bare and inside quotes. A quote that ends the host’s string, an operator, a comparison of literals, UNION SELECT, a second statement or a database function count by their place, never a word alone.',
  nosqli:
    'Operators of document databases count where a driver would read them: as a key, in brackets of a parameter name, in a text that is such an object; script counts behind a break-out.',
  'os-command':
    'At every separator and substitution the next word is read as a shell reads it, quotes and carets dropped. A program counts by its name, one whose name is an everyday word by its arguments.',
  'path-traversal':
    'Steps upward are counted after decoding; names of system files and secret files count in the path, the query and file names, and in bodies only where no configuration would hold them.',
  rfi: 'A whole value that is a URL of a script, or that ends in a question mark to cut off what follows.',
  xss: 'Tags are read as browsers read them. An event attribute, an element or a URL that runs script counts, outside tags a call or object of the page with what stands around it.',
  template:
    'What stands between the delimiters of a template counts when it computes, calls or reaches for the engine’s own objects; a plain placeholder passes.',
  jndi: 'Lookups are resolved from the inside out, as the logger would, and the name of the outermost is read.',
  ldap: 'A bracket that closes the host’s filter and opens another, or a filter as the whole value.',
  xpath: 'Axes, node tests and functions that only XPath has, with the sign that belongs to them.',
  xxe: 'A declaration of an entity or a document type that loads something, or an include.',
  ssi: 'The opening of a server-side or edge-side include with one of its directives.',
  crlf: 'A line break and then a header, a status line or a request line, where a value goes into a head.',
  mail: 'A line break and then a mail header with an address, or a command of the mail protocols.',
  ssrf: 'The host of a URL is read as lenient parsers read it and compared with private, local and metadata addresses.',
  code: 'A call, tag, class or serialized object that only a programming language has, with its brackets or as the whole value.',
  'prototype-pollution': 'A key or path that reaches the prototype of every object.',
  graphql: 'The document is measured with its fragments in place and compared with the limits of the route.',
  scanner: 'The name of a scanner in the headers where it says who it is.',
  encoding: 'The value is wrapped in more layers, or unpacks to more, than the limits allow to undo.',
}

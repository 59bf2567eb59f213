import type { Detector } from '../view.js'
import { code } from './code.js'
import { crlf, mail } from './headers.js'
import { jndi } from './jndi.js'
import { nosqli } from './nosqli.js'
import { osCommand } from './os-command.js'
import { pathTraversal } from './path-traversal.js'
import { prototypePollution } from './prototype-pollution.js'
import { rfi } from './rfi.js'
import { scanner } from './scanner.js'
import { sqli } from './sqli.js'
import { ssrf } from './ssrf.js'
import { ldap, ssi, xpath, xxe } from './structures.js'
import { template } from './template.js'
import { xss } from './xss.js'

/** Every detector, in the order in which they judge a value: the most certain and the cheapest first. */
export const detectors: readonly Detector[] = [
  jndi,
  prototypePollution,
  nosqli,
  sqli,
  ssi,
  xxe,
  xss,
  code,
  template,
  osCommand,
  pathTraversal,
  ldap,
  xpath,
  crlf,
  mail,
  ssrf,
  rfi,
  scanner,
]

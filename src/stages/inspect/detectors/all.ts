import type { Detector } from '../view.js'
import { jndi } from './jndi.js'
import { osCommand } from './os-command.js'
import { pathTraversal } from './path-traversal.js'
import { sqli } from './sqli.js'
import { template } from './template.js'
import { xss } from './xss.js'

/** Every detector, in the order in which they judge a value: the most certain and the cheapest first. */
export const detectors: readonly Detector[] = [jndi, sqli, xss, osCommand, template, pathTraversal]

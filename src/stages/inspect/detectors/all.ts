import type { Detector } from '../view.js'
import { sqli } from './sqli.js'

/** Every detector, in the order in which they judge a value: the most certain and the cheapest first. */
export const detectors: readonly Detector[] = [sqli]

import { base64Text } from './decode/base64.js'
import { decodeRound, withoutComments } from './decode/rounds.js'
import type { DetectorName } from './detector-names.js'
import { detectors } from './detectors/all.js'
import { type Found, Inspector } from './inspector.js'
import { Triage } from './triage.js'
import type { Home } from './view.js'

/** One reading of a value on its way to being judged, with what each detector says of this very text. */
export interface TracedReading {
  /** What was undone to get here: `percent, entities`; empty for the value as it came. */
  readonly how: string
  readonly text: string
  readonly findings: readonly { readonly detector: DetectorName; readonly technique: string; readonly at: number }[]
}

/** What a value goes through, for a person who asks; the verdict is the inspector's own. */
export interface Trace {
  readonly readings: readonly TracedReading[]
  readonly found: Found | null
}

/** Rounds to show; the inspector's own bound is lower. */
const mostReadings = 8

/** Follows one value through its decodings and asks each detector alone. Slow: for people, not for traffic. */
export function traceValue(value: string, home: Home, name: string, isStrict: boolean): Trace {
  const never = (): boolean => false
  const all = new Inspector(detectors, isStrict)
  const single = detectors.map((detector) => new Inspector([detector], isStrict))
  const triage = new Triage(detectors)
  const readings: TracedReading[] = []
  const add = (how: string, text: string): void => {
    const findings = single.flatMap((inspector) => {
      const found = inspector.inspect(text, home, name, never)
      // A finding behind more decoding belongs to a later reading.
      return found === null || found.view.decoded !== ''
        ? []
        : [{ detector: found.detector, technique: found.technique, at: found.at }]
    })
    readings.push({ how, text, findings })
  }
  let text = value
  let steps: string[] = []
  add('', text)
  while (readings.length < mostReadings) {
    const bare = withoutComments(text)
    if (bare !== text) add([...steps, 'comments'].join(', '), bare)
    triage.automaton.scan(text)
    const next = base64Text(text) ?? decodeRound(text, triage.automaton.chars)
    if (next === null || next.text === null) break
    text = next.text
    steps = [...steps, next.how]
    add(steps.join(', '), text)
  }
  return { readings, found: all.inspect(value, home, name, never) }
}

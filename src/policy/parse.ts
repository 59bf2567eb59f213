import { type Event, parseEvents, YAMLException } from 'js-yaml'
import type { Node } from './node.js'
import type { Report } from './problems.js'
import type { Source } from './source.js'
import { type KnownValues, TreeBuilder } from './tree.js'
import { explainYamlFault } from './yaml-faults.js'

/** Deeper nesting is no policy. */
const maxDepth = 64

/**
 * Reads one YAML 1.2 text into nodes that know their places. Undefined where there is nothing to go on with: a broken
 * text, whose problem is reported, or an empty one. Aliases are refused, so a text never grows when it is read.
 */
export function parseYaml(source: Source, report: Report, known: KnownValues = new Map()): Node | undefined {
  const control = firstControl(source.text)
  if (control !== -1) {
    // The parser lets them pass in comments, where an editor may hide what a terminal obeys.
    report(explainYamlFault('the stream contains non-printable', control, source))
    return undefined
  }
  let events: Event[]
  try {
    events = parseEvents(source.text, { maxDepth })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    report(explainYamlFault(error.reason, error.mark?.position ?? 0, source))
    return undefined
  }
  return new TreeBuilder(source, events, report, known).build()
}

/** Where a character stands that no YAML text may hold; -1 for nowhere. YAML 1.2.2, section 5.1 */
function firstControl(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return i
    if (code === 0x7f || code >= 0xfffe) return i
  }
  return -1
}

import { COLLECTION_STYLE, EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml'
import { EntriesBuilder, isTreacherousKey, type MapNode, type Node } from './node.js'
import type { Report } from './problems.js'
import { typePlain } from './scalar.js'
import type { Source } from './source.js'

/**
 * Values of short flow maps by their text: `{ type: string }` on a thousand routes is one value with a thousand places, so
 * whoever judges values by identity judges it once.
 */
export type KnownValues = Map<string, Readonly<Record<string, unknown>>>

const maxKnownText = 512

const maxKnown = 50_000

/** Turns the parser's flat events into nodes, in one pass. */
export class TreeBuilder {
  readonly #source: Source
  readonly #text: string
  readonly #events: readonly Event[]
  readonly #report: Report
  readonly #known: KnownValues
  #next = 0

  constructor(source: Source, events: readonly Event[], report: Report, known: KnownValues) {
    this.#source = source
    this.#text = source.text
    this.#events = events
    this.#report = report
    this.#known = known
  }

  build(): Node | undefined {
    const head = this.#events[0]
    if (head === undefined || head.type !== EVENT_ID.DOCUMENT) return undefined
    if (head.directives.length > 0) {
      this.#problem(
        0,
        1,
        'policy.yaml-directive',
        'YAML directives are not used in policies.',
        'Delete the lines that begin with %.',
      )
    }
    this.#next = 1
    const first = this.#events[1]
    if (first === undefined || first.type === EVENT_ID.POP) return undefined
    const root = this.#node(0)
    this.#next++
    const second = this.#events[this.#next]
    if (second !== undefined) {
      const start = secondDocument(this.#text)
      this.#problem(
        start,
        start + 3,
        'policy.yaml-documents',
        'A policy file holds one document; here a second one begins.',
        'Move it to a file of its own, or delete the line ---.',
      )
    }
    return root
  }

  #node(fallback: number): Node {
    const event = this.#events[this.#next++]
    if (event === undefined) throw new Error('the YAML parser ended in the middle of a node')
    switch (event.type) {
      case EVENT_ID.SCALAR:
        return this.#scalar(event, fallback)
      case EVENT_ID.MAPPING:
        this.#refuseProperties(event)
        return this.#map(event.start, event.style === COLLECTION_STYLE.FLOW)
      case EVENT_ID.SEQUENCE:
        this.#refuseProperties(event)
        return this.#list(event.start, event.style === COLLECTION_STYLE.FLOW)
      case EVENT_ID.ALIAS:
        this.#problem(
          event.anchorStart - 1,
          event.anchorEnd,
          'policy.yaml-alias',
          'Anchors and aliases are not used in policies.',
          'Write the value out, or share it: `defaults:` for settings, a name under `rateLimits:`, `upstreams:` or `issuers:` for things.',
        )
        // A text, so that whatever is wrong with it falls on the place that has its problem already.
        return { kind: 'scalar', source: this.#source, start: event.anchorStart - 1, end: event.anchorEnd, value: '*' }
      default:
        throw new Error(`the YAML parser gave event ${event.type} where a node was due`)
    }
  }

  #scalar(event: ScalarEvent, fallback: number): Node {
    this.#refuseProperties(event)
    if (event.valueStart < 0) return this.#null(fallback)
    const { valueStart: start, valueEnd: end } = event
    const text = getScalarValue(this.#text, event)
    const source = this.#source
    if (event.style !== SCALAR_STYLE.PLAIN) {
      // Quoted text is underlined with its quotes.
      const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED
      return { kind: 'scalar', source, start: quoted ? start - 1 : start, end: quoted ? end + 1 : end, value: text }
    }
    const typed = typePlain(text)
    if ('value' in typed) return { kind: 'scalar', source, start, end, value: typed.value }
    if (typed.fault === 'number-too-large') {
      this.#problem(
        start,
        end,
        'policy.number-inexact',
        'This number is too large to be kept exactly.',
        'Quote it if it is a text.',
      )
    } else {
      this.#problem(
        start,
        end,
        'policy.number-ambiguous',
        'A number that begins with 0 is read in two ways.',
        'Quote it if it is a text, or drop the zero.',
      )
    }
    return { kind: 'scalar', source, start, end, value: text }
  }

  #map(start: number, isFlow: boolean): MapNode {
    const source = this.#source
    const entries = new EntriesBuilder()
    const value: Record<string, unknown> = {}
    // Of a flow collection at least the bracket counts: `{}` and `[]` must not read as the same text.
    let end = isFlow ? start + 1 : start
    while (this.#events[this.#next]?.type !== EVENT_ID.POP) {
      const key = this.#key(end)
      const node = this.#node(key.end)
      end = Math.max(key.end, node.end)
      if (key.name === null) continue
      const earlier = entries.get(key.name)
      if (earlier !== undefined) {
        this.#report({
          code: 'policy.key-duplicate',
          message: `The key "${key.name}" stands twice in one map.`,
          hint: `Keep one of the two: the first is at line ${source.line(earlier.keyStart)}.`,
          at: source.place(key.start, key.end),
          related: [{ message: 'first written here', place: source.place(earlier.keyStart, earlier.keyEnd) }],
        })
        continue
      }
      entries.add({ key: key.name, source, keyStart: key.start, keyEnd: key.end, node })
      value[key.name] = node.value
    }
    this.#next++
    return {
      kind: 'map',
      source,
      start,
      end,
      entries: entries.build(),
      value: isFlow ? this.#shared(start, end, value) : value,
    }
  }

  /** The one value that all flow maps of the same text share; up to the last token, the text says all. */
  #shared(start: number, end: number, value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    if (end - start > maxKnownText) return value
    const text = this.#text.slice(start, end)
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= maxKnown) this.#known.clear()
    this.#known.set(text, value)
    return value
  }

  /** The key of the next pair; its name is null when it was refused. */
  #key(fallback: number): { readonly name: string | null; readonly start: number; readonly end: number } {
    const node = this.#node(fallback)
    const { start, end } = node
    if (node.kind !== 'scalar') {
      this.#problem(
        start,
        end,
        'policy.key-not-text',
        'A key is a text; this one is a list or a map.',
        'Write `key: value`.',
      )
    } else if (typeof node.value !== 'string') {
      const text = this.#text.slice(start, end)
      this.#problem(
        start,
        end,
        'policy.key-not-text',
        `A key is a text; YAML reads ${text === '' ? 'an empty key' : text} as something else.`,
        text === '' ? 'Write `key: value`.' : `Quote it: "${text}".`,
      )
    } else if (node.value === '<<') {
      this.#problem(
        start,
        end,
        'policy.yaml-merge-key',
        'The merge key << is not used in policies.',
        'Put what routes share under `defaults:`, or into _defaults.yaml.',
      )
    } else if (isTreacherousKey(node.value)) {
      this.#problem(
        start,
        end,
        'policy.key-refused',
        `The key "${node.value}" is refused: every object seems to have it already.`,
        'Choose another name.',
      )
    } else {
      return { name: node.value, start, end }
    }
    return { name: null, start, end }
  }

  #list(start: number, isFlow: boolean): Node {
    const items: Node[] = []
    let end = isFlow ? start + 1 : start
    while (this.#events[this.#next]?.type !== EVENT_ID.POP) {
      const item = this.#node(end)
      end = Math.max(end, item.end)
      items.push(item)
    }
    this.#next++
    return { kind: 'list', source: this.#source, start, end, items, value: items.map((item) => item.value) }
  }

  #null(at: number): Node {
    const start = Math.max(0, Math.min(at, this.#text.length - 1))
    return { kind: 'scalar', source: this.#source, start, end: start + 1, value: null }
  }

  #refuseProperties(event: {
    readonly anchorStart: number
    readonly anchorEnd: number
    readonly tagStart: number
    readonly tagEnd: number
  }): void {
    if (event.tagStart >= 0) {
      this.#problem(
        event.tagStart,
        event.tagEnd,
        'policy.yaml-tag',
        'YAML tags are not used in policies.',
        'Delete it; quote the value if it is a text.',
      )
    }
    if (event.anchorStart >= 0) {
      this.#problem(
        event.anchorStart - 1,
        event.anchorEnd,
        'policy.yaml-alias',
        'Anchors and aliases are not used in policies.',
        'Delete the anchor; put what is shared under `defaults:` or a name.',
      )
    }
  }

  #problem(start: number, end: number, code: string, message: string, hint: string): void {
    this.#report({ code, message, hint, at: this.#source.place(Math.max(0, start), end) })
  }
}

/** Where the second document begins; the events do not say. */
function secondDocument(text: string): number {
  const marks = [...text.matchAll(/^(---|\.\.\.)(?=\s|$)/gm)]
  const first = marks[0]
  if (first === undefined) return 0
  // A mark before any content opens the first document.
  const opens = first[0] === '---' && /^(\s*(#.*)?\r?\n)*$/.test(text.slice(0, first.index))
  return (opens ? marks[1] : first)?.index ?? 0
}

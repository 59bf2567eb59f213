import { EntriesBuilder, isTreacherousKey, type Node } from './node.js'
import type { Report } from './problems.js'
import type { Source } from './source.js'

const maxDepth = 64

/**
 * Reads one JSON text (RFC 8259) into nodes that know their places; stricter than `JSON.parse`, which keeps the last of
 * two equal keys and says nothing. Undefined when the text is broken; the problem is reported.
 */
export function parseJson(source: Source, report: Report): Node | undefined {
  try {
    return new JsonReader(source, report).read()
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault
    report({
      code: 'policy.json-broken',
      message: `This is no valid JSON: ${fault.message}.`,
      hint: 'JSON has no comments and no trailing commas; texts and keys stand in double quotes.',
      at: source.place(Math.min(fault.position, Math.max(0, source.text.length - 1))),
    })
    return undefined
  }
}

class JsonFault extends Error {
  readonly position: number

  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

class JsonReader {
  readonly #source: Source
  readonly #text: string
  readonly #report: Report
  #at = 0

  constructor(source: Source, report: Report) {
    this.#source = source
    this.#text = source.text
    this.#report = report
  }

  read(): Node {
    const root = this.#value(0)
    this.#blank()
    if (this.#at < this.#text.length) throw new JsonFault('something follows the value', this.#at)
    return root
  }

  #blank(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #value(depth: number): Node {
    if (depth > maxDepth) throw new JsonFault(`it is nested more than ${maxDepth} levels deep`, this.#at)
    this.#blank()
    const start = this.#at
    const source = this.#source
    switch (this.#text[start]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return { kind: 'scalar', source, value: this.#string(), start, end: this.#at }
      case undefined:
        throw new JsonFault('it ends too early', start)
      default:
        return { kind: 'scalar', source, value: this.#word(), start, end: this.#at }
    }
  }

  #object(depth: number): Node {
    const source = this.#source
    const start = this.#at++
    const entries = new EntriesBuilder()
    const value: Record<string, unknown> = {}
    this.#blank()
    if (this.#text[this.#at] === '}') this.#at++
    else {
      do {
        this.#blank()
        const keyStart = this.#at
        if (this.#text[keyStart] !== '"') throw new JsonFault('a key in double quotes is due here', keyStart)
        const key = this.#string()
        const keyEnd = this.#at
        this.#blank()
        if (this.#text[this.#at++] !== ':') throw new JsonFault('a colon is due here', this.#at - 1)
        const node = this.#value(depth + 1)
        if (this.#keyIsRefused(key, keyStart, keyEnd, entries)) continue
        entries.add({ key, source, keyStart, keyEnd, node })
        value[key] = node.value
      } while (this.#goesOn('}'))
    }
    return { kind: 'map', source, start, end: this.#at, entries: entries.build(), value }
  }

  #keyIsRefused(key: string, start: number, end: number, entries: EntriesBuilder): boolean {
    const at = this.#source.place(start, end)
    if (isTreacherousKey(key)) {
      this.#report({
        code: 'policy.key-refused',
        message: `The key "${key}" is refused: every object seems to have it already.`,
        hint: 'Choose another name.',
        at,
      })
      return true
    }
    const earlier = entries.get(key)
    if (earlier === undefined) return false
    this.#report({
      code: 'policy.key-duplicate',
      message: `The key "${key}" stands twice in one map.`,
      hint: `Keep one of the two: the first is at line ${this.#source.line(earlier.keyStart)}.`,
      at,
      related: [{ message: 'first written here', place: this.#source.place(earlier.keyStart, earlier.keyEnd) }],
    })
    return true
  }

  #array(depth: number): Node {
    const start = this.#at++
    const items: Node[] = []
    this.#blank()
    if (this.#text[this.#at] === ']') this.#at++
    else {
      do items.push(this.#value(depth + 1))
      while (this.#goesOn(']'))
    }
    return { kind: 'list', source: this.#source, start, end: this.#at, items, value: items.map((item) => item.value) }
  }

  /** After an item: whether a comma leads to the next one. */
  #goesOn(closing: string): boolean {
    this.#blank()
    const found = this.#text[this.#at]
    if (found !== ',' && found !== closing) throw new JsonFault(`a comma or ${closing} is due here`, this.#at)
    this.#at++
    return found === ','
  }

  #string(): string {
    const start = this.#at
    let end = start + 1
    while (this.#text[end] !== '"') {
      if (end >= this.#text.length) throw new JsonFault('a text is not closed', start)
      end += this.#text[end] === '\\' ? 2 : 1
    }
    this.#at = end + 1
    return this.#native<string>(start, end + 1, 'this text holds a control character or an unknown escape')
  }

  #word(): number | boolean | null {
    const start = this.#at
    while (/[-+.0-9A-Za-z]/.test(this.#text[this.#at] ?? '')) this.#at++
    if (this.#at === start) throw new JsonFault(`"${this.#text[start]}" cannot stand here`, start)
    const value = this.#native<number | boolean | null>(
      start,
      this.#at,
      `${this.#text.slice(start, Math.min(this.#at, start + 20))} means nothing in JSON`,
    )
    if (typeof value === 'number' && !Number.isFinite(value)) throw new JsonFault('this number is too large', start)
    return value
  }

  /** The platform's own reader decides about single scalars. */
  #native<T extends string | number | boolean | null>(start: number, end: number, fault: string): T {
    try {
      return JSON.parse(this.#text.slice(start, end)) as T // a scalar of the kind that the caller has seen begin
    } catch {
      throw new JsonFault(fault, start)
    }
  }
}

const quote = 0x22
const backslash = 0x5c
const replacement = '"[redacted]"'

/** Takes fields out of a JSON text that is known to be well-formed; null where none of them stands in it. */
export type RedactJson = (json: Buffer) => Buffer | null

/**
 * Compiles the removal of fields. All other bytes stay as the function wrote them: numbers keep their digits and keys
 * their order, which parsing and writing again would not promise. Of a key that stands twice, both go.
 */
export function compileRedaction(pointers: readonly (readonly string[])[]): RedactJson {
  // Bytes as characters, so that what is not cut is copied as it is; keys of the policy are brought to the same form.
  const paths = pointers.map((tokens) => tokens.map(asBytes))
  return (json) => {
    const text = json.toString('latin1')
    const walk = new Walk(text)
    walk.value(paths, 0)
    return walk.out === '' ? null : Buffer.from(walk.out + text.slice(walk.copiedTo), 'latin1')
  }
}

class Walk {
  readonly #text: string
  #at = 0
  out = ''
  copiedTo = 0

  constructor(text: string) {
    this.#text = text
  }

  /** @param live paths that go on below this value; `depth` of their steps have been taken. */
  value(live: readonly (readonly string[])[], depth: number): void {
    this.#blanks()
    const opening = this.#text[this.#at]
    if (opening === '{') this.#members(live, depth, true)
    else if (opening === '[') this.#members(live, depth, false)
    else this.#skip()
  }

  #members(live: readonly (readonly string[])[], depth: number, isObject: boolean): void {
    const closing = isObject ? '}' : ']'
    this.#at++
    for (let index = 0; ; index++) {
      this.#blanks()
      if (this.#text[this.#at] === closing) break
      let key = String(index)
      if (isObject) {
        key = this.#key()
        this.#blanks()
        this.#at++ // the colon
        this.#blanks()
      }
      const further = live.filter((path) => path[depth] === key || path[depth] === '*')
      if (further.some((path) => path.length === depth + 1)) this.#cut()
      else if (further.length > 0) this.value(further, depth + 1)
      else this.#skip()
      this.#blanks()
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
  }

  #cut(): void {
    this.out += this.#text.slice(this.copiedTo, this.#at) + replacement
    this.#skip()
    this.copiedTo = this.#at
  }

  #key(): string {
    const start = this.#at
    this.#skipString()
    const raw = this.#text.slice(start + 1, this.#at - 1)
    if (!raw.includes('\\')) return raw
    return asBytes(String(JSON.parse(Buffer.from(`"${raw}"`, 'latin1').toString('utf8'))))
  }

  #blanks(): void {
    while (this.#text.charCodeAt(this.#at) <= 0x20) this.#at++
  }

  /** Over one value, however deep. */
  #skip(): void {
    let depth = 0
    for (; this.#at < this.#text.length; ) {
      const char = this.#text.charCodeAt(this.#at)
      if (char === quote) {
        this.#skipString()
        if (depth === 0) return
        continue
      }
      if (char === 0x7b || char === 0x5b) depth++
      else if (char === 0x7d || char === 0x5d) {
        if (depth === 0) return // the end of what holds a number or a word
        depth--
        if (depth === 0) {
          this.#at++
          return
        }
      } else if (depth === 0 && (char === 0x2c || char <= 0x20)) return
      this.#at++
    }
  }

  #skipString(): void {
    this.#at++
    for (; this.#text.charCodeAt(this.#at) !== quote; this.#at++) {
      if (this.#text.charCodeAt(this.#at) === backslash) this.#at++
      if (this.#at >= this.#text.length) throw new Error('a JSON text that was well-formed ends inside a string')
    }
    this.#at++
  }
}

function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Kinds of GraphQL tokens; punctuation is told apart by its character code. */
export const token = { end: 0, punctuation: 1, spread: 2, name: 3, number: 4, string: 5, fault: 6 } as const

/** Reads a GraphQL document token by token, in one pass. GraphQL, October 2021, section 2.1 */
export class Tokens {
  readonly text: string
  /** The current token: its kind, where it starts and ends, and its character code if it is punctuation. */
  kind: number = token.end
  start = 0
  end = 0
  code = 0
  /** The texts of all string values so far: what a caller may put between quotes. */
  readonly literals: string[] = []

  constructor(text: string) {
    this.text = text
    this.next()
  }

  /** The current token's text. */
  get word(): string {
    return this.text.slice(this.start, this.end)
  }

  /** Whether the current token is this punctuation. */
  is(sign: string): boolean {
    return this.kind === token.punctuation && this.code === sign.charCodeAt(0)
  }

  /** Whether the current token is of this kind. A question each time: the answer changes with every step. */
  isKind(kind: number): boolean {
    return this.kind === kind
  }

  next(): void {
    const { text } = this
    let at = this.end
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === 35) {
        while (at < text.length && text.charCodeAt(at) !== 10 && text.charCodeAt(at) !== 13) at++
      } else if (code !== 32 && code !== 9 && code !== 10 && code !== 13 && code !== 44 && code !== 0xfeff) break
    }
    this.start = at
    if (at >= text.length) {
      this.kind = token.end
      this.end = at
      return
    }
    const code = text.charCodeAt(at)
    this.code = code
    if (isNameStart(code)) {
      this.kind = token.name
      do at++
      while (at < text.length && (isNameStart(text.charCodeAt(at)) || isDigit(text.charCodeAt(at))))
      this.end = at
    } else if (code === 34) this.#string(at)
    else if (isDigit(code) || code === 45) {
      this.kind = token.number
      do at++
      while (at < text.length && /[0-9.eE+-]/.test(text.charAt(at)))
      this.end = at
    } else if (text.startsWith('...', at)) {
      this.kind = token.spread
      this.end = at + 3
    } else {
      this.kind = '!$&():=@[]{|}'.includes(text.charAt(at)) ? token.punctuation : token.fault
      this.end = at + 1
    }
  }

  #string(at: number): void {
    const { text } = this
    this.kind = token.string
    if (text.startsWith('"""', at)) {
      let close = text.indexOf('"""', at + 3)
      while (close !== -1 && text.charCodeAt(close - 1) === 92) close = text.indexOf('"""', close + 3)
      this.#literal(text.slice(at + 3, close === -1 ? text.length : close), close === -1 ? -1 : close + 3)
      return
    }
    let close = at + 1
    for (; close < text.length; close++) {
      const code = text.charCodeAt(close)
      if (code === 34 || code === 10 || code === 13) break
      if (code === 92) close++
    }
    this.#literal(text.slice(at + 1, close), text.charCodeAt(close) === 34 ? close + 1 : -1)
  }

  #literal(value: string, end: number): void {
    this.literals.push(value)
    if (end === -1) this.kind = token.fault
    this.end = end === -1 ? this.text.length : end
  }
}

const isNameStart = (code: number): boolean => {
  const lower = code | 32
  return (lower >= 97 && lower <= 122) || code === 95
}
const isDigit = (code: number): boolean => code >= 48 && code <= 57

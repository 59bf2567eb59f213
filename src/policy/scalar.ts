/** What a plain scalar is by the YAML 1.2 core schema, or why it is refused. YAML 1.2.2, section 10.3.2 */
export type PlainScalar =
  | { readonly value: string | number | boolean | null }
  | { readonly fault: 'number-too-large' | 'number-leading-zero' }

const words = new Map<string, boolean | null>([
  ['', null],
  ['~', null],
  ['null', null],
  ['Null', null],
  ['NULL', null],
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
])

/** Types a plain scalar. Numbers that a double cannot hold, or that YAML 1.1 reads as octal, are faults: quote them. */
export function typePlain(text: string): PlainScalar {
  const first = text.charCodeAt(0)
  const isNumberLike = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e
  if (!isNumberLike) {
    // Only `~`, `n`, `t`, `f` in either case, and nothing, begin a word of the core schema.
    if (text.length > 5) return { value: text }
    const word = words.get(text)
    return { value: word === undefined ? text : word }
  }
  if (text.length > 64) return { value: text }
  return typeNumber(text)
}

function typeNumber(text: string): PlainScalar {
  if (/^[-+]?[0-9]+$/.test(text)) {
    if (/^[-+]?0[0-9]/.test(text)) return { fault: 'number-leading-zero' }
    const value = Number(text)
    return Number.isSafeInteger(value) ? { value } : { fault: 'number-too-large' }
  }
  if (/^0o[0-7]+$|^0x[0-9a-fA-F]+$/.test(text)) {
    const value = Number(text)
    return Number.isSafeInteger(value) ? { value } : { fault: 'number-too-large' }
  }
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? { value } : { fault: 'number-too-large' }
  }
  if (/^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$/.test(text)) return { fault: 'number-too-large' }
  return { value: text }
}

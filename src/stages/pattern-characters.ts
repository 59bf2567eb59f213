import type { AST } from '@eslint-community/regexpp'

/** A set of code points: sorted, disjoint ranges, both ends included. */
export type CharSet = readonly (readonly [number, number])[]

const last = 0x10ffff
/** Every code point. */
export const anyCharacter: CharSet = [[0, last]]

const digits: CharSet = [[0x30, 0x39]]
const words: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
/** ECMA-262: WhiteSpace and LineTerminator. */
const blanks: CharSet = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const lineEnds: CharSet = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]

/** The characters that one element of a pattern (flag `u`, no others) takes. */
export function charactersOf(
  node: AST.Character | AST.CharacterSet | AST.CharacterClass | AST.ExpressionCharacterClass,
): CharSet {
  switch (node.type) {
    case 'Character':
      return [[node.value, node.value]]
    case 'CharacterSet':
      return escapeSet(node)
    case 'CharacterClass': {
      const ranges = node.elements.flatMap((element): CharSet => {
        if (element.type === 'CharacterClassRange') return [[element.min.value, element.max.value]]
        if (element.type === 'Character' || element.type === 'CharacterSet') return charactersOf(element)
        return anyCharacter // only with flag `v`, which ajv does not set
      })
      const set = normalize(ranges)
      return node.negate ? invert(set) : set
    }
    case 'ExpressionCharacterClass':
      return anyCharacter // only with flag `v`
  }
}

function escapeSet(node: AST.CharacterSet): CharSet {
  switch (node.kind) {
    case 'any':
      return invert(lineEnds)
    case 'digit':
      return node.negate ? invert(digits) : digits
    case 'space':
      return node.negate ? invert(blanks) : blanks
    case 'word':
      return node.negate ? invert(words) : words
    case 'property':
      return propertySet(node.raw)
  }
}

/**
 * The code points of `\p{…}`, asked of the engine that will run the pattern: each of the scripts in daily use, and one
 * in eight or sixteen of the rest, whose categories come in blocks.
 */
function propertySet(raw: string): CharSet {
  const property = new RegExp(raw, 'u')
  const ranges: [number, number][] = []
  let step = 1
  for (let code = 0; code <= last; code += step) {
    step = code < 0x3000 ? 1 : code < 0x20000 ? 8 : 16
    if (property.test(String.fromCodePoint(code))) ranges.push([code, code + step - 1])
  }
  return normalize(ranges)
}

function normalize(ranges: CharSet): CharSet {
  const result: [number, number][] = []
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1)
    if (previous !== undefined && low <= previous[1] + 1) previous[1] = Math.max(previous[1], high)
    else result.push([low, high])
  }
  return result
}

function invert(set: CharSet): CharSet {
  const result: [number, number][] = []
  let from = 0
  for (const [low, high] of set) {
    if (low > from) result.push([from, low - 1])
    from = high + 1
  }
  if (from <= last) result.push([from, last])
  return result
}

/** The characters in both sets. */
export function intersect(a: CharSet, b: CharSet): CharSet {
  const result: [number, number][] = []
  let i = 0
  let j = 0
  for (;;) {
    const left = a[i]
    const right = b[j]
    if (left === undefined || right === undefined) return result
    const low = Math.max(left[0], right[0])
    const high = Math.min(left[1], right[1])
    if (low <= high) result.push([low, high])
    if (left[1] < right[1]) i++
    else j++
  }
}

/** A character of the set that reads well in a message: a letter or digit if there is one. */
export function sample(set: CharSet): string {
  for (const wish of ['a', '1', 'A', '-', '.', ' ']) {
    const code = wish.charCodeAt(0)
    if (set.some(([low, high]) => low <= code && code <= high)) return wish
  }
  const printable = set.find(([low, high]) => high > 0x20 && low < 0xd800) ?? set[0]
  return printable === undefined ? '' : String.fromCodePoint(Math.max(printable[0], Math.min(0x21, printable[1])))
}

import type { AST } from '@eslint-community/regexpp'
import { anyCharacter, type CharSet, charactersOf } from './pattern-characters.js'

/**
 * The ways a backtracking engine can walk a pattern: one state per character of the pattern (Glushkov's automaton), with
 * the number of different ways from one state to the next, for `(a*)*` has two where `a*` has one.
 */
export interface Automaton {
  /** What each state reads on the way in. */
  readonly reads: readonly CharSet[]
  /** For each state, its successors and in how many ways (1, or 2 for "more than one") each is reached. */
  readonly next: readonly ReadonlyMap<number, number>[]
  readonly starts: readonly number[]
  readonly loops: readonly Loop[]
  /** The state that stands for "try again from the next character", when a pattern is not anchored by `^`. */
  readonly restart: number | null
  /** States at which the search is sure to succeed: an engine may look further, but never goes back before them. */
  readonly won: ReadonlySet<number>
}

/** A repetition, over the states `from` (included) to `to` (excluded). */
interface Loop {
  readonly from: number
  readonly to: number
  /** Most rounds; Infinity for `*`, `+`, `{n,}`. */
  readonly bound: number
}

/** A pattern that this model cannot follow; `reason` completes "The pattern …". */
export interface Unfollowable {
  readonly reason: string
}

interface Piece {
  readonly first: Map<number, number>
  readonly last: Map<number, number>
  /** Ways to match nothing: 0, 1, or 2 for "more than one". */
  readonly empty: number
}

/** Copies of a repeated part are written out up to here; beyond, a repetition is a loop with a bound. */
const maxCopied = 64
const maxCopyRounds = 8
/** Ways that written-out copies may share a text between them. */
const maxCopyWays = 5000
const maxStates = 600

/** Builds the automaton of a parsed pattern (flag `u`), or says why it cannot. */
export function buildAutomaton(pattern: AST.Pattern): Automaton | Unfollowable {
  const reads: CharSet[] = []
  const next: Map<number, number>[] = []
  const loops: Loop[] = []
  const won = new Set<number>()
  /** States of repetitions whose required rounds are not written out: their end may be the end of one round only. */
  const unsure = new Set<number>()
  let tooLarge = false

  const state = (set: CharSet): number => {
    if (reads.length >= maxStates) tooLarge = true
    next.push(new Map())
    return reads.push(set) - 1
  }
  const join = (from: Piece['last'], to: Piece['first']) => {
    for (const [a, waysA] of from) {
      const row = next[a]
      if (row === undefined) continue
      for (const [b, waysB] of to) row.set(b, Math.min(2, (row.get(b) ?? 0) + waysA * waysB))
    }
  }
  const sequence = (pieces: readonly Piece[]): Piece => {
    let result: Piece = { first: new Map(), last: new Map(), empty: 1 }
    for (const piece of pieces) {
      join(result.last, piece.first)
      result = {
        first: merge(result.first, piece.first, result.empty),
        last: merge(piece.last, result.last, piece.empty),
        empty: Math.min(2, result.empty * piece.empty),
      }
    }
    return result
  }
  const choice = (pieces: readonly Piece[]): Piece => ({
    first: pieces.reduce((all, piece) => merge(all, piece.first, 1), new Map<number, number>()),
    last: pieces.reduce((all, piece) => merge(all, piece.last, 1), new Map<number, number>()),
    empty: Math.min(
      2,
      pieces.reduce((all, piece) => all + piece.empty, 0),
    ),
  })
  const optional = (piece: Piece): Piece => ({ ...piece, empty: 1 })
  const loop = (make: () => Piece, bound: number, isExact: boolean): Piece => {
    const from = reads.length
    const piece = make()
    if (!isExact) for (let at = from; at < reads.length; at++) unsure.add(at)
    loops.push({ from, to: reads.length, bound })
    join(piece.last, piece.first)
    return piece
  }

  const alternative = (node: AST.Alternative): Piece => sequence(node.elements.map(element))
  const alternatives = (node: { readonly alternatives: readonly AST.Alternative[] }): Piece =>
    node.alternatives.length === 1
      ? alternative(node.alternatives[0] as AST.Alternative)
      : choice(node.alternatives.map(alternative))

  const element = (node: AST.Element): Piece => {
    if (tooLarge) return nothing
    switch (node.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
      case 'ExpressionCharacterClass': {
        const at = new Map([[state(charactersOf(node)), 1]])
        return { first: at, last: at, empty: 0 }
      }
      case 'Group':
      case 'CapturingGroup':
        return alternatives(node)
      case 'Quantifier':
        return quantifier(node)
      case 'Assertion':
        if (node.kind !== 'lookahead') return nothing
        // A path of its own that never comes back: entered from wherever we are, beside the main path. Even where it
        // succeeds, it has first read all it can.
        return { first: alternatives(node).first, last: new Map(), empty: 1 }
      case 'Backreference':
        return nothing // refused beforehand
    }
  }

  const quantifier = (node: AST.Quantifier): Piece => {
    const { min, max } = node
    const body = () => element(node.element)
    if (max === 0) return nothing
    if (max === 1) return min === 1 ? body() : optional(body())
    const size = measure(node.element)
    const copies = (count: number) => Array.from({ length: count }, body)
    if (max === Number.POSITIVE_INFINITY) {
      const isExact = min <= 1 || min * size.states <= maxCopied
      const required = isExact && min > 1 ? copies(min - 1) : []
      const tail = loop(body, max, isExact)
      return min === 0 ? optional(tail) : sequence([...required, tail])
    }
    const ways = size.lengths === 1 ? 1 : size.lengths ** max
    if (min === max && max * size.states <= maxCopied && ways <= maxCopyWays) return sequence(copies(max))
    if (max <= maxCopyRounds && max * size.states <= maxCopied && ways <= maxCopyWays) {
      let tail: Piece | null = null
      for (let i = min; i < max; i++) tail = optional(tail === null ? body() : sequence([body(), tail]))
      return sequence([...copies(min), ...(tail === null ? [] : [tail])])
    }
    const piece = loop(body, max, min <= 1)
    return min === 0 ? optional(piece) : piece
  }

  const tops = pattern.alternatives.map((top) => {
    const piece = alternative(top)
    if (endsOpen(top)) for (const at of piece.last.keys()) if (!unsure.has(at)) won.add(at)
    return { piece, isAnchored: startsAnchored(top) }
  })
  const starts = new Set(tops.flatMap(({ piece }) => [...piece.first.keys()]))
  let restart: number | null = null
  if (tops.some(({ isAnchored }) => !isAnchored)) {
    restart = state(anyCharacter)
    const from = new Map([[restart, 1]])
    loops.push({ from: restart, to: restart + 1, bound: Number.POSITIVE_INFINITY })
    join(from, from)
    for (const { piece, isAnchored } of tops) if (!isAnchored) join(from, piece.first)
    starts.add(restart)
  }
  if (tooLarge) return { reason: 'is too large to be judged' }
  return { reads, next, starts: [...starts], loops, restart, won }
}

const nothing: Piece = { first: new Map(), last: new Map(), empty: 1 }

function merge(
  into: ReadonlyMap<number, number>,
  more: ReadonlyMap<number, number>,
  ways: number,
): Map<number, number> {
  const result = new Map(into)
  if (ways > 0) for (const [at, count] of more) result.set(at, Math.min(2, (result.get(at) ?? 0) + count * ways))
  return result
}

/** How many states an element takes, and how many different lengths it can have (999 for "any"). */
function measure(node: AST.Element): { readonly states: number; readonly lengths: number } {
  const { states, min, max } = extent(node)
  return { states, lengths: Number.isFinite(max) ? max - min + 1 : 999 }
}

function extent(node: AST.Element): { readonly states: number; readonly min: number; readonly max: number } {
  switch (node.type) {
    case 'Group':
    case 'CapturingGroup': {
      const sizes = node.alternatives.map((one) => one.elements.map(extent))
      const sums = sizes.map((elements) => ({
        states: sum(elements.map((one) => one.states)),
        min: sum(elements.map((one) => one.min)),
        max: sum(elements.map((one) => one.max)),
      }))
      return {
        states: sum(sums.map((one) => one.states)),
        min: Math.min(...sums.map((one) => one.min)),
        max: Math.max(...sums.map((one) => one.max)),
      }
    }
    case 'Quantifier': {
      const inner = extent(node.element)
      const rounds = Number.isFinite(node.max) ? node.max : Math.max(1, node.min)
      return {
        states: inner.states * Math.max(1, Math.min(rounds, maxCopied)),
        min: inner.min * node.min,
        max: inner.max === 0 ? 0 : inner.max * node.max,
      }
    }
    case 'Assertion':
    case 'Backreference':
      return { states: 0, min: 0, max: 0 }
    default:
      return { states: 1, min: 1, max: 1 }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** Whether an alternative can only match at the start of the text. */
function startsAnchored(node: AST.Alternative): boolean {
  const first = node.elements[0]
  if (first === undefined) return false
  if (first.type === 'Assertion') return first.kind === 'start'
  return (first.type === 'Group' || first.type === 'CapturingGroup') && first.alternatives.every(startsAnchored)
}

/** Whether reaching the end of an alternative is success at once, with no assertion left that could still fail. */
function endsOpen(node: AST.Alternative): boolean {
  for (let i = node.elements.length - 1; i >= 0; i--) {
    const element = node.elements[i] as AST.Element // i is in range
    if (i === 0 && element.type === 'Assertion' && element.kind === 'start') continue
    if (hasAssertionAtEnd(element)) return false
    if (extent(element).min > 0) return true
  }
  return true
}

function hasAssertionAtEnd(node: AST.Element): boolean {
  if (node.type === 'Assertion') return true
  if (node.type === 'Quantifier') return hasAssertionAtEnd(node.element)
  if (node.type === 'Group' || node.type === 'CapturingGroup') return !node.alternatives.every(endsOpen)
  return false
}

import type { Automaton, Unfollowable } from './pattern-automaton.js'
import { type CharSet, intersect, sample } from './pattern-characters.js'

/** A family of texts on which an engine goes astray. */
export interface Attack {
  readonly kind: 'exponential' | 'polynomial'
  readonly prefix: string
  /** Repeated, it makes the ways to walk the pattern many. */
  readonly pump: string
  /** Polynomial: how many unbounded repetitions can share the pumped text: the power of its length. */
  readonly unboundedLoops: number
  /** Polynomial: rounds of the bounded repetitions among them, multiplied. */
  readonly boundedSteps: number
  /** Whether one of them is the search itself, which starts again at each character. */
  readonly restarts: boolean
}

/** Moves tried before a pattern counts as too complex to judge; a second at most. */
const maxMoves = 1_000_000

/** Loops that one text can pump together, each from the one before. */
interface Chain {
  readonly loops: number
  readonly unbounded: number
  /** Bounds of the bounded ones, multiplied. */
  readonly steps: number
  readonly pump: readonly CharSet[]
}

/** Length of the texts that are tried for ways without loops. */
const maxCrowd = 64
/** Ways that are worth a refusal; see `maxSteps` in pattern-safety.ts. */
const enoughWays = 100_000

function isWorse(a: Chain, b: Chain): boolean {
  return a.unbounded !== b.unbounded
    ? a.unbounded > b.unbounded
    : a.steps > b.steps || (a.steps === b.steps && a.loops > b.loops)
}

/** The worst attack on an automaton, or null when its time is about linear. */
export function findAttack(automaton: Automaton): Attack | Unfollowable | null {
  const search = new Search(automaton)
  const attack = search.exponential() ?? search.polynomial() ?? search.crowded()
  return search.isExhausted ? { reason: 'is too complex to be judged' } : attack
}

class Search {
  readonly #automaton: Automaton
  readonly #next: readonly (readonly number[])[]
  /** Strongly connected parts that hold a cycle: what a text can be pumped through. */
  readonly #parts: readonly (readonly number[])[]
  readonly #common = new Map<number, CharSet>()
  #moves = 0

  constructor(automaton: Automaton) {
    this.#automaton = automaton
    this.#next = automaton.next.map((row) => [...row.keys()])
    this.#parts = cyclicParts(automaton.starts, (at) => this.#next[at] ?? [])
  }

  get isExhausted(): boolean {
    return this.#moves > maxMoves
  }

  /** Two different ways round one cycle on one text: the ways double with each round. */
  exponential(): Attack | null {
    for (const part of this.#parts) {
      const inside = new Set(part)
      for (const from of part) {
        for (const [to, ways] of this.#automaton.next[from] ?? []) {
          if (ways < 2 || !inside.has(to)) continue
          const back = this.#path([to], from, (at) => (this.#next[at] ?? []).filter((one) => inside.has(one))) ?? []
          const cycle = [...back.slice(1), to].map((at) => this.#automaton.reads[at] ?? [])
          return this.#attack('exponential', to, cycle)
        }
      }
      const split = this.#splitCycle(part, inside)
      if (split !== null) return this.#attack('exponential', split.start, split.pump)
    }
    return null
  }

  /** A cycle of state pairs through both an equal and an unequal pair: one text, two ways. */
  #splitCycle(
    part: readonly number[],
    inside: ReadonlySet<number>,
  ): { readonly start: number; readonly pump: readonly CharSet[] } | null {
    const size = this.#automaton.reads.length
    const moves = (pair: number): number[] => {
      const result: number[] = []
      for (const a of this.#next[Math.floor(pair / size)] ?? []) {
        if (!inside.has(a)) continue
        for (const b of this.#next[pair % size] ?? []) {
          if (this.#step() && inside.has(b) && this.#shared(a, b).length > 0) result.push(a * size + b)
        }
      }
      return result
    }
    const diagonal = part.map((at) => at * size + at)
    for (const pairs of cyclicParts(diagonal, moves)) {
      const equal = pairs.find((pair) => Math.floor(pair / size) === pair % size)
      const unequal = pairs.find((pair) => Math.floor(pair / size) !== pair % size)
      if (equal === undefined || unequal === undefined) continue
      const there = this.#path([equal], unequal, moves) ?? []
      const back = this.#path([unequal], equal, moves) ?? []
      const pump = [...there.slice(1), ...back.slice(1)].map((pair) =>
        this.#shared(Math.floor(pair / size), pair % size),
      )
      return { start: equal % size, pump }
    }
    return null
  }

  /** Chains of cycles that one text can pump together: each adds one to the power of the length. */
  polynomial(): Attack | null {
    const parts = this.#parts
    const after = parts.map((): { to: number; pump: readonly CharSet[] }[] => [])
    for (const [i, part] of parts.entries()) {
      const reachable = reach(part, this.#next)
      for (const [j, other] of parts.entries()) {
        if (i === j || !other.some((at) => reachable.has(at))) continue
        const pump = this.#commonPump(part, other, reachable)
        if (pump !== null) after[i]?.push({ to: j, pump })
        if (this.isExhausted) return null
      }
    }
    // Parts form no circle, so the worst chain from each is found once.
    const chains = new Map<number, Chain>()
    const worstFrom = (here: number): Chain => {
      const known = chains.get(here)
      if (known !== undefined) return known
      const bound = this.#bound(parts[here] ?? [])
      let worst: Chain = { loops: 0, unbounded: 0, steps: 1, pump: [] }
      for (const { to, pump } of after[here] ?? []) {
        const rest = worstFrom(to)
        if (isWorse(rest, worst)) worst = { ...rest, pump: rest.loops > 1 ? rest.pump : pump }
      }
      const chain = {
        loops: worst.loops + 1,
        unbounded: worst.unbounded + (Number.isFinite(bound) ? 0 : 1),
        steps: worst.steps * (Number.isFinite(bound) ? bound : 1),
        pump: worst.pump,
      }
      chains.set(here, chain)
      return chain
    }
    let worst: { readonly chain: Chain; readonly start: number } | null = null
    for (const [i, part] of parts.entries()) {
      const chain = worstFrom(i)
      const start = part[0]
      if (chain.loops < 2 || start === undefined) continue
      if (worst === null || isWorse(chain, worst.chain)) worst = { chain, start }
    }
    if (worst === null) return null
    const { chain, start } = worst
    return {
      ...this.#attack('polynomial', start, chain.pump),
      unboundedLoops: chain.unbounded,
      boundedSteps: chain.steps,
      restarts: start === this.#automaton.restart,
    }
  }

  /**
   * Many ways without any loop: `a?a?a?…`. Walks one character at a time from everywhere at once, and counts; a little
   * too much, for it adds up the ways from all starts.
   */
  crowded(): Attack | null {
    const { reads, next, starts } = this.#automaton
    const tried = new Set<string>()
    for (const set of reads) {
      const char = sample(set)
      if (tried.has(char) || char === '') continue
      tried.add(char)
      const code = char.codePointAt(0) ?? 0
      const isRead = reads.map((one) => intersect(one, [[code, code]]).length > 0)
      let ways: number[] = reads.map((_, at) => (isRead[at] && at !== this.#automaton.restart ? 1 : 0))
      for (let length = 2; length <= maxCrowd; length++) {
        const after: number[] = new Array(reads.length).fill(0)
        for (const [at, count] of ways.entries()) {
          if (count === 0) continue
          for (const [to, more] of next[at] ?? []) {
            if (!this.#step()) return null
            if (isRead[to]) after[to] = (after[to] ?? 0) + count * more
          }
        }
        ways = after
        const total = ways.reduce((all, count) => all + count, 0)
        if (total === 0) break
        if (total < enoughWays) continue
        const attack = this.#attack('polynomial', starts[0] ?? 0, [set])
        return { ...attack, prefix: '', boundedSteps: total }
      }
    }
    return null
  }

  /** A text that goes round in one part, leads from it to another, and goes round in that: all three at once. */
  #commonPump(
    part: readonly number[],
    other: readonly number[],
    reachable: ReadonlySet<number>,
  ): readonly CharSet[] | null {
    const size = this.#automaton.reads.length
    const inFirst = new Set(part)
    const inSecond = new Set(other)
    const moves = (triple: number): number[] => {
      const result: number[] = []
      const first = Math.floor(triple / (size * size))
      const middle = Math.floor(triple / size) % size
      for (const a of this.#next[first] ?? []) {
        if (!inFirst.has(a)) continue
        for (const c of this.#next[triple % size] ?? []) {
          if (!inSecond.has(c)) continue
          const ends = this.#shared(a, c)
          if (ends.length === 0) continue
          for (const b of this.#next[middle] ?? []) {
            if (!this.#step()) return []
            if (reachable.has(b) && intersect(ends, this.#automaton.reads[b] ?? []).length > 0) {
              result.push((a * size + b) * size + c)
            }
          }
        }
      }
      return result
    }
    for (const p of part) {
      for (const q of other) {
        const found = this.#path([(p * size + p) * size + q], (p * size + q) * size + q, moves)
        if (found === null) continue
        return found.slice(1).map((triple) => {
          const middle = Math.floor(triple / size) % size
          const ends = this.#shared(Math.floor(triple / (size * size)), triple % size)
          return intersect(ends, this.#automaton.reads[middle] ?? [])
        })
      }
    }
    return null
  }

  /** Most rounds of the repetitions that a part is made of. */
  #bound(part: readonly number[]): number {
    return this.#automaton.loops
      .filter(({ from, to }) => part.some((at) => at >= from && at < to))
      .reduce((all, { bound }) => all * bound, 1)
  }

  #attack(kind: Attack['kind'], start: number, pump: readonly CharSet[]): Attack {
    const way = this.#path(this.#automaton.starts, start, (at) => this.#next[at] ?? []) ?? []
    const prefix = way.map((at) => sample(this.#automaton.reads[at] ?? [])).join('')
    return {
      kind,
      // The restart state needs no text to be in.
      prefix: start === this.#automaton.restart ? '' : prefix,
      pump: pump.map(sample).join(''),
      unboundedLoops: 0,
      boundedSteps: 1,
      restarts: false,
    }
  }

  /** The shortest way to a node, its start included; null when there is none. */
  #path(starts: readonly number[], goal: number, moves: (at: number) => readonly number[]): number[] | null {
    const cameFrom = new Map<number, number | null>(starts.map((at) => [at, null]))
    const queue = [...starts]
    for (let i = 0; i < queue.length; i++) {
      const here = queue[i] as number // i is in range
      if (here === goal) break
      for (const there of moves(here)) {
        if (cameFrom.has(there)) continue
        cameFrom.set(there, here)
        queue.push(there)
      }
    }
    if (!cameFrom.has(goal)) return null
    const path: number[] = []
    for (let at: number | null = goal; at !== null; at = cameFrom.get(at) ?? null) path.unshift(at)
    return path
  }

  #shared(a: number, b: number): CharSet {
    const key = a * this.#automaton.reads.length + b
    let common = this.#common.get(key)
    if (common === undefined) {
      common = intersect(this.#automaton.reads[a] ?? [], this.#automaton.reads[b] ?? [])
      this.#common.set(key, common)
    }
    return common
  }

  /** Counts a move; false once too many were made. */
  #step(): boolean {
    return ++this.#moves <= maxMoves
  }
}

/** Every node that can be reached, the starts included. */
function reach(starts: readonly number[], next: readonly (readonly number[])[]): Set<number> {
  const seen = new Set(starts)
  for (const at of seen) for (const one of next[at] ?? []) seen.add(one)
  return seen
}

/** Tarjan's strongly connected components that hold a cycle, over what is reachable; without recursion. */
function cyclicParts(starts: readonly number[], moves: (at: number) => readonly number[]): number[][] {
  const parts: number[][] = []
  const index = new Map<number, number>()
  const low = new Map<number, number>()
  const stack: number[] = []
  const onStack = new Set<number>()
  const get = (map: Map<number, number>, at: number) => map.get(at) ?? 0
  for (const start of starts) {
    if (index.has(start)) continue
    const work: { at: number; moves: readonly number[]; i: number }[] = []
    const enter = (at: number) => {
      index.set(at, index.size)
      low.set(at, index.size - 1)
      stack.push(at)
      onStack.add(at)
      work.push({ at, moves: moves(at), i: 0 })
    }
    enter(start)
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const there = top.moves[top.i++]
      if (there !== undefined) {
        if (!index.has(there)) enter(there)
        else if (onStack.has(there)) low.set(top.at, Math.min(get(low, top.at), get(index, there)))
        continue
      }
      work.pop()
      const above = work.at(-1)
      if (above !== undefined) low.set(above.at, Math.min(get(low, above.at), get(low, top.at)))
      if (get(low, top.at) !== get(index, top.at)) continue
      const part: number[] = []
      for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
        onStack.delete(at)
        part.push(at)
        if (at === top.at) break
      }
      if (part.length > 1 || top.moves.includes(top.at)) parts.push(part)
    }
  }
  return parts
}

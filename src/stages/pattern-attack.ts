import type { Automaton, Unfollowable } from './pattern-automaton.js'
import { type CharSet, intersect, sample } from './pattern-characters.js'

/** A family of texts on which an engine goes astray. */
export interface Attack {
  readonly kind: 'exponential' | 'polynomial'
  readonly prefix: string
  /** Repeated, it makes the ways to walk the pattern many. */
  readonly pump: string
  /** What makes the match fail at the end, so that every way is tried. */
  readonly tail: string
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

/** Ways without a loop that are not worth counting: a literal of this length has as many. */
const fewWays = 256

function isWorse(a: Chain, b: Chain): boolean {
  return a.unbounded !== b.unbounded
    ? a.unbounded > b.unbounded
    : a.steps > b.steps || (a.steps === b.steps && a.loops > b.loops)
}

/** The worst attacks on an automaton, one of each kind; none when its time is about linear. */
export function findAttacks(automaton: Automaton): readonly Attack[] | Unfollowable {
  const search = new Search(automaton)
  const exponential = search.exponential()
  const attacks =
    exponential !== null ? [exponential] : [search.polynomial(), ...search.crowded()].filter((one) => one !== null)
  return search.isExhausted ? { reason: 'is too complex to be judged' } : attacks
}

class Search {
  readonly #automaton: Automaton
  readonly #next: readonly (readonly number[])[]
  /** Strongly connected parts that hold a cycle: what a text can be pumped through. */
  readonly #parts: readonly (readonly number[])[]
  readonly #common = new Map<number, CharSet>()
  /** The same where success is not sure yet: before it alone are ways tried again. */
  readonly #openParts: readonly (readonly number[])[]
  #moves = 0

  constructor(automaton: Automaton) {
    const { won, starts } = automaton
    this.#automaton = automaton
    this.#next = automaton.next.map((row) => [...row.keys()])
    this.#parts = cyclicParts(starts, (at) => this.#next[at] ?? [])
    const open = [...reach(starts, this.#next)].filter((at) => !won.has(at))
    this.#openParts = cyclicParts(open, (at) => (this.#next[at] ?? []).filter((to) => !won.has(to)))
  }

  get isExhausted(): boolean {
    return this.#moves > maxMoves
  }

  /** Two different ways round one cycle on one text: the ways double with each round. */
  exponential(): Attack | null {
    for (const part of this.#openParts) {
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
    const whole = this.#parts.map((states) => ({ states, within: states }))
    // A loop that passes through sure success is no danger in itself, but it may feed smaller ones inside it.
    const inner = this.#openParts.flatMap((states) => {
      const within = this.#parts.find((part) => part.includes(states[0] ?? -1)) ?? states
      return within.length > states.length ? [{ states, within }] : []
    })
    const nodes = [...whole, ...inner]
    const parts = nodes.map(({ states }) => states)
    const after = nodes.map((): { to: number; pump: readonly CharSet[] }[] => [])
    for (const [i, from] of nodes.entries()) {
      const reachable = reach(from.states, this.#next)
      for (const [j, to] of nodes.entries()) {
        const isInside = from.states === from.within && to.states !== to.within
        if (i === j || (from.within === to.within && !isInside) || !to.states.some((at) => reachable.has(at))) continue
        const pump = this.#commonPump(from.states, to.states, reachable)
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

  /** Many ways without unbounded loops, `a?a?a?…`: counted for texts of one character repeated. */
  crowded(): Attack[] {
    const { reads } = this.#automaton
    const partOf = new Map<number, number>()
    for (const [index, part] of this.#parts.entries()) for (const at of part) partOf.set(at, index)
    // The worst of those that begin once, and of those that begin again at each character.
    const worst: [Attack | null, Attack | null] = [null, null]
    for (const char of new Set(reads.map(sample))) {
      const code = char.codePointAt(0)
      if (code === undefined) continue
      const isRead = reads.map((set) => intersect(set, [[code, code]]).length > 0)
      const moves = this.#next.map((row) => row.filter((to) => isRead[to]))
      const ways = new Map<number, number>()
      const waysFrom = (at: number): number => {
        const known = ways.get(at)
        if (known !== undefined) return known
        let count = 1
        for (const to of moves[at] ?? []) {
          // Loops have been judged before; what is left has no circle.
          const isLoop = partOf.has(at) && partOf.get(at) === partOf.get(to)
          if (this.#step() && !isLoop) count += waysFrom(to) * (this.#automaton.next[at]?.get(to) ?? 1)
        }
        const part = this.#parts[partOf.get(at) ?? -1]
        const rounds = part === undefined ? 1 : this.#bound(part)
        const all = Number.isFinite(rounds) ? count * rounds : count
        ways.set(at, all)
        return all
      }
      const endless = this.#parts.filter((part) => this.#bound(part) === Number.POSITIVE_INFINITY).flat()
      const fed = reach(
        endless.filter((at) => isRead[at]),
        moves,
      )
      for (const at of reach(this.#automaton.starts, this.#next)) {
        const unboundedLoops = fed.has(at) ? 1 : 0
        // Begun again at each character, single steps count a quarter: most begin in vain.
        const boundedSteps = isRead[at] ? waysFrom(at) / (unboundedLoops === 1 ? 4 : 1) : 0
        if (boundedSteps <= (worst[unboundedLoops]?.boundedSteps ?? fewWays / 4)) continue
        worst[unboundedLoops] = { ...this.#attack('polynomial', at, [[[code, code]]]), boundedSteps, unboundedLoops }
      }
    }
    return worst.filter((attack) => attack !== null)
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
            // What has led to sure success outside its own loop is never tried again.
            const isOver = this.#automaton.won.has(b) && !inFirst.has(b)
            if (!isOver && reachable.has(b) && intersect(ends, this.#automaton.reads[b] ?? []).length > 0) {
              result.push((a * size + b) * size + c)
            }
          }
        }
      }
      return result
    }
    for (const p of part) {
      for (const q of other) {
        if (p === q) continue
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
    const tail = this.#tail()
    const prefix = way.map((at) => sample(this.#automaton.reads[at] ?? [])).join('')
    return {
      kind,
      // Any text leads to the restart state; this one keeps a match from beginning at once.
      prefix: start === this.#automaton.restart ? tail : prefix,
      pump: pump.map(sample).join(''),
      tail,
      unboundedLoops: 0,
      boundedSteps: 1,
      restarts: false,
    }
  }

  /** A character that no state reads, if there is one that can be printed. */
  #tail(): string {
    const { reads, restart } = this.#automaton
    const isRead = (char: string) => {
      const code = char.codePointAt(0) ?? 0
      return reads.some((set, at) => at !== restart && intersect(set, [[code, code]]).length > 0)
    }
    return ['!', '#', '~', '\n'].find((char) => !isRead(char)) ?? '\n'
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

import { type AST, RegExpParser } from '@eslint-community/regexpp'

type Next = (at: number) => boolean

/** Thrown when the engine has taken more steps than asked. */
class Enough extends Error {}

/**
 * How many characters and choices a backtracking engine goes through before it knows whether a pattern is in a text: a
 * textbook engine without any of the shortcuts of real ones, so that what it counts is the pattern's own doing.
 * Infinity beyond `limit`. ECMA-262 §22.2.2
 */
export function backtrackingSteps(pattern: string, text: string, limit: number): number {
  const tree = new RegExpParser({ ecmaVersion: 2024 }).parsePattern(pattern, 0, pattern.length, { unicode: true })
  let steps = 0
  const step = () => {
    if (++steps > limit) throw new Enough()
  }
  const single = new Map<AST.Node, RegExp>()

  const disjunction = (node: { readonly alternatives: readonly AST.Alternative[] }, at: number, next: Next): boolean =>
    node.alternatives.some((one) => sequence(one.elements, 0, at, next))
  const sequence = (elements: readonly AST.Element[], i: number, at: number, next: Next): boolean => {
    const element = elements[i]
    return element === undefined ? next(at) : match(element, at, (after) => sequence(elements, i + 1, after, next))
  }
  const match = (node: AST.Element, at: number, next: Next): boolean => {
    step()
    switch (node.type) {
      case 'Group':
      case 'CapturingGroup':
        return disjunction(node, at, next)
      case 'Quantifier':
        return repeat(node, 0, at, next)
      case 'Assertion':
        switch (node.kind) {
          case 'start':
            return at === 0 && next(at)
          case 'end':
            return at === text.length && next(at)
          case 'lookahead':
            return disjunction(node, at, () => true) !== node.negate && next(at)
          default:
            throw new Error(`the engine has no ${node.kind}`)
        }
      case 'Backreference':
        throw new Error('the engine has no backreferences')
      default: {
        let regexp = single.get(node)
        if (regexp === undefined) {
          regexp = new RegExp(`^${node.raw}$`, 'u')
          single.set(node, regexp)
        }
        return at < text.length && regexp.test(text[at] ?? '') && next(at + 1)
      }
    }
  }
  const repeat = (node: AST.Quantifier, round: number, at: number, next: Next): boolean => {
    step()
    const again = () =>
      round < node.max &&
      match(node.element, at, (after) =>
        // A round that takes nothing is not tried again once the required ones are done.
        after === at && round >= node.min ? false : repeat(node, round + 1, after, next),
      )
    if (round < node.min) return again()
    return node.greedy ? again() || next(at) : next(at) || again()
  }

  try {
    for (let start = 0; start <= text.length; start++) if (disjunction(tree, start, () => true)) break
  } catch (error) {
    if (error instanceof Enough) return Number.POSITIVE_INFINITY
    throw error
  }
  return steps
}

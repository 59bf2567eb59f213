import { type AST, RegExpParser, visitRegExpAST } from '@eslint-community/regexpp'
import { type Attack, findAttacks } from './pattern-attack.js'
import { buildAutomaton } from './pattern-automaton.js'

/** Why a pattern of a schema is refused. */
export interface PatternProblem {
  /** The last part of the problem's code: `pattern-invalid`, `pattern-backtracks`. */
  readonly what: 'invalid' | 'backtracks'
  readonly message: string
  readonly hint: string
}

/** Steps a pattern may take on one text beyond reading it once: a fraction of a millisecond. */
const maxSteps = 65_536
/** Rounds that may be tried again at each character of a text of any length. */
const maxStepsPerCharacter = 64

/**
 * Judges a `pattern` (or a key of `patternProperties`) before any request can reach it; null when it is fine. A
 * backtracking engine tries every way a text can be split among a pattern's repetitions; where there are exponentially
 * many (`^(a+)+$`) or a power of the length (`\s+$`, `^.*a.*b.*$`), one short request stops the whole process. The ways
 * are counted on the pattern's automaton, not guessed from its looks.
 * Weideman et al., Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers (2016); CWE-1333
 * @param maxLength the bound that the schema sets on the text, in characters; null: none. It is checked first.
 */
export function patternProblem(pattern: string, maxLength: number | null): PatternProblem | null {
  let tree: AST.Pattern
  try {
    tree = new RegExpParser({ ecmaVersion: 2024 }).parsePattern(pattern, 0, pattern.length, { unicode: true })
    new RegExp(pattern, 'u')
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, '') : 'it does not parse'
    return {
      what: 'invalid',
      message: `The pattern ${JSON.stringify(pattern)} is not valid: ${reason}.`,
      hint: 'Patterns are ECMAScript regular expressions with the flag u, where only special characters may follow a backslash.',
    }
  }
  const text = JSON.stringify(pattern)
  const unsupported = findUnsupported(tree)
  if (unsupported !== null) {
    return {
      what: 'backtracks',
      message: `The pattern ${text} uses ${unsupported}, whose time on hostile text cannot be bounded.`,
      hint: 'Say the same without it, or check the value in the function.',
    }
  }
  const automaton = buildAutomaton(tree)
  const attacks = 'reason' in automaton ? automaton : findAttacks(automaton)
  if ('reason' in attacks) {
    const hint = 'Use a simpler pattern, or several under allOf.'
    return { what: 'backtracks', message: `The pattern ${text} ${attacks.reason}.`, hint }
  }
  for (const attack of attacks) {
    const problem =
      attack.kind === 'exponential' ? exponentialProblem(text, attack) : costProblem(text, attack, maxLength)
    if (problem !== null) return problem
  }
  return null
}

function exponentialProblem(text: string, attack: Attack): PatternProblem {
  return {
    what: 'backtracks',
    message: `The pattern ${text} takes exponential time on a text such as ${shape(attack)}.`,
    hint: 'Let each character be matched by one repetition only: none directly inside another, and no alternatives that overlap.',
  }
}

/** Null when the steps of an attack are few enough for texts of the allowed length. */
function costProblem(text: string, attack: Attack, maxLength: number | null): PatternProblem | null {
  const { unboundedLoops, boundedSteps } = attack
  const steps = boundedSteps * (unboundedLoops === 0 ? 1 : (maxLength ?? Number.POSITIVE_INFINITY) ** unboundedLoops)
  if (steps <= maxSteps || (unboundedLoops <= 1 && boundedSteps <= maxStepsPerCharacter)) return null
  const power = unboundedLoops >= 2 ? `the length to the power of ${unboundedLoops}` : 'a large multiple of the length'
  const mend = attack.restarts ? 'Anchor it with ^' : 'Let neighboring repetitions share no character'
  const enough = unboundedLoops === 0 ? 0 : Math.floor((maxSteps / boundedSteps) ** (1 / unboundedLoops))
  return {
    what: 'backtracks',
    message: `The pattern ${text} takes time that grows with ${power} on a text such as ${shape(attack)}.`,
    hint: enough >= 1 ? `${mend}, or set "maxLength": ${enough} or less beside it.` : `${mend}.`,
  }
}

function findUnsupported(tree: AST.Pattern): string | null {
  let found: string | null = null
  visitRegExpAST(tree, {
    onBackreferenceEnter() {
      found ??= 'a backreference'
    },
    onAssertionEnter(node) {
      // A lookbehind of fixed width costs a fixed time; the others walk back over the text at each character.
      if (node.kind === 'lookbehind' && hasRepetition(node)) found ??= 'a repetition in a lookbehind'
    },
  })
  return found
}

function hasRepetition(node: AST.LookbehindAssertion): boolean {
  let found = false
  visitRegExpAST(node, {
    onQuantifierEnter(quantifier) {
      found ||= quantifier.max > 8
    },
  })
  return found
}

/** `"x" + "ab" × 30 + "!"`. */
function shape(attack: Attack): string {
  const parts = attack.prefix === '' ? [] : [JSON.stringify(attack.prefix)]
  return [
    ...parts,
    `${JSON.stringify(attack.pump)} × ${attack.kind === 'exponential' ? 30 : '50,000'}`,
    JSON.stringify(attack.tail),
  ].join(' + ')
}

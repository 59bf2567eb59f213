import { Tokens, token } from './tokens.js'

/** What a GraphQL document costs whoever runs it. Fragments are counted wherever they are spread. */
export interface DocumentShape {
  readonly depth: number
  readonly fields: number
  readonly aliases: number
  readonly directives: number
  readonly introspects: boolean
  /** Texts of its string values. */
  readonly literals: readonly string[]
}

/** Why a document cannot be measured. */
export type DocumentFault = 'unreadable document' | 'fragment that spreads itself'

/** One operation or fragment by itself. */
interface Definition {
  depth: number
  fields: number
  aliases: number
  directives: number
  introspects: boolean
  /** Fragments it spreads, each with the depth at which it does. */
  readonly spreads: { readonly name: string; readonly depth: number }[]
}

/** More fragments than any client writes; a chain of them is followed by a recursion of that depth. */
const mostFragments = 500
/** Nesting at which reading gives up: every limit a policy may set is lower. */
const mostDepth = 500

/** Measures a document of operations and fragments; schema definitions are no requests. Linear in its length. */
export function readDocument(text: string): DocumentShape | DocumentFault {
  const tokens = new Tokens(text)
  const operations: Definition[] = []
  const fragments = new Map<string, Definition>()
  while (!tokens.isKind(token.end)) {
    let name: string | null = null
    if (tokens.isKind(token.name)) {
      const word = tokens.word
      if (word === 'fragment') {
        tokens.next()
        if (!tokens.isKind(token.name)) return 'unreadable document'
        name = tokens.word
      } else if (word !== 'query' && word !== 'mutation' && word !== 'subscription') return 'unreadable document'
      tokens.next()
    }
    const definition: Definition = { depth: 0, fields: 0, aliases: 0, directives: 0, introspects: false, spreads: [] }
    if (!skipHead(tokens, definition) || !readSelections(tokens, definition)) return 'unreadable document'
    if (name === null) operations.push(definition)
    else if (fragments.has(name) || fragments.size >= mostFragments) return 'unreadable document'
    else fragments.set(name, definition)
  }
  if (operations.length === 0) return 'unreadable document'
  const known = new Map<Definition, Definition | null>()
  let worst: DocumentShape = { depth: 0, fields: 0, aliases: 0, directives: 0, introspects: false, literals: [] }
  for (const operation of [...operations, ...fragments.values()]) {
    const whole = expanded(operation, fragments, known)
    if (whole === null) return 'fragment that spreads itself'
    // The caller names the operation that runs; each must be within the limits.
    worst = {
      depth: Math.max(worst.depth, whole.depth),
      fields: Math.max(worst.fields, whole.fields),
      aliases: Math.max(worst.aliases, whole.aliases),
      directives: Math.max(worst.directives, whole.directives),
      introspects: worst.introspects || whole.introspects,
      literals: [],
    }
  }
  return { ...worst, literals: tokens.literals }
}

/** Name, variables and directives of a definition, up to its `{`. */
function skipHead(tokens: Tokens, definition: Definition): boolean {
  while (!tokens.is('{')) {
    if (tokens.isKind(token.end) || tokens.isKind(token.fault) || tokens.is('}')) return false
    if (tokens.is('@')) definition.directives++
    if (tokens.is('(')) {
      if (!skipBrackets(tokens)) return false
    } else tokens.next()
  }
  return true
}

/** Arguments and their values, whatever they hold; the tokens keep the texts among them. */
function skipBrackets(tokens: Tokens): boolean {
  let open = 0
  do {
    if (tokens.isKind(token.end) || tokens.isKind(token.fault)) return false
    if (tokens.is('(') || tokens.is('[') || tokens.is('{')) open++
    else if (tokens.is(')') || tokens.is(']') || tokens.is('}')) open--
    tokens.next()
  } while (open > 0)
  return true
}

/** A selection set with all that it nests. A stack in place of a recursion: callers choose the depth. */
function readSelections(tokens: Tokens, definition: Definition): boolean {
  // For each open set: whether a field opened it. Inline fragments nest no deeper.
  const open: boolean[] = [true]
  let depth = 1
  definition.depth = 1
  tokens.next()
  while (open.length > 0) {
    if (tokens.isKind(token.name)) {
      let name = tokens.word
      tokens.next()
      if (tokens.is(':')) {
        tokens.next()
        if (!tokens.isKind(token.name)) return false
        name = tokens.word
        definition.aliases++
        tokens.next()
      }
      definition.fields++
      if (name === '__schema' || name === '__type') definition.introspects = true
      if (tokens.is('(') && !skipBrackets(tokens)) return false
      if (!readDirectives(tokens, definition)) return false
      if (tokens.is('{')) {
        open.push(true)
        if (++depth > mostDepth) return false
        definition.depth = Math.max(definition.depth, depth)
        tokens.next()
      }
    } else if (tokens.isKind(token.spread)) {
      tokens.next()
      if (tokens.isKind(token.name)) {
        const name = tokens.word
        tokens.next()
        if (name === 'on') {
          if (!tokens.isKind(token.name)) return false
          tokens.next()
        } else {
          definition.spreads.push({ name, depth })
          if (!readDirectives(tokens, definition)) return false
          continue
        }
      }
      if (!readDirectives(tokens, definition) || !tokens.is('{')) return false
      open.push(false)
      if (open.length > mostDepth) return false
      tokens.next()
    } else if (tokens.is('}')) {
      if (open.pop() === true) depth--
      tokens.next()
    } else return false
  }
  return true
}

function readDirectives(tokens: Tokens, definition: Definition): boolean {
  while (tokens.is('@')) {
    definition.directives++
    tokens.next()
    if (!tokens.isKind(token.name)) return false
    tokens.next()
    if (tokens.is('(') && !skipBrackets(tokens)) return false
  }
  return true
}

/** A definition with every fragment put in its place; null when one reaches itself. Each is worked out once. */
function expanded(
  definition: Definition,
  fragments: ReadonlyMap<string, Definition>,
  known: Map<Definition, Definition | null>,
): Definition | null {
  const found = known.get(definition)
  if (found !== undefined) return found
  known.set(definition, null) // on its own way: reaching it again is a cycle
  const whole = { ...definition }
  for (const { name, depth } of definition.spreads) {
    const fragment = fragments.get(name)
    if (fragment === undefined) continue
    const inner = expanded(fragment, fragments, known)
    if (inner === null) return null
    whole.depth = Math.max(whole.depth, depth - 1 + inner.depth)
    whole.fields += inner.fields
    whole.aliases += inner.aliases
    whole.directives += inner.directives
    whole.introspects ||= inner.introspects
  }
  known.set(definition, whole)
  return whole
}

import type { RouteMatch } from '../plan/plan.js'

/** A route found for a path and method. */
export interface Found<Route> {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

interface Node<Route> {
  literals: Map<string, Node<Route>> | null
  param: Node<Route> | null
  /** Routes that end here, by method or `ANY`. */
  ends: Ends<Route> | null
  /** Routes whose `{rest+}` begins here. */
  rests: Ends<Route> | null
}

type Ends<Route> = Map<string, { readonly route: Route; readonly names: readonly string[] }>

const noParams: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

/** Sub-delimiters, `:` and `@` mean the same encoded or plain; literals are compared with them plain. */
const plainable: Readonly<Record<string, string>> = Object.fromEntries(
  "!$&'()*+,=:@".split('').map((char) => [`%${char.charCodeAt(0).toString(16).toUpperCase()}`, char]),
)

/**
 * Routes by path and method: leftmost literal before parameter before rest, whatever the order they were declared in;
 * then an exact method before `ANY`. One table stands behind one Fastify route: 10,000 routes are ready in some
 * 10 ms where Fastify's own take two seconds (docs/decisions/0003-route-table.md).
 */
export class RouteTable<Route> {
  readonly #root: Node<Route> = emptyNode()

  add(match: RouteMatch, route: Route): void {
    let node = this.#root
    const names: string[] = []
    for (const segment of match.segments) {
      if ('literal' in segment) {
        node.literals ??= new Map()
        const next = node.literals.get(segment.literal) ?? emptyNode<Route>()
        node.literals.set(segment.literal, next)
        node = next
      } else if ('param' in segment) {
        names.push(segment.param)
        node.param ??= emptyNode()
        node = node.param
      } else {
        names.push(segment.rest)
        node.rests ??= new Map()
        node.rests.set(match.method, { route, names })
        return
      }
    }
    node.ends ??= new Map()
    node.ends.set(match.method, { route, names })
  }

  /**
   * The route of a canonical path, or the methods that the path would take, or null for an unknown path.
   * Runs for every request; measured in bench/hot-path.
   */
  find(method: string, path: string): Found<Route> | { readonly allowed: readonly string[] } | null {
    const segments = path === '/' ? [] : path.slice(1).split('/')
    const values: string[] = []
    const ends = this.#walk(this.#root, segments, 0, values, method)
    if (ends === null) {
      const allowed = new Set<string>()
      this.#collect(this.#root, segments, 0, allowed)
      return allowed.size === 0 ? null : { allowed: [...allowed].sort() }
    }
    const { route, names } = ends
    // Many functions read `/orders/` as `/orders`. Where that is another route, its policy would be walked around.
    if (segments.length > 1 && segments[segments.length - 1] === '') {
      const bare = this.find(method, path.slice(0, -1))
      if (bare !== null && (!('route' in bare) || bare.route !== route)) return null
    }
    if (names.length === 0) return { route, params: noParams }
    const params: Record<string, string> = Object.create(null)
    for (const [i, name] of names.entries()) params[name] = values[i] ?? ''
    return { route, params }
  }

  /** Depth first, the most specific branch first, among the routes that take the method. */
  #walk(
    node: Node<Route>,
    segments: readonly string[],
    at: number,
    values: string[],
    method: string,
  ): { readonly route: Route; readonly names: readonly string[] } | null {
    if (at === segments.length) return pick(node.ends, method)
    const segment = segments[at] ?? ''
    const literal = node.literals?.get(segment.includes('%') ? plain(segment) : segment)
    if (literal !== undefined) {
      const found = this.#walk(literal, segments, at + 1, values, method)
      if (found !== null) return found
    }
    // An empty last segment is a trailing slash: a literal may name it, a parameter never holds it.
    if (segment === '') return null
    if (node.param !== null) {
      values.push(segment)
      const found = this.#walk(node.param, segments, at + 1, values, method)
      if (found !== null) return found
      values.pop()
    }
    if (node.rests !== null) {
      const found = pick(node.rests, method)
      if (found !== null) {
        values.push(segments.slice(at).join('/'))
        return found
      }
    }
    return null
  }

  #collect(node: Node<Route>, segments: readonly string[], at: number, allowed: Set<string>): void {
    if (at === segments.length) return addMethods(node.ends, allowed)
    const segment = segments[at] ?? ''
    const literal = node.literals?.get(segment.includes('%') ? plain(segment) : segment)
    if (literal !== undefined) this.#collect(literal, segments, at + 1, allowed)
    if (segment === '') return
    if (node.param !== null) this.#collect(node.param, segments, at + 1, allowed)
    addMethods(node.rests, allowed)
  }
}

function emptyNode<Route>(): Node<Route> {
  return { literals: null, param: null, ends: null, rests: null }
}

function pick<Route>(ends: Ends<Route> | null, method: string) {
  if (ends === null) return null
  // RFC 9110 section 9.3.2: HEAD is GET without the body, and under the same policy.
  return ends.get(method) ?? (method === 'HEAD' ? ends.get('GET') : undefined) ?? ends.get('ANY') ?? null
}

function addMethods<Route>(ends: Ends<Route> | null, allowed: Set<string>): void {
  for (const method of ends?.keys() ?? []) {
    allowed.add(method)
    if (method === 'GET') allowed.add('HEAD')
  }
}

function plain(segment: string): string {
  return segment.replace(/%[0-9A-F]{2}/g, (code) => plainable[code] ?? code)
}

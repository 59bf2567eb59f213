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
    const values: string[] = []
    const start = path === '/' ? 2 : 1
    const ends = walk(this.#root, path, start, values, method)
    if (ends === null) {
      const allowed = new Set<string>()
      collect(this.#root, path, start, allowed)
      return allowed.size === 0 ? null : { allowed: [...allowed].sort() }
    }
    const { route, names } = ends
    // Many functions read `/orders/` as `/orders`. Where that is another route, its policy would be walked around.
    if (path.length > 1 && path.endsWith('/')) {
      const bare = this.find(method, path.slice(0, -1))
      if (bare !== null && (!('route' in bare) || bare.route !== route)) return null
    }
    if (names.length === 0) return { route, params: noParams }
    // Names are the policy's own words; a plain object keeps one shape for all requests of a route.
    const params: Record<string, string> = {}
    for (let i = 0; i < names.length; i++) params[names[i] ?? ''] = values[i] ?? ''
    return { route, params }
  }
}

/**
 * Depth first, the most specific branch first, among the routes that take the method. `start` is where the next segment
 * begins; past the end of the path there is none.
 */
function walk<Route>(
  node: Node<Route>,
  path: string,
  start: number,
  values: string[],
  method: string,
): { readonly route: Route; readonly names: readonly string[] } | null {
  if (start > path.length) return pick(node.ends, method)
  const end = segmentEnd(path, start)
  const segment = path.slice(start, end)
  const literal = node.literals?.get(segment.includes('%') ? plain(segment) : segment)
  if (literal !== undefined) {
    const found = walk(literal, path, end + 1, values, method)
    if (found !== null) return found
  }
  // An empty last segment is a trailing slash: a literal may name it, a parameter never holds it.
  if (segment === '') return null
  if (node.param !== null) {
    values.push(segment)
    const found = walk(node.param, path, end + 1, values, method)
    if (found !== null) return found
    values.pop()
  }
  const rest = pick(node.rests, method)
  if (rest !== null) values.push(path.slice(start))
  return rest
}

/** The methods of every route that has this path. */
function collect<Route>(node: Node<Route>, path: string, start: number, allowed: Set<string>): void {
  if (start > path.length) return addMethods(node.ends, allowed)
  const end = segmentEnd(path, start)
  const segment = path.slice(start, end)
  const literal = node.literals?.get(segment.includes('%') ? plain(segment) : segment)
  if (literal !== undefined) collect(literal, path, end + 1, allowed)
  if (segment === '') return
  if (node.param !== null) collect(node.param, path, end + 1, allowed)
  addMethods(node.rests, allowed)
}

function segmentEnd(path: string, start: number): number {
  const slash = path.indexOf('/', start)
  return slash === -1 ? path.length : slash
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

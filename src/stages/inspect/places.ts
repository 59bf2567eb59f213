/**
 * Places are written `source:/pointer`: `body:/lines/0/sku`, `query:/q`, `header:/user-agent`, `cookie:/theme`,
 * `path:/id`. The pointer is an RFC 6901 JSON Pointer; in a policy, `*` stands for any list item or key.
 */
export const placePattern = '^(body|query|header|cookie|path):(/[^/]*)*$'

/** One node of places that share a beginning; `value` is set where one of them ends. */
export interface PlaceTree<T> {
  readonly children: Map<string, PlaceTree<T>>
  values: T[]
}

/** The pieces of a place: its source first, then the pointer's unescaped tokens. */
function placeTokens(place: string): string[] {
  const colon = place.indexOf(':')
  const pointer = place.slice(colon + 1)
  const tokens = pointer === '' || pointer === '/' ? [] : pointer.slice(1).split('/')
  return [place.slice(0, colon), ...tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))]
}

/** The place of some pieces, as a policy would write it. */
export function formatPlaceTokens(source: string, tokens: readonly (string | number)[]): string {
  let pointer = ''
  for (const token of tokens) pointer += `/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`
  return `${source}:${pointer}`
}

/** A tree of places, to be walked along with a value. */
export function placeTree<T>(entries: readonly { readonly at: string; readonly value: T }[]): PlaceTree<T> {
  const root: PlaceTree<T> = { children: new Map(), values: [] }
  for (const { at, value } of entries) {
    let node = root
    for (const token of placeTokens(at)) {
      let child = node.children.get(token)
      if (child === undefined) {
        child = { children: new Map(), values: [] }
        node.children.set(token, child)
      }
      node = child
    }
    node.values.push(value)
  }
  return root
}

/** What a tree says of a place: the values of every entry that names it, stars included. */
export function lookUp<T>(tree: PlaceTree<T>, source: string, tokens: readonly (string | number)[]): readonly T[] {
  let nodes: PlaceTree<T>[] = [tree]
  const step = (token: string): void => {
    const next: PlaceTree<T>[] = []
    for (const node of nodes) {
      const exact = node.children.get(token)
      if (exact !== undefined) next.push(exact)
      const any = token === '*' ? undefined : node.children.get('*')
      if (any !== undefined) next.push(any)
    }
    nodes = next
  }
  step(source)
  for (const token of tokens) {
    if (nodes.length === 0) return []
    step(String(token))
  }
  return nodes.flatMap((node) => node.values)
}

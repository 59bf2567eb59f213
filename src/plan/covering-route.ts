import type { RoutePlan, Segment } from './plan.js'

/**
 * Of some routes, finds the one that takes every request that another route is for: a broader path, or the same with ANY.
 * The most specific of several, as the gateway chooses: by path, then an exact method before ANY.
 */
export function coveringRoutes(routes: readonly RoutePlan[]): (route: RoutePlan) => RoutePlan | undefined {
  const byFirst = new Map<string, RoutePlan[]>()
  for (const route of routes) {
    const key = firstOf(route)
    const list = byFirst.get(key)
    if (list === undefined) byFirst.set(key, [route])
    else list.push(route)
  }
  return (route) => {
    let best: RoutePlan | undefined
    for (const key of new Set([firstOf(route), anything])) {
      for (const each of byFirst.get(key) ?? []) {
        if (covers(each, route) && (best === undefined || isMoreSpecific(each, best))) best = each
      }
    }
    return best
  }
}

/** No literal holds a brace. */
const anything = '{}'

function firstOf({ match: { segments } }: RoutePlan): string {
  const [first] = segments
  return first === undefined ? '' : 'literal' in first ? first.literal : anything
}

function covers(broad: RoutePlan, narrow: RoutePlan): boolean {
  if (broad.match.method !== 'ANY' && broad.match.method !== narrow.match.method) return false
  const { segments } = broad.match
  const inner = narrow.match.segments
  for (const [i, segment] of segments.entries()) {
    const other = inner[i]
    if (other === undefined) return false
    if ('rest' in segment) return true
    if ('rest' in other) return false
    if ('literal' in segment && !('literal' in other && other.literal === segment.literal)) return false
  }
  return segments.length === inner.length
}

function isMoreSpecific(a: RoutePlan, b: RoutePlan): boolean {
  for (const [i, segment] of a.match.segments.entries()) {
    const other = b.match.segments[i]
    const difference = other === undefined ? 0 : breadth(segment) - breadth(other)
    if (difference !== 0) return difference < 0
  }
  return a.match.method !== 'ANY' && b.match.method === 'ANY'
}

function breadth(segment: Segment): number {
  return 'literal' in segment ? 0 : 'param' in segment ? 1 : 2
}

import type { RouteMatch, RoutePlan } from '../plan/plan.js'
import { stages } from '../stages/all.js'
import type { Section } from '../stages/contract.js'
import type { Place } from '../values/place.js'
import { type EffectiveValue, effectiveValues, type Removal, removalsFrom } from './effective.js'
import { type Loaded, loadPolicy } from './load.js'
import { Memory } from './memory.js'
import { keyPlaceOf, type MapNode } from './node.js'
import type { Onlooker, WrittenSet } from './onlooker.js'
import { planFromFolder } from './plan-from-folder.js'
import { parseRouteKey } from './route-key.js'
import { mayTake, routeKeysOf } from './route-scan.js'
import { NodeSection } from './section.js'

/** A route as it stands in a file, before anything is made of it. */
export interface WrittenRoute {
  readonly id: string
  readonly match: RouteMatch
  readonly place: Place
}

/** One route with everything that holds for it, and where it was written. */
export interface ExplainedRoute {
  readonly plan: RoutePlan
  readonly values: readonly EffectiveValue[]
  /** What inheritance would have brought, and somebody switched off. */
  readonly removals: readonly Removal[]
}

export interface Explained extends Loaded {
  /** Null where no route was chosen, or the set is refused. */
  readonly route: ExplainedRoute | null
}

/**
 * Loads a folder for the sake of one route, which `choose` picks by its id from all whose path might take this one; the
 * others are not resolved, so their problems are not seen. Where none might, it chooses from all there are. No secret is
 * read.
 */
export function explainRoute(
  folder: string,
  path: string,
  choose: (routes: readonly WrittenRoute[]) => string | null,
): Explained {
  const explained = explainFrom(folder, (key) => mayTake(key, path), choose)
  return explained.route === null ? explainFrom(folder, () => true, choose) : explained
}

/**
 * Loads a folder for the sake of one request: routes that cannot take its path are neither resolved nor seen. Where none
 * can, everything is loaded. No secret is read.
 */
export async function loadForPath(folder: string, path: string): Promise<Loaded> {
  const started = performance.now()
  const mayMatter = (key: string): boolean => mayTake(key, path)
  const onlooker: Onlooker = {
    skips: (text) => routeKeysOf(text)?.some(mayMatter) === false,
    begin() {},
    wants: mayMatter,
    route() {},
  }
  const built = planFromFolder(folder, { standInSecrets: true }, stages, new Memory(), undefined, onlooker)
  if (built.plan !== null && built.plan.routes.length > 0)
    return { ...built, milliseconds: performance.now() - started }
  return await loadPolicy(folder, { standInSecrets: true })
}

function explainFrom(
  folder: string,
  mayMatter: (key: string) => boolean,
  choose: (routes: readonly WrittenRoute[]) => string | null,
): Explained {
  const started = performance.now()
  let chosen: string | null = null
  let written: WrittenSet | null = null
  let found: { readonly plan: RoutePlan; readonly policy: Section } | null = null
  const onlooker: Onlooker = {
    skips: (text) => routeKeysOf(text)?.some(mayMatter) === false,
    begin(set) {
      written = set
      found = null
      chosen = choose(writtenRoutes(set).filter(({ id }) => mayMatter(id)))
    },
    wants: (key) => key === chosen,
    route(plan, policy) {
      found = { plan, policy }
    },
  }
  const built = planFromFolder(folder, { standInSecrets: true }, stages, new Memory(), undefined, onlooker)
  return {
    ...built,
    route: built.plan === null ? null : explained(found, written),
    milliseconds: performance.now() - started,
  }
}

function explained(
  found: { readonly plan: RoutePlan; readonly policy: Section } | null,
  set: WrittenSet | null,
): ExplainedRoute | null {
  if (found === null || set === null || !(found.policy instanceof NodeSection)) return null
  const { node } = found.policy
  if (node?.kind !== 'map') return null
  return {
    plan: found.plan,
    values: effectiveValues(node, set.gateway.get('guardrails')),
    removals: removalsFrom(layersOf(found.plan, set), node),
  }
}

/** Every route of every file; keys that are none are problems of the load. */
function writtenRoutes({ files }: WrittenSet): WrittenRoute[] {
  const routes: WrittenRoute[] = []
  for (const { kind, root } of files) {
    const map = kind === 'routes' ? root.entries.get('routes')?.node : undefined
    if (map?.kind !== 'map') continue
    for (const entry of map.entries.list) {
      const key = parseRouteKey(entry.key)
      if ('code' in key) continue
      const { method, segments } = key
      routes.push({ id: entry.key, match: { method, segments }, place: keyPlaceOf(entry) })
    }
  }
  return routes
}

/** What was laid over what for this route, weakest first, each as it was written. */
function layersOf({ id, declaredAt }: RoutePlan, { files }: WrittenSet): MapNode[] {
  const layers: MapNode[] = []
  const add = (node: unknown): void => {
    const map = node as MapNode | undefined // a node, or what is absent
    if (map?.kind === 'map') layers.push(map)
  }
  const folders = foldersOf(declaredAt.file)
  for (const folder of folders) {
    add(files.find(({ kind, source }) => kind === 'defaults' && folderOf(source.file) === folder)?.root)
  }
  const own = files.find(({ source }) => source.file === declaredAt.file)?.root
  add(own?.entries.get('defaults')?.node)
  const routes = own?.entries.get('routes')?.node
  if (routes?.kind === 'map') add(routes.entries.get(id)?.node)
  return layers
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')))
}

/** The folder of a file and those above it, the root first. */
function foldersOf(file: string): string[] {
  const parts = file.split('/').slice(0, -1)
  return ['', ...parts.map((_, i) => parts.slice(0, i + 1).join('/'))]
}

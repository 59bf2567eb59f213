import type { Checker } from './check.js'
import type { PolicyFile } from './files.js'
import { FolderDefaults, settingsOf } from './folder-defaults.js'
import { overlay } from './inherit.js'
import { type MapNode, mapNode, type Node, placeOf } from './node.js'
import type { Problems, Report } from './problems.js'
import type { RouteResolver } from './resolve.js'
import type { RouteMemory } from './route-memory.js'

/** Hands every route of every file to the resolver, over the layers that its file inherits. */
export function resolveRoutes(
  files: readonly PolicyFile[],
  resolver: RouteResolver,
  checker: Checker,
  builtIn: MapNode,
  problems: Problems,
  { wants = () => true, memory }: { readonly wants?: (key: string) => boolean; readonly memory?: RouteMemory } = {},
): void {
  const { report } = problems
  const folders = new FolderDefaults(files, builtIn, report)
  let count = 0
  for (const file of files) {
    const { kind, root, source } = file
    const defaults = kind === 'defaults' ? settingsOf(root) : root.entries.get('defaults')?.node
    const own = checkDefaults(defaults, checker, report)
    const routes = kind === 'routes' ? routesOf(root, report) : undefined
    if (routes === undefined) continue
    const { list } = routes.entries
    const resolve = () => {
      const inherited = folders.of(source.file)
      const base = own === undefined ? inherited : overlay(inherited, own, builtIn, report)
      for (const entry of list) {
        if (wants(entry.key)) resolver.add(entry, base)
      }
    }
    // What a defaults file says of itself is said whether or not its routes are resolved.
    folders.of(source.file)
    if (memory === undefined) resolve()
    else memory.resolve(file, folders.above(source.file), list, resolver, resolve)
    count += routes.entries.list.length
  }
  resolver.reportUnreachable()
  if (count > 0 || problems.hasErrors) return
  report({
    code: 'policy.no-routes',
    message: 'There is no route in this folder, so nothing would be served.',
    hint: 'Add a file with routes:.',
    at: { file: '.', line: 1, column: 1 },
  })
}

function routesOf(root: MapNode, report: Report): MapNode | undefined {
  const routes = root.entries.get('routes')?.node
  if (routes === undefined || routes.value === null || routes.kind === 'map')
    return routes?.kind === 'map' ? routes : undefined
  report({
    code: 'policy.file-shape',
    message: '`routes:` is no map of routes.',
    hint: 'Write METHOD /path: below it, indented.',
    at: placeOf(routes),
  })
  return undefined
}

/** The defaults of one file, checked for what they say themselves; what they lack may come from elsewhere. */
function checkDefaults(defaults: Node | undefined, checker: Checker, report: Report): MapNode | undefined {
  if (defaults === undefined || defaults.value === null) return undefined
  if (defaults.kind !== 'map') {
    report({
      code: 'policy.file-shape',
      message: '`defaults:` is no map of settings.',
      hint: 'Write the settings below it, indented.',
      at: placeOf(defaults),
    })
    return undefined
  }
  // Without `~` and `off`, which say something to inheritance and nothing to a schema.
  const nothing = mapNode(defaults.source, defaults.start, defaults.end, [])
  const node = overlay(nothing, defaults, undefined, () => {})
  checker.check({ thing: 'defaults', node, at: placeOf(defaults) }, report)
  refuseOpenDefaults(defaults, report)
  return defaults
}

/** `auth: none` in any defaults would open every route below, so it is refused where it stands. */
function refuseOpenDefaults(defaults: MapNode, report: Report): void {
  const auth = defaults.entries.get('auth')
  if (auth?.node.kind !== 'scalar' || auth.node.value !== 'none') return
  report({
    code: 'route.auth-none-inherited',
    message: '`auth: none` cannot be inherited: every route that forgets its auth would be open.',
    hint: 'Write auth: none, with a reason, in each route that is meant to be open.',
    at: placeOf(auth.node),
  })
}

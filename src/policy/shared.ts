import { nearest } from '../values/nearest.js'
import type { Checker, Thing } from './check.js'
import type { PolicyFile } from './files.js'
import { notDefaults } from './folder-defaults.js'
import { type Entry, keyPlaceOf, type MapNode, mapNode, placeOf } from './node.js'
import type { Finding, Report } from './problems.js'
import type { FileKind } from './read.js'
import type { Language } from './schema.js'
import { entrySection, type NodeSection } from './section.js'

/** Things that any file may declare and every route may name. */
const sharedKeys = {
  issuers: 'issuer',
  upstreams: 'upstream',
  clients: 'client',
  rateLimits: 'rateLimit',
} as const
export type SharedKey = keyof typeof sharedKeys

/** Every shared thing by its name, checked against its schema. `sound` holds the names whose shape fits. */
export interface Shared {
  readonly entries: ReadonlyMap<string, Entry>
  readonly sound: ReadonlySet<string>
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Gathers one kind of shared thing from all files; a name declared twice is a problem that shows both lines. */
export function gatherShared(key: SharedKey, files: readonly PolicyFile[], checker: Checker, report: Report): Shared {
  const entries = new Map<string, Entry>()
  const sound = new Set<string>()
  const thing: Thing = sharedKeys[key]
  const prefix = thing === 'rateLimit' ? 'rate-limit' : thing
  for (const { root, kind } of files) {
    const block = kind === 'defaults' ? undefined : root.entries.get(key)
    if (block === undefined || (block.node.kind === 'scalar' && block.node.value === null)) continue
    if (block.node.kind !== 'map') {
      report({
        code: `${prefix}.value-type`,
        message: `"${key}" is no map of names.`,
        hint: `Write ${key}: { name: { … } }.`,
        at: placeOf(block.node),
      })
      continue
    }
    for (const entry of block.node.entries.list) {
      const at = keyPlaceOf(entry)
      const earlier = entries.get(entry.key)
      if (!namePattern.test(entry.key)) {
        report({
          code: `${prefix}.name-malformed`,
          message: `"${entry.key}" is no name.`,
          hint: 'Names have letters, digits, dots, hyphens and underscores, 64 at most.',
          at,
        })
      } else if (earlier !== undefined) {
        const first = keyPlaceOf(earlier)
        report({
          code: `${prefix}.name-duplicate`,
          message: `"${entry.key}" is declared twice under ${key}.`,
          hint: `Rename one: the first is at ${first.file}:${first.line}.`,
          at,
          related: [{ message: 'first declared here', place: first }],
        })
      } else {
        entries.set(entry.key, entry)
        if (checker.check({ thing, node: entry.node, at }, report).size === 0 && entry.node.kind !== 'list')
          sound.add(entry.key)
      }
    }
  }
  return { entries, sound }
}

/** Top-level keys of each kind of file: an unknown one is a problem, with a word about where it belongs. */
export function checkTopLevel(files: readonly PolicyFile[], language: Language, report: Report): void {
  const shared = Object.keys(sharedKeys)
  const gateway = Object.keys(Object(language.gateway['properties']))
  const defaults = Object.keys(Object(language.defaults['properties']))
  const allowed: Readonly<Record<FileKind, readonly string[]>> = {
    gateway: [...gateway, ...shared],
    defaults,
    routes: ['defaults', 'routes', ...shared],
  }
  for (const { kind, root } of files) {
    // The gateway's own keys and those of _defaults.yaml are checked with their values, by schema.
    if (kind === 'defaults') {
      for (const key of notDefaults) {
        const entry = root.entries.get(key)
        if (entry !== undefined) report(misplacedInDefaults(entry))
      }
      continue
    }
    for (const entry of root.entries.list) {
      if (allowed[kind].includes(entry.key)) continue
      report({
        code: 'policy.key-unknown',
        message: `Unknown key "${entry.key}" at the top of the file.`,
        hint: topLevelHint(entry.key, kind, allowed, gateway),
        at: keyPlaceOf(entry),
      })
    }
  }
}

function misplacedInDefaults(entry: Entry): Finding {
  const { key } = entry
  const isNested = key === 'defaults'
  return {
    code: 'policy.key-unknown',
    message: isNested
      ? 'In _defaults.yaml the settings stand at the top, without `defaults:`.'
      : `_defaults.yaml holds settings that routes inherit, and no ${key}.`,
    hint: isNested
      ? 'Delete the line `defaults:` and move what is under it two blanks to the left.'
      : `Put ${key}: into another file.`,
    at: keyPlaceOf(entry),
  }
}

function topLevelHint(
  key: string,
  kind: FileKind,
  allowed: Readonly<Record<FileKind, readonly string[]>>,
  gateway: readonly string[],
): string {
  if (kind === 'routes' && gateway.includes(key))
    return `"${key}" stands in gateway.yaml, at the top of the policy folder.`
  if (kind === 'gateway' && (key === 'routes' || key === 'defaults'))
    return `gateway.yaml holds no ${key}; put them into another file.`
  if (kind === 'routes' && allowed.defaults.includes(key)) return `"${key}" belongs into a route, or under defaults:.`
  if (/^[A-Z]+ \//.test(key)) return 'A route stands under routes:.'
  const guess = nearest(key, allowed[kind])
  return guess === undefined ? `Known keys: ${allowed[kind].join(', ')}.` : `Did you mean "${guess}"?`
}

/** Each sound thing resolved; what has problems is left out, for they are told. */
export function resolveShared<T>(
  { entries, sound }: Shared,
  resolve: (name: string, section: NodeSection) => T | undefined,
): Record<string, T> {
  // Without a prototype: a policy that names an upstream `constructor` must not find one.
  const found: Record<string, T> = Object.create(null)
  for (const [name, entry] of entries) {
    const plan = sound.has(name) ? resolve(name, entrySection(entry)) : undefined
    if (plan !== undefined) found[name] = plan
  }
  return found
}

/** Checks the keys of gateway.yaml that are its own; unknown ones have been reported with a word about where they belong. */
export function checkGateway(root: MapNode, language: Language, checker: Checker, report: Report): ReadonlySet<string> {
  const known = Object(language.gateway['properties'])
  const own = root.entries.list.filter(({ key }) => Object.hasOwn(known, key))
  return checker.check(
    { thing: 'gateway', node: mapNode(root.source, root.start, root.end, own), at: placeOf(root) },
    report,
  )
}

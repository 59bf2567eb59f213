import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { fingerprint } from '../plan/fingerprint.js'
import type { ClientPlan, IssuerPlan, Plan, SchemaPlan, UpstreamPlan } from '../plan/plan.js'
import type { Scope, Section } from '../stages/contract.js'
import type { Place } from '../values/place.js'
import type { Problem } from '../values/problem.js'
import type { Secret } from '../values/secret.js'
import { builtInDefaults } from './builtin.js'
import { Checker } from './check.js'
import { resolveClient } from './clients.js'
import { type PolicyFile, parseFiles, parseText } from './files.js'
import { type ListenOverrides, resolveGateway } from './gateway.js'
import { readGuardrails } from './guardrails.js'
import { overlay } from './inherit.js'
import { resolveIssuer } from './issuers.js'
import type { Memory } from './memory.js'
import { type MapNode, mapNode, type Node, placeOf, stringsIn } from './node.js'
import { Problems, type Report } from './problems.js'
import { PolicyFolder } from './read.js'
import { RouteResolver, refuseOpenDefaults, routeHas } from './resolve.js'
import type { Overrides, Resolving } from './resolving.js'
import { languageOf, type StageTable } from './schema.js'
import { type Environment, mentionsSecret, parseSecretText, readSecrets } from './secrets.js'
import { entrySection, NodeSection, rootSection } from './section.js'
import { checkTopLevel, gatherShared, type Shared } from './shared.js'
import { Source } from './source.js'
import { resolveUpstream } from './upstreams.js'

export interface BuildOptions extends ListenOverrides {
  readonly overrides?: Overrides
}

export interface Built {
  /** Null when there is any error: a set is accepted whole or not at all. */
  readonly plan: Plan | null
  readonly secrets: ReadonlyMap<string, Secret>
  readonly problems: readonly Problem[]
  readonly files: readonly { readonly path: string; readonly sha256: string }[]
}

/** Flow A in one pass: a folder becomes a plan, or a list of every problem in it. */
export function buildPlan(
  folder: string,
  options: BuildOptions,
  stages: StageTable,
  memory: Memory,
  environment?: Environment,
): Built {
  const problems = new Problems()
  const { report } = problems
  const opened = PolicyFolder.open(folder, report)
  if (opened === undefined)
    return { plan: null, secrets: new Map(), problems: problems.list(() => undefined), files: [] }
  const texts = opened.policyTexts()
  const isReadable = !problems.hasErrors
  const { files, areWhole } = parseFiles(texts, memory, report)
  problems.seal()
  const run = new Run(
    opened,
    realpathSync(folder),
    files,
    isReadable && areWhole,
    options,
    stages,
    memory,
    problems,
    environment,
  )
  const plan = run.plan()
  memory.turn()
  return {
    plan: problems.hasErrors ? null : plan,
    secrets: run.secrets,
    problems: problems.list((file) => opened.sourceOf(file)),
    files: opened.files(),
  }
}

class Run {
  readonly secrets: ReadonlyMap<string, Secret>
  readonly #folder: PolicyFolder
  readonly #files: readonly PolicyFile[]
  /** Whether every file could be read: only then is a name that nobody declares a dangling one. */
  readonly #isWhole: boolean
  readonly #options: BuildOptions
  readonly #stages: StageTable
  readonly #memory: Memory
  readonly #problems: Problems
  readonly #report: Report
  readonly #gateway: NodeSection
  readonly #declaredSecrets: ReadonlySet<string>
  /** Texts that a reader split into secrets: what names one and is not here would be used as it stands. */
  readonly #secretTexts = new Set<Node>()
  readonly #schemas: Record<string, SchemaPlan> = Object.create(null)

  constructor(
    folder: PolicyFolder,
    root: string,
    files: readonly PolicyFile[],
    isWhole: boolean,
    options: BuildOptions,
    stages: StageTable,
    memory: Memory,
    problems: Problems,
    environment: Environment | undefined,
  ) {
    this.#folder = folder
    this.#files = files
    this.#isWhole = isWhole
    this.#options = options
    this.#stages = stages
    this.#memory = memory
    this.#problems = problems
    this.#report = problems.report
    const file = files.find(({ kind }) => kind === 'gateway')
    this.#gateway = file === undefined ? absent('gateway.yaml') : rootSection(file.root)
    const declared = this.#gateway.get('secrets')
    this.#declaredSecrets = new Set(declared.node?.kind === 'map' ? declared.node.entries.keys() : [])
    this.secrets = readSecrets(declared, root, this.#report, environment)
  }

  plan(): Plan {
    const language = languageOf(this.#stages)
    const checker = new Checker(language)
    const report = this.#report
    checkTopLevel(this.#files, language, report)
    const sharedKeysSkipped = new Set(['issuers', 'upstreams', 'clients', 'rateLimits'])
    const gatewayNode = this.#gateway.node
    const gatewayFailed =
      gatewayNode?.kind === 'map'
        ? checker.check(
            {
              thing: 'gateway',
              node: ownKeys(gatewayNode, Object(language.gateway['properties']), sharedKeysSkipped),
              at: this.#gateway.place,
            },
            report,
          )
        : new Set<string>()

    const issuers = gatherShared('issuers', this.#files, checker, report)
    const upstreams = gatherShared('upstreams', this.#files, checker, report)
    const clients = gatherShared('clients', this.#files, checker, report)
    const limits = gatherShared('rateLimits', this.#files, checker, report)

    const resolving: Resolving = {
      report,
      secretText: (text) => this.#secretText(text),
      vault: this.secrets,
      readText: (reference) => this.#readText(reference),
      overrides: this.#options.overrides ?? {},
    }
    const gateway = resolveGateway(
      gatewayFailed.size === 0 ? this.#gateway : absent('gateway.yaml'),
      this.#options,
      resolving,
    )
    const digests = new Map<string, { readonly client: string; readonly place: Place }>()
    const now = Date.now()
    const issuerPlans = resolveAll<IssuerPlan>(issuers, (name, section) => resolveIssuer(name, section, resolving))
    const upstreamPlans = resolveAll<UpstreamPlan>(upstreams, (name, section) =>
      resolveUpstream(name, section, resolving),
    )
    const clientPlans = resolveAll<ClientPlan>(clients, (name, section) =>
      resolveClient(name, section, digests, now, resolving),
    )

    const builtIn = builtInDefaults((key) => language.stageOf.has(key))
    const guardrails = readGuardrails(
      gatewayFailed.has('guardrails') ? absent('gateway.yaml') : this.#gateway.get('guardrails'),
      routeHas(language),
      Object.keys(Object(language.route['properties'])),
      report,
    )
    const resolver = new RouteResolver(
      {
        report,
        isWhole: this.#isWhole,
        hasErrors: () => this.#problems.hasErrors,
        language,
        checker,
        guardrails,
        builtIn,
        upstreamNames: new Set(upstreams.entries.keys()),
        scope: this.#scope(
          withStandIns(issuerPlans, issuers),
          withStandIns(clientPlans, clients),
          withStandIns(upstreamPlans, upstreams),
          limits,
        ),
      },
      this.#stages,
    )
    this.#resolveRoutes(resolver, checker, builtIn)
    if (!this.#problems.hasErrors) {
      resolver.reportUnguarded()
      this.#refuseStraySecrets()
    }
    const facts = {
      gateway,
      issuers: issuerPlans,
      clients: clientPlans,
      upstreams: upstreamPlans,
      schemas: this.#schemas,
      routes: resolver.routes,
    }
    return { fingerprint: this.#problems.hasErrors ? '' : fingerprint(facts), ...facts }
  }

  #resolveRoutes(resolver: RouteResolver, checker: Checker, builtIn: MapNode): void {
    const report = this.#report
    const folders = new FolderDefaults(this.#files, builtIn, report)
    let count = 0
    for (const { kind, root, source } of this.#files) {
      const block = kind === 'defaults' ? root : root.entries.get('defaults')?.node
      if (block?.kind === 'map') {
        const at = kind === 'defaults' ? placeOf(block) : source.place(block.start)
        checker.check(
          { thing: 'defaults', node: kind === 'defaults' ? withoutKey(block, 'defaults') : block, at },
          report,
        )
        refuseOpenDefaults(block, report)
      } else if (block !== undefined && block.value !== null) {
        report({
          code: 'policy.file-shape',
          message: '`defaults:` is no map of settings.',
          hint: 'Write the settings below it, indented.',
          at: placeOf(block),
        })
      }
      if (kind !== 'routes') continue
      const routes = root.entries.get('routes')?.node
      if (routes === undefined || routes.value === null) continue
      if (routes.kind !== 'map') {
        report({
          code: 'policy.file-shape',
          message: '`routes:` is no map of routes.',
          hint: 'Write METHOD /path: below it, indented.',
          at: placeOf(routes),
        })
        continue
      }
      const inherited = folders.of(source.file)
      const base = block?.kind === 'map' ? overlay(inherited, block, builtIn, report) : inherited
      for (const entry of routes.entries.list) {
        count++
        resolver.add(entry, base)
      }
    }
    resolver.reportUnreachable()
    if (count === 0 && !this.#problems.hasErrors) {
      report({
        code: 'policy.no-routes',
        message: 'There is no route in this folder, so nothing would be served.',
        hint: 'Add a file with routes:.',
        at: { file: '.', line: 1, column: 1 },
      })
    }
  }

  #scope(
    issuers: Scope['issuers'],
    clients: Scope['clients'],
    upstreams: Scope['upstreams'],
    limits: Shared,
  ): Omit<Scope, 'route'> {
    const rateLimits: Record<string, Section> = Object.create(null)
    for (const [name, entry] of limits.entries) rateLimits[name] = entrySection(entry)
    const read = new Map<string, Section | undefined>()
    return {
      issuers,
      clients,
      upstreams,
      rateLimits,
      report: this.#problems.reportOnce,
      readFile: (reference, from) => {
        const { file } = from.place
        const key = `${file.slice(0, file.lastIndexOf('/') + 1)}\0${reference}`
        if (read.has(key)) return read.get(key)
        const text = this.#folder.readReferred(reference, file, from.place)
        const node = text === undefined ? undefined : parseText(text, this.#memory, this.#report)
        const section = node === undefined ? undefined : rootSection(node)
        read.set(key, section)
        return section
      },
      secretText: (text) => this.#secretText(text),
      addSchema: (schema) => this.#addSchema(schema),
      keep: (key, make) => this.#memory.keep(`stage ${key}`, make),
    }
  }

  readonly #hashes = new Map<unknown, string>()

  #addSchema(plan: SchemaPlan): string {
    // Routes that name one file hand in one object; its text is hashed once. Others hand in equal texts.
    const key = typeof plan.schema === 'object' && Object.keys(plan.refers).length === 0 ? plan.schema : undefined
    const known = key === undefined ? undefined : this.#hashes.get(key)
    if (known !== undefined) return known
    const text = JSON.stringify([plan.dialect, plan.schema, plan.refers])
    const hash = this.#hashes.get(text) ?? createHash('sha256').update(text).digest('hex')
    this.#hashes.set(text, hash)
    if (key !== undefined) this.#hashes.set(key, hash)
    this.#schemas[hash] ??= plan
    return hash
  }

  #secretText(text: Section) {
    if (text instanceof NodeSection && text.node !== undefined) this.#secretTexts.add(text.node)
    return parseSecretText(text, this.#declaredSecrets, this.#isWhole ? this.#report : () => {})
  }

  #readText(reference: NodeSection): string | undefined {
    const { value } = reference
    if (typeof value !== 'string') return undefined
    return this.#folder.readReferred(value, reference.place.file, reference.place)?.source.text
  }

  /** A secret named where nobody resolves it would be taken for plain text. */
  #refuseStraySecrets(): void {
    for (const { root, source } of this.#files) {
      if (!source.text.includes('${')) continue
      for (const node of stringsIn(root)) {
        if (this.#secretTexts.has(node) || !mentionsSecret(String(node.value))) continue
        this.#report({
          code: 'policy.secret-misplaced',
          message: 'No secret is put in here: this text would be used as it stands.',
          hint: 'Secrets work where the reference says so: upstream auth, issuer secrets, forward.headers.set, the admin token.',
          at: placeOf(node),
        })
      }
    }
  }
}

/** What each folder's routes inherit from the `_defaults.yaml` files above them. */
class FolderDefaults {
  readonly #defaults = new Map<string, MapNode>()
  readonly #merged = new Map<string, MapNode>()
  readonly #builtIn: MapNode
  readonly #report: Report

  constructor(files: readonly PolicyFile[], builtIn: MapNode, report: Report) {
    for (const { kind, root, source } of files) {
      if (kind === 'defaults') this.#defaults.set(folderOf(source.file), withoutKey(root, 'defaults'))
    }
    this.#builtIn = builtIn
    this.#report = report
  }

  of(file: string): MapNode {
    return this.#folder(folderOf(file))
  }

  #folder(folder: string): MapNode {
    const known = this.#merged.get(folder)
    if (known !== undefined) return known
    const above = folder === '' ? this.#builtIn : this.#folder(folderOf(folder))
    const own = this.#defaults.get(folder)
    const merged = own === undefined ? above : overlay(above, own, this.#builtIn, this.#report)
    this.#merged.set(folder, merged)
    return merged
  }
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')))
}

function resolveAll<T>(
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

/**
 * Things that are declared but broken stand in by their name alone, so that the routes which name them are not called
 * wrong as well. The set is refused anyway, so nobody ever reads more of them.
 */
function withStandIns<T extends { readonly name: string; readonly declaredAt: Place }>(
  plans: Record<string, T>,
  { entries }: Shared,
): Record<string, T> {
  const all: Record<string, T> = Object.assign(Object.create(null), plans)
  for (const name of entries.keys()) {
    all[name] ??= new Proxy({ name } as T, { get: (_, key) => (key === 'name' ? name : standIn(String(key))) }) // as said above
  }
  return all
}

/** Something that reads as empty whatever a stage asks of it. */
function standIn(key: string): unknown {
  return /algorithms|tokenTypes|keys|ipAllow|oneOf/.test(key) ? [] : null
}

function ownKeys(root: MapNode, known: object, skipped: ReadonlySet<string>): MapNode {
  // Unknown keys at the top have been reported with a word about where they belong.
  const entries = root.entries.list.filter(({ key }) => !skipped.has(key) && Object.hasOwn(known, key))
  return mapNode(root.source, root.start, root.end, entries)
}

function withoutKey(node: MapNode, key: string): MapNode {
  if (node.entries.get(key) === undefined) return node
  return mapNode(
    node.source,
    node.start,
    node.end,
    node.entries.list.filter((entry) => entry.key !== key),
  )
}

/** A section of a file that does not exist: nothing stands in it. */
function absent(file: string): NodeSection {
  const source = new Source(file, '')
  return new NodeSection(undefined, undefined, () => source.place(0))
}

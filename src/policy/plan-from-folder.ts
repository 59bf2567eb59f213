import { fingerprint, type KnownTexts } from '../plan/fingerprint.js'
import type { Plan } from '../plan/plan.js'
import type { Place } from '../values/place.js'
import type { Problem } from '../values/problem.js'
import { Secret } from '../values/secret.js'
import { Answers } from './answers.js'
import { builtInDefaults } from './builtin.js'
import { Checker } from './check.js'
import { resolveClient } from './clients.js'
import { type PolicyFile, parseFiles } from './files.js'
import { withoutKeys } from './folder-defaults.js'
import { type ListenOverrides, resolveGateway } from './gateway.js'
import { readGuardrails } from './guardrails.js'
import { resolveIssuer } from './issuers.js'
import type { Memory } from './memory.js'
import type { Onlooker } from './onlooker.js'
import { Problems } from './problems.js'
import { resolveProtectedResource } from './protected-resource.js'
import { PolicyFolder } from './read.js'
import { RouteResolver, routeHas } from './resolve.js'
import { resolveRoutes } from './resolve-routes.js'
import type { Overrides, Resolving } from './resolving.js'
import { RouteMemory } from './route-memory.js'
import { languageOf, type StageTable } from './schema.js'
import { type Environment, readSecrets, secretFile, secretFiles, standInSecrets } from './secrets.js'
import { absentSection, rootSection } from './section.js'
import { checkGateway, checkTopLevel, gatherShared, resolveShared } from './shared.js'
import { withStandIns } from './stand-ins.js'
import { resolveUpstream } from './upstreams.js'

export interface LoadOptions extends ListenOverrides {
  readonly overrides?: Overrides
  /** Secrets get a random text instead of being read: for questions that no real secret should help to answer. */
  readonly standInSecrets?: boolean
  /** SHA-256 (hex) of the certificate that serves while this set is read: that it has run out refuses no change. */
  readonly certificateInUse?: string | undefined
}

export interface FolderPlan {
  /** Null when there is any error: a set is accepted whole or not at all. */
  readonly plan: Plan | null
  readonly secrets: ReadonlyMap<string, Secret>
  readonly problems: readonly Problem[]
  readonly files: readonly { readonly path: string; readonly sha256: string }[]
  /** Absolute paths of the secrets' own files. */
  readonly secretFiles: readonly string[]
}

/** How often a folder is read again because it changed while it was read. */
const maxReads = 3

/** Flow A in one pass: a folder becomes a plan, or a list of every problem in it. */
export function planFromFolder(
  folder: string,
  options: LoadOptions,
  stages: StageTable,
  memory: Memory,
  environment?: Environment,
  onlooker?: Onlooker,
): FolderPlan {
  for (let reads = 1; ; reads++) {
    const problems = new Problems()
    const opened = PolicyFolder.open(folder, problems.report)
    if (opened === undefined) {
      return { plan: null, secrets: new Map(), problems: problems.list(() => undefined), files: [], secretFiles: [] }
    }
    const texts = opened
      .policyTexts()
      .filter(({ kind, source }) => kind !== 'routes' || onlooker?.skips?.(source.text) !== true)
    const isReadable = !problems.hasErrors
    const { files, areWhole } = parseFiles(texts, memory, problems.report)
    problems.seal()
    const set = { folder: opened, files, isWhole: isReadable && areWhole }
    const { plan, secrets, secretFiles } = resolveSet(set, options, stages, memory, problems, environment, onlooker)
    // A ConfigMap is swapped by its links: a set of files from before and after would be one that nobody wrote.
    if (opened.hasMoved() && reads < maxReads) continue
    memory.turn()
    return {
      plan: problems.hasErrors ? null : plan,
      secrets,
      problems: problems.list((file) => opened.sourceOf(file)),
      files: opened.files(),
      secretFiles,
    }
  }
}

/** What was read of a folder. */
interface ReadSet {
  readonly folder: PolicyFolder
  readonly files: readonly PolicyFile[]
  /** Whether every file could be read: only then is a name that nobody declares a dangling one. */
  readonly isWhole: boolean
}

function resolveSet(
  { folder, files, isWhole }: ReadSet,
  options: LoadOptions,
  stages: StageTable,
  memory: Memory,
  problems: Problems,
  environment: Environment | undefined,
  onlooker: Onlooker | undefined,
): { readonly plan: Plan; readonly secrets: ReadonlyMap<string, Secret>; readonly secretFiles: readonly string[] } {
  const { report } = problems
  const language = languageOf(stages)
  const checker = new Checker(language)
  checkTopLevel(files, language, report)

  const root = files.find(({ kind }) => kind === 'gateway')?.root
  const written = root === undefined ? absentSection('gateway.yaml') : rootSection(root)
  const faulty = root === undefined ? new Set<string>() : checkGateway(root, language, checker, report)
  // What does not fit its schema has been told; the rest of the file is read on.
  const sound = root === undefined ? written : rootSection(withoutKeys(root, faulty))
  const declaredSecrets = sound.get('secrets')
  const secrets =
    options.standInSecrets === true
      ? standInSecrets(declaredSecrets)
      : readSecrets(declaredSecrets, folder.root, report, environment)
  const secretNames = new Set(declaredSecrets.node?.kind === 'map' ? declaredSecrets.node.entries.keys() : [])
  const answers = new Answers(folder, memory, problems, secretNames, isWhole)
  const resolving: Resolving = {
    folder: folder.root,
    hasStandIns: options.standInSecrets === true,
    certificateInUse: options.certificateInUse,
    hold: (name, text) => {
      secrets.set(name, new Secret(text))
      return [{ secret: name }]
    },
    secretFile: (name) => secretFile(declaredSecrets.get(name), folder.root),
    report,
    secretText: (text) => answers.secretText(text),
    vault: secrets,
    readText: (reference) => answers.readText(reference),
    overrides: options.overrides ?? {},
  }
  const process = resolveGateway(sound, options, resolving)

  const issuers = gatherShared('issuers', files, checker, report)
  const upstreams = gatherShared('upstreams', files, checker, report)
  const clients = gatherShared('clients', files, checker, report)
  const limits = gatherShared('rateLimits', files, checker, report)
  const digests = new Map<string, { readonly client: string; readonly place: Place }>()
  const now = Date.now()
  const things = {
    issuers: resolveShared(issuers, (name, section) => resolveIssuer(name, section, resolving)),
    clients: resolveShared(clients, (name, section) => resolveClient(name, section, digests, now, resolving)),
    upstreams: resolveShared(upstreams, (name, section) => resolveUpstream(name, section, resolving)),
  }

  const gateway = {
    ...process,
    protectedResource: resolveProtectedResource(sound.get('protectedResource'), things.issuers, resolving),
  }

  onlooker?.begin({ gateway: written, issuers, upstreams, clients, rateLimits: limits, files })
  const builtIn = builtInDefaults((key) => language.stageOf.has(key))
  const guardrails = readGuardrails(
    sound.get('guardrails'),
    routeHas(language),
    Object.keys(Object(language.route['properties'])),
    report,
  )
  const resolver = new RouteResolver(
    {
      report,
      isWhole,
      hasErrors: () => problems.hasErrors,
      language,
      checker,
      guardrails,
      builtIn,
      upstreamNames: new Set(upstreams.entries.keys()),
      scope: answers.scope(
        {
          gateway,
          issuers: withStandIns(things.issuers, issuers),
          clients: withStandIns(things.clients, clients),
          upstreams: withStandIns(things.upstreams, upstreams),
        },
        limits,
      ),
      onRoute: onlooker === undefined ? undefined : (route, policy) => onlooker.route(route, policy),
    },
    stages,
  )
  const wants = (key: string) => onlooker?.wants?.(key) ?? true
  if (onlooker === undefined) {
    const digests = new Map(files.map(({ source, sha256 }) => [source, sha256]))
    const routeMemory = new RouteMemory(memory, answers, problems, [
      // Guardrails, names of secrets.
      files.find(({ kind }) => kind === 'gateway')?.sha256,
      things,
      // Limits are read by the routes that name them, places and all.
      [...limits.entries].map(([name, { source }]) => [name, digests.get(source)]),
    ])
    resolveRoutes(files, resolver, checker, builtIn, problems, { memory: routeMemory })
    routeMemory.close()
  } else resolveRoutes(files, resolver, checker, builtIn, problems, { wants })
  if (!problems.hasErrors) {
    resolver.reportUnguarded()
    answers.refuseStraySecrets(files)
  }
  const facts = { gateway, ...things, schemas: answers.schemas, routes: resolver.routes }
  const texts = memory.keep<KnownTexts>('fingerprint texts', () => new WeakMap())
  return {
    plan: { fingerprint: problems.hasErrors ? '' : fingerprint(facts, texts), ...facts },
    secrets,
    secretFiles: options.standInSecrets === true ? [] : secretFiles(declaredSecrets, folder.root),
  }
}

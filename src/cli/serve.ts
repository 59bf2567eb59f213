import { type Console, type Status, startConsole } from '../console/server.js'
import { type Gateway, openGateway } from '../gateway/gateway.js'
import { systemClock } from '../gateway/tools/clock.js'
import type { ListenerPlan, Plan } from '../plan/plan.js'
import { type LoadOptions, loadPolicy, policyLoader } from '../policy/load.js'
import { createBatch } from '../record/batch.js'
import { type ColdStarts, createColdStarts } from '../record/cold-starts.js'
import type { LogStats } from '../record/log.js'
import { createMetrics, type Metrics } from '../record/metrics.js'
import { registerLog, registerProcess } from '../record/process-metrics.js'
import { createRecent } from '../record/recent.js'
import type { RecordReader } from '../record/record.js'
import type { CloudSettings } from '../state/credentials/credentials.js'
import { createState } from '../state/state.js'
import type { Problem } from '../values/problem.js'
import { revealText } from '../values/secret.js'
import { formatAddress } from './address.js'
import { Refusal } from './command.js'
import type { ServeEvent } from './events.js'
import { createFaults } from './faults.js'
import { registerGateway, registerReloading, registerState } from './gateway-metrics.js'
import { type Canaries, lazyCanaries } from './lazy-canaries.js'
import { isPortTaken, listenFault } from './listen-fault.js'
import { registerColdStarts } from './platform-metrics.js'
import { formatBriefly } from './problems.js'
import { createReloading, type Found, type ReloadCause, type Reloading } from './reloading.js'
import { version } from './version.js'
import { watchFiles, watchFolder } from './watch.js'

const secondLookMs = 1_000
const anotherLookMs = 15_000

/** What may mend itself with no policy file saved: a secret that is mounted later, files that are free again. */
const passingCodes: ReadonlySet<string> = new Set([
  'policy.secret-missing',
  'policy.file-missing',
  'policy.file-unreadable',
  'policy.folder-missing',
  'policy.loader-failed',
  'gateway.tls-unreadable',
  'gateway.tls-key-unusable',
])

/** What `run` and `dev` have in common, and where they differ. */
export interface ServeOptions {
  /** Absolute. */
  readonly folder: string
  /** Addresses that stand instead of those of gateway.yaml. */
  readonly listeners: { readonly public?: ListenerPlan; readonly admin?: ListenerPlan }
  /** Listeners that take a free port when theirs is busy. */
  readonly mayMove?: { readonly public: boolean; readonly admin: boolean }
  readonly overrides?: LoadOptions['overrides']
  /** Where credentials for the platforms of functions come from. */
  readonly cloud?: CloudSettings
  /** Changes every plan before it serves: the demo's own API key. */
  readonly adjust?: (plan: Plan) => Plan
  /** Asked of every set that loads: what it names refuses the set, at the start and at a reload. */
  readonly admit?: () => Promise<readonly Problem[]>
  readonly onRecord: RecordReader
  readonly onEvent: (event: ServeEvent) => void
  /** Of the decision log, for /metrics. */
  readonly log?: () => LogStats
}

/** A gateway that serves its folder until it is stopped. */
export interface Serving {
  readonly public: ListenerPlan
  readonly admin: ListenerPlan
  /** Whether a listener had to take another port than it was given. */
  readonly moved: { readonly public: boolean; readonly admin: boolean }
  readonly plan: Plan
  reload(cause: ReloadCause): Promise<void>
  /** Finishes what is under way, within the drain time of the plan. */
  stop(signal: string): Promise<void>
}

/**
 * Loads the folder and serves it. Resolves to the problems when the policy has any, before anything listens; throws
 * Refusal when an address cannot be had.
 */
export async function serve(options: ServeOptions): Promise<Serving | { readonly problems: readonly Problem[] }> {
  const started = performance.now()
  const { folder, listeners, adjust = (plan: Plan): Plan => plan } = options
  let certificateInUse: string | undefined
  const loadOptions = (): LoadOptions => ({
    overrides: options.overrides ?? {},
    listen: listeners.public === undefined ? undefined : formatAddress(listeners.public),
    adminListen: listeners.admin === undefined ? undefined : formatAddress(listeners.admin),
    certificateInUse,
  })
  const settled = (found: Found): Found => (found.plan === null ? found : { ...found, plan: adjust(found.plan) })
  const admitted = async (found: Found): Promise<Found> => {
    if (found.plan === null || options.admit === undefined) return found
    const problems = await options.admit()
    return problems.length === 0 ? found : { ...found, plan: null, problems }
  }
  const first = await admitted(settled(await loadPolicy(folder, loadOptions())))
  const { plan } = first
  if (plan === null) return { problems: first.problems }

  let reloading: Reloading | null = null
  let isStopping = false
  let serving: Pick<Whole, 'plan' | 'secrets'> = { plan, secrets: first.secrets }
  const opened = await openListeners({ ...first, plan }, options, {
    status: (gateway) => statusOf(gateway, reloading),
    token: () => adminToken(serving),
  })
  const { gateway, admin, metrics } = opened
  const onEvent = (event: ServeEvent): void => {
    countReload(metrics, event)
    options.onEvent(event)
  }

  // Reloads are read in a thread of their own: traffic goes on meanwhile.
  const loader = policyLoader()
  reloading = createReloading({
    first: { ...first, plan },
    look: async () => {
      const found = await loader.load(folder, loadOptions())
      watchNamed(found)
      return await admitted(settled(found))
    },
    replace: async (next, vault) => {
      const applied = await gateway.apply({ plan: next, vault })
      serving = { plan: next, secrets: vault }
      opened.coldStarts.use(next)
      await opened.canaries.use(next)
      tellCertificate()
      return applied
    },
    onEvent: (event) => {
      if (!isStopping) onEvent(event)
    },
    now: systemClock.now,
  })
  const current = reloading
  registerReloading(metrics, current)
  await opened.canaries.use(plan)
  const look = (): void => void current.reload('files changed')
  const watcher = watchFolder(folder, look)
  const named = watchFiles(look)
  /** Certificates and secrets stand in files of their own. A set that is refused for want of one is mended by it. */
  function watchNamed(found: Found): void {
    const { tls } = (found.plan ?? serving.plan).gateway.listeners.public
    named.watch([...found.secretFiles, ...(tls?.files ?? [])])
  }
  /** What came of a certificate's files is told. */
  function tellCertificate(): void {
    const { certificate } = gateway
    if (certificate === null || certificate.sha256 === certificateInUse) return
    const isRenewed = certificateInUse !== undefined
    certificateInUse = certificate.sha256
    const { sha256, validTo } = certificate
    if (isRenewed) onEvent({ event: 'certificate-renewed', sha256, validTo: new Date(validTo).toISOString() })
  }
  watchNamed(first)
  tellCertificate()
  onEvent({
    event: 'started',
    gateway: `${plan.gateway.listeners.public.tls === null ? 'http' : 'https'}://${formatAddress(gateway.address)}`,
    admin: `http://${formatAddress(admin.address)}`,
    plan: plan.fingerprint,
    routes: plan.routes.length,
    warnings: first.problems,
    tookMs: performance.now() - started,
  })
  // Catches what was saved between the first look and the first watch, and warms the thread for the first real reload;
  // a little later, so that it does not compete with the first requests.
  const secondLook = setTimeout(() => void current.reload('files changed'), secondLookMs)
  secondLook.unref()
  const anotherLook = setInterval(() => {
    const mayPass = current.refused?.problems.some(({ code }) => passingCodes.has(code)) ?? false
    if (mayPass) void current.reload('files changed')
  }, anotherLookMs)
  anotherLook.unref()

  return {
    public: gateway.address,
    admin: admin.address,
    moved: opened.moved,
    get plan() {
      return current.serving
    },
    reload: current.reload,
    stop: async (signal) => {
      const stopping = performance.now()
      isStopping = true
      watcher.close()
      named.close()
      clearTimeout(secondLook)
      clearInterval(anotherLook)
      onEvent({ event: 'draining', signal, inFlight: gateway.inFlight })
      const [cut] = await Promise.all([gateway.drain(), loader.close()])
      await opened.close()
      onEvent({ event: 'stopped', cut, tookMs: performance.now() - stopping })
    },
  }
}

/** A set that can serve. */
type Whole = Found & { readonly plan: Plan }

/** What the admin listener asks for, with the secrets of the last reload. */
function adminToken({ plan, secrets }: Pick<Whole, 'plan' | 'secrets'>): string | null {
  const { token } = plan.gateway.listeners.admin
  return token === null ? null : revealText(token, secrets)
}

interface Opened {
  readonly gateway: Gateway
  readonly admin: Console
  readonly metrics: Metrics
  readonly canaries: Canaries
  readonly coldStarts: ColdStarts
  readonly moved: Serving['moved']
  /** Closes what the drained gateway leaves. */
  close(): Promise<void>
}

/** Opens the admin listener and then the gateway, so that somebody can be asked from the start; both or none. */
async function openListeners(
  { plan, secrets }: Whole,
  { mayMove = { public: false, admin: false }, cloud = {}, onRecord, onEvent, log }: ServeOptions,
  now: { readonly status: (gateway: Gateway | null) => Status; readonly token: () => string | null },
): Promise<Opened> {
  const metrics = createMetrics()
  const recent = createRecent()
  const stopMeasuring = registerProcess(metrics, { version, startedAt: Date.now() })
  if (log !== undefined) registerLog(metrics, log)
  const state = createState(systemClock, (notice) => onEvent({ event: 'key-set', ...notice }), {
    onBreakerNotice: (notice) => onEvent({ event: 'breaker', ...notice }),
    onLimitFull: (limit) => onEvent({ event: 'limit-full', limit }),
    onStoreNotice: (notice) => onEvent({ event: 'store', ...notice }),
    cloud,
    onCredentialNotice: (notice) => onEvent({ event: 'credentials', ...notice }),
    onRevocationNotice: (notice) => onEvent({ event: 'revocations', ...notice }),
  })
  registerState(metrics, state)
  const { revocations } = state
  const coldStarts = createColdStarts()
  coldStarts.use(plan)
  registerColdStarts(metrics, coldStarts)
  const canaries = lazyCanaries({
    pools: state.pools,
    metrics,
    notify: (notice) => onEvent({ event: 'canary', ...notice }),
  })
  const onFault = createFaults(metrics, onEvent)
  const batch = createBatch([metrics.read, coldStarts.read, recent.read, onRecord], onFault)
  const { public: publicPlan, admin: adminPlan } = plan.gateway.listeners

  let gateway: Gateway | null = null
  const openAdmin = (listener: ListenerPlan): Promise<Console> =>
    startConsole({
      ...listener,
      token: now.token,
      status: () => now.status(gateway),
      metrics,
      recent,
      revocations,
      jwks: () => state.hopKeys.jwks(),
    })
  const openPublic = (listener: ListenerPlan): Promise<Gateway> =>
    openGateway({
      plan: withPublic(plan, listener),
      vault: secrets,
      state,
      clock: systemClock,
      readers: [batch.read],
      onFault,
    })
  const closeRest = async (admin: Console): Promise<void> => {
    canaries.close()
    batch.flush()
    await Promise.all([admin.close(), state.close()])
    stopMeasuring()
  }

  const admin = await listening(openAdmin, adminPlan, mayMove.admin, '--admin-listen')
  try {
    const open = await listening(openPublic, publicPlan, mayMove.public, '--listen')
    gateway = open.listener
    registerGateway(metrics, gateway)
    return {
      gateway,
      admin: admin.listener,
      metrics,
      canaries,
      coldStarts,
      moved: { public: open.moved, admin: admin.moved },
      close: () => closeRest(admin.listener),
    }
  } catch (error) {
    await closeRest(admin.listener)
    throw error
  }
}

/** Opens a listener; where its port is taken and it may move, on a free port. Throws Refusal where it may not. */
async function listening<T>(
  open: (listener: ListenerPlan) => Promise<T>,
  { host, port }: ListenerPlan,
  mayMove: boolean,
  flag: '--listen' | '--admin-listen',
): Promise<{ listener: T; moved: boolean }> {
  try {
    return { listener: await open({ host, port }), moved: false }
  } catch (error) {
    if (mayMove && isPortTaken(error)) return { listener: await open({ host, port: 0 }), moved: true }
    throw new Refusal(listenFault({ host, port }, error, flag))
  }
}

function withPublic(plan: Plan, listener: ListenerPlan): Plan {
  const { listeners } = plan.gateway
  const moved = { ...listeners.public, ...listener }
  return { ...plan, gateway: { ...plan.gateway, listeners: { ...listeners, public: moved } } }
}

function statusOf(gateway: Gateway | null, reloading: Reloading | null): Status {
  const refused = reloading?.refused ?? null
  const [first] = refused?.problems ?? []
  return {
    ready: gateway !== null && !gateway.isDraining,
    draining: gateway?.isDraining ?? false,
    plan: reloading?.serving.fingerprint ?? null,
    loadedAt: reloading?.loadedAt ?? null,
    restartNeeded: reloading?.restartNeeded ?? [],
    refused:
      refused === null
        ? null
        : { at: refused.at, problems: refused.problems.length, first: first === undefined ? '' : formatBriefly(first) },
  }
}

function countReload(metrics: Metrics, { event }: ServeEvent): void {
  if (event === 'reloaded') metrics.reloaded('accepted')
  if (event === 'reload-refused') metrics.reloaded('refused')
  if (event === 'reload-unchanged') metrics.reloaded('unchanged')
}

import { createHash } from 'node:crypto'
import type { Plan } from '../plan/plan.js'
import type { Problem } from '../values/problem.js'
import type { Vault } from '../values/secret.js'
import type { ServeEvent } from './events.js'
import { oneAtATime } from './one-at-a-time.js'

/** A policy set as it was found: a plan, or the problems that keep it from being one. */
export interface Found {
  /** Null where a problem is an error. */
  readonly plan: Plan | null
  readonly secrets: Vault
  /** Errors and warnings, in file order. */
  readonly problems: readonly Problem[]
  /** Every file read, with the digest of its bytes. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[]
  /** Absolute paths of the secrets' own files. */
  readonly secretFiles: readonly string[]
}

/** The last reload that was refused, until one is accepted. */
interface RefusedReload {
  readonly at: number
  readonly problems: readonly Problem[]
}

export interface Reloading {
  /** Looks again; settles when that has been decided. Asked several times at once, it looks once more. */
  reload(cause: ReloadCause): Promise<void>
  /** The set that serves. */
  readonly serving: Plan
  readonly loadedAt: number
  readonly refused: RefusedReload | null
  /** What the serving set asks for and only the next start can give: `listeners`, `limits`. */
  readonly restartNeeded: readonly string[]
}

/** Asked for by a person, a reload always answers; by a changed file, only if a text or a secret is another. */
export type ReloadCause = 'SIGHUP' | 'files changed'

/**
 * Reads the folder again and puts the new set in place of the old one, if it has no problem. Whatever goes wrong, the
 * last good set serves on.
 */
export function createReloading(options: {
  readonly first: Found & { readonly plan: Plan }
  readonly look: () => Promise<Found>
  /** Builds the next generation beside the current one and swaps. What it throws refuses the reload. */
  readonly replace: (plan: Plan, secrets: Vault) => Promise<{ readonly reused: number }>
  readonly onEvent: (event: ServeEvent) => void
  readonly now: () => number
}): Reloading {
  const { first, look, replace, onEvent, now } = options
  let serving = first.plan
  let loadedAt = now()
  let refused: RefusedReload | null = null
  let lastSeen = digest(first)
  let secrets = first.secrets

  const reload = oneAtATime(async (cause: ReloadCause) => {
    const started = performance.now()
    const found = await look().catch((error: unknown) => broken(error))
    const seen = digest(found)
    // An editor that touches a file, or a second event of one save: the texts are what they were.
    if (seen === lastSeen && cause === 'files changed') return
    lastSeen = seen
    if (found.plan === null) return refuse(cause, found.problems, started)
    const isSame =
      found.plan.fingerprint === serving.fingerprint && unlike(serving, found.plan).length === 0 && cause !== 'SIGHUP'
    let reused: number
    try {
      reused = (await replace(found.plan, found.secrets)).reused
    } catch (error) {
      return refuse(cause, broken(error).problems, started)
    }
    const previous = serving
    serving = found.plan
    const renewed = renewedSecrets(secrets, found.secrets)
    secrets = found.secrets
    loadedAt = now()
    refused = null
    if (renewed.length > 0) onEvent({ event: 'secrets-renewed', cause, secrets: renewed })
    if (isSame) {
      if (renewed.length === 0) onEvent({ event: 'reload-unchanged', cause, plan: serving.fingerprint })
    } else {
      onEvent({
        event: 'reloaded',
        cause,
        plan: serving.fingerprint,
        previous: previous.fingerprint,
        routes: serving.routes.length,
        reused,
        warnings: found.problems,
        tookMs: performance.now() - started,
      })
    }
    const keys = unlike(first.plan, serving)
    // Said when it becomes true, and not with every save until the restart.
    if (keys.length > 0 && unlike(previous, serving).length > 0) onEvent({ event: 'restart-needed', keys })
  })

  const refuse = (cause: ReloadCause, problems: readonly Problem[], started: number): void => {
    refused = { at: now(), problems: problems.filter(({ severity }) => severity === 'error') }
    onEvent({
      event: 'reload-refused',
      cause,
      problems,
      plan: serving.fingerprint,
      tookMs: performance.now() - started,
    })
  }

  return {
    reload,
    get serving() {
      return serving
    },
    get loadedAt() {
      return loadedAt
    },
    get refused() {
      return refused
    },
    get restartNeeded() {
      return unlike(first.plan, serving)
    },
  }
}

/** Parts of gateway.yaml that belong to the open sockets and so outlast a reload; the admin token does not. */
const processParts: Readonly<Record<string, (plan: Plan) => unknown>> = {
  listeners: ({ gateway: { listeners } }) => ({
    // A certificate is renewed while the port stays open; whether there is one, and whether callers are asked for theirs, not.
    public: { ...listeners.public, tls: listeners.public.tls && { asks: listeners.public.tls.clientCa !== null } },
    admin: { ...listeners.admin, token: null },
  }),
  limits: ({ gateway }) => gateway.limits,
}

/** In which of these parts two plans differ. */
function unlike(one: Plan, other: Plan): string[] {
  return Object.entries(processParts)
    .filter(([, part]) => JSON.stringify(part(one)) !== JSON.stringify(part(other)))
    .map(([name]) => name)
}

/** Names under `secrets:` whose values are others than before; certificates are held beside them and tell of themselves. */
function renewedSecrets(before: Vault, after: Vault): string[] {
  const isDeclared = /^[A-Za-z][A-Za-z0-9_-]*$/
  return [...after]
    .filter(([name, secret]) => before.has(name) && before.get(name)?.reveal() !== secret.reveal())
    .flatMap(([name]) => (isDeclared.test(name) ? name : []))
}

function digest({ files, plan, secrets }: Found): string {
  // Certificates and their keys are among them.
  const values = [...secrets].map(([name, secret]) => [name, secret.reveal()])
  // A set without files is a folder that vanished: unlike any other, and like itself.
  return createHash('sha256')
    .update(JSON.stringify([plan === null ? 'broken' : 'whole', files, values]))
    .digest('hex')
}

/** What should not happen, as a problem like any other: the gateway stays up and says so. */
function broken(error: unknown): Found {
  const message = error instanceof Error ? error.message : String(error)
  const problem: Problem = {
    severity: 'error',
    code: 'policy.load-failed',
    message: `The policy set could not be put to work: ${message}.`,
    hint: 'Run postern check on the folder; if it finds nothing, this is a fault of Postern: please report it.',
    place: { file: '.', line: 1, column: 1 },
  }
  return { plan: null, secrets: new Map(), problems: [problem], files: [], secretFiles: [] }
}

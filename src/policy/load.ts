import { totalmem } from 'node:os'
import { Worker } from 'node:worker_threads'
import { deepFreeze } from '../plan/freeze.js'
import type { Plan } from '../plan/plan.js'
import { stages as allStages } from '../stages/all.js'
import type { Problem } from '../values/problem.js'
import { Secret, type Vault } from '../values/secret.js'
import { Memory } from './memory.js'
import { type LoadOptions, planFromFolder } from './plan-from-folder.js'
import { missingParts, type Part, type PartId, type PlanLayout, partsOf, planOf } from './plan-parts.js'
import type { StageTable } from './schema.js'

export type { LoadOptions } from './plan-from-folder.js'

/** What loading a policy folder gives. */
export interface Loaded {
  /** Frozen; null when any problem is an error. */
  readonly plan: Plan | null
  readonly secrets: Vault
  /** Every problem in file order, warnings included. */
  readonly problems: readonly Problem[]
  /** The files that were read, relative to the folder, with the SHA-256 of their bytes; secrets' files are not among them. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[]
  /** Absolute paths of the secrets' own files, whether they are there or not. */
  readonly secretFiles: readonly string[]
  readonly milliseconds: number
}

/**
 * Loads a policy folder in the calling thread: for the first start and for `check`, where no traffic waits and a worker
 * would only cost its start-up time. Never throws for what the folder holds.
 */
export async function loadPolicy(
  folder: string,
  options: LoadOptions = {},
  stages: StageTable = allStages,
): Promise<Loaded> {
  const started = performance.now()
  const built = planFromFolder(folder, options, stages, new Memory())
  const plan = built.plan === null ? null : deepFreeze(built.plan)
  return { ...built, plan, secrets: built.secrets, milliseconds: performance.now() - started }
}

/** The first answer of the worker to a request; what the loader does not hold yet is asked for after it. */
interface LoadedHead {
  readonly id: number
  readonly plan: PlanLayout | null
  readonly problems: readonly PartId[]
  readonly secrets: readonly (readonly [string, string])[]
  readonly files: Loaded['files']
  readonly secretFiles: Loaded['secretFiles']
  readonly milliseconds: number
}

export type WorkerRequest =
  | { readonly id: number; readonly folder: string; readonly options: LoadOptions }
  | { readonly id: number; readonly take: readonly PartId[] }
export type WorkerAnswer =
  | LoadedHead
  | { readonly id: number; readonly parts: readonly Part[] }
  | { readonly id: number; readonly fault: string }

/** Parts asked for at once; a portion rarely holds as many. */
const mostAsked = 500

/** Loads policy in a worker thread, one load after the other, while traffic goes on. A load never rejects. */
export interface PolicyLoader {
  load(folder: string, options?: LoadOptions): Promise<Loaded>
  close(): Promise<void>
}

/**
 * A loader whose one worker lives on between reloads and remembers what did not change. Only what did change arrives, in
 * portions, so that none keeps the event loop for longer than a few milliseconds; the rest of the plan are the very
 * objects of the plan before.
 */
export function policyLoader(): PolicyLoader {
  let worker: Worker | null = null
  let last: Promise<unknown> = Promise.resolve()
  let nextId = 0
  /** Parts of the last plan, frozen, by the numbers of the worker that made them. */
  let held: ReadonlyMap<PartId, object> = new Map()

  const running = (): Worker => {
    if (worker !== null) return worker
    const started = new Worker(new URL('./worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: loaderMegabytes() },
    })
    started.unref()
    started.on('exit', () => {
      if (worker === started) worker = null
    })
    // Whoever waits hears of it through `ask`; this keeps an idle worker's end from ending the process.
    started.on('error', () => {})
    worker = started
    held = new Map()
    return started
  }

  const load = async (folder: string, options: LoadOptions): Promise<Loaded> => {
    const id = nextId++
    const thread = running()
    const head = await ask<LoadedHead>(thread, { id, folder, options })
    const secrets = new Map(head.secrets.map(([name, value]) => [name, new Secret(value)]))
    const parts = new Map(held)
    for (let missing = missingParts(head.plan, head.problems, parts); missing.length > 0; ) {
      const answer = await ask<{ readonly parts: readonly Part[] }>(thread, { id, take: missing.slice(0, mostAsked) })
      for (const [part, value] of answer.parts) parts.set(part, deepFreeze(value))
      missing = missing.slice(answer.parts.length)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const problems = head.problems.map((part) => parts.get(part) as Problem) // all have arrived, each where it belongs
    const plan = head.plan === null ? null : deepFreeze(planOf(head.plan, parts))
    if (head.plan !== null) held = new Map(partsOf(head.plan).map((part) => [part, parts.get(part) as object])) // as above
    const { files, secretFiles, milliseconds } = head
    return { plan, secrets, problems, files, secretFiles, milliseconds }
  }

  return {
    load(folder, options = {}) {
      const mine = last.then(() => load(folder, options).catch(failed))
      last = mine
      return mine
    },
    async close() {
      await worker?.terminate()
      worker = null
    },
  }
}

/**
 * What the worker's heap may grow to: a third of what this process may have. In a small container a set that is far too large
 * is then a reload refused, where the kernel would otherwise end the whole gateway.
 */
function loaderMegabytes(): number {
  const allowedBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  return Math.max(64, Math.min(2_048, Math.floor(allowedBytes / 3 / 1024 ** 2)))
}

/** A worker that fails (for want of memory, say) is a reload that is refused: whoever serves goes on serving. */
function failed(error: unknown): Loaded {
  const problem: Problem = {
    severity: 'error',
    code: 'policy.loader-failed',
    message: `The policy could not be loaded: ${error instanceof Error ? error.message : 'the loader failed'}.`,
    hint: isOutOfMemory(error)
      ? 'Make the set smaller, or give the process more memory: the loader may use a third of it.'
      : 'Save a file or send SIGHUP to try again.',
    place: { file: '.', line: 1, column: 1 },
  }
  return { plan: null, secrets: new Map(), problems: [problem], files: [], secretFiles: [], milliseconds: 0 }
}

function isOutOfMemory(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
}

/** One question to the worker; rejects when the worker fails or ends instead of answering. */
function ask<T extends object>(worker: Worker, request: WorkerRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    // One that has ended would never answer, and has told so to nobody.
    if (worker.threadId === -1) return reject(new Error('the policy loader ended'))
    const done = () => {
      worker.off('message', onMessage).off('error', onEnd).off('exit', onEnd)
      worker.unref()
    }
    const onMessage = (answer: WorkerAnswer) => {
      if (answer.id !== request.id) return
      done()
      if ('fault' in answer) reject(new Error(`the policy loader failed: ${answer.fault}`))
      else resolve(answer as unknown as T) // the worker answers each kind of request with one kind of answer
    }
    const onEnd = (cause: unknown) => {
      done()
      const why = cause instanceof Error ? cause.message : `exit ${String(cause)}`
      reject(new Error(`the policy loader ended: ${why}`, { cause }))
    }
    worker.ref()
    worker.on('message', onMessage).on('error', onEnd).on('exit', onEnd)
    worker.postMessage(request)
  })
}

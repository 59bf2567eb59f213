import { Worker } from 'node:worker_threads'
import type { TestCaller } from '../../policy/test-file.js'
import type { Problem } from '../../values/problem.js'
import { Refusal } from '../command.js'

/** What the thread is started with. */
export interface ThreadSettings {
  readonly folder: string
  readonly gateways: number
}

/** A header that shows a credential, good for these gateways alone. */
export interface CallerWish {
  readonly id: number
  readonly route: string
  readonly credential: TestCaller['credential']
  /** Epoch ms. */
  readonly now: number
}

export type ThreadAnswer =
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  | {
      readonly kind: 'ready'
      readonly urls: readonly string[]
      readonly store: 'memory' | 'redis'
      /** The policy names a store, and its secret is not to be had here. */
      readonly isStoreLeftOut: boolean
    }
  | {
      readonly kind: 'credential'
      readonly id: number
      readonly header: readonly [string, string] | null
      readonly fault?: string
    }

/** Gateways that serve a policy for one load test, with functions that are none. */
export interface OwnGateways {
  readonly urls: readonly URL[]
  readonly store: 'memory' | 'redis'
  readonly isStoreLeftOut: boolean
  /** Throws Refusal for a credential that cannot be made. */
  credential(route: string, credential: TestCaller['credential']): Promise<readonly [string, string] | null>
  close(): Promise<void>
}

/** Starts them in a thread; gives the problems of a policy that has any. */
export async function startOwnGateways({
  folder,
  gateways,
}: ThreadSettings): Promise<OwnGateways | { readonly problems: readonly Problem[] }> {
  // Where it is not bundled, it lies beside this file; in the bundle, beside the chunk that this file became a part of.
  const thread = new Worker(new URL('./gateway-thread.js', import.meta.url), {
    workerData: { folder, gateways } satisfies ThreadSettings,
  })
  const waiting = new Map<number, (answer: ThreadAnswer & { kind: 'credential' }) => void>()
  let nextId = 0
  let ended: string | null = null
  const first = await new Promise<ThreadAnswer>((resolve, reject) => {
    /** Whoever waits for a thread that is no more would wait for ever. */
    const end = (why: string): void => {
      ended ??= why
      for (const [id, answer] of waiting) answer({ kind: 'credential', id, header: null, fault: ended })
      waiting.clear()
      reject(new Refusal(ended))
    }
    thread.on('error', (error) => end(`The gateway of the test failed: ${error.message}.`))
    thread.on('exit', () => end('The gateway of the test ended.'))
    thread.on('message', (answer: ThreadAnswer) => {
      if (answer.kind === 'credential') {
        waiting.get(answer.id)?.(answer)
        waiting.delete(answer.id)
      } else resolve(answer)
    })
  })
  if (first.kind !== 'ready') {
    await thread.terminate()
    return { problems: first.kind === 'problems' ? first.problems : [] }
  }
  return {
    urls: first.urls.map((url) => new URL(url)),
    store: first.store,
    isStoreLeftOut: first.isStoreLeftOut,
    async credential(route, credential) {
      if (ended !== null) throw new Refusal(ended)
      const id = nextId++
      const answer = await new Promise<ThreadAnswer & { kind: 'credential' }>((resolve) => {
        waiting.set(id, resolve)
        const wish: CallerWish = { id, route, credential, now: Date.now() }
        thread.postMessage(wish)
      })
      if (answer.fault !== undefined) throw new Refusal(answer.fault)
      return answer.header
    },
    close: async () => {
      await thread.terminate()
    },
  }
}

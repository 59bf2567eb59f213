import { parentPort } from 'node:worker_threads'
import type { RoutePlan } from '../plan/plan.js'
import { stages } from '../stages/all.js'
import type { WorkerAnswer, WorkerRequest } from './load.js'
import { Memory } from './memory.js'
import { planFromFolder } from './plan-from-folder.js'

/** Few enough that taking over a portion stalls the main thread for a few milliseconds at most. */
const portionSize = 100

/** Answers load requests in this thread: the thread that `policyLoader` starts. */
function serve(port: NonNullable<typeof parentPort>): void {
  const memory = new Memory()
  let routes: readonly RoutePlan[] = []
  const answer = (message: WorkerAnswer) => port.postMessage(message)

  port.on('message', (request: WorkerRequest) => {
    const { id } = request
    if ('portion' in request) {
      const from = request.portion * portionSize
      answer({ id, routes: routes.slice(from, from + portionSize) })
      return
    }
    const started = performance.now()
    try {
      const { plan, secrets, problems, files } = planFromFolder(request.folder, request.options, stages, memory)
      routes = plan?.routes ?? []
      answer({
        id,
        plan: plan === null ? null : withoutRoutes(plan),
        portions: Math.ceil(routes.length / portionSize),
        // Class instances do not survive the way between threads; the values travel inside the process and are wrapped
        // again at once.
        secrets: [...secrets].map(([name, secret]) => [name, secret.reveal()]),
        problems,
        files,
        milliseconds: performance.now() - started,
      })
    } catch (error) {
      answer({ id, fault: error instanceof Error ? error.message : 'unknown' })
    }
  })
}

function withoutRoutes<P extends { readonly routes: unknown }>({ routes: _, ...rest }: P): Omit<P, 'routes'> {
  return rest
}

if (parentPort !== null) serve(parentPort)

import { parentPort } from 'node:worker_threads'
import { stages } from '../stages/all.js'
import type { WorkerAnswer, WorkerRequest } from './load.js'
import { Memory } from './memory.js'
import { planFromFolder } from './plan-from-folder.js'
import { PartStore } from './plan-parts.js'

/** Answers load requests in this thread: the thread that `policyLoader` starts. */
function serve(port: NonNullable<typeof parentPort>): void {
  const memory = new Memory()
  const parts = new PartStore()
  const answer = (message: WorkerAnswer) => port.postMessage(message)

  port.on('message', (request: WorkerRequest) => {
    const { id } = request
    const started = performance.now()
    try {
      if ('take' in request) {
        answer({ id, parts: parts.take(request.take) })
        return
      }
      const { plan, secrets, problems, files, secretFiles } = planFromFolder(
        request.folder,
        request.options,
        stages,
        memory,
      )
      const layout = parts.lay(plan, problems)
      answer({
        id,
        ...layout,
        // Class instances do not survive the way between threads; the values travel inside the process and are wrapped
        // again at once.
        secrets: [...secrets].map(([name, secret]) => [name, secret.reveal()]),
        files,
        secretFiles,
        milliseconds: performance.now() - started,
      })
    } catch (error) {
      answer({ id, fault: error instanceof Error ? error.message : 'unknown' })
    }
  })
}

if (parentPort !== null) serve(parentPort)

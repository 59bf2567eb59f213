import type { CanaryNotice, CanaryWatch } from '../gateway/canary-watch.js'
import type { Plan } from '../plan/plan.js'
import type { Metrics } from '../record/metrics.js'
import type { Pools } from '../state/pools.js'
import { registerCanary } from './platform-metrics.js'

/** The background canary of a serving process. */
export interface Canaries {
  /** Takes the canaries of a plan; without any, nothing of it is loaded. */
  use(plan: Plan): Promise<void>
  close(): void
}

export function lazyCanaries(options: {
  readonly pools: Pools
  readonly metrics: Metrics
  readonly notify: (notice: CanaryNotice) => void
}): Canaries {
  const { pools, metrics, notify } = options
  let watch: CanaryWatch | null = null
  let isClosed = false
  return {
    async use(plan) {
      const wants = Object.values(plan.upstreams).some(({ canary }) => canary !== undefined)
      if (watch === null && wants) {
        const { createCanaryWatch } = await import('../gateway/canary-watch.js')
        if (watch === null) {
          watch = createCanaryWatch({ pools, notify })
          registerCanary(metrics, watch)
        }
      }
      if (!isClosed) watch?.watch(plan)
    },
    close() {
      isClosed = true
      watch?.close()
    },
  }
}

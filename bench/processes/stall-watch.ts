// Loaded before the program under measurement (`node --import`): watches how long its event loop stands still, and tells
// the parent when asked.
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Milliseconds since the last time it was asked. */
export interface Stalls {
  readonly longestMs: number
  readonly p999Ms: number
}

const resolutionMs = 1
const watch = monitorEventLoopDelay({ resolution: resolutionMs })
watch.enable()
process.on('message', () => {
  // The histogram holds nanoseconds between two looks, which are a millisecond apart when nothing is in the way.
  const stalls: Stalls = {
    longestMs: watch.max / 1e6 - resolutionMs,
    p999Ms: watch.percentile(99.9) / 1e6 - resolutionMs,
  }
  watch.reset()
  process.send?.(stalls)
})
// Listening to the parent is no reason to stay alive.
process.channel?.unref()

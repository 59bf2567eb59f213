// Loaded before the program under measurement (`node --import`): watches how long its event loop stands still, and tells
// the parent when asked. Linux also says how long a thread was ready and no processor free: others' work, not its own.
import { closeSync, openSync, readSync } from 'node:fs'

/** Milliseconds since the last time it was asked. */
export interface Stalls {
  /** The longest time between two turns of the loop. */
  readonly longestMs: number
  /** The same without the time that the thread waited for a processor; where the system does not tell, the same. */
  readonly ownMs: number
}

const tickMs = 1
const read = waitReader()
let at = performance.now()
let waited = read()
let longestMs = 0
let ownMs = 0
setInterval(() => {
  const now = performance.now()
  const wait = read()
  const stall = now - at - tickMs
  longestMs = Math.max(longestMs, stall)
  ownMs = Math.max(ownMs, stall - (wait - waited))
  at = now
  waited = wait
}, tickMs).unref()

process.on('message', () => {
  const stalls: Stalls = { longestMs, ownMs }
  longestMs = 0
  ownMs = 0
  process.send?.(stalls)
})
// Listening to the parent is no reason to stay alive.
process.channel?.unref()

/** Milliseconds that the main thread has been ready to run and not running. */
function waitReader(): () => number {
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
    process.on('exit', () => closeSync(file))
    const bytes = Buffer.alloc(64)
    return () => {
      const length = readSync(file, bytes, 0, bytes.length, 0)
      return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6
    }
  } catch {
    return () => 0
  }
}

import type { Socket } from 'node:net'
import { breakOff } from './break-off.js'

const tickMs = 1_000

/**
 * Breaks connections whose callers take nothing of what was written for them: Node has a time for requests that do not
 * arrive, and none for answers that are not taken. Each would keep its place among the requests in flight for good.
 */
export class UnreadAnswers {
  readonly #sockets = new Map<Socket, { taken: number; since: number }>()
  readonly #limitMs: number
  readonly #timer: NodeJS.Timeout

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.#timer = setInterval(() => this.#tick(performance.now()), Math.min(tickMs, limitMs))
    this.#timer.unref()
  }

  watch(socket: Socket): void {
    this.#sockets.set(socket, { taken: 0, since: 0 })
    socket.once('close', () => this.#sockets.delete(socket))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(now: number): void {
    for (const [socket, seen] of this.#sockets) {
      const waiting = socket.writableLength
      const taken = waiting === 0 ? -1 : socket.bytesWritten - waiting
      if (waiting === 0 || taken !== seen.taken) {
        seen.taken = taken
        seen.since = now
      } else if (now - seen.since > this.#limitMs) breakOff(socket)
    }
  }
}

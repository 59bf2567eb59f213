import { takeScript } from './limit-scripts.js'
import type { RedisLink } from './redis-link.js'

/** What the store says of one call: allowed, its time, and for each limit what remains, ms until more does, exceeded. */
export type Reply = readonly number[]

type Argument = string | number

interface Waiting {
  readonly keys: readonly string[]
  readonly args: readonly Argument[]
  readonly length: number
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/** A script that runs longer keeps the store from everyone else: some half a millisecond. */
const mostAtOnce = 48

/**
 * Calls that arrive in one turn of the event loop go to the store together, as one run of the script: each of them is
 * still judged by itself, one after the other. A lone call waits for nobody.
 */
export class TakeQueue {
  readonly #link: RedisLink
  /** For tests: in place of the store's own clock. */
  readonly #now: (() => number) | null
  #waiting: Waiting[] = []

  constructor(link: RedisLink, now: (() => number) | null) {
    this.#link = link
    this.#now = now
  }

  /** @param args for each key eight arguments of the script. */
  take(keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#send())
      this.#waiting.push({ keys, args, length: 2 + keys.length * 3, resolve, reject })
    })
  }

  #send(): void {
    const all = this.#waiting
    this.#waiting = []
    // A cluster takes keys of one client at a time.
    const most = this.#link.settings.isCluster ? 1 : mostAtOnce
    for (let i = 0; i < all.length; i += most) this.#run(all.slice(i, i + most))
  }

  #run(calls: readonly Waiting[]): void {
    const keys: string[] = []
    const args: Argument[] = [this.#now === null ? '' : this.#now()]
    for (const call of calls) {
      keys.push(...call.keys)
      args.push(call.keys.length, ...call.args)
    }
    this.#link.run(takeScript, keys, args).then(
      (answer) => this.#deliver(calls, answer),
      (error: unknown) => {
        for (const call of calls) call.reject(error)
      },
    )
  }

  #deliver(calls: readonly Waiting[], answer: unknown): void {
    const numbers: readonly number[] = Array.isArray(answer) ? answer : []
    let at = 0
    for (const call of calls) {
      const reply = numbers.slice(at, at + call.length)
      at += call.length
      if (reply.length === call.length) call.resolve(reply)
      else call.reject(new Error('the store gave an answer that is none'))
    }
  }
}

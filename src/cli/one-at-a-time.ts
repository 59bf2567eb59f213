/**
 * Runs the work one call at a time. Calls that arrive meanwhile become one more run after it, with the latest argument:
 * what they ask for is the newest state of things, and one run finds it.
 */
export function oneAtATime<T>(work: (latest: T) => Promise<void>): (latest: T) => Promise<void> {
  let running: Promise<void> | null = null
  let waiting: { latest: T; readonly done: Promise<void> } | null = null

  const start = (argument: T): Promise<void> => {
    running = work(argument).finally(() => {
      running = null
    })
    return running
  }

  const startNext = (): Promise<void> => {
    if (waiting === null) return Promise.resolve()
    const { latest } = waiting
    waiting = null
    return start(latest)
  }

  return (argument) => {
    if (waiting !== null) {
      waiting.latest = argument
      return waiting.done
    }
    if (running === null) return start(argument)
    const done = running.then(startNext, startNext)
    waiting = { latest: argument, done }
    return done
  }
}

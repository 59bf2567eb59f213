/** What the operating system asks of a serving process. */
export interface Signals {
  /** Resolves at the first SIGTERM or SIGINT, with its name. */
  readonly stopped: Promise<string>
  release(): void
}

/** Listens to signals: SIGHUP reloads, the first SIGTERM or SIGINT stops in order, the second at once. */
export function listenToSignals(on: { reload: () => void; force: (signal: string) => void }): Signals {
  let stop: (signal: string) => void = () => {}
  const stopped = new Promise<string>((resolve) => {
    stop = resolve
  })
  let isStopping = false
  const end = (signal: string): void => {
    if (isStopping) return on.force(signal)
    isStopping = true
    stop(signal)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('SIGHUP', on.reload)
  return {
    stopped,
    release: () => {
      process.off('SIGTERM', end)
      process.off('SIGINT', end)
      process.off('SIGHUP', on.reload)
    },
  }
}

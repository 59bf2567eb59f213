/** What the operating system asks of a serving process. */
export interface Signals {
  /** Resolves at the first SIGTERM or SIGINT, with its name. */
  readonly stopped: Promise<string>
  release(): void
}

/** Ctrl-C under `npm start` arrives twice: from the terminal, and from npm, which passes it on. */
const sameKeyPressMs = 300

/** Listens to signals: SIGHUP reloads, the first SIGTERM or SIGINT stops in order, the second at once. */
export function listenToSignals(on: { reload: () => void; force: (signal: string) => void }): Signals {
  let stop: (signal: string) => void = () => {}
  const stopped = new Promise<string>((resolve) => {
    stop = resolve
  })
  let stoppingSince: number | null = null
  const end = (signal: string): void => {
    const now = performance.now()
    if (stoppingSince === null) {
      stoppingSince = now
      stop(signal)
    } else if (signal !== 'SIGINT' || now - stoppingSince > sameKeyPressMs) on.force(signal)
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

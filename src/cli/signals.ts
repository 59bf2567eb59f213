/** What the operating system asks of a serving process. */
export interface Signals {
  /** Resolves at the first SIGTERM or SIGINT, with its name. */
  readonly stopped: Promise<string>
  release(): void
}

/**
 * One wish may arrive twice: Ctrl-C under `npm start` comes from the terminal and from npm, which passes it on; supervisors
 * signal a process and then its group. The same signal within this time is the same wish.
 */
const sameWishMs = 300

/** Listens to signals: SIGHUP reloads, the first SIGTERM or SIGINT stops in order, the second at once. */
export function listenToSignals(on: { reload: () => void; force: (signal: string) => void }): Signals {
  let stop: (signal: string) => void = () => {}
  const stopped = new Promise<string>((resolve) => {
    stop = resolve
  })
  let first: { readonly signal: string; readonly at: number } | null = null
  const end = (signal: string): void => {
    const at = performance.now()
    if (first === null) {
      first = { signal, at }
      stop(signal)
    } else if (signal !== first.signal || at - first.at > sameWishMs) on.force(signal)
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

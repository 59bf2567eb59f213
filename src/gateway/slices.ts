/** Work that would keep the event loop busy for longer lets others in this often. */
const sliceMs = 4

/** Long work in slices: `await` what `rest` gives whenever it gives something. */
export interface Slices {
  /** A promise once the slice is over, which settles when everybody else has had a turn; otherwise null. */
  rest(): Promise<void> | null
}

/** Between slices others have one turn, or as long as is said: what nobody waits for may take half of the time. */
export function inSlices({ pauseMs = 0 } = {}): Slices {
  let ends = performance.now() + sliceMs
  return {
    rest() {
      if (performance.now() < ends) return null
      return new Promise((resolve) => {
        const goOn = (): void => {
          ends = performance.now() + sliceMs
          resolve()
        }
        if (pauseMs === 0) setImmediate(goOn)
        else setTimeout(goOn, pauseMs)
      })
    },
  }
}

/** Work that would keep the event loop busy for longer lets others in this often. */
const sliceMs = 4

/** Long work in slices: `await` what `rest` gives whenever it gives something. */
export interface Slices {
  /** A promise once the slice is over, which settles when everybody else has had a turn; otherwise null. */
  rest(): Promise<void> | null
}

export function inSlices(): Slices {
  let ends = performance.now() + sliceMs
  return {
    rest() {
      if (performance.now() < ends) return null
      return new Promise((resolve) => {
        setImmediate(() => {
          ends = performance.now() + sliceMs
          resolve()
        })
      })
    },
  }
}

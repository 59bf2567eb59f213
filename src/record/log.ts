import type { Sink } from './sink.js'

/** A log that never makes a request wait, never grows beyond its bound, and says how many lines it had to drop. */
export interface Log {
  /** Takes whole lines, each with its line feed. Never throws, never waits. */
  write(line: string): void
  /** Writes what is held, for at most this long. What is still held then counts as dropped; returns how many lines. */
  flush(deadlineMs: number): Promise<number>
  readonly stats: LogStats
}

export interface LogStats {
  readonly writtenLines: number
  readonly droppedLines: number
  /** Held in memory now, in bytes. */
  readonly heldBytes: number
  /** Code of the last failed write (`ENOSPC`), null while writes succeed. */
  readonly fault: string | null
}

/** Lines on their way, as bytes; `offset` moves when the sink takes only a part. */
interface Chunk {
  readonly bytes: Buffer
  readonly lines: number
  offset: number
}

/**
 * A log over a sink: lines are gathered and written 128 KiB or `intervalMs` at a time, one write under way. When the sink
 * stalls or fails, up to `maxBytes` are held and later lines are dropped; the first line after there is room again is
 * preceded by one that tells how many are missing at that place. A failed write is tried again with the same bytes, ever
 * more slowly, so a disk that fills up and is cleared loses only what did not fit.
 */
export function createLog(options: {
  readonly sink: Sink
  /** The line that stands where `count` lines are missing. */
  readonly dropped: (count: number) => string
  readonly intervalMs?: number
  readonly chunkBytes?: number
  readonly maxBytes?: number
  /** The first pause after a failed write; each further one is twice as long, up to 5 s. */
  readonly retryMs?: number
  /** Hears when writing begins to fail, with the code (`ENOSPC`), and with null when it works again. */
  readonly onFault?: (fault: string | null) => void
}): Log {
  const { sink, dropped, intervalMs = 75, chunkBytes = 128 * 1024, maxBytes = 4 * 1024 ** 2, retryMs = 50 } = options
  const { onFault = () => {} } = options
  const queue: Chunk[] = []
  let text = ''
  let textLines = 0
  let heldBytes = 0
  let isWriting = false
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  let fault: string | null = null
  let writtenLines = 0
  let droppedLines = 0
  let unsaid = 0
  let whenEmpty: (() => void) | null = null

  const seal = (): void => {
    if (text === '') return
    const bytes = Buffer.from(text, 'utf8')
    // Lines were counted by their length; where they were not ASCII, the truth is known only now.
    heldBytes += bytes.length - text.length
    queue.push({ bytes, lines: textLines, offset: 0 })
    text = ''
    textLines = 0
  }

  const drain = (): void => {
    if (timer !== null) {
      clearTimeout(timer)
      timer = null
    }
    if (isWriting) return
    if (queue.length === 0) seal()
    const chunk = queue[0]
    if (chunk === undefined) {
      whenEmpty?.()
      return
    }
    isWriting = true
    sink.write(chunk.offset === 0 ? chunk.bytes : chunk.bytes.subarray(chunk.offset), (error, taken) => {
      isWriting = false
      if (queue[0] !== chunk) return // `flush` has given it up
      chunk.offset += taken
      heldBytes -= taken
      if (chunk.offset >= chunk.bytes.length) {
        queue.shift()
        writtenLines += chunk.lines
      }
      if (error !== null) {
        const was = fault
        fault = error.code ?? error.message
        if (was !== fault) onFault(fault)
        failures++
        arm(whenEmpty === null ? Math.min(5_000, retryMs * 2 ** Math.min(failures - 1, 12)) : retryMs)
        return
      }
      failures = 0
      if (fault !== null) {
        fault = null
        onFault(null)
      }
      if (queue.length > 0 || text.length >= chunkBytes || whenEmpty !== null) drain()
      else if (text !== '') arm(intervalMs)
    })
  }

  const arm = (ms: number): void => {
    // The log keeps no process alive: whoever ends it calls `flush`.
    timer ??= setTimeout(drain, ms).unref()
  }

  const take = (line: string, lines: number): void => {
    text += line
    textLines += lines
    heldBytes += line.length
    if (text.length >= chunkBytes) {
      seal()
      if (failures === 0) drain()
    } else if (!isWriting) arm(intervalMs)
  }

  return {
    write(line) {
      if (heldBytes + line.length > maxBytes) {
        droppedLines++
        unsaid++
        return
      }
      if (unsaid > 0) {
        take(dropped(unsaid), 0)
        unsaid = 0
      }
      take(line, 1)
    },

    flush(deadlineMs) {
      return new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(deadline)
          whenEmpty = null
          seal()
          const lost = queue.reduce((sum, chunk) => sum + chunk.lines, 0)
          droppedLines += lost
          unsaid += lost
          // The chunk under way may still leave: whatever of it does is written, and was counted as dropped.
          queue.splice(0)
          heldBytes = 0
          resolve(lost)
        }
        const deadline = setTimeout(end, Math.max(0, deadlineMs))
        if (unsaid > 0) {
          take(dropped(unsaid), 0)
          unsaid = 0
        }
        whenEmpty = end
        drain()
      })
    },

    get stats() {
      return { writtenLines, droppedLines, heldBytes, fault }
    },
  }
}

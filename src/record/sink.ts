import { close, fstatSync, open, write } from 'node:fs'
import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'

/** Where log lines go. One write at a time; `done` is called once, later, with the bytes that were taken. */
export interface Sink {
  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null, taken: number) => void): void
}

/**
 * The sink for standard output. Files, terminals and devices are written by descriptor on a thread of libuv's pool, since
 * Node writes them synchronously otherwise: a full disk would throw in, and a stopped terminal would stop, the process.
 * Pipes and sockets go through the stream, whose descriptor does not block: a pipe that nobody reads must not hold a
 * thread, because a held thread keeps the process from exiting.
 */
export function standardSink(stream: Writable & { readonly fd: number }): Sink {
  const kind = fstatSync(stream.fd)
  const isPipe = (kind.isFIFO() || kind.isSocket()) && !isatty(stream.fd)
  return isPipe ? streamSink(stream) : descriptorSink(stream.fd)
}

/** Writes to an open descriptor, at its own position: append, or wherever the shell put it. */
export function descriptorSink(fd: number): Sink {
  return { write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, (error, taken) => done(error, taken ?? 0)) }
}

/** Writes to a stream. Once its reader is gone every write fails, and the log drops and counts. */
export function streamSink(stream: Writable): Sink {
  // Without a listener, EPIPE on standard output would end the process.
  stream.on('error', () => {})
  return {
    write(bytes, done) {
      if (stream.destroyed || stream.writableEnded) {
        setImmediate(done, gone(), 0)
        return
      }
      stream.write(bytes, (error) => (error ? done(error, 0) : done(null, bytes.length)))
    },
  }
}

/** A log file: opened for appending at the first write, and anew after `reopen` (logrotate) or a failure to open. */
export function fileSink(path: string): Sink & { reopen(): void } {
  let fd: number | null = null
  let isStale = false
  return {
    write(bytes, done) {
      const append = (open: number): void =>
        write(open, bytes, 0, bytes.length, null, (error, taken) => done(error, taken ?? 0))
      if (fd !== null && !isStale) {
        append(fd)
        return
      }
      open(path, 'a', 0o640, (error, opened) => {
        if (error !== null) {
          done(error, 0)
          return
        }
        // The log has one write under way, so nobody uses the old descriptor any more.
        if (fd !== null) close(fd, () => {})
        fd = opened
        isStale = false
        append(opened)
      })
    },
    reopen() {
      isStale = true
    },
  }
}

function gone(): NodeJS.ErrnoException {
  return Object.assign(new Error('the reader of the log is gone'), { code: 'EPIPE' })
}

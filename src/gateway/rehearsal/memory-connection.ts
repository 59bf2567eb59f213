import { Duplex } from 'node:stream'
import type { LiveExchange } from '../exchange.js'

/**
 * A connection without a network: the server reads the bytes it was made with and writes its answer into memory. It has
 * what the front door asks of a socket: a peer's address, a byte count, and a way to be broken.
 */
export class MemoryConnection extends Duplex {
  readonly remoteAddress: string
  readonly bytesRead: number
  /** As on a socket: whose answer this connection carries. */
  posternExchange: LiveExchange | null = null
  readonly #written: Buffer[] = []

  constructor(bytes: Buffer, remoteAddress: string) {
    super({ allowHalfOpen: true })
    this.remoteAddress = remoteAddress
    this.bytesRead = bytes.length
    this.push(bytes)
  }

  /** What the server has written so far. */
  get written(): Buffer {
    return Buffer.concat(this.#written)
  }

  /** The caller says that nothing more will come. */
  hangUp(): void {
    if (!this.readableEnded) this.push(null)
  }

  resetAndDestroy(): this {
    return this.destroy()
  }

  override _read(): void {
    // Everything was pushed at the start.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#written.push(chunk)
    done()
  }
}

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isPortTaken } from '../listen-fault.js'

/** A small server of the demo on the loopback address. */
export interface LocalServer {
  readonly url: string
  readonly port: number
  /** Whether the usual port was busy and a free one was taken. */
  readonly moved: boolean
  close(): Promise<void>
}

/** Listens on 127.0.0.1 at the usual port, or at a free one when that is busy. */
export async function listenLocally(usualPort: number, listener: RequestListener): Promise<LocalServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, listener)
  const moved = await listen(server, usualPort)
  // A TCP server's address is an object; only pipes have a string.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    moved,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function listen(server: Server, port: number): Promise<boolean> {
  const attempt = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  try {
    await attempt(port)
    return false
  } catch (error) {
    if (!isPortTaken(error)) throw error
    await attempt(0)
    return true
  }
}

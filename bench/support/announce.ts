import type { Server } from 'node:net'

/** What a process of the bench tells its parent once it can be used. */
export interface Announcement {
  readonly port: number
}

/** Tells the parent the port, and ends when the parent is gone. */
export function announce(server: Server): void {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
  const announcement: Announcement = { port: address.port }
  process.send?.(announcement)
  process.on('disconnect', () => process.exit(0))
}

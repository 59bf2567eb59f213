import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList } from 'node:net'
import { Pool } from 'undici'

/** Addresses that no function has, and every cloud's credentials do. */
const forbidden = new BlockList()
forbidden.addSubnet('169.254.0.0', 16, 'ipv4')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')
forbidden.addAddress('100.100.100.200', 'ipv4')

/** Whether an upstream may never resolve to this address: link-local, or a cloud's metadata service. */
export function isForbiddenAddress(address: string, family: number): boolean {
  if (address.toLowerCase().startsWith('::ffff:') && address.includes('.')) {
    return forbidden.check(address.slice(7), 'ipv4')
  }
  return forbidden.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** Resolves at each connect, so a name that is pointed at the metadata service later is refused later too. */
function guardedLookup(host: string, options: LookupOptions, done: LookupDone): void {
  dnsLookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, '')
    const barred = addresses.find(({ address, family }) => isForbiddenAddress(address, family))
    const first = addresses[0]
    if (barred !== undefined || first === undefined) {
      return done(
        Object.assign(new Error('resolves to a link-local or metadata address'), { code: 'POSTERN_FORBIDDEN' }),
        '',
      )
    }
    if (options.all === true) done(null, addresses)
    else done(null, first.address, first.family)
  })
}

/** Connections to functions, one pool per origin; they outlive reloads, so a reload costs no handshake. */
export class Pools {
  readonly #pools = new Map<string, { readonly pool: Pool; users: number }>()

  /** The pool of an origin, counted as used until `release`. */
  acquire(origin: string): Pool {
    const known = this.#pools.get(origin)
    if (known !== undefined) {
      known.users++
      return known.pool
    }
    const pool = new Pool(origin, {
      connections: 512,
      // A second request on a connection would wait behind a slow first one.
      pipelining: 1,
      // Deadlines are ours: undici's own timers are a second coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 4_000,
      maxHeaderSize: 32 * 1024,
      connect: { timeout: 60_000, lookup: guardedLookup },
    })
    // Without a listener an error of an idle connection would end the process; requests hear of theirs themselves.
    pool.on('connectionError', () => {})
    this.#pools.set(origin, { pool, users: 1 })
    return pool
  }

  /** Gives a pool back; the last user's going closes it once its requests are done. */
  release(origin: string): void {
    const known = this.#pools.get(origin)
    if (known === undefined || --known.users > 0) return
    this.#pools.delete(origin)
    known.pool.close().catch(() => {})
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map(({ pool }) => pool.destroy()))
  }
}

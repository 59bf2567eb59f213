import { Pool } from 'undici'
import type { UpstreamPlan } from '../plan/plan.js'
import { type ConnectPatience, guardedConnector, type Resolve, systemResolve } from './guarded-connector.js'

/** What decides whether two upstreams may share connections. */
export type Destination = Pick<UpstreamPlan, 'origin' | 'tls'>

/** Connections to one origin. */
export interface Link {
  readonly pool: Pool
  /** Whoever grants more time than any before says so here. */
  readonly patience: ConnectPatience
}

const leastPatienceMs = 1_000

/** Connections to functions, one pool per origin; they outlive reloads, so a reload costs no handshake. */
export class Pools {
  readonly #links = new Map<string, { readonly link: Link; users: number }>()
  readonly #resolve: Resolve

  constructor(resolve: Resolve = systemResolve()) {
    this.#resolve = resolve
  }

  /** The connections to an origin that is believed for the same reasons, counted as used until `release`. */
  acquire({ origin, tls }: Destination): Link {
    const key = keyOf({ origin, tls })
    const known = this.#links.get(key)
    if (known !== undefined) {
      known.users++
      return known.link
    }
    const patience = { ms: leastPatienceMs }
    const pool = new Pool(origin, {
      // How many there are at once is bounded by the places of the functions behind it, which refuse rather than queue.
      connections: null,
      // A second request on a connection would wait behind a slow first one.
      pipelining: 1,
      // Deadlines are ours: undici's own timers are a second coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 4_000,
      maxHeaderSize: 32 * 1024,
      connect: guardedConnector(this.#resolve, patience, tls),
    })
    // Without a listener an error of an idle connection would end the process; requests hear of theirs themselves.
    pool.on('connectionError', () => {})
    const link = { pool, patience }
    this.#links.set(key, { link, users: 1 })
    return link
  }

  /** Gives connections back; the last user's going closes them once their requests are done. */
  release(destination: Destination): void {
    const key = keyOf(destination)
    const known = this.#links.get(key)
    if (known === undefined || --known.users > 0) return
    this.#links.delete(key)
    known.link.pool.close().catch(() => {})
  }

  async close(): Promise<void> {
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(links.map(({ link }) => link.pool.destroy()))
  }
}

function keyOf({ origin, tls }: Destination): string {
  return tls === null ? origin : `${origin} ${JSON.stringify(tls)}`
}

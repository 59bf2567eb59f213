import { createHash, X509Certificate } from 'node:crypto'
import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls'
import { buildConnector } from 'undici'
import type { UpstreamTls } from '../plan/plan.js'
import { isMetadataAddress } from '../values/metadata-address.js'

/** Resolves a host to all of its addresses, as `dns.lookup` with `all` does. */
export type Resolve = (host: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void

/** How long one connection may take; grows with the longest time that a route grants. */
export interface ConnectPatience {
  ms: number
}

type Connector = ReturnType<typeof buildConnector>

/** The system's resolver, asked once at a time for each host: a name server that hangs holds one of its few threads. */
export function systemResolve(): Resolve {
  const waiting = new Map<string, Parameters<Resolve>[1][]>()
  return (host, done) => {
    const others = waiting.get(host)
    if (others !== undefined) return void others.push(done)
    const all = [done]
    waiting.set(host, all)
    dnsLookup(host, { all: true }, (error, addresses) => {
      waiting.delete(host)
      for (const each of all) each(error, addresses)
    })
  }
}

/**
 * Opens connections to functions. A name is resolved at each connect and none of its addresses may be forbidden, so one
 * that is pointed at a metadata service later is refused later too; and what is connected is looked at once more.
 */
export function guardedConnector(resolve: Resolve, patience: ConnectPatience, tls: UpstreamTls | null): Connector {
  const lookup: LookupFunction = (host, options, done) => {
    resolve(host, (error, addresses) => {
      if (error !== null) return done(error, '')
      const [first] = addresses
      if (first === undefined || addresses.some(({ address }) => isMetadataAddress(address))) {
        return done(forbidden(), '')
      }
      if (options.all === true) done(null, [...addresses])
      else done(null, first.address, first.family)
    })
  }
  // Its own timer is a second coarse; ours stands below.
  const options = { timeout: 0, lookup, minVersion: 'TLSv1.2', rejectUnauthorized: true, ...trust(tls) }
  const connect = buildConnector(options as buildConnector.BuildOptions) // net takes `lookup`, and passes it on
  return (options, callback) => {
    const timer = setTimeout(() => {
      socket?.destroy(Object.assign(new Error('no connection in time'), { code: 'UND_ERR_CONNECT_TIMEOUT' }))
    }, patience.ms)
    const opened: unknown = connect(options, (...[error, connected]: Parameters<buildConnector.Callback>) => {
      clearTimeout(timer)
      if (error !== null) return callback(error, null)
      if (isMetadataAddress(connected.remoteAddress ?? '')) {
        connected.destroy()
        return callback(forbidden(), null)
      }
      // undici takes a reset for the end of an answer that has no length. Told before it, under another name, a reset is
      // the fault that it is, and a cut answer is cut. RFC 9112 section 8
      connected.on('error', (fault: Error & { code?: string }) => {
        if (fault.code === 'ECONNRESET') fault.code = 'POSTERN_RESET'
      })
      callback(null, connected)
    })
    const socket = opened as Socket | undefined // it returns what it opens, and its type does not say so
  }
}

/** What tls.connect is told of whom to believe; a pin comes on top of all that it checks by itself. */
function trust(tls: UpstreamTls | null): ConnectionOptions {
  if (tls === null) return {}
  const { ca, pins } = tls
  return {
    ...(ca !== null && { ca }),
    ...(pins.length > 0 && {
      checkServerIdentity: (host: string, certificate: PeerCertificate) =>
        checkServerIdentity(host, certificate) ?? (pins.includes(pinOf(certificate.raw)) ? undefined : unpinned()),
    }),
  }
}

/** RFC 7469 section 2.4 */
function pinOf(certificate: Buffer): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

function unpinned(): Error {
  return Object.assign(new Error('the function has shown a key that is not pinned'), { code: 'POSTERN_UNPINNED' })
}

function forbidden(): Error {
  return Object.assign(new Error('resolves to a link-local or metadata address'), { code: 'POSTERN_FORBIDDEN' })
}

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { PeerCertificate } from '../stages/contract.js'
import { isEncrypted } from './break-off.js'

declare module 'node:net' {
  interface Socket {
    /** What `peerCertificate` found on this connection; absent until somebody asked. */
    posternPeerCertificate?: PeerCertificate | null
  }
}

/**
 * The certificate that the other end of a connection has proved to hold the key of; null without TLS, and where none was
 * shown. Read once per connection, and only where a route asks.
 */
export function peerCertificate(socket: Socket): PeerCertificate | null {
  const known = socket.posternPeerCertificate
  if (known !== undefined) return known
  const found = isEncrypted(socket) ? read(socket) : null
  socket.posternPeerCertificate = found
  return found
}

function read(socket: TLSSocket): PeerCertificate | null {
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return null
  // Without authorities of its own TLS would believe those of the public web: nobody's clients.
  const isAuthorized = socket.authorized && typeof socket.posternClientCa === 'string'
  return {
    raw: shown.raw,
    subject: shown.subject,
    issuer: shown.issuer,
    subjectAltName: shown.subjectAltName ?? '',
    sha256: shown.fingerprint256.replaceAll(':', '').toLowerCase(),
    validFrom: Date.parse(shown.validFrom),
    validTo: Date.parse(shown.validTo),
    isAuthorized,
    fault: isAuthorized ? null : String(socket.authorizationError ?? 'no client authority'),
  }
}

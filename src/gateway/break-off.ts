import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Whether a connection is one of TLS. */
export function isEncrypted(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket
}

/** Ends a connection so that nobody can take what has left for a whole answer. */
export function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  // A reset belongs to TCP; TLS tells a cut from an end by the close_notify that is missing. RFC 8446 section 6.1
  if (isEncrypted(socket)) socket.destroy()
  else socket.resetAndDestroy()
}

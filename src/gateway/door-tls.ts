import { constants } from 'node:crypto'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { TlsPlan } from '../plan/plan.js'
import { revealText, type Vault } from '../values/secret.js'

/** TLS of the public listener with its texts at hand. */
export interface DoorTls {
  readonly cert: string
  readonly key: string
  /** Null: callers are asked for no certificate. */
  readonly clientCa: string | null
  readonly minVersion: TlsPlan['minVersion']
}

/** The texts of a plan's TLS, out of the secrets of its set; null where the listener speaks plain HTTP. */
export function doorTls(plan: TlsPlan | null, vault: Vault): DoorTls | null {
  if (plan === null) return null
  return {
    cert: revealText(plan.cert, vault),
    key: revealText(plan.key, vault),
    clientCa: plan.clientCa === null ? null : revealText(plan.clientCa, vault),
    minVersion: plan.minVersion,
  }
}

/** TLS 1.3's own, and those of 1.2 that keep past traffic secret and authenticate what they encrypt. RFC 9325 section 4.2 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** What a certificate, a key and an authority come to; put in place of another while connections stand. */
export function secureContext({ cert, key, clientCa, minVersion }: DoorTls): SecureContextOptions {
  return {
    cert,
    key,
    ...(clientCa !== null && { ca: clientCa }),
    minVersion: minVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    ciphers,
    honorCipherOrder: true,
    // A caller could make us sign again and again on one connection. RFC 9325 section 3.5
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
}

/** How the server is opened: a client's certificate is asked for where there is an authority, and judged by the routes. */
export function serverTls(tls: DoorTls, handshakeMs: number): TlsOptions {
  return {
    ...secureContext(tls),
    // Who speaks HTTP/2 alone is told so in the handshake: there is no downgrade to smuggle through.
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: handshakeMs,
    requestCert: tls.clientCa !== null,
    rejectUnauthorized: false,
  }
}

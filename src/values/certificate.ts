import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** What one should know of a certificate that is served. */
export interface CertificateFacts {
  /** SHA-256 (lower-case hex) of the first certificate's DER bytes. */
  readonly sha256: string
  /** Epoch ms from which on all of the chain is valid. */
  readonly validFrom: number
  /** Epoch ms of the first moment at which a part of the chain is not valid any more. */
  readonly validTo: number
}

/** Why a certificate and a key cannot be served. */
export interface CertificateFault {
  readonly part: 'cert' | 'key'
  readonly message: string
  readonly hint: string
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Every certificate of a PEM text, in its order; null where one cannot be read. RFC 7468 section 5 */
export function readCertificates(pem: string): X509Certificate[] | null {
  try {
    return [...pem.matchAll(pemCertificate)].map(([text]) => new X509Certificate(text))
  } catch {
    return null
  }
}

/** Judges a chain (the server's own certificate first) and its private key as TLS would, before anything serves them. */
export function readKeyPair(cert: string, key: string): CertificateFacts | CertificateFault {
  const chain = readCertificates(cert)
  const [own] = chain ?? []
  if (chain === null || own === undefined) {
    return {
      part: 'cert',
      message: 'This holds no certificate that can be read.',
      hint: "Give a PEM file: the server's certificate first, then those between it and the authority.",
    }
  }
  const privateKey = readPrivateKey(key)
  if ('message' in privateKey) return privateKey
  if (!own.checkPrivateKey(privateKey)) {
    return {
      part: 'key',
      message: 'The private key does not belong to the first certificate of the chain.',
      hint: 'Take certificate and key from the same renewal; the certificate of the server stands first.',
    }
  }
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    const why = error instanceof Error && 'reason' in error ? `: ${String(error.reason)}` : ''
    return { part: 'cert', message: `TLS cannot use this certificate${why}.`, hint: 'Use RSA of 2048 bits or P-256.' }
  }
  return {
    sha256: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    validFrom: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
    validTo: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
  }
}

function readPrivateKey(pem: string): KeyObject | CertificateFault {
  if (pem.includes('ENCRYPTED')) {
    return {
      part: 'key',
      message: 'The private key is encrypted, and nobody is there to type its passphrase.',
      hint: 'Store it decrypted where only the gateway may read it: openssl pkey -in key.pem -out plain.pem',
    }
  }
  try {
    return createPrivateKey(pem)
  } catch {
    return { part: 'key', message: 'This holds no private key that can be read.', hint: 'Give a PEM file (PKCS#8).' }
  }
}

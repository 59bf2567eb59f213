import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** A certificate with its key, and what signs others with it. */
export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS#8. */
  readonly key: string
  /** RFC 7469: base64 SHA-256 of the public key. */
  readonly pin: string
  readonly name: string
  readonly privateKey: KeyObject
}

interface Wanted {
  readonly name: string
  /** Who signs it; itself when absent. */
  readonly by?: TestCertificate
  readonly isAuthority?: boolean
  readonly dns?: readonly string[]
  readonly uris?: readonly string[]
  readonly ips?: readonly string[]
  readonly emails?: readonly string[]
  /** Extended key usages, as OIDs; no such extension when absent. */
  readonly usages?: readonly string[]
  /** `sha1` makes a signature that nobody should believe. */
  readonly digest?: 'sha1' | 'sha256'
  /** Days from now; -1 and 30 when absent. */
  readonly from?: number
  readonly to?: number
}

const dayMs = 86_400_000

/** Makes an X.509 certificate with a P-256 key of its own: openssl is not on every machine that tests. RFC 5280 section 4.1 */
export function makeCertificate(wanted: Wanted): TestCertificate {
  const { name, by, isAuthority = false, dns = [], uris = [], ips = [], emails = [], from = -1, to = 30 } = wanted
  const { usages = [], digest = 'sha256' } = wanted
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const signature = sequence(oid(digest === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'))
  const names = [
    ...emails.map((text) => der(0x81, Buffer.from(text))),
    ...dns.map((text) => der(0x82, Buffer.from(text))),
    ...uris.map((text) => der(0x86, Buffer.from(text))),
    ...ips.map((text) => der(0x87, Buffer.from(text.split('.').map(Number)))),
  ]
  const extensions = [
    extension('2.5.29.19', isAuthority ? sequence(der(0x01, Buffer.from([0xff]))) : sequence(), true),
    ...(usages.length === 0 ? [] : [extension('2.5.29.37', sequence(...usages.map(oid)))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names))]),
  ]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    signature,
    commonName(by?.name ?? name),
    sequence(time(from), time(to)),
    commonName(name),
    spki,
    der(0xa3, sequence(...extensions)),
  )
  const signed = createSign(digest)
    .update(body)
    .sign(by?.privateKey ?? privateKey)
  const whole = sequence(body, signature, der(0x03, Buffer.concat([Buffer.from([0]), signed])))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${pemLines(whole)}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pin: createHash('sha256').update(spki).digest('base64'),
    name,
    privateKey,
  }
}

/** Lines of 64 characters, and no empty one at the end: OpenSSL takes it for a fault. */
function pemLines(bytes: Buffer): string {
  return (
    bytes
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n') ?? ''
  )
}

/** A tag, a length and its content. ITU-T X.690 section 8.1 */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 127]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))))
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.from([0xff]))] : []
  return sequence(oid(id), ...critical, der(0x04, value))
}

function time(days: number): Buffer {
  const text = new Date(Date.now() + days * dayMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x18, Buffer.from(text))
}

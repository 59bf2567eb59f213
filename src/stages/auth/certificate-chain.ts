import { X509Certificate } from 'node:crypto'

/** From when to when a certificate and all that vouch for it are valid: epoch ms. */
export interface Validity {
  readonly from: number
  readonly to: number
}

/** RFC 5280 section 4.2.1.12: a client, or anything. */
const clientUsages = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']
const leastRsaBits = 2_048

/** OIDs of signatures with MD2, MD5 or SHA-1, in DER: two certificates can be made that share one. */
const brokenSignatures: ReadonlySet<string> = new Set([
  '2a864886f70d010102', // md2WithRSAEncryption
  '2a864886f70d010104', // md5WithRSAEncryption
  '2a864886f70d010105', // sha1WithRSAEncryption
  '2a8648ce3d0401', // ecdsa-with-SHA1
  '2a8648ce380403', // dsa-with-SHA1
])

/**
 * Whether an authority of the policy vouches for a client's certificate, by itself or over authorities that came with it;
 * a text says why not. Signatures, issuers, the right to sign, purpose, strength and dates are checked. Node tells nothing
 * of path lengths, name constraints and policies, and nobody is asked about revocation.
 */
export function verifyChain(
  leaf: Buffer,
  above: readonly Buffer[],
  authorities: readonly X509Certificate[],
): Validity | string {
  let client: X509Certificate
  let between: X509Certificate[]
  try {
    client = new X509Certificate(leaf)
    between = above.map((raw) => new X509Certificate(raw))
  } catch {
    return 'unreadable'
  }
  const usages = client.keyUsage as readonly string[] | undefined // absent without the extension, whatever the types say
  if (usages !== undefined && !usages.some((usage) => clientUsages.includes(usage))) return 'not for clients'
  return climb(client, new Set(between), authorities, validityOf(client)) ?? 'no authority vouches for it'
}

/** Each certificate in between is tried once at most, so a long or circular chain costs no more than its length. */
function climb(
  below: X509Certificate,
  between: Set<X509Certificate>,
  authorities: readonly X509Certificate[],
  validity: Validity,
): Validity | string | undefined {
  const weak = weaknessOf(below)
  if (weak !== null) return weak
  const trusted = authorities.find((authority) => isIssuedBy(below, authority))
  if (trusted !== undefined) return overlap(validity, validityOf(trusted))
  let fault: string | undefined
  for (const next of between) {
    if (!isIssuedBy(below, next)) continue
    between.delete(next)
    const found = climb(next, between, authorities, overlap(validity, validityOf(next)))
    if (typeof found === 'object') return found
    fault ??= found
  }
  return fault
}

function isIssuedBy(below: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && below.checkIssued(authority) && below.verify(authority.publicKey)
}

function weaknessOf(certificate: X509Certificate): string | null {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  const bits = asymmetricKeyDetails?.modulusLength
  if (asymmetricKeyType === 'dsa' || (bits !== undefined && bits < leastRsaBits)) return 'a weak key'
  const signature = signatureOid(certificate.raw)
  return signature === null || brokenSignatures.has(signature) ? 'a weak signature' : null
}

/** The OID, in hex, of the algorithm that a certificate is signed with: the second part of three. RFC 5280 section 4.1 */
function signatureOid(raw: Buffer): string | null {
  const whole = element(raw, 0)
  const body = whole === null ? null : element(raw, whole.start)
  const algorithm = body === null ? null : element(raw, body.end)
  const oid = algorithm === null ? null : element(raw, algorithm.start)
  return oid === null ? null : raw.toString('hex', oid.start, oid.end)
}

/** Where the content of the DER element at a place begins and ends. ITU-T X.690 section 8.1 */
function element(raw: Buffer, at: number): { readonly start: number; readonly end: number } | null {
  const first = raw[at + 1]
  if (first === undefined) return null
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 3 || at + 2 + lengthBytes > raw.length) return null
  const length = lengthBytes === 0 ? first : raw.readUIntBE(at + 2, lengthBytes)
  const start = at + 2 + lengthBytes
  return start + length > raw.length ? null : { start, end: start + length }
}

function validityOf(certificate: X509Certificate): Validity {
  return { from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) }
}

function overlap(a: Validity, b: Validity): Validity {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

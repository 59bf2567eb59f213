import { createHmac, type KeyObject, sign as signWith } from 'node:crypto'

/** How a token's bytes are signed. */
export type Sign = (input: string) => Buffer

export const hs256 =
  (secret: string | Buffer): Sign =>
  (input) =>
    createHmac('sha256', secret).update(input).digest()

/** RS256, ES256 or EdDSA, by the key. */
export function signer(key: KeyObject): Sign {
  return (input) => {
    const bytes = Buffer.from(input)
    if (key.asymmetricKeyType === 'ed25519') return signWith(null, bytes, key)
    if (key.asymmetricKeyType === 'ec') return signWith('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
    return signWith('sha256', bytes, key)
  }
}

/** Text, bytes or a value as a base64url part. */
export function part(content: unknown): string {
  if (Buffer.isBuffer(content)) return content.toString('base64url')
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64url')
}

/** A compact token of exactly this header and payload, honestly signed, however odd they are. */
export function compact(header: unknown, payload: unknown, sign: Sign): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${sign(input).toString('base64url')}`
}

import type { Evidence } from '../../stages/contract.js'
import { importKey, type ProofKey, thumbprintOf } from './dpop-key.js'
import { isCanonical, readObject, tokenParts, tokenType, wordOf } from './jwt-token.js'

/** A proof as it reads before its signature was checked. */
export interface UnverifiedProof {
  readonly algorithm: string
  readonly key: ProofKey
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why a proof is none; part of the deny code. */
export interface ProofFault {
  readonly fault: string
  readonly evidence: Evidence
}

/** A proof holds one key and a handful of claims: an RSA key of 8192 bits makes about 3 KB. */
const mostProofBytes = 4_096

/** Headers of proofs that were read lately: a client's stays the same to the letter for as long as its key does. */
const mostHeads = 1_024

type Head = Pick<UnverifiedProof, 'algorithm' | 'key'>

/**
 * Reads the shape of a proof: RFC 9449 section 4.2 and checks 2 to 7 of section 4.3, as strictly as a token is read. The
 * key is imported only if it is the one that the token is bound to.
 */
export function proofReader(
  algorithms: readonly string[],
): (proof: string, thumbprint: string) => UnverifiedProof | ProofFault {
  let young = new Map<string, Head>()
  let old = new Map<string, Head>()

  return (proof, thumbprint) => {
    const parts = proof.length > mostProofBytes ? null : tokenParts(proof)
    if (parts === null) return malformed('compact form')
    const [head, body, signature] = parts
    if (!isCanonical(signature)) return malformed('signature encoding')
    const known = young.get(head) ?? old.get(head)
    const read = known ?? readHead(head, algorithms, thumbprint)
    if ('fault' in read) return read
    if (known === undefined) remember(head, read)
    if (read.key.thumbprint !== thumbprint) return otherKey
    const claims = readObject(body)
    return claims === null ? malformed('claims') : { ...read, claims }
  }

  function remember(head: string, read: Head): void {
    if (young.size >= mostHeads) {
      old = young
      young = new Map()
    }
    young.set(head, read)
  }
}

function readHead(head: string, algorithms: readonly string[], thumbprint: string): Head | ProofFault {
  const header = readObject(head)
  if (header === null) return malformed('header')
  const type = tokenType(header['typ'])
  if (type !== 'dpop+jwt') {
    return { fault: 'proof-type', evidence: { type: type === null ? 'none' : wordOf(type) } }
  }
  for (const name of ['crit', 'b64', 'zip']) if (Object.hasOwn(header, name)) return malformed(name)
  const { alg, jwk } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    return { fault: 'proof-algorithm', evidence: { allowed: algorithms.join(' ') } }
  }
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return wrongKey('no key')
  const members: Record<string, unknown> = { ...jwk }
  const named = thumbprintOf(members)
  if (typeof named === 'string') return wrongKey(named)
  // Before the import: a stranger's key costs a digest and no more.
  if (named.thumbprint !== thumbprint) return otherKey
  const key = importKey(members, alg)
  return typeof key === 'string' ? wrongKey(key) : { algorithm: alg, key: { key, thumbprint: named.thumbprint } }
}

const otherKey: ProofFault = { fault: 'proof-key-other', evidence: {} }

function wrongKey(found: string): ProofFault {
  return { fault: 'proof-key', evidence: { found } }
}

function malformed(part: string): ProofFault {
  return { fault: 'proof-malformed', evidence: { part } }
}

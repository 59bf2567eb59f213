import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, SignJWT } from 'jose'
import type { Plan } from '../../plan/plan.js'

/** A key of a test's caller, and proofs of it: RFC 9449 section 4.2. */
export interface TestProver {
  /** What a token holds that is bound to the key. */
  readonly cnf: { readonly jkt: string }
  /** The proof for a token of the plan and one request. */
  prove(
    token: string,
    request: { readonly method: string; readonly host: string; readonly path: string },
    now: number,
  ): Promise<string>
}

/** Makes a key that lives in memory and dies with it. Proofs are for the first public URL of the token's issuer. */
export async function testProver(plan: Plan): Promise<TestProver> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = await exportJWK(publicKey)
  return {
    cnf: { jkt: await calculateJwkThumbprint(jwk) },
    prove(token, { method, host, path }, now) {
      const { iss } = decodeJwt(token)
      const issuer = Object.values(plan.issuers).find((each) => each.issuer === iss)
      const base = issuer?.dpop?.publicUrls[0] ?? `http://${host}`
      const ath = createHash('sha256').update(token).digest('base64url')
      return new SignJWT({ jti: randomUUID(), htm: method, htu: base + path, iat: Math.floor(now / 1000), ath })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey)
    },
  }
}

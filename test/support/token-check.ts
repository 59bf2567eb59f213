import { checkToken } from '../../src/stages/auth/check-token.js'
import type { JwtMethod } from '../../src/stages/auth/settings.js'
import type { Check, Revoked, TokenVerifier } from '../../src/stages/contract.js'
import { testClock } from './issuer.js'

/** Nobody has revoked anything. */
export const nothingRevoked: Revoked = { covers: () => null }

/** A method by token of the issuer `main` that asks for nothing but what the test says. */
export function jwtMethod(asked: Partial<JwtMethod> = {}): JwtMethod {
  return { method: 'jwt', issuer: 'main', scopes: [], claims: [], roles: [], stepUp: null, ...asked }
}

/** The check of such a method over a verifier of the test's own. */
export function tokenCheck(
  asked: Partial<JwtMethod>,
  verifier: TokenVerifier,
  lent: Partial<Parameters<typeof checkToken>[2]> = {},
  possession?: Parameters<typeof checkToken>[3],
): Check {
  const tools = { clock: testClock(), issuers: {}, revocations: nothingRevoked, resourceMetadata: null, ...lent }
  return checkToken(jwtMethod(asked), verifier, tools, possession)
}

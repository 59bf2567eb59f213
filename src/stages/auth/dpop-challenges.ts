import type { DpopPlan } from '../../plan/plan.js'

/** Says a Bearer challenge to callers of an issuer whose tokens are bound to keys. RFC 9449 sections 7.1 and 7.2 */
export interface ProofChallenges {
  /** For the scheme that came; without one, for each that is taken. */
  of(bearer: readonly string[], scheme: 'bearer' | 'dpop' | null): readonly string[]
  /** The proof itself is at fault. */
  readonly proof: readonly string[]
  nonce(nonce: string): readonly string[]
}

/** The challenges of one issuer. */
export function proofChallenges({ required, algorithms }: DpopPlan): ProofChallenges {
  const algs = `algs="${algorithms.join(' ')}"`
  const inScheme = (bearer: readonly string[]): string[] =>
    bearer.map((text, i) =>
      i % 2 === 1 && text.startsWith('Bearer ') ? `DPoP ${text.slice('Bearer '.length)}, ${algs}` : text,
    )
  return {
    of: (bearer, scheme) => {
      if (scheme === 'dpop' || required) return inScheme(bearer)
      return scheme === 'bearer' ? bearer : [...bearer, ...inScheme(bearer)]
    },
    proof: ['www-authenticate', `DPoP realm="api", error="invalid_dpop_proof", ${algs}`],
    nonce: (nonce) => ['www-authenticate', `DPoP realm="api", error="use_dpop_nonce", ${algs}`, 'dpop-nonce', nonce],
  }
}

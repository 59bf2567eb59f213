import type { Reason, Reasons } from '../contract.js'

/** Towards callers a bad credential is `auth.invalid` whatever was wrong with it; the record has the exact code. */
const invalid = { status: 401, shown: 'auth.invalid' } as const
const missing = { status: 401, shown: 'auth.missing' } as const
const forbidden = { status: 403, shown: 'auth.forbidden' } as const

export const reasons = {
  missing: { code: 'auth.missing', status: 401, sentence: 'The request carries no credential.' },
  schemeUnsupported: {
    code: 'auth.scheme-unsupported',
    ...missing,
    sentence: 'The Authorization header is of another scheme than Bearer.',
  },
  credentialsRepeated: {
    code: 'auth.credentials-repeated',
    status: 400,
    sentence: 'The request carries its credential more than once.',
  },
  tokenTooLong: { code: 'auth.token-too-long', ...invalid, sentence: 'The token is longer than 8 KiB.' },
  tokenMalformed: {
    code: 'auth.token-malformed',
    ...invalid,
    sentence: 'The token is no well-formed, unambiguous signed JWT.',
  },
  tokenCritical: {
    code: 'auth.token-critical',
    ...invalid,
    sentence: 'The token asks for an extension (crit, b64, zip), and none is accepted.',
  },
  tokenAlgorithm: {
    code: 'auth.token-algorithm',
    ...invalid,
    sentence: 'The token is signed with an algorithm that its issuer may not use.',
  },
  tokenType: { code: 'auth.token-type', ...invalid, sentence: 'The token is of a type that is not accepted here.' },
  tokenIssuer: { code: 'auth.token-issuer', ...invalid, sentence: 'The token names another issuer.' },
  tokenKeyUnknown: {
    code: 'auth.token-key-unknown',
    ...invalid,
    sentence: 'The token names a key that its issuer does not have.',
  },
  tokenKeyAmbiguous: {
    code: 'auth.token-key-ambiguous',
    ...invalid,
    sentence: 'The token names no key, and its issuer has too many to try.',
  },
  tokenSignature: { code: 'auth.token-signature', ...invalid, sentence: 'The signature of the token is wrong.' },
  tokenClaimMissing: { code: 'auth.token-claim-missing', ...invalid, sentence: 'The token lacks a required claim.' },
  tokenClaimUnreadable: {
    code: 'auth.token-claim-unreadable',
    ...invalid,
    sentence: 'A claim of the token has a value that it cannot have.',
  },
  tokenExpired: { code: 'auth.token-expired', ...invalid, sentence: 'The token has expired.' },
  tokenNotYetValid: { code: 'auth.token-not-yet-valid', ...invalid, sentence: 'The token is not valid yet.' },
  tokenIssuedInFuture: {
    code: 'auth.token-issued-in-future',
    ...invalid,
    sentence: 'The token says it was issued in the future.',
  },
  tokenLifeTooLong: {
    code: 'auth.token-life-too-long',
    ...invalid,
    sentence: 'The token lives longer than its issuer is allowed to let it.',
  },
  tokenAudience: { code: 'auth.token-audience', ...invalid, sentence: 'The token is meant for somebody else.' },
  tokenInactive: {
    code: 'auth.token-inactive',
    ...invalid,
    sentence: 'The issuer says that the token is not active: expired, revoked or none of its own.',
  },
  revoked: {
    code: 'auth.revoked',
    ...invalid,
    sentence: 'An operator has revoked the token, its subject or its client.',
  },
  tokenInvalid: { code: 'auth.token-invalid', ...invalid, sentence: 'The token is not accepted.' },
  tokenBound: {
    code: 'auth.token-bound',
    ...invalid,
    sentence: 'The token is bound to a key or certificate, and the caller has not shown it.',
  },
  tokenUnbound: {
    code: 'auth.token-unbound',
    ...invalid,
    sentence: 'The token came with the scheme DPoP and is bound to no key.',
  },
  proofMissing: { code: 'auth.proof-missing', ...invalid, sentence: 'The request carries no proof in a DPoP header.' },
  proofMalformed: {
    code: 'auth.proof-malformed',
    ...invalid,
    sentence: 'The proof is no well-formed, unambiguous signed JWT.',
  },
  proofType: { code: 'auth.proof-type', ...invalid, sentence: 'The proof is of another type than dpop+jwt.' },
  proofAlgorithm: {
    code: 'auth.proof-algorithm',
    ...invalid,
    sentence: 'The proof is signed with an algorithm that is not accepted.',
  },
  proofKey: { code: 'auth.proof-key', ...invalid, sentence: 'The key in the proof is missing, private or unusable.' },
  proofKeyOther: {
    code: 'auth.proof-key-other',
    ...invalid,
    sentence: 'The key in the proof is another than the one that the token is bound to.',
  },
  proofSignature: { code: 'auth.proof-signature', ...invalid, sentence: 'The signature of the proof is wrong.' },
  proofClaim: {
    code: 'auth.proof-claim',
    ...invalid,
    sentence: 'The proof lacks a required claim, or it is unreadable.',
  },
  proofTime: { code: 'auth.proof-time', ...invalid, sentence: 'The proof is too old, or made in the future.' },
  proofRequest: { code: 'auth.proof-request', ...invalid, sentence: 'The proof was made for another request.' },
  proofToken: { code: 'auth.proof-token', ...invalid, sentence: 'The proof was made for another token.' },
  proofNonce: {
    code: 'auth.proof-nonce',
    ...invalid,
    // Every client meets this once in a while, by the rules of the protocol.
    isCredentialGood: true,
    sentence: 'The proof lacks the current nonce; the answer tells it.',
  },
  proofReplayed: { code: 'auth.proof-replayed', ...invalid, sentence: 'The proof has been used before.' },
  proofsUnremembered: {
    code: 'auth.proofs-unremembered',
    status: 503,
    sentence: 'So many proofs are in use that no further one can be remembered.',
  },
  issuerUnavailable: {
    code: 'auth.issuer-unavailable',
    status: 503,
    sentence: 'The issuer cannot be asked at the moment, for its keys or about the token.',
  },
  scopeMissing: {
    code: 'auth.scope-missing',
    status: 403,
    sentence: 'The token lacks a scope that the route asks for.',
  },
  claimMismatch: { code: 'auth.claim-mismatch', ...forbidden, sentence: 'A claim is not what the route asks for.' },
  roleMissing: {
    code: 'auth.role-missing',
    ...forbidden,
    sentence: 'The token holds none of the roles that the route asks for.',
  },
  stepUpNeeded: {
    code: 'auth.step-up-needed',
    status: 401,
    // The credential is good: an address whose users must sign in again has not shown a bad one.
    isCredentialGood: true,
    sentence: 'The user must sign in again, or by a stronger method.',
  },
  keyMalformed: { code: 'auth.key-malformed', ...invalid, sentence: 'The API key is empty or too long.' },
  keyUnknown: { code: 'auth.key-unknown', ...invalid, sentence: 'No client has this API key.' },
  keyExpired: { code: 'auth.key-expired', ...invalid, sentence: 'The API key is past its last day.' },
  certificateMalformed: {
    code: 'auth.certificate-malformed',
    ...invalid,
    sentence: 'The client certificate that a trusted proxy sent cannot be read.',
  },
  certificateUntrusted: {
    code: 'auth.certificate-untrusted',
    ...invalid,
    sentence: 'No authority that the route believes vouches for the client certificate.',
  },
  certificateExpired: {
    code: 'auth.certificate-expired',
    ...invalid,
    sentence: 'The client certificate, or one that vouches for it, is not valid now.',
  },
  certificateNotAdmitted: {
    code: 'auth.certificate-not-admitted',
    ...forbidden,
    sentence: 'The client certificate is genuine, but not one that the route admits.',
  },
  clientNotAdmitted: {
    code: 'auth.client-not-admitted',
    ...forbidden,
    sentence: 'The client is known, but not admitted to this route.',
  },
  clientAddress: {
    code: 'auth.client-address',
    ...forbidden,
    sentence: 'The client may not call from this address.',
  },
} as const satisfies Reasons

const byFault: ReadonlyMap<string, Reason> = new Map(
  Object.values<Reason>(reasons).map((reason) => [reason.code.slice('auth.'.length), reason]),
)

/** The reason for what a token verifier found wrong; its faults are our codes without their prefix. */
export function reasonForFault(fault: string): Reason {
  return byFault.get(fault) ?? reasons.tokenInvalid
}

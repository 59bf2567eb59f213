import type { StepUp } from './settings.js'

/** Bearer and DPoP challenges that tell where the API's metadata stands; others as they are. RFC 9728 §5.1 */
export function withMetadata(headers: readonly string[], url: string | null): readonly string[] {
  if (url === null) return headers
  return headers.map((text) => (/^(Bearer|DPoP) /.test(text) ? `${text}, resource_metadata="${url}"` : text))
}

/** RFC 6750 §3: what a refused caller is told to bring. Constant, and silent about why. */
const bearer = (error: string) => ['www-authenticate', `Bearer realm="api"${error}`] as const

export const challenges = {
  /** No error code where there was no credential: RFC 6750 §3.1. */
  missing: bearer(''),
  repeated: bearer(', error="invalid_request"'),
  invalid: bearer(', error="invalid_token"'),
  forbidden: bearer(', error="insufficient_scope"'),
  /** Scope tokens hold neither quotes nor backslashes (RFC 6749 §3.3; the schema sees to it). */
  scopeMissing: (scopes: readonly string[]) => bearer(`, error="insufficient_scope", scope="${scopes.join(' ')}"`),
  /** What the client has to ask its issuer for. RFC 9470 §3; the schema keeps quotes out of `acr`. */
  stepUp: ({ acr, maxAgeMs }: StepUp) =>
    bearer(
      [
        ', error="insufficient_user_authentication"',
        ...(acr === null ? [] : [`, acr_values="${acr.join(' ')}"`]),
        ...(maxAgeMs === null ? [] : [`, max_age="${Math.floor(maxAgeMs / 1000)}"`]),
      ].join(''),
    ),
  /** No scheme is registered for keys in a header of their own; RFC 9110 §11.6.1 asks for a challenge all the same. */
  apiKey: ['www-authenticate', 'ApiKey realm="api"'],
  /** Nor is one for the certificates of connections. */
  certificate: ['www-authenticate', 'ClientCertificate realm="api"'],
} as const

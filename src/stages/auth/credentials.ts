import type { Exchange } from '../contract.js'

/** What stands in a header that must stand once: its value, null for none, `repeated` for two or more. */
export type Single = { readonly value: string } | 'repeated' | null

/**
 * Reads a header from the raw list: Node keeps the first of two `Authorization` headers and drops the second in
 * silence, and what another parser would read is anybody's guess.
 */
export function singleHeader(exchange: Exchange, name: string): Single {
  const { rawHeaders } = exchange
  let found = -1
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i] ?? ''
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue
    if (found !== -1) return 'repeated'
    found = i + 1
  }
  return found === -1 ? null : { value: rawHeaders[found] ?? '' }
}

/**
 * The token of a `Bearer` credential: the scheme without case, then blanks, then the rest, which the verifier judges.
 * Null: another scheme. RFC 6750 §2.1, RFC 9110 §11.4
 */
export function bearerToken(value: string): string | null {
  if (value.length < 6 || value.slice(0, 6).toLowerCase() !== 'bearer') return null
  let start = 6
  while (value.charCodeAt(start) === 32) start += 1
  // `Bearer` alone is our scheme with an empty token; `Bearerx` is another scheme.
  return start === 6 && value.length > 6 ? null : value.slice(start)
}

/** The token of a `DPoP` credential, read as `bearerToken` reads its own. RFC 9449 section 7.1 */
export function dpopToken(value: string): string | null {
  if (value.length < 4 || value.slice(0, 4).toLowerCase() !== 'dpop') return null
  let start = 4
  while (value.charCodeAt(start) === 32) start += 1
  return start === 4 && value.length > 4 ? null : value.slice(start)
}

import type { Dispatcher } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'
import { type JwkSet, readJwkSet } from '../values/jwk-set.js'
import { createIssuerRequests, IssuerFault } from './issuer-requests.js'

/** Fetches the key set of one issuer; remembers between calls where discovery found it. */
export interface KeySetDownload {
  /** Rejects with an `IssuerFault` and nothing else. */
  run(): Promise<{ readonly url: string; readonly set: JwkSet }>
  /** Requests sent so far, discovery included. */
  requests(): number
  /** Ends a download under way. */
  abort(): void
}

/** Reads an issuer's key set over HTTP: one deadline for all of it, a cap while streaming, no redirects. */
export function createKeySetDownload(
  issuer: IssuerPlan,
  dispatcher: Dispatcher,
  monotonic: () => number,
): KeySetDownload {
  const requests = createIssuerRequests(issuer, dispatcher, monotonic)
  return {
    run: () =>
      requests.within(async (signal) => {
        const url = issuer.keys.kind === 'jwksUri' ? issuer.keys.url : await requests.locate('jwks_uri', signal)
        const set = readJwkSet(await requests.getJson(url, signal), issuer.algorithms)
        if (set === null) throw new IssuerFault(`${url} is no JWK set`)
        if (set.keys.length === 0) throw new IssuerFault(`${url} holds no usable key${listSkipped(set)}`)
        return { url, set }
      }),
    requests: requests.sent,
    abort: requests.abort,
  }
}

function listSkipped(set: JwkSet): string {
  if (set.skipped.length === 0) return ''
  return ` (${set.skipped
    .slice(0, 5)
    .map((key) => `${key.kid ?? 'without kid'}: ${key.why}`)
    .join('; ')})`
}

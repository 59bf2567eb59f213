import type { Plan } from '../plan/plan.js'

/** What the gateway tells everybody about the API it guards. RFC 9728 */
export interface ResourceMetadata {
  /** Where a request finds it. */
  readonly path: string
  /** Where challenges send clients. */
  readonly url: string
  /** The document, as JSON. */
  readonly body: string
}

/** The document of a plan; null where the policy does not ask for one. */
export function resourceMetadata({ gateway, issuers }: Pick<Plan, 'gateway' | 'issuers'>): ResourceMetadata | null {
  if (gateway.protectedResource === null) return null
  const { resource, issuers: names, scopes, name, documentation } = gateway.protectedResource
  const { origin, pathname } = new URL(resource)
  // RFC 9728 section 3.1: between host and path.
  const path = `/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname.replace(/\/$/, '')}`
  const named = names.flatMap((each) => issuers[each] ?? [])
  const proofs = new Set(named.flatMap(({ dpop }) => dpop?.algorithms ?? []))
  const document = {
    resource,
    authorization_servers: [...new Set(named.map(({ issuer }) => issuer))],
    bearer_methods_supported: ['header'],
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    ...(proofs.size > 0 && { dpop_signing_alg_values_supported: [...proofs] }),
    ...(named.length > 0 && named.every(({ dpop }) => dpop?.required === true)
      ? { dpop_bound_access_tokens_required: true }
      : {}),
    ...(name !== null && { resource_name: name }),
    ...(documentation !== null && { resource_documentation: documentation }),
  }
  return { path, url: `${origin}${path}`, body: JSON.stringify(document) }
}

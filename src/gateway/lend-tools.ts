import type { FastifyInstance } from 'fastify'
import type { Plan } from '../plan/plan.js'
import type { Clock, Limiter, Tools } from '../stages/contract.js'
import type { State } from '../state/state.js'
import { revealText, type Vault } from '../values/secret.js'
import { clientAddress } from './client-address.js'
import { resourceMetadata } from './resource-metadata.js'
import { createProofVerifiers } from './tools/dpop.js'
import { hopSigner } from './tools/hop-token.js'
import { openUpstream } from './tools/http.js'
import { createIntrospectors } from './tools/introspection.js'
import { createVerifiers } from './tools/jwt.js'

/** What the tools of one generation are made of. A rehearsal brings a limiter and a network of its own. */
export interface Lender {
  readonly app: FastifyInstance
  readonly state: State
  readonly clock: Clock
  readonly limiter: Limiter
  readonly http: Tools['http']
  readonly credentials: Tools['credentials']
  readonly securityHeaders: Tools['securityHeaders']
  /** In the place of the network, where nobody is to be asked about a token. */
  readonly introspector?: (verifier: Tools['verifier']) => Tools['introspector']
}

/** What the stages of one generation borrow; call it before the Fastify instance is ready. */
export function lendTools({ plan, vault }: { readonly plan: Plan; readonly vault: Vault }, lender: Lender): Tools {
  const { app, state, clock, limiter, http, credentials, securityHeaders } = lender
  const { isTrusted: trusts } = clientAddress(plan.gateway.trustedProxies)
  const { issuers } = plan
  const { hopToken } = plan.gateway
  state.hopKeys.use(
    hopToken.keys.map((key) => revealText(key, vault)),
    hopToken.rotateMs,
  )
  const { keySets, introspections, verifiedTokens } = state
  const verifier = createVerifiers({ issuers, fastify: app, vault, keySets, verifiedTokens, clock })
  const asking = createIntrospectors({ issuers, vault, introspections, verifiedTokens, clock })
  app.addHook('onClose', async () => asking.close())
  return {
    clock,
    issuers: plan.issuers,
    clients: plan.clients,
    upstreams: plan.upstreams,
    schemas: plan.schemas,
    reveal: (text) => revealText(text, vault),
    keep: (key, make) => state.kept.keep(key, make),
    verifier,
    introspector: lender.introspector?.(verifier) ?? asking.introspector,
    proofVerifier: createProofVerifiers(plan.issuers, {
      vault,
      clock,
      proofsSeen: state.proofsSeen,
      nonceKey: state.nonceKey,
    }),
    trusts,
    revocations: state.revocations,
    hopToken: hopSigner(state.hopKeys, hopToken, clock),
    resourceMetadata: resourceMetadata(plan)?.url ?? null,
    limiter,
    slots: state.slots,
    http,
    credentials,
    securityHeaders,
  }
}

/** The functions of a plan, each over its pool. */
export function openUpstreams(plan: Plan, state: State): Tools['http'] {
  const opened = new Map(
    Object.values(plan.upstreams).map((upstream) => [upstream.name, openUpstream(upstream, state.pools, state.gates)]),
  )
  return {
    upstream(upstream) {
      const found = opened.get(upstream.name)
      if (found === undefined) throw new Error(`upstream ${upstream.name} is not in the plan`)
      return found
    },
  }
}

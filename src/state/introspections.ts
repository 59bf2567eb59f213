import { createHash } from 'node:crypto'
import { Agent } from 'undici'
import type { IssuerPlan } from '../plan/plan.js'
import type { Clock } from '../stages/contract.js'
import { type IntrospectionAnswer, type IntrospectionStats, LiveIntrospection } from './introspection.js'
import { createIntrospectionRequest } from './introspection-request.js'
import { createIssuerRequests, type IssuerRequests } from './issuer-requests.js'
import type { KeySetNotice } from './key-set.js'

/** Issuers that are asked about tokens. They outlive generations: a reload forgets neither questions nor failures. */
export interface Introspections {
  /** Each opener closes its own handle; after the last one the issuer is forgotten. */
  open(issuer: IssuerPlan, secret: string): Introspection
  /** For metrics; one entry per issuer. */
  stats(): readonly IntrospectionStats[]
  close(): Promise<void>
}

/** One issuer, to be asked about tokens. */
export interface Introspection {
  /** Never rejects. */
  ask(token: string): Promise<IntrospectionAnswer>
  close(): void
}

/** Makes the client for all introspection of the process. */
export function createIntrospections(clock: Clock, notify: (notice: KeySetNotice) => void = () => {}): Introspections {
  const agent = new Agent({ connections: 16, pipelining: 1, keepAliveTimeout: 30_000, maxHeaderSize: 16 * 1024 })
  const live = new Map<string, { readonly introspection: LiveIntrospection; readonly requests: IssuerRequests }>()
  return {
    open(issuer, secret) {
      const { declaredAt: _, ...facts } = issuer
      const key = createHash('sha256').update(JSON.stringify(facts)).update('\0').update(secret).digest('hex')
      let found = live.get(key)
      if (found === undefined) {
        const requests = createIssuerRequests(issuer, agent, () => clock.monotonic())
        const ask = createIntrospectionRequest(issuer, secret, requests)
        found = { requests, introspection: new LiveIntrospection(issuer, ask, clock, notify) }
        live.set(key, found)
      }
      const { introspection, requests } = found
      introspection.holders += 1
      let isOpen = true
      return {
        ask: (token) => introspection.ask(token),
        close() {
          if (!isOpen) return
          isOpen = false
          introspection.holders -= 1
          if (introspection.holders > 0) return
          requests.abort()
          live.delete(key)
        },
      }
    },
    stats: () => [...live.values()].map(({ introspection }) => introspection.stats()),
    async close() {
      for (const { requests } of live.values()) requests.abort()
      live.clear()
      await agent.destroy()
    },
  }
}

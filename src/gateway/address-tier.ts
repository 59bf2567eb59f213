import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AddressLimitPlan, Plan } from '../plan/plan.js'
import { type Deny, deny, type LimitSpec, type LimitState, type Reason } from '../stages/contract.js'
import { reasons } from '../stages/rate-limit/reasons.js'
import type { Counters } from '../state/counters.js'
import type { CounterGroup } from '../state/counters-group.js'
import { addressKey } from '../values/address.js'
import { createStore } from './tools/limiter.js'

/**
 * The limit of one address over the whole gateway, before everything else: per process, in memory, IPv6 by network.
 * Addresses are canonical text, as `clientAddress` gives them.
 */
export interface AddressTier {
  /** Counts a request inside Fastify. A promise only once the address has spent its limit: the plugin refuses it then. */
  check(request: FastifyRequest, address: string): Deny | null | Promise<Deny | null>
  /** Counts a request that never gets so far: malformed, too large, without a path. */
  note(address: string): void
  /** Counts a credential that `auth` has refused. */
  noteFailedAuth(address: string): void
  /** The denial of an address that has shown too many refused credentials. Ask it of requests that carry one. */
  failedAuthDenial(address: string): Deny | null
}

const openTier: AddressTier = {
  check: () => null,
  note: () => {},
  noteFailedAuth: () => {},
  failedAuthDenial: () => null,
}

/**
 * Registers @fastify/rate-limit over our counters, before the instance is ready. Without an `addressLimit` in the plan
 * the tier lets everything through.
 */
export async function createAddressTier(
  fastify: FastifyInstance,
  plan: Plan,
  counters: Counters,
): Promise<AddressTier> {
  const limit = plan.gateway.addressLimit
  if (limit === null) return openTier
  const { quota, windowMs, ipv6Prefix, failedAuth, declaredAt } = limit
  const keyOf = (address: string): string => addressKey(address, ipv6Prefix)
  const requests = openGroup(counters, 'gateway#address', limit)
  const quotas = [quota]
  // Providers hand out a /48 to one customer: 65,536 networks that would each have a counter and a quota of their own.
  const site = { quota: quota * networksPerSite, windowMs }
  const isSited = ipv6Prefix > sitePrefix
  const sited = counters.open([specOf('gateway#address', limit), specOf('gateway#site', site)])
  const sitedQuotas = [quota, site.quota]
  const failures = failedAuth === null ? null : openGroup(counters, 'gateway#failed-auth', failedAuth)
  // The plugin asks for a request's key, and a request does not know our reading of its proxies.
  const keys = new WeakMap<FastifyRequest, string>()

  // `global: false`: no hook of the plugin's own; we ask it, and read its facts.
  await fastify.register(rateLimit, { global: false, store: createStore(requests) })
  const count = fastify.createRateLimit({
    max: quota,
    timeWindow: windowMs,
    keyGenerator: (request) => {
      const key = keys.get(request)
      if (key === undefined) throw new Error('the address of a request is not known')
      return key
    },
  })

  async function refuseSpent(request: FastifyRequest): Promise<Deny | null> {
    const facts = await count(request)
    // `isAllowed` means that a list exempts the key, and there is no list.
    if (facts.isAllowed || !facts.isExceeded) return null
    return refusal(reasons.addressExceeded, { quota, windowMs }, facts.ttl, declaredAt)
  }

  return {
    check(request, address) {
      const key = keyOf(address)
      if (isSited && address.includes(':')) {
        const { allowed, states } = sited.take([key, addressKey(address, sitePrefix)], sitedQuotas)
        if (allowed) return null
        const wide = states[1]
        if (wide?.exceeded === true) return refusal(reasons.addressExceeded, site, wide.resetMs, declaredAt)
        keys.set(request, key)
        return refuseSpent(request)
      }
      // The plugin's own way goes through five promises. Nearly every address is far from its limit, and our counter
      // knows that at once; what it would refuse it does not count, so the plugin finds it as it was.
      if (requests.take([key], quotas).allowed) return null
      keys.set(request, key)
      return refuseSpent(request)
    },
    note(address) {
      if (isSited && address.includes(':')) {
        sited.take([keyOf(address), addressKey(address, sitePrefix)], sitedQuotas)
      } else requests.take([keyOf(address)], quotas)
    },
    noteFailedAuth(address) {
      if (failedAuth !== null) failures?.take([keyOf(address)], [failedAuth.quota])
    },
    failedAuthDenial(address) {
      if (failedAuth === null || failures === null) return null
      const [state] = failures.look([keyOf(address)], [failedAuth.quota]).states
      return state?.exceeded === true ? refusal(reasons.failedAuth, failedAuth, state.resetMs, declaredAt) : null
    },
  }
}

type Amount = Pick<AddressLimitPlan, 'quota' | 'windowMs'>

/** What one customer usually gets, and how many of its networks may be busy at once. */
const sitePrefix = 48
const networksPerSite = 16

function openGroup(counters: Counters, bucket: string, amount: Amount): CounterGroup {
  return counters.open([specOf(bucket, amount)])
}

function specOf(bucket: string, { quota, windowMs }: Amount): LimitSpec {
  return { bucket, algorithm: 'sliding-window', quota, windowMs, calendar: null, burst: null, cost: 1 }
}

function refusal(reason: Reason, amount: Amount, waitMs: LimitState['resetMs'], declaredAt: Deny['declaredAt']): Deny {
  const retryAfter = Math.max(1, Math.ceil(waitMs / 1000))
  return deny(
    reason,
    { quota: amount.quota, windowMs: amount.windowMs, retryAfterSeconds: retryAfter },
    { headers: ['Retry-After', String(retryAfter)], ...(declaredAt !== undefined && { declaredAt }) },
  )
}

import { formatDuration } from '../../values/duration.js'
import { methodsOf } from './access.js'
import { capacity } from './capacity.js'
import type { AuditedRoute, RuleTable } from './finding.js'
import { gatewayPatch, routePatch } from './patch.js'

/** How much callers may take. */
export const consumption: RuleTable = {
  routes: {
    'audit.limit-missing': (route) => {
      // One that only reports has a finding of its own, whose mend is the mend of this.
      if (route.plan.steps.some(({ stage }) => stage === 'rateLimit')) return undefined
      return {
        at: route.plan.declaredAt,
        subject: route.id,
        message: `${route.id} has no limit: one caller may call it as often as it likes, and every call is billed.`,
        hint: `Say how often one ${isOpen(route) ? 'address' : 'caller'} may.`,
        patch: routePatch(route, {
          rateLimit: isOpen(route)
            ? { 'per-ip': { partitionKey: 'ip', quota: 300, window: '1m' } }
            : { 'per-client': { partitionKey: callerKey(route), quota: 60, window: '1m' } },
        }),
      }
    },
    'audit.client-limit-missing': (route) => {
      if (isOpen(route) || route.limits.length === 0) return undefined
      const isByCaller = route.limits.some(({ partitionKey }) =>
        partitionKey.some(({ from }) => from === 'jwt' || from === 'client'),
      )
      if (isByCaller) return undefined
      return {
        at: route.plan.declaredAt,
        subject: route.id,
        message: `${route.id} knows its callers and limits none of them: one with many addresses has the allowance of each.`,
        hint: 'Say how often one caller may.',
        patch: routePatch(route, {
          rateLimit: { 'per-client': { partitionKey: callerKey(route), quota: 60, window: '1m' } },
        }),
      }
    },
    'audit.timeout-over-platform': (route) => {
      const most = route.platform?.totalMs ?? null
      const total = route.forward?.timeouts.totalMs ?? null
      if (most === null || total === null || total <= most) return undefined
      return {
        at: route.policy.get('timeout', 'total').place,
        subject: route.id,
        message: `An answer may take ${formatDuration(total)}; ${route.platform?.name} ends it after ${formatDuration(most)}.`,
        hint: 'Wait no longer than it answers, or callers get its error instead of ours.',
        patch: routePatch(route, { timeout: { total: formatDuration(most) } }),
      }
    },
    'audit.timeout-off': (route) => {
      if (route.forward === null || route.forward.timeouts.totalMs !== null || route.concurrency !== null)
        return undefined
      return {
        at: route.policy.get('timeout', 'total').place,
        subject: route.id,
        message: 'An answer may take for ever, and a caller may keep any number of them open.',
        hint: 'Bound the time, or for streams how many one caller has open at once.',
        patch: routePatch(route, { concurrency: { partitionKey: isOpen(route) ? 'ip' : callerKey(route), quota: 4 } }),
      }
    },
  },

  set: {
    ...capacity,
    'audit.address-limit-missing': ({ plan, written }) =>
      plan.gateway.addressLimit === null
        ? [
            {
              at: written.gateway.get('addressLimit').place,
              subject: 'gateway',
              message: 'One address may try paths and credentials without end: there is no addressLimit.',
              hint: 'It is counted before anything else is looked at.',
              patch: gatewayPatch({ addressLimit: { quota: 1200, window: '1m', failedAuth: '30/1m' } }),
            },
          ]
        : [],
    // A process cannot know how many of its kind there are.
    'audit.limits-per-process': ({ plan, written, routes }) => {
      const { host } = plan.gateway.listeners.public
      const isAlone = host === 'localhost' || host === '::1' || host.startsWith('127.')
      if (plan.gateway.store.redis !== null || isAlone || routes.every(({ limits }) => limits.length === 0)) return []
      return [
        {
          at: written.gateway.get('listeners', 'public').place,
          subject: 'gateway',
          message: 'Limits are counted per process: with three replicas, a client has three times its quota.',
          hint: 'Name a store that all replicas share (store.redis), or divide the quotas by their number.',
        },
      ]
    },
  },
}

function isOpen(route: AuditedRoute): boolean {
  return route.auth.method === 'none'
}

/** What tells the callers of a route apart. */
function callerKey(route: AuditedRoute): string {
  return methodsOf(route).every(({ method }) => method === 'apiKey') ? 'client.id' : 'jwt.sub'
}

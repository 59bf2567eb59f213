import { createHash } from 'node:crypto'
import type { PlannedLimit } from '../../stages/rate-limit/settings.js'
import type { Place } from '../../values/place.js'
import { type Entry, keyPlaceOf } from '../node.js'
import { dayMs, formatDay } from './days.js'
import type { AuditedRoute, AuditedSet, Merge, RuleTable, Spot } from './finding.js'
import { routePatch, sharedPatch } from './patch.js'
import { secretsIn } from './secret-like.js'

/** What was meant to be for a while, and what nobody needs any more. */
export const upkeep: RuleTable = {
  routes: {
    'audit.report-mode': reporting,
    'audit.exception-ends-soon': (route, { now }) =>
      (route.inspect?.exceptions ?? []).flatMap(({ name, rule, at, owner, expiresAt }) =>
        // What has ended is a warning of the loader already.
        expiresAt <= now || expiresAt > now + 14 * dayMs
          ? []
          : [
              {
                at: route.policy.get('inspect', 'exceptions', name, 'until').place,
                subject: route.id,
                message: `The exception "${name}" ends after ${formatDay(expiresAt - 1)}; then ${rule} is looked for again at ${at}.`,
                hint: `Ask ${owner} whether it is still needed.`,
              },
            ],
      ),
  },

  set: {
    'audit.secret-in-policy': ({ written }) =>
      written.files.flatMap(({ source }) =>
        secretsIn(source.text)
          .filter(({ start }) => !isDigestOrReference(source.text, start))
          .map(({ start, end, kind }) => {
            const digest = createHash('sha256').update(source.text.slice(start, end)).digest('hex').slice(0, 8)
            return {
              at: source.place(start, end),
              subject: source.file,
              message: `This looks like ${kind === 'random' ? 'a credential: a long word without sense' : kind} (sha256:${digest}…).`,
              hint: 'Take it out, replace it where it is used, and name it instead: "${secret:name}", with its source under secrets: in gateway.yaml.',
            }
          }),
      ),
    'audit.unused': unused,
  },
}

/** A digest of an API key is meant to stand in a policy, and `${secret:…}` names a secret without holding one. */
function isDigestOrReference(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - 16), start)
  return /sha256:\s*["']?$/.test(before) || before.endsWith('${secret:')
}

function reporting(route: AuditedRoute): readonly Spot[] {
  const { policy } = route
  const spot = (at: Place, what: string, merge: Merge): Spot => ({
    at,
    subject: route.id,
    message: `${what} only reports what it would refuse.`,
    hint: 'Look at what it reported, and let it refuse.',
    patch: routePatch(route, merge),
  })
  const stages = (['request', 'inspect', 'concurrency', 'replay', 'response'] as const).flatMap((key) => {
    const mode = policy.get(key, 'mode')
    const name = key === 'request' ? 'The schema check' : `The stage ${key}`
    return mode.value === 'report' ? [spot(mode.place, name, { [key]: { mode: 'enforce' } })] : []
  })
  const limits = route.plan.steps.flatMap(({ stage, mode, settings }) => {
    if (stage !== 'rateLimit' || mode !== 'report') return []
    const { limits: planned } = settings as { readonly limits: readonly PlannedLimit[] } // the settings of `rateLimit`
    return planned.flatMap(({ name, bucket, declaredAt }) => {
      const own = policy.get('rateLimit', name, 'mode')
      const what = `The limit "${name}"`
      if (!bucket.startsWith('#')) return [spot(own.place, what, { rateLimit: { [name]: { mode: 'enforce' } } })]
      const shared = spot(declaredAt, what, {})
      return [
        { ...shared, patch: sharedPatch('rateLimits', { name: bucket.slice(1), declaredAt }, { mode: 'enforce' }) },
      ]
    })
  })
  return [...stages, ...limits]
}

/** Shared things that no route names. */
function unused({ routes, written }: AuditedSet): readonly Spot[] {
  const issuers = new Set<string>()
  const clients = new Set<string>()
  const limits = new Set<string>()
  const upstreams = new Set(routes.map((route) => route.plan.upstream))
  for (const { auth, plan: route } of routes) {
    for (const method of auth.method === 'none' ? [] : auth.method === 'anyOf' ? auth.methods : [auth]) {
      if ('issuer' in method) issuers.add(method.issuer)
      else if ('clients' in method) for (const client of method.clients) clients.add(client)
    }
    for (const { stage, settings } of route.steps) {
      if (stage !== 'rateLimit') continue
      const { limits: planned } = settings as { readonly limits: readonly PlannedLimit[] } // the settings of `rateLimit`
      for (const { bucket } of planned) if (bucket.startsWith('#')) limits.add(bucket.slice(1))
    }
  }
  const spots = (kind: 'issuers' | 'upstreams' | 'clients' | 'rateLimits', used: ReadonlySet<string>): Spot[] =>
    [...written[kind].entries].flatMap(([name, entry]: readonly [string, Entry]) => {
      if (used.has(name)) return []
      const declaredAt = keyPlaceOf(entry)
      return [
        {
          at: declaredAt,
          subject: `${kind}.${name}`,
          message: `No route uses "${name}" of ${kind}.`,
          hint: 'Delete it, or the credentials that belong to it live on unseen.',
          patch: sharedPatch(kind, { name, declaredAt }, null),
        },
      ]
    })
  return [
    ...spots('issuers', issuers),
    ...spots('upstreams', upstreams),
    ...spots('clients', clients),
    ...spots('rateLimits', limits),
  ]
}

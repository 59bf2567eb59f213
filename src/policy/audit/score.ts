import { type Area, type AuditCode, entryOf, type Kind, type Severity } from './catalog.js'
import type { AuditedSet, Finding } from './finding.js'

/** Moves whenever a weight, a cap, a severity or a rule changes, so that a score never moves by itself. */
export const scoreVersion = 2

/** What a code costs when everything it can be found on has it. */
export const weights: Readonly<Record<Severity, number>> = { high: 12, medium: 5, low: 2, note: 0 }

/** The most that each area can cost; together a hundred. */
export const caps: Readonly<Record<Area, number>> = { access: 25, input: 25, consumption: 20, exposure: 20, upkeep: 10 }

/** One place among thousands still costs this share of the weight. */
const leastShare = 0.25

export interface Score {
  readonly version: number
  /** 0 to 100, rounded down: 100 means that nothing is left. */
  readonly points: number
  /** What each area costs, and the most that it can. */
  readonly areas: Readonly<Record<Area, { readonly cost: number; readonly cap: number }>>
}

/** The score of the findings that no waiver accepts. */
export function scoreOf(findings: readonly Finding[], set: Pick<AuditedSet, 'plan'>): Score {
  const subjects = new Map<AuditCode, Set<string>>()
  for (const { code, waiver, subjects: concerned } of findings) {
    if (waiver !== null) continue
    const known = subjects.get(code) ?? new Set()
    for (const subject of concerned) known.add(subject)
    subjects.set(code, known)
  }
  const { plan } = set
  const totals: Readonly<Record<Kind, number>> = {
    route: plan.routes.length,
    upstream: Object.keys(plan.upstreams).length,
    issuer: Object.keys(plan.issuers).length,
    client: Object.keys(plan.clients).length,
    set: 1,
  }
  const costs: Record<Area, number> = { access: 0, input: 0, consumption: 0, exposure: 0, upkeep: 0 }
  for (const [code, concerned] of subjects) {
    const { area, severity, kind } = entryOf(code)
    const share = Math.min(1, concerned.size / Math.max(1, totals[kind]))
    costs[area] += weights[severity] * Math.max(leastShare, share)
  }
  const names = Object.keys(caps) as Area[] // its own keys
  const areas = Object.fromEntries(
    names.map((area) => [area, { cost: Math.round(Math.min(costs[area], caps[area]) * 10) / 10, cap: caps[area] }]),
  ) as Record<Area, { cost: number; cap: number }> // one entry for each area
  const cost = names.reduce((sum, area) => sum + Math.min(costs[area], caps[area]), 0)
  return { version: scoreVersion, points: Math.max(0, Math.floor(100 - cost)), areas }
}

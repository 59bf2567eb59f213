import type { NodeSection } from '../section.js'
import { endOfDay } from './days.js'
import type { Finding, Spot, Waiver } from './finding.js'
import { gatewayPatch } from './patch.js'

/** The waivers of gateway.yaml; their shape has been checked. */
export function waiversOf(gateway: NodeSection): Waiver[] {
  const written = gateway.get('audit', 'waivers')
  if (written.node?.kind !== 'map') return []
  return written.node.entries.keys().map((name) => {
    const section = written.get(name)
    const text = (key: string) => String(section.get(key).value)
    return {
      name,
      code: text('code'),
      at: section.get('at').value === undefined ? null : text('at'),
      reason: text('reason'),
      owner: text('owner'),
      until: text('until'),
      declaredAt: section.keyPlace,
    }
  })
}

/** What waivers make of the findings: each waived part stands apart, with its waiver. */
export function applyWaivers(
  findings: readonly Finding[],
  waivers: readonly Waiver[],
  now: number,
): { readonly findings: Finding[]; readonly used: ReadonlySet<Waiver> } {
  const holding = waivers.filter(({ until }) => (endOfDay(until) ?? 0) > now)
  const used = new Set<Waiver>()
  const out = findings.flatMap((finding) => {
    const parts = new Map<Waiver | null, string[]>()
    for (const subject of finding.subjects) {
      const waiver = holding.find((each) => covers(each, finding, subject)) ?? null
      if (waiver !== null) used.add(waiver)
      parts.set(waiver, [...(parts.get(waiver) ?? []), subject])
    }
    return [...parts].map(([waiver, subjects]) => ({ ...finding, subjects, waiver }))
  })
  return { findings: out, used }
}

function covers({ code, at }: Waiver, finding: Finding, subject: string): boolean {
  return code === finding.code && (at === null || at === subject || at === finding.place.file)
}

/** What is wrong with the waivers themselves. */
export function waiverSpots(
  waivers: readonly Waiver[],
  used: ReadonlySet<Waiver>,
  now: number,
): { readonly expired: Spot[]; readonly unused: Spot[] } {
  const expired: Spot[] = []
  const unused: Spot[] = []
  for (const waiver of waivers) {
    const { name, until, owner, declaredAt } = waiver
    const end = endOfDay(until)
    const spot = {
      at: declaredAt,
      subject: `audit.waivers.${name}`,
      patch: gatewayPatch({ audit: { waivers: { [name]: null } } }),
    }
    if (end === null || end <= now) {
      const says = end === null ? `ends on a day that does not exist: ${until}` : `ended with ${until}`
      expired.push({
        ...spot,
        message: `The waiver "${name}" ${says}.`,
        hint: `Mend what it hid, and delete it; or ask ${owner} for a new date.`,
      })
    } else if (!used.has(waiver)) {
      unused.push({
        ...spot,
        message: `The waiver "${name}" matches no finding.`,
        hint: 'Delete it, before it hides the next one.',
      })
    }
  }
  return { expired, unused }
}

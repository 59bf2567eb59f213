import { allow, deny, type Scope, type Section, type Stage, type Verdict } from '../contract.js'
import { CleanValues } from './clean-values.js'
import type { DetectorName } from './detector-names.js'
import { detectors } from './detectors/all.js'
import { evidenceOf } from './evidence.js'
import { liftedBy } from './fields.js'
import { type Budget, decodedPerRequest, type Found, Inspector } from './inspector.js'
import { pinnedPlaces } from './pinned.js'
import { lookUp, type PlaceTree, placeTree } from './places.js'
import { reasons } from './reasons.js'
import { inspectSchema } from './schema.js'
import type { ExceptionRule, FieldRule, InspectSettings } from './settings.js'
import type { TextKind } from './view.js'
import { visitExchange } from './visit.js'

/** Looks for injections in every value that the route's schemas leave free. */
export const inspect: Stage<InspectSettings> = {
  name: 'inspect',
  keys: { inspect: inspectSchema },
  reasons,

  resolve(policy, scope) {
    const section = policy.get('inspect')
    const mode = section.get('mode').value
    if (mode === 'off') return []
    const profile = section.get('profile').value
    const settings: InspectSettings = {
      profile: profile === 'event' || profile === 'strict' ? profile : 'api',
      exceptions: exceptionsOf(section.get('exceptions'), scope),
      fields: fieldsOf(section.get('fields')),
      pinned: pinnedPlaces(policy.get('request'), scope),
    }
    return [
      {
        slot: 'inspect',
        mode: mode === 'report' ? 'report' : 'enforce',
        settings,
        declaredAt: section.value === undefined ? section.place : section.keyPlace,
        needsBody: true,
      },
    ]
  },

  compile(settings, tools) {
    const strict = settings.profile === 'strict'
    const { inspector, cleanHeaders, cleanKeys } = tools.keep(`inspect:${settings.profile}`, () => ({
      inspector: new Inspector(detectors, strict),
      cleanHeaders: new CleanValues(),
      cleanKeys: new CleanValues(),
    }))
    const pinned = treeOrNull(settings.pinned.map((at) => ({ at, value: true as const })))
    const lifted = treeOrNull<Lifted>([
      ...settings.exceptions.map((rule) => ({ at: rule.at, value: rule })),
      ...settings.fields.map(({ at, text }) => ({ at, value: text })),
    ])

    return (exchange): Verdict => {
      let found: Found | null = null
      let place: { source: string; tokens: readonly (string | number)[] } | null = null
      // One closure per request instead of one per value: what it excuses depends on where we are.
      let source = ''
      let tokens: readonly (string | number)[] = []
      let wasExcused = false
      const budget: Budget = { left: decodedPerRequest }
      const excused = (detector: DetectorName): boolean => {
        if (lifted === null || !isLifted(lookUp(lifted, source, tokens), detector, tools.clock.now())) return false
        wasExcused = true
        return true
      }
      visitExchange(exchange, pinned, (text, home, from, at, name) => {
        const clean = home === 'key' ? cleanKeys : home === 'header' ? cleanHeaders : null
        if (clean?.has(name, text) === true) return false
        source = from
        tokens = at
        wasExcused = false
        found = inspector.inspect(text, home, name, excused, budget)
        if (found === null) {
          // What only an exception let pass here is not harmless elsewhere.
          if (clean !== null && !wasExcused) clean.add(name, text)
          return false
        }
        place = { source: from, tokens: [...at] }
        return true
      })
      return found === null || place === null ? allow : denial(found, place)
    }
  },
}

type Lifted = ExceptionRule | TextKind

function isLifted(entries: readonly Lifted[], detector: DetectorName, now: number): boolean {
  return entries.some((entry) =>
    typeof entry === 'string' ? liftedBy(entry, detector) : entry.rule === detector && now < entry.expiresAt,
  )
}

function denial(found: Found, place: { source: string; tokens: readonly (string | number)[] }): Verdict {
  return deny(reasons[found.detector], evidenceOf(found, place.source, place.tokens))
}

function treeOrNull<T>(entries: readonly { readonly at: string; readonly value: T }[]): PlaceTree<T> | null {
  return entries.length === 0 ? null : placeTree(entries)
}

function exceptionsOf(section: Section, scope: Scope): ExceptionRule[] {
  const rules: ExceptionRule[] = []
  for (const name of Object.keys(section.value ?? {})) {
    const entry = section.get(name)
    if (typeof entry.value !== 'object' || entry.value === null) continue
    const raw = entry.value as { rule: DetectorName; at: string; owner: string; until: string } // fits the schema
    const expiresAt = dayAfter(raw.until)
    if (expiresAt === null) {
      scope.report({
        code: 'inspect.until-unreadable',
        message: `The exception "${name}" ends on a day that does not exist: ${raw.until}.`,
        hint: 'Write a day of the calendar: 2027-03-31.',
        at: entry.get('until').place,
      })
      continue
    }
    // The plan does not depend on the day: an expired rule stays in it, and the check asks the clock.
    if (expiresAt <= Date.now()) {
      scope.report({
        code: 'inspect.exception-expired',
        message: `The exception "${name}" ended with ${raw.until} and no longer holds; ${raw.rule} is looked for again at ${raw.at}.`,
        hint: `Ask ${raw.owner} for a new date, or remove it.`,
        at: entry.get('until').place,
        severity: 'warning',
      })
    }
    rules.push({ name, rule: raw.rule, at: raw.at, owner: raw.owner, expiresAt })
  }
  return rules
}

function fieldsOf(section: Section): FieldRule[] {
  const fields = (section.value ?? {}) as Readonly<Record<string, string>> // fits the schema
  return Object.entries(fields).flatMap(([at, text]) => (text === 'off' ? [] : [{ at, text: text as TextKind }])) // as above
}

/** Epoch ms at which a day of the calendar is over, UTC; null for 2026-02-30. */
function dayAfter(day: string): number | null {
  const start = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day) return null
  return start + 86_400_000
}

import { allow, deny, type Scope, type Section, type Stage, type Verdict } from '../contract.js'
import { CleanValues } from './clean-values.js'
import { type DetectorName, detectorNames } from './detector-names.js'
import { detectors } from './detectors/all.js'
import { encodedValues } from './events/encoded-values.js'
import { evidenceOf, graphqlEvidence, packedEvidence } from './evidence.js'
import { liftedBy } from './fields.js'
import { documentsOf, type GraphqlDocument, judgeGraphql } from './graphql/judge.js'
import { graphqlLimits } from './graphql/limits.js'
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
    const detectorModes = detectorModesOf(section.get('detectors'))
    const settings: InspectSettings = {
      profile: profile === 'event' || profile === 'strict' ? profile : 'api',
      exceptions: exceptionsOf(section.get('exceptions'), scope),
      fields: fieldsOf(section.get('fields')),
      detectors: detectorModes,
      part: 'enforced',
      graphql: graphqlLimits(section.get('graphql')),
      pinned: pinnedPlaces(policy.get('request'), scope),
    }
    const step = {
      slot: 'inspect' as const,
      mode: mode === 'report' ? ('report' as const) : ('enforce' as const),
      settings,
      declaredAt: section.value === undefined ? section.place : section.keyPlace,
      needsBody: true,
    }
    if (!Object.values(detectorModes).includes('report')) return [step]
    // What is only heard of runs in a step of its own, behind what denies: so records, metrics and tests see it as any report.
    const declaredAt = section.get('detectors').keyPlace
    return [step, { ...step, mode: 'report', settings: { ...settings, part: 'reported' }, declaredAt }]
  },

  compile(settings, tools) {
    const { profile, part, graphql } = settings
    const runs = (name: DetectorName): boolean =>
      part === 'reported' ? settings.detectors[name] === 'report' : settings.detectors[name] === undefined
    const chosen = detectors.filter(({ name }) => runs(name))
    const key = `inspect:${profile === 'strict' ? 'strict' : 'api'}:${chosen.map(({ name }) => name).join()}`
    const { inspector, cleanHeaders, cleanKeys } = tools.keep(key, () => ({
      inspector: new Inspector(chosen, profile === 'strict'),
      cleanHeaders: new CleanValues(),
      cleanKeys: new CleanValues(),
    }))
    const pinned = treeOrNull(settings.pinned.map((at) => ({ at, value: true as const })))
    const lifted = treeOrNull<Lifted>([
      ...settings.exceptions.map((rule) => ({ at: rule.at, value: rule })),
      ...settings.fields.map(({ at, text }) => ({ at, value: text })),
    ])
    const findsDepth = runs('encoding')
    const judgesGraphql = runs('graphql')

    return (exchange): Verdict => {
      let found: Found | null = null
      let place: { source: string; tokens: readonly (string | number)[] } | null = null
      // One closure per request instead of one per value: what it excuses depends on where we are.
      let source = ''
      let tokens: readonly (string | number)[] = []
      let wasExcused = false
      const budget: Budget = { left: decodedPerRequest }
      const excused = (detector: DetectorName): boolean => {
        if (detector === 'encoding' && !findsDepth) return true
        if (lifted === null || !isLifted(lookUp(lifted, source, tokens), detector, tools.clock.now())) return false
        wasExcused = true
        return true
      }
      const documents = graphql === null ? none : documentsOf(exchange)
      visitExchange(exchange, pinned, (text, home, from, at, name) => {
        const clean = home === 'key' ? cleanKeys : home === 'header' ? cleanHeaders : null
        if (clean?.has(name, text) === true) return false
        // A document is read as one, and the texts inside it as values, below.
        if (documents.length > 0 && documents.some((document) => document.text === text)) return false
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
      if (found !== null && place !== null) return denial(found, place)

      if (graphql !== null && documents.length > 0) {
        const { finding, literals } = judgeGraphql(documents, graphql)
        if (finding !== null && judgesGraphql) {
          source = finding.at.source
          tokens = finding.at.tokens
          if (!excused('graphql')) return deny(reasons.graphql, graphqlEvidence(finding))
        }
        for (const { text, source: from, tokens: at } of literals) {
          source = from
          tokens = at
          const inner = inspector.inspect(text, 'body', '', excused, budget)
          if (inner !== null) return denial(inner, { source: from, tokens: at }, 'graphql')
        }
      }
      if (profile !== 'event' || exchange.content?.kind !== 'json') return allow
      source = 'body'
      for (const { tokens: at, text, how } of encodedValues(exchange.content.value)) {
        tokens = at
        budget.left -= text?.length ?? 0
        if (text === null || budget.left < 0) {
          if (excused('encoding')) continue
          return deny(reasons.encoding, packedEvidence(at, how))
        }
        const inner = inspector.inspect(text, 'body', lastName(at), excused, budget)
        if (inner !== null) return denial(inner, { source, tokens: at }, how)
      }
      return allow
    }
  },
}

const none: readonly GraphqlDocument[] = []

/** The name of the field that a place ends in. */
function lastName(tokens: readonly (string | number)[]): string {
  const name = tokens.findLast((token) => typeof token === 'string')
  return typeof name === 'string' ? name : ''
}

type Lifted = ExceptionRule | TextKind

function isLifted(entries: readonly Lifted[], detector: DetectorName, now: number): boolean {
  return entries.some((entry) =>
    typeof entry === 'string' ? liftedBy(entry, detector) : entry.rule === detector && now < entry.expiresAt,
  )
}

/** @param outer how the value was written before the inspector saw it. */
function denial(found: Found, place: { source: string; tokens: readonly (string | number)[] }, outer = ''): Verdict {
  return deny(reasons[found.detector], evidenceOf(found, place.source, place.tokens, outer))
}

/** The detectors whose mode is not that of all. */
function detectorModesOf(section: Section): InspectSettings['detectors'] {
  const raw = (section.value ?? {}) as Readonly<Partial<Record<DetectorName, string>>> // fits the schema
  const modes: { [Name in DetectorName]?: 'report' | 'off' } = {}
  for (const name of detectorNames) {
    const mode = raw[name]
    if (mode === 'report' || mode === 'off') modes[name] = mode
  }
  return modes
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

import type { Place } from '../../values/place.js'
import type { FrameLine } from '../../values/problem.js'
import { access } from './access.js'
import { type AuditCode, auditCodes, entryOf } from './catalog.js'
import { consumption } from './consumption.js'
import { exposure } from './exposure.js'
import type { AuditedSet, Finding, Merge, Patch, RuleTable, Spot } from './finding.js'
import { input } from './input.js'
import { type Score, scoreOf } from './score.js'
import { secretsIn } from './secret-like.js'
import { upkeep } from './upkeep.js'
import { applyWaivers, waiverSpots, waiversOf } from './waivers.js'

/** What an audit gives: findings in file order, the waived ones among them, and the score of the others. */
export interface Audit {
  readonly findings: readonly Finding[]
  readonly score: Score
}

/** Every rule, by its area. Those about waivers stand apart: they judge what the others leave. */
export const ruleTables: readonly RuleTable[] = [access, input, consumption, exposure, upkeep]

/** Judges the effective policy of a whole set. Pure but for the clock that comes with the set. */
export function audit(set: AuditedSet): Audit {
  const found = new Gathering()
  for (const table of ruleTables) {
    for (const code of auditCodes) {
      const ofSet = table.set[code]
      if (ofSet !== undefined) found.add(code, ofSet(set))
      const ofRoute = table.routes[code]
      if (ofRoute === undefined) continue
      for (const route of set.routes) {
        const spots = ofRoute(route, set)
        if (spots !== undefined) found.add(code, Array.isArray(spots) ? spots : [spots as Spot]) // one, or a list
      }
    }
  }
  const frames = framesOf(set)
  const waivers = waiversOf(set.written.gateway)
  const waived = applyWaivers(found.findings(frames), waivers, set.now)
  const about = waiverSpots(waivers, waived.used, set.now)
  const second = new Gathering()
  second.add('audit.waiver-expired', about.expired)
  second.add('audit.waiver-unused', about.unused)
  const findings = [...waived.findings, ...second.findings(frames)].sort(byPlace)
  return { findings, score: scoreOf(findings, set) }
}

/** Gathers what rules say: one value that many routes inherit is one finding, with all of them as its subjects. */
class Gathering {
  readonly #found = new Map<string, { readonly code: AuditCode; readonly spots: Spot[] }>()

  add(code: AuditCode, spots: readonly Spot[]): void {
    for (const spot of spots) {
      const { file, line, column } = spot.at
      const key = `${code} ${file}:${line}:${column}`
      const known = this.#found.get(key)
      if (known === undefined) this.#found.set(key, { code, spots: [spot] })
      else known.spots.push(spot)
    }
  }

  findings(frameOf: (place: Place) => FrameLine | undefined): Finding[] {
    return [...this.#found.values()].flatMap(({ code, spots }) => {
      const [first] = spots
      if (first === undefined) return []
      const frame = frameOf(first.at)
      return [
        {
          code,
          severity: entryOf(code).severity,
          message: first.message,
          hint: first.hint,
          patches: mergedPatches(spots.flatMap(({ patch }) => patch ?? [])),
          place: first.at,
          subjects: [...new Set(spots.map(({ subject }) => subject))],
          ...(frame !== undefined && { frame: [frame] }),
          waiver: null,
        },
      ]
    })
  }
}

/** One patch for each file. */
function mergedPatches(patches: readonly Patch[]): Patch[] {
  if (patches.length < 2) return [...patches]
  const byFile = new Map<string, Merge>()
  for (const { file, merge } of patches) byFile.set(file, mergeInto(byFile.get(file) ?? {}, merge))
  return [...byFile].map(([file, merge]) => ({ file, merge }))
}

function mergeInto(base: Merge, over: Merge): Merge {
  const out: Record<string, Merge[string]> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const known = out[key]
    out[key] = isMap(known) && isMap(value) ? mergeInto(known, value) : value
  }
  return out
}

function isMap(value: Merge[string] | undefined): value is Merge {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The source line of a place, with everything in it that looks like a credential struck out. */
function framesOf({ written }: AuditedSet): (place: Place) => FrameLine | undefined {
  const sources = new Map(written.files.map(({ source }) => [source.file, source]))
  // A set may stand on one long line; it is read once, however many findings point at it.
  const shown = new Map<string, FrameLine | undefined>()
  return ({ file, line }) => {
    const key = `${file}:${line}`
    if (!shown.has(key)) {
      const frame = sources.get(file)?.frame(line)
      shown.set(key, frame === undefined ? undefined : { line, text: struck(frame.text) })
    }
    return shown.get(key)
  }
}

/** A text of the same length with credentials struck out. */
export function struck(text: string): string {
  let out = text
  for (const { start, end } of secretsIn(text)) out = out.slice(0, start) + '•'.repeat(end - start) + out.slice(end)
  return out
}

function byPlace(a: Finding, b: Finding): number {
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1
  return a.place.line - b.place.line || a.place.column - b.place.column
}

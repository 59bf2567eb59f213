import { struck } from '../../policy/audit/audit.js'
import type { AuditedFolder } from '../../policy/audit/audit-folder.js'
import { type AuditCode, entryOf, type Severity } from '../../policy/audit/catalog.js'
import type { Patch, Waiver } from '../../policy/audit/finding.js'
import type { Risk } from '../../policy/audit/risks.js'
import type { Score } from '../../policy/audit/score.js'
import type { Place } from '../../values/place.js'
import type { FrameLine, Problem } from '../../values/problem.js'

/** How bad an item is: problems of the loader, then findings of the audit. */
export type Level = 'error' | 'warning' | Severity

/** One problem or one finding: every format is written from a list of these. */
export interface Item {
  readonly level: Level
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly place: Place
  readonly frame: readonly FrameLine[]
  readonly related: NonNullable<Problem['related']>
  /** What follows is empty for problems. */
  readonly risks: readonly Risk[]
  readonly subjects: readonly string[]
  readonly patches: readonly Patch[]
  readonly waiver: Waiver | null
}

/** All that `check` has to tell. */
export interface Report {
  /** As the caller named it; files are shown below it. */
  readonly folder: string
  readonly items: readonly Item[]
  /** Null where the set is refused. */
  readonly plan: { readonly fingerprint: string; readonly routes: readonly string[] } | null
  readonly score: Score | null
  readonly files: number
  readonly tookMs: number
  readonly failOn: FailOn
}

/** What makes the exit code 1: that level and everything worse; `never` nothing at all. */
export const failOns = ['error', 'high', 'medium', 'low', 'never'] as const
export type FailOn = (typeof failOns)[number]

/** From the worst to the mildest. A warning of the loader weighs as much as a finding of medium severity. */
const ranks: Readonly<Record<Level, number>> = { error: 0, high: 1, warning: 2, medium: 2, low: 3, note: 4 }
const bars: Readonly<Record<FailOn, number>> = { error: 0, high: 1, medium: 2, low: 3, never: -1 }

/** Whether an item makes the command fail. */
export function fails({ level, waiver }: Item, failOn: FailOn): boolean {
  return waiver === null && ranks[level] <= bars[failOn]
}

/** The one list: problems in file order, then findings in file order. */
export function itemsOf({ problems, audit }: Pick<AuditedFolder, 'problems' | 'audit'>): Item[] {
  // Many problems may point at one long line, which is looked through once.
  const shown = new Map<string, FrameLine>()
  const withoutCredentials = (file: string, { line, text }: FrameLine): FrameLine => {
    const key = `${file}:${line}`
    const known = shown.get(key) ?? { line, text: struck(text) }
    shown.set(key, known)
    return known
  }
  const nothing = { risks: [], subjects: [], patches: [], waiver: null } as const
  return [
    ...problems.map(({ severity, code, message, hint, place, frame, related }) => ({
      ...nothing,
      level: severity,
      code,
      message,
      hint: hint ?? null,
      place,
      frame: (frame ?? []).map((each) => withoutCredentials(place.file, each)),
      related: related ?? [],
    })),
    ...(audit?.findings ?? []).map(({ code, severity, message, hint, patches, place, subjects, frame, waiver }) => ({
      level: severity,
      code,
      message,
      hint,
      place,
      frame: frame ?? [],
      related: [],
      risks: entryOf(code satisfies AuditCode).risks,
      subjects,
      patches,
      waiver,
    })),
  ]
}

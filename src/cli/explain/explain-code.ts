import { STATUS_CODES } from 'node:http'
import { auditCodes, entryOf } from '../../policy/audit/catalog.js'
import { risks } from '../../policy/audit/risks.js'
import { nearest } from '../../values/nearest.js'
import type { Paint } from '../terminal.js'
import { meaningOf, problemCodes } from './problem-codes.js'
import { type KnownReason, knownReasons } from './reasons.js'
import { changesFor } from './smallest-change.js'

/** What is known of a code. */
export type CodeFacts =
  | { readonly kind: 'denial'; readonly code: string; readonly reason: KnownReason }
  /** A coarse code that callers see in the place of exact ones. */
  | { readonly kind: 'shown'; readonly code: string; readonly exact: readonly KnownReason[] }
  | { readonly kind: 'problem'; readonly code: string; readonly means: string; readonly mend: string }
  | {
      readonly kind: 'finding'
      readonly code: string
      readonly about: string
      readonly severity: string
      readonly risks: readonly string[]
    }

/** Everything that a code may mean: one word may name a denial and a problem alike. Empty: nothing has this code. */
export function factsOf(code: string): readonly CodeFacts[] {
  const reasons = knownReasons()
  const exact = reasons.filter((reason) => reason.code === code)
  const shown = reasons.filter((reason) => reason.shown === code && reason.code !== code)
  const meaning = meaningOf(code)
  const isListed = problemCodes.includes(code) || (exact.length === 0 && shown.length === 0)
  const finding = auditCodes.find((each) => each === code)
  return [
    ...exact.map((reason) => ({ kind: 'denial', code, reason }) as const),
    ...(shown.length > 0 ? [{ kind: 'shown', code, exact: shown } as const] : []),
    ...(meaning !== undefined && isListed ? [{ kind: 'problem', code, ...meaning } as const] : []),
    ...(finding === undefined ? [] : [{ kind: 'finding', code, ...findingFacts(finding) } as const]),
  ]
}

function findingFacts(code: (typeof auditCodes)[number]) {
  const { about, severity, risks: named } = entryOf(code)
  return { about, severity, risks: named.map((risk) => `${risk} ${risks[risk]}`) }
}

/** The nearest code that exists, for one that does not. */
export function nearestCode(code: string): string | undefined {
  return nearest(code, [...knownReasons().map((reason) => reason.code), ...problemCodes, ...auditCodes])
}

/** The facts for a person. */
export function formatFacts(facts: readonly CodeFacts[], paint: Paint): string {
  return `${facts.map((fact) => formatFact(fact, paint)).join('\n\n')}\n`
}

function formatFact(fact: CodeFacts, paint: Paint): string {
  const { code } = fact
  if (fact.kind === 'denial') {
    const { reason } = fact
    const title = STATUS_CODES[reason.status] ?? 'never sent'
    const whose = reason.stage === null ? 'the front door or the gateway itself' : `the stage ${reason.stage}`
    return [
      `${paint('bold', code)}  ${reason.status} ${title}, from ${whose}`,
      `  ${reason.sentence}`,
      `  Callers see ${reason.shown === undefined ? 'this code' : `the coarser code ${reason.shown}`}.`,
      ...changesFor(code).map((line) => `  ${line}`),
    ].join('\n')
  }
  if (fact.kind === 'shown') {
    const width = Math.max(...fact.exact.map((reason) => reason.code.length))
    return [
      `${paint('bold', code)}  what callers are told in the place of an exact code; the record and policy tests have that:`,
      ...fact.exact.map((reason) => `  ${reason.code.padEnd(width)}  ${reason.sentence}`),
    ].join('\n')
  }
  if (fact.kind === 'problem') return `${paint('bold', code)}  a problem of the policy\n  ${fact.means}\n  ${fact.mend}`
  return [
    `${paint('bold', code)}  a finding of postern check, ${fact.severity}`,
    `  ${fact.about}`,
    ...fact.risks.map((risk) => `  ${risk}`),
  ].join('\n')
}

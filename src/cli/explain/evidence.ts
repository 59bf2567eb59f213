import { printable } from '../../record/human.js'
import type { Evidence } from '../../stages/contract.js'

/** A line for the policy, which is shown where it can be pasted from. */
const saidApart: ReadonlySet<string> = new Set(['exception'])

/** Facts of a decision in one line; values were masked when they entered the record. */
export function formatEvidence(evidence: Evidence): string {
  return Object.entries(evidence)
    .filter(([key]) => !saidApart.has(key))
    .map(([key, value]) => `${printable(key)} ${formatValue(value)}`)
    .join(', ')
}

function formatValue(value: Evidence[string] | undefined): string {
  if (Array.isArray(value)) return value.map((item) => printable(String(item))).join(' ')
  return typeof value === 'string' ? `"${printable(value)}"` : String(value)
}

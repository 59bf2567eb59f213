import { patchLines } from '../../policy/audit/patch.js'
import type { Item, Report } from './report.js'

/** The report as one JSON object; `problems` and `findings` stand apart, as they do in the policy's life. */
export function formatJson(report: Report): string {
  const { items, plan, score, files, tookMs } = report
  const problems = items.filter(({ level }) => level === 'error' || level === 'warning')
  const findings = items.filter(({ level }) => level !== 'error' && level !== 'warning')
  const facts = {
    ok: plan !== null,
    plan,
    problems: problems.map(problemOf),
    findings: findings.map(findingOf),
    score,
    files,
    tookMs,
  }
  return `${JSON.stringify(facts, null, 2)}\n`
}

function problemOf({ level, code, message, hint, place, related, frame }: Item): object {
  return {
    severity: level,
    code,
    message,
    ...(hint !== null && { hint }),
    place,
    ...(related.length > 0 && { related }),
    ...(frame.length > 0 && { frame }),
  }
}

function findingOf({ level, code, message, hint, place, subjects, risks, patches, waiver }: Item): object {
  return {
    severity: level,
    code,
    message,
    hint,
    place,
    subjects,
    risks,
    patches: patches.map((patch) => ({ file: patch.file, merge: patch.merge, yaml: patchLines(patch).join('\n') })),
    waiver: waiver === null ? null : { ...waiver, declaredAt: undefined },
  }
}

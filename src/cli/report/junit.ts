import { patchLines } from '../../policy/audit/patch.js'
import { formatPlace } from '../../values/place.js'
import { fails, type Item, type Report } from './report.js'

/** The report as JUnit XML: a case that says whether the set loads, and one for each problem and finding. */
export function formatJunit(report: Report): string {
  const { items, plan, failOn, tookMs } = report
  const cases = items.map((item) => caseOf(item, fails(item, failOn)))
  const failures = items.filter((item) => fails(item, failOn)).length + (plan === null ? 1 : 0)
  const skipped = items.filter(({ waiver }) => waiver !== null).length
  const counts = `tests="${items.length + 1}" failures="${failures}" skipped="${skipped}" time="${(tookMs / 1_000).toFixed(3)}"`
  const loads =
    plan === null
      ? '    <testcase classname="postern.check" name="the policy is accepted"><failure message="it is refused"/></testcase>'
      : '    <testcase classname="postern.check" name="the policy is accepted"/>'
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="postern check" ${counts}>`,
    loads,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function caseOf(item: Item, isFailure: boolean): string {
  const { code, level, message, hint, place, patches, waiver } = item
  const head = `    <testcase classname="${xml(place.file)}" name="${xml(`${code} at ${formatPlace(place)}`)}"`
  if (waiver !== null)
    return `${head}><skipped message="${xml(`${waiver.reason} (${waiver.owner}, until ${waiver.until})`)}"/></testcase>`
  const says = hint === null ? message : `${message} ${hint}`
  const mend = patches.flatMap((patch) => [`In ${patch.file}:`, ...patchLines(patch)])
  const body = xml([says, ...mend].join('\n'))
  return isFailure
    ? `${head}><failure type="${level}" message="${xml(message)}">${body}</failure></testcase>`
    : `${head}><system-out>${body}</system-out></testcase>`
}

/** Text for XML 1.0: what it cannot hold at all (control characters, lone surrogates) becomes a question mark. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

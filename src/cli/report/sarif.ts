import { createHash } from 'node:crypto'
import { isAbsolute, join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { auditCodes, entryOf } from '../../policy/audit/catalog.js'
import { patchLines } from '../../policy/audit/patch.js'
import { risks } from '../../policy/audit/risks.js'
import type { Place } from '../../values/place.js'
import { version } from '../version.js'
import type { Item, Level, Report } from './report.js'

/** SARIF 2.1.0, section 3.27.10. */
const levels: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  high: 'error',
  medium: 'warning',
  low: 'note',
  note: 'note',
}

/** What code scanning of GitHub sorts findings by: a number from 0 to 10. */
const severities: Readonly<Record<string, string>> = { high: '8.0', medium: '5.5', low: '3.0', note: '0.0' }

/** The report as SARIF 2.1.0 (OASIS), with file names relative to `cwd`. */
export function formatSarif(report: Report, cwd: string): string {
  const rules = rulesOf(report.items)
  const indexOf = new Map(rules.map(({ id }, i) => [id, i]))
  const run = {
    tool: { driver: { name: 'Postern', semanticVersion: version, rules } },
    columnKind: 'utf16CodeUnits',
    invocations: [{ executionSuccessful: true }],
    results: report.items.map((item) => resultOf(item, indexOf.get(item.code) ?? -1, report.folder, cwd)),
    properties: { score: report.score?.points ?? null, scoreVersion: report.score?.version ?? null },
  }
  return `${JSON.stringify({ $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }, null, 2)}\n`
}

/** Every code that is reported, once; the audit's own with what they mean. */
function rulesOf(items: readonly Item[]): { readonly id: string }[] {
  const codes = [...new Set(items.map(({ code }) => code))].sort()
  return codes.map((code) => {
    const known = auditCodes.find((each) => each === code)
    if (known === undefined) return { id: code }
    const { about, severity, risks: named } = entryOf(known)
    return {
      id: code,
      shortDescription: { text: about },
      defaultConfiguration: { level: levels[severity] },
      properties: {
        tags: ['security', ...named],
        'security-severity': severities[severity],
        risks: named.map((risk) => `${risk} ${risks[risk]}`),
      },
    }
  })
}

function resultOf(item: Item, ruleIndex: number, folder: string, cwd: string): object {
  const { code, level, message, hint, place, related, subjects, patches, waiver } = item
  const mend = patches.flatMap((patch) => [`In ${patch.file}:`, ...patchLines(patch)])
  const text = [hint === null ? message : `${message} ${hint}`, ...mend].join('\n')
  return {
    ruleId: code,
    ruleIndex,
    level: levels[level],
    message: { text },
    locations: [locationOf(place, folder, cwd)],
    ...(related.length > 0 && {
      relatedLocations: related.map(({ message: says, place: other }) => ({
        ...locationOf(other, folder, cwd),
        message: { text: says },
      })),
    }),
    // Without lines, so that a finding keeps its history when the file above it grows.
    partialFingerprints: {
      'posternFinding/v1': createHash('sha256')
        .update([code, place.file, ...subjects].join('\n'))
        .digest('hex'),
    },
    ...(waiver !== null && {
      suppressions: [
        {
          kind: 'external',
          status: 'accepted',
          justification: `${waiver.reason} (${waiver.owner}, until ${waiver.until})`,
        },
      ],
    }),
    ...(subjects.length > 0 && { properties: { subjects } }),
  }
}

function locationOf({ file, line, column, length }: Place, folder: string, cwd: string): object {
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(file, folder, cwd) },
      region: { startLine: line, startColumn: column, endColumn: column + (length ?? 1) },
    },
  }
}

/** Relative where it is below the working folder, as code scanning wants it; else absolute. */
function uriOf(file: string, folder: string, cwd: string): string {
  const path = join(cwd, isAbsolute(folder) ? relative(cwd, folder) : folder, file.startsWith('(') ? '' : file)
  const near = relative(cwd, path)
  if (near === '' || near.startsWith('..') || isAbsolute(near)) return pathToFileURL(path).href
  return near.split(sep).map(encodeURIComponent).join('/')
}

import { resolve } from 'node:path'
import { type Command, exitCode, type Given, UsageFault } from './command.js'
import type { FailOn, Report } from './report/report.js'
import type { Terminal } from './terminal.js'

const formats = ['human', 'json', 'sarif', 'github', 'junit'] as const

export const command: Command = {
  usage: 'check [folder] [flags]',
  says: [
    'Reads a policy folder (default: policies) with the loader of the gateway itself and prints every problem: where, the',
    'line, what is wrong and how to mend it. What it accepts, starts.',
    'Then it audits what the policy allows: findings with the lines that mend them, and a score (docs/audit.md). By default',
    'problems alone make the exit code 1; --fail-on lowers the bar.',
  ],
  flags: {
    format: { type: 'string', value: 'FORMAT', says: `${formats.join(', ')} (default: human)` },
    json: { type: 'boolean', says: 'the same as --format json' },
    'fail-on': {
      type: 'string',
      value: 'LEVEL',
      says: 'error, high, medium, low or never: from where on the exit code is 1 (default: error)',
    },
    'without-secrets': { type: 'boolean', says: 'read no secrets and judge the rest: where a pipeline has none' },
    all: { type: 'boolean', says: 'show every finding in full, and the waived ones' },
  },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern check policies', does: 'before a commit' },
    { line: 'postern check policies --fail-on medium', does: 'in a pipeline' },
    { line: 'postern check policies --format sarif > postern.sarif', does: 'for code scanning' },
    { line: 'postern check policies --format github', does: 'annotations in a pull request' },
  ],
  run: async (given, terminal) => {
    const named = given.arguments[0] ?? 'policies'
    const format = oneOf(given.has('json') ? 'json' : (given.text('format') ?? 'human'), formats, '--format')
    const started = performance.now()
    const [{ auditFolder }, { failOns, fails, itemsOf }] = await Promise.all([
      import('../policy/audit/audit-folder.js'),
      import('./report/report.js'),
    ])
    const failOn: FailOn = oneOf(given.text('fail-on') ?? 'error', failOns, '--fail-on')
    const checked = await auditFolder(resolve(terminal.cwd, named), { standInSecrets: given.has('without-secrets') })
    const { plan, audit, files } = checked
    const report: Report = {
      folder: named,
      items: itemsOf(checked),
      plan: plan === null ? null : { fingerprint: plan.fingerprint, routes: plan.routes.map(({ id }) => id) },
      score: audit?.score ?? null,
      files: files.length,
      tookMs: Math.round(performance.now() - started),
      failOn,
    }
    terminal.out(await rendered(report, format, given, terminal))
    return report.items.some((item) => fails(item, failOn)) ? exitCode.problems : exitCode.fine
  },
}

function oneOf<T extends string>(text: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((each) => each === text)
  if (found !== undefined) return found
  throw new UsageFault(`${flag} takes ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, not "${text}".`)
}

/** Each format is loaded only when it is asked for. */
async function rendered(
  report: Report,
  format: (typeof formats)[number],
  given: Given,
  terminal: Terminal,
): Promise<string> {
  if (format === 'json') return (await import('./report/json.js')).formatJson(report)
  if (format === 'sarif') return (await import('./report/sarif.js')).formatSarif(report, terminal.cwd)
  if (format === 'github') return (await import('./report/github.js')).formatGithub(report)
  if (format === 'junit') return (await import('./report/junit.js')).formatJunit(report)
  return (await import('./report/human.js')).formatHuman(report, terminal.outPaint, given.has('all'))
}

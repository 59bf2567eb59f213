import { resolve } from 'node:path'
import { type Command, exitCode } from './command.js'
import { counted } from './counted.js'
import { countProblems, formatProblems } from './problems.js'

export const command: Command = {
  usage: 'check [folder] [--json]',
  says: [
    'Reads a policy folder (default: policies) with the loader of the gateway itself and prints every problem: where, the',
    'line, what is wrong and how to mend it. What it accepts, starts. Warnings alone leave the exit code at 0.',
  ],
  flags: { json: { type: 'boolean', says: 'print JSON' } },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern check policies', does: 'before a commit' },
    { line: 'postern check policies --json', does: 'for machines' },
  ],
  run: async (given, terminal) => {
    const named = given.arguments[0] ?? 'policies'
    const started = performance.now()
    const { loadPolicy } = await import('../policy/load.js')
    const { plan, problems, files } = await loadPolicy(resolve(terminal.cwd, named))
    const tookMs = Math.round(performance.now() - started)
    if (given.has('json')) {
      const facts = plan === null ? null : { fingerprint: plan.fingerprint, routes: plan.routes.map(({ id }) => id) }
      terminal.out(
        `${JSON.stringify({ ok: plan !== null, plan: facts, problems, files: files.length, tookMs }, null, 2)}\n`,
      )
      return plan === null ? exitCode.problems : exitCode.fine
    }
    if (problems.length > 0) terminal.out(`${formatProblems(problems, named, terminal.outPaint)}\n`)
    const summary = countProblems(problems) ?? 'No problems'
    const where = `in ${counted(files.length, 'file')}, ${tookMs} ms`
    const verdict =
      plan === null
        ? 'Refused: a gateway would not start with it, and a running one keeps the set it has.'
        : `Plan ${plan.fingerprint.slice(0, 12)}, ${counted(plan.routes.length, 'route')}.`
    terminal.out(`${summary} ${where}. ${verdict}\n`)
    return plan === null ? exitCode.problems : exitCode.fine
  },
}

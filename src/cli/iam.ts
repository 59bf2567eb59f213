import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { TemplateFinding } from '../policy/templates/lint.js'
import type { Place } from '../values/place.js'
import type { FrameLine } from '../values/problem.js'
import { type Command, exitCode, type Given, UsageFault } from './command.js'
import { counted } from './counted.js'
import { refusedStart } from './events.js'
import { formatAt } from './problems.js'
import type { Terminal } from './terminal.js'

const severities: readonly string[] = ['high', 'medium', 'low']
const styles = { high: 'red', medium: 'yellow', low: 'cyan' } as const

export const command: Command = {
  usage: 'iam print [folder] | iam lint FILE…',
  says: [
    'print: the least that the gateway must be allowed so that it reaches the functions of a policy folder (default:',
    'policies): the policy of its role in AWS and of each function there, roles in Google Cloud, the sign-in in Azure. What',
    'an upstream does not say under function: stands in capitals, to fill in.',
    '',
    'lint: reads what deploys the functions (SAM, CloudFormation, serverless.yml, Terraform in JSON) and says which URLs are',
    'open, what is allowed too widely, and what runs too long or without a limit, each with its line.',
  ],
  flags: {
    principal: {
      type: 'string',
      value: 'WHO',
      says: 'print: the ARN of the gateway’s role, its service account, or its object id',
    },
    'without-secrets': { type: 'boolean', says: 'print: read no secrets, none is needed' },
    'fail-on': { type: 'string', value: 'LEVEL', says: 'lint: high, medium, low or never (default: medium)' },
    json: { type: 'boolean', says: 'one JSON document' },
  },
  arguments: { least: 1, most: 100 },
  examples: [
    { line: 'postern iam print policies', does: 'for whoever deploys the gateway' },
    {
      line: 'postern iam print policies --principal arn:aws:iam::111122223333:role/gateway --json',
      does: 'with its role, for a script',
    },
    { line: 'postern iam lint template.yaml serverless.yml', does: 'in the repository of the functions' },
  ],
  run: async (given, terminal) => {
    const [verb, ...rest] = given.arguments
    if (verb === 'print') return await print(rest, given, terminal)
    if (verb === 'lint') return await lint(rest, given, terminal)
    throw new UsageFault(`iam takes print or lint, not "${verb}".`)
  },
}

async function print(folders: readonly string[], given: Given, terminal: Terminal): Promise<number> {
  if (folders.length > 1) throw new UsageFault('iam print takes one folder.')
  const named = folders[0] ?? 'policies'
  const [{ loadPolicy }, { grantsOf }] = await Promise.all([import('../policy/load.js'), import('./iam/grants.js')])
  const { plan, problems } = await loadPolicy(resolve(terminal.cwd, named), {
    standInSecrets: given.has('without-secrets'),
  })
  if (plan === null) {
    terminal.err(refusedStart(problems, named, terminal.errPaint))
    return exitCode.problems
  }
  const grants = grantsOf(plan, given.text('principal'))
  if (given.has('json')) {
    terminal.out(`${JSON.stringify(grants, null, 2)}\n`)
    return exitCode.fine
  }
  const { aws, awsResourcePolicies, google, azure, unnamed } = grants
  const title = (text: string): string => `${terminal.outPaint('bold', text)}\n`
  const blocks: string[] = []
  if (aws !== null) blocks.push(`${title('The role of the gateway, in AWS')}${JSON.stringify(aws, null, 2)}\n`)
  for (const { upstream, function: arn, policy } of awsResourcePolicies) {
    blocks.push(
      `${title(`${upstream}: the policy of ${arn}, where the role is in another account`)}${JSON.stringify(policy, null, 2)}\n`,
    )
  }
  for (const { upstream, command: line } of google) blocks.push(`${title(`${upstream}, in Google Cloud`)}${line}\n`)
  for (const { upstream, steps } of azure) blocks.push(`${title(`${upstream}, in Azure`)}${steps.join('\n')}\n`)
  if (blocks.length === 0)
    blocks.push('No upstream signs in with an identity of AWS, Google or Azure: nothing to allow.\n')
  terminal.out(blocks.join('\n'))
  if (unnamed.length > 0) {
    terminal.err(
      `\n${unnamed.join(', ')} ${unnamed.length === 1 ? 'does' : 'do'} not say which function: fill in the words in capitals, or write function: under the upstream.\n`,
    )
  }
  return exitCode.fine
}

interface Linted {
  readonly file: string
  readonly fault: { readonly fault: string; readonly place: Place } | null
  readonly findings: readonly (TemplateFinding & { readonly frame: FrameLine | undefined })[]
}

async function lint(files: readonly string[], given: Given, terminal: Terminal): Promise<number> {
  if (files.length === 0) throw new UsageFault('iam lint takes the files that deploy your functions.')
  const failOn = given.text('fail-on') ?? 'medium'
  if (failOn !== 'never' && !severities.includes(failOn)) {
    throw new UsageFault(`--fail-on takes high, medium, low or never, not "${failOn}".`)
  }
  const [{ readTemplate }, { lintTemplate }] = await Promise.all([
    import('../policy/templates/template.js'),
    import('../policy/templates/lint.js'),
  ])
  const linted = files.map((file): Linted => {
    const shown = relative(terminal.cwd, resolve(terminal.cwd, file))
    const template = readTemplate(shown, readText(resolve(terminal.cwd, file), file))
    if ('fault' in template) return { file: shown, fault: template, findings: [] }
    const findings = lintTemplate(template).map((found) => ({ ...found, frame: template.frame(found.place) }))
    return { file: shown, fault: null, findings }
  })
  const findings = linted.flatMap((each) => each.findings)
  const faults = linted.flatMap(({ fault }) => (fault === null ? [] : [fault]))
  if (given.has('json')) {
    const rows = findings.map(({ frame: _, ...found }) => found)
    terminal.out(`${JSON.stringify({ files: linted.map(({ file }) => file), faults, findings: rows }, null, 2)}\n`)
  } else {
    for (const { fault, place } of faults) {
      terminal.out(
        `${formatAt({ code: 'iam.template-unreadable', message: fault, place }, '', terminal.outPaint, 'red', null)}\n\n`,
      )
    }
    for (const { frame, severity, ...found } of findings) {
      const said = { ...found, ...(frame !== undefined && { frame: [frame] }) }
      terminal.out(`${formatAt(said, '', terminal.outPaint, styles[severity], severity)}\n\n`)
    }
    const counts = severities.map((each) => `${findings.filter(({ severity }) => severity === each).length} ${each}`)
    terminal.out(`${counted(findings.length, 'finding')} in ${counted(files.length, 'file')}: ${counts.join(', ')}.\n`)
  }
  const bar = severities.indexOf(failOn)
  const fails = findings.some(({ severity }) => severities.indexOf(severity) <= bar)
  return fails || faults.length > 0 ? exitCode.problems : exitCode.fine
}

function readText(path: string, named: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new UsageFault(`${named} cannot be read (${code}).`)
  }
}

import { resolve } from 'node:path'
import type { DecisionRecord } from '../record/record.js'
import { adminFlag, adminUrl } from './admin-address.js'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

export const command: Command = {
  usage: 'why <request-id> [--admin HOST:PORT] [--log FILE]',
  says: [
    'Says what was decided on a request and why: each stage, the code, masked evidence, the line of the rule, whether the',
    'policy has changed since, and the smallest change that would have let the request pass – never for auth.',
    'The caller has the id from X-Request-Id and from the problem document.',
    '',
    'Asks the admin listener of a running gateway, which remembers the last 10,000 requests, or reads its log. A listener',
    'with a token gets it from POSTERN_ADMIN_TOKEN.',
  ],
  flags: {
    admin: adminFlag,
    log: { type: 'string', value: 'FILE', says: 'search this log of JSON lines instead; - reads stdin' },
    policies: {
      type: 'string',
      short: 'p',
      value: 'FOLDER',
      says: 'the policy folder, for the lines; default policies',
    },
    json: { type: 'boolean', says: 'print the record as JSON' },
  },
  arguments: { least: 1, most: 1 },
  examples: [
    { line: 'postern why 01JD3ZK8M7Q2W5R9T4V6X8Y0AB', does: 'of the gateway on this machine' },
    { line: 'postern why 01JD3ZK8M7Q2W5R9T4V6X8Y0AB --log gateway.log', does: 'from its log' },
  ],
  run: async (given, terminal) => {
    const [id = ''] = given.arguments
    if (!/^[\w-]{1,64}$/.test(id))
      throw new UsageFault(`"${id}" is no request id; it looks like 01JD3ZK8M7Q2W5R9T4V6X8Y0AB.`)
    const { record, from } = await findRecord(id, given, terminal)
    if (record === null) {
      terminal.err(`${from} has no record of ${id}.\n`)
      return exitCode.problems
    }
    if (given.has('json')) terminal.out(`${JSON.stringify(record, null, 2)}\n`)
    else terminal.out(await describe(record, given.text('policies') ?? 'policies', terminal))
    return exitCode.fine
  },
}

async function findRecord(
  id: string,
  given: Given,
  terminal: Terminal,
): Promise<{ readonly record: DecisionRecord | null; readonly from: string }> {
  const { askGateway, RecordFault, searchLog } = await import('./explain/find-record.js')
  const log = given.text('log')
  const admin = adminUrl(given, terminal)
  try {
    return log === undefined
      ? { record: await askGateway(admin, terminal.env['POSTERN_ADMIN_TOKEN'], id), from: admin.origin }
      : { record: await searchLog(log === '-' ? log : resolve(terminal.cwd, log), id), from: log }
  } catch (error) {
    throw error instanceof RecordFault ? new Refusal(error.message) : error
  }
}

/** The record for a person, beside the policies as they are now. */
async function describe(record: DecisionRecord, named: string, terminal: Terminal): Promise<string> {
  const root = resolve(terminal.cwd, named)
  const [{ recordLines }, { smallestChange }, { loadPolicy }, { printable }] = await Promise.all([
    import('./explain/record-lines.js'),
    import('./explain/smallest-change.js'),
    import('../policy/load.js'),
    import('../record/human.js'),
  ])
  const { plan } = await loadPolicy(root, { standInSecrets: true })
  const isSame = plan?.fingerprint.startsWith(record.plan) === true
  const planned = plan?.routes.find(({ id }) => id === record.route) ?? null
  // A policy that has changed may still have the same steps; then those that were not reached can be named.
  const isLike = record.steps.every(({ stage }, i) => planned?.steps[i]?.stage === stage)
  const route = isLike ? planned : null
  const { outPaint: paint } = terminal
  const time = new Date(record.at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
  const asked = `${printable(record.method)} ${printable(record.path)}`
  const status = record.response.status === 0 ? 'no answer' : String(record.response.status)
  const verdict = record.code === undefined ? `${status} ${record.outcome}` : `${status} ${record.code}`
  const lines = [
    `${paint('bold', printable(record.id))}  ${time}  from ${printable(record.client.address)}`,
    `${asked}  →  ${paint(record.code === undefined ? 'green' : 'red', verdict)}${record.route === null ? '' : `  ${printable(record.route)}`}`,
    ...recordLines(record, route, root, paint),
    '',
    `Plan ${record.plan.slice(0, 12)}. ${nowText(plan?.fingerprint ?? null, isSame, named)}`,
  ]
  const change = smallestChange(record)
  return `${[...lines, ...change.map(printable)].join('\n')}\n`
}

function nowText(now: string | null, isSame: boolean, named: string): string {
  if (isSame) return `${named} is the same now.`
  if (now === null) return `${named} cannot be loaded now, so lines may have moved.`
  return `${named} gives ${now.slice(0, 12)} here: it has changed since, and lines may have moved, or it is served on other addresses.`
}

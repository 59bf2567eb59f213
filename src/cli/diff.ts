import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Change, PlanDifference, ThingDifference } from '../plan/difference.js'
import type { Plan } from '../plan/plan.js'
import { struck } from '../policy/audit/audit.js'
import { printable } from '../record/human.js'
import { formatPlace } from '../values/place.js'
import { type Command, exitCode, Refusal, UsageFault } from './command.js'
import { changeInWords, thingInWords } from './difference-words.js'
import type { Paint, Style, Terminal } from './terminal.js'

const bars = ['never', 'weaker', 'change'] as const

export const command: Command = {
  usage: 'diff OLD [NEW] [flags]',
  says: [
    'Says in plain words what changes between two policy folders, per route, and marks what protects less than before.',
    'OLD and NEW are folders or git revisions: main:policies, or main alone for the same folder as it was there. NEW is',
    'policies unless it is given. Secrets are not read: what they are called is compared, never what they hold.',
  ],
  flags: {
    format: { type: 'string', value: 'FORMAT', says: 'human or json (default: human)' },
    json: { type: 'boolean', says: 'the same as --format json' },
    'fail-on': {
      type: 'string',
      value: 'WHAT',
      says: 'never, weaker or change: what makes the exit code 1 (default: never)',
    },
  },
  arguments: { least: 1, most: 2 },
  examples: [
    { line: 'postern diff HEAD', does: 'what the working folder changes' },
    { line: 'postern diff origin/main:policies policies --fail-on weaker', does: 'in a pull request' },
    { line: 'postern diff v1.4:policies v1.5:policies', does: 'between two releases' },
  ],
  run: async (given, terminal) => {
    const [old = '', next = 'policies'] = given.arguments
    const format = given.has('json') ? 'json' : (given.text('format') ?? 'human')
    if (format !== 'human' && format !== 'json') throw new UsageFault(`--format takes human or json, not "${format}".`)
    const failOn = bars.find((bar) => bar === (given.text('fail-on') ?? 'never'))
    if (failOn === undefined)
      throw new UsageFault(`--fail-on takes ${bars.join(', ')}, not "${given.text('fail-on')}".`)
    const { difference } = await import('../plan/difference.js')
    const before = await planOf(old, isFolder(resolve(terminal.cwd, next)) ? next : 'policies', terminal)
    const after = await planOf(next, isFolder(resolve(terminal.cwd, old)) ? old : 'policies', terminal)
    const found = difference(before, after)
    terminal.out(
      format === 'json'
        ? `${JSON.stringify({ before: before.fingerprint, after: after.fingerprint, ...found }, withoutCredentials, 2)}\n`
        : formatDifference(found, terminal.outPaint),
    )
    const isRefused = failOn === 'weaker' ? found.counts.weaker > 0 : failOn === 'change' && found.things.length > 0
    return isRefused ? exitCode.problems : exitCode.fine
  },
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

/** The plan of a folder or a revision. Throws Refusal, with every problem, where it is refused. */
async function planOf(named: string, same: string, terminal: Terminal): Promise<Plan> {
  const { loadPolicy } = await import('../policy/load.js')
  const load = async (path: string): Promise<Plan> => {
    const { plan, problems } = await loadPolicy(path, { standInSecrets: true })
    if (plan !== null) return plan
    const { countProblems, formatBriefly } = await import('./problems.js')
    const errors = problems.filter(({ severity }) => severity === 'error')
    const shown = errors.slice(0, 10).map((problem) => `  ${formatBriefly(problem)}`)
    throw new Refusal([`${named} is refused: ${countProblems(errors)}.`, ...shown].join('\n'))
  }
  const path = resolve(terminal.cwd, named)
  if (isFolder(path)) return await load(path)
  const { folderOfRevision } = await import('./git-folder.js')
  const folder = await folderOfRevision(named, resolve(terminal.cwd, same), terminal)
  try {
    return await load(folder.path)
  } finally {
    folder.remove()
  }
}

/** What looks like a credential in a policy text is not repeated into a log. */
function withoutCredentials(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? struck(value) : value
}

/** Routes whose changes read the same are told together; the summary is the last line. */
function formatDifference({ things, counts }: PlanDifference, paint: Paint): string {
  if (things.length === 0) return 'No difference: both decide the same.\n'
  const groups = new Map<string, ThingDifference[]>()
  for (const thing of things) {
    const key = `${thing.kind} ${thing.change} ${thing.direction} ${thing.beside} ${thing.changes.map(line).join('\n')}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [thing])
    else group.push(thing)
  }
  const blocks = [...groups.values()].map((group) => formatGroup(group, paint))
  const count = (change: ThingDifference['change']) =>
    things.filter((thing) => thing.kind === 'route' && thing.change === change).length
  const routes = (['changed', 'added', 'removed'] as const)
    .filter((change) => count(change) > 0)
    .map((change) => `${count(change)} ${change}`)
  const elsewhere = things.filter(({ kind }) => kind !== 'route').length
  const where = [
    ...(routes.length > 0 ? [`Routes: ${routes.join(', ')}.`] : []),
    ...(elsewhere > 0 ? [`Shared things: ${elsewhere}.`] : []),
  ]
  const verdict = `${counts.weaker} weaker, ${counts.stronger} stronger, ${counts.other} other.`
  return `${blocks.join('\n')}\n${[...where, verdict].join(' ')}\n`
}

const marks = { added: '+', removed: '-', changed: '~' } as const
const styles = { weaker: 'red', stronger: 'green', other: 'dim' } as const satisfies Record<string, Style>

function formatGroup(group: readonly ThingDifference[], paint: Paint): string {
  const [first] = group
  if (first === undefined) return ''
  const { kind, change, direction, changes } = first
  const mark = direction === 'weaker' ? paint('red', '!') : marks[change]
  const names = group.slice(0, 3).map(({ name }) => name)
  const more = group.length > 3 ? ` and ${group.length - 3} more` : ''
  const title = `${kind === 'route' || kind === 'gateway' ? '' : `${kind} `}${names.join(', ')}${more}`
  const what = change === 'changed' ? '' : `  ${printable(thingInWords(first))}`
  const head = `${mark} ${paint('bold', printable(title))}${what}  ${paint('dim', printable(formatPlace(first.place)))}`
  const lines = changes.map((each) => {
    const at = formatPlace(each.place)
    return `    ${paint(styles[each.direction], each.direction.padEnd(8))}  ${printable(changeInWords(each))}  ${paint('dim', printable(at))}`
  })
  return `${[head, ...lines].join('\n')}\n`
}

/** What makes two changes the same to a reader. */
function line(change: Change): string {
  return `${change.direction} ${changeInWords(change)}`
}

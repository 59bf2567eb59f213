import { resolve } from 'node:path'
import type { UpstreamPlan } from '../plan/plan.js'
import { formatPlace } from '../values/place.js'
import { type Command, exitCode } from './command.js'
import { counted } from './counted.js'
import { refusedStart } from './events.js'

export const command: Command = {
  usage: 'canary [folder]',
  says: [
    'Calls every function of a policy folder (default: policies) without its sign-in, as a stranger would, and says which',
    'of them answer. A HEAD of / unless the upstream names something else under canary:; nothing that changes anything.',
    '',
    'The exit code is 1 when a function is open. Upstreams with auth: none are left out: they take every call by intent.',
  ],
  flags: {
    json: { type: 'boolean', says: 'one JSON document' },
    upstream: { type: 'string', value: 'NAME', says: 'this one alone', multiple: true },
    'without-secrets': { type: 'boolean', says: 'read no secrets: none is needed here' },
  },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern canary policies', does: 'after a deployment' },
    { line: 'postern canary policies --without-secrets --json', does: 'in a pipeline, every hour' },
  ],
  run: async (given, terminal) => {
    const named = given.arguments[0] ?? 'policies'
    const [{ loadPolicy }, { tryCanary }, { Pools }] = await Promise.all([
      import('../policy/load.js'),
      import('../gateway/canary.js'),
      import('../state/pools.js'),
    ])
    const { plan, problems } = await loadPolicy(resolve(terminal.cwd, named), {
      standInSecrets: given.has('without-secrets'),
    })
    if (plan === null) {
      terminal.err(refusedStart(problems, named, terminal.errPaint))
      return exitCode.problems
    }
    const asked = given.texts('upstream')
    const upstreams = Object.values(plan.upstreams).filter(
      ({ name, auth }) => auth.kind !== 'none' && (asked.length === 0 || asked.includes(name)),
    )
    const pools = new Pools()
    const results = await Promise.all(
      upstreams.map(async (upstream) => ({ upstream, ...(await tryCanary(upstream, pools)) })),
    )
    await pools.close()
    const open = results.filter(({ verdict }) => verdict === 'open')
    if (given.has('json')) {
      const rows = results.map(({ upstream, ...rest }) => ({ upstream: upstream.name, at: placeOf(upstream), ...rest }))
      terminal.out(`${JSON.stringify({ open: open.length, upstreams: rows }, null, 2)}\n`)
    } else {
      for (const { upstream, verdict, says } of results) {
        const word = verdict === 'open' ? terminal.outPaint('red', 'OPEN   ') : verdict.padEnd(7)
        terminal.out(`${word}  ${upstream.name}  ${placeOf(upstream)}\n         ${says}\n`)
      }
      terminal.out(`\n${counted(results.length, 'function')} tried, ${open.length} open.\n`)
    }
    return open.length === 0 ? exitCode.fine : exitCode.problems
  },
}

function placeOf({ declaredAt }: UpstreamPlan): string {
  return formatPlace(declaredAt)
}

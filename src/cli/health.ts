import { request } from 'node:http'
import type { Status } from '../console/server.js'
import { printable } from '../record/human.js'
import { formatAddress, reachable, readAddress } from './address.js'
import { type Command, exitCode } from './command.js'
import { counted } from './counted.js'

/** Where the admin listener stands when nobody says otherwise. */
const usualAdmin = '127.0.0.1:9090'
/** Shorter than the container's own limit, so that our sentence is what its log shows. */
const timeoutMs = 2_000

interface Health {
  readonly ready: boolean
  readonly status: number | null
  readonly detail: string
  /** What it serves, and whether the files have moved on without it; absent where nobody answered as Postern does. */
  readonly policy?: Status
}

export const command: Command = {
  usage: 'health [--admin HOST:PORT] [--json]',
  says: [
    'Asks /readyz of a running gateway on this machine, and exits 0 if it is ready, 1 if not. Says which plan serves, and',
    'whether the files hold another that was refused. It is the health check of the container: no shell and no curl are',
    'needed.',
  ],
  flags: {
    admin: {
      type: 'string',
      value: 'HOST:PORT',
      says: `the admin listener; POSTERN_ADMIN_LISTEN, or ${usualAdmin}`,
    },
    json: { type: 'boolean', says: 'print JSON' },
  },
  arguments: { least: 0, most: 0 },
  examples: [
    { line: 'postern health', does: 'asks the usual admin listener' },
    { line: 'postern health --admin 127.0.0.1:9191', does: 'asks another one' },
  ],
  run: async (given, terminal) => {
    const flag = given.text('admin')
    const text = flag ?? terminal.env['POSTERN_ADMIN_LISTEN'] ?? usualAdmin
    const admin = reachable(readAddress(text, flag === undefined ? 'POSTERN_ADMIN_LISTEN' : '--admin'))
    const health = await ask(admin.host, admin.port)
    if (given.has('json')) terminal.out(`${JSON.stringify({ admin: formatAddress(admin), ...health })}\n`)
    else terminal.out(`${health.ready ? 'ready' : 'not ready'}: ${formatAddress(admin)}: ${words(health)}\n`)
    return health.ready ? exitCode.fine : exitCode.problems
  },
}

/** What an operator asks first: which policy serves, and is it the one in the files? */
function words({ detail, policy }: Health): string {
  if (policy === undefined) return detail
  const { plan, loadedAt, draining, refused, restartNeeded } = policy
  const lines = [`plan ${plan?.slice(0, 4) ?? 'none'}, loaded ${time(loadedAt)}${draining ? ', draining' : ''}`]
  if (refused !== null) {
    lines.push(
      `policy in the files REFUSED ${time(refused.at)}: ${counted(refused.problems, 'problem')}, ${printable(refused.first)}`,
    )
  }
  if (restartNeeded.length > 0) lines.push(`the next start will change: ${restartNeeded.map(printable).join(', ')}`)
  return lines.join('\n')
}

function time(ms: number | null): string {
  return ms === null ? 'never' : new Date(ms).toISOString().replace(/\.\d+/, '')
}

/** The status in an answer of /readyz; whoever else listens there may answer anything. */
function policyOf(text: string): { readonly policy?: Status } {
  try {
    const found: Partial<Status> | null = JSON.parse(text)
    const isStatus = typeof found?.ready === 'boolean' && Array.isArray(found.restartNeeded)
    return isStatus && found.refused !== undefined ? { policy: found as Status } : {} // has what only ours has
  } catch {
    return {}
  }
}

const whereToAsk = 'Is it running, and is this its admin listener? Name it with --admin or POSTERN_ADMIN_LISTEN.'

function ask(host: string, port: number): Promise<Health> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path: '/readyz', agent: false, timeout: timeoutMs }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece: string) => {
        if (text.length < 4_096) text += piece
      })
      answer.on('end', () => {
        const status = answer.statusCode ?? 0
        const ready = status === 200
        resolve({ ready, status, detail: text.trim() || `status ${status}`, ...policyOf(text) })
      })
      answer.on('error', (error) => resolve({ ready: false, status: null, detail: error.message }))
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    asked.on('error', (error) => resolve({ ready: false, status: null, detail: `${error.message}. ${whereToAsk}` }))
    asked.end()
  })
}

import { request } from 'node:http'
import { formatAddress, reachable, readAddress } from './address.js'
import { type Command, exitCode } from './command.js'

/** Where the admin listener stands when nobody says otherwise. */
const usualAdmin = '127.0.0.1:9090'
/** Shorter than the container's own limit, so that our sentence is what its log shows. */
const timeoutMs = 2_000

interface Health {
  readonly ready: boolean
  readonly status: number | null
  readonly detail: string
}

export const command: Command = {
  usage: 'health [--admin HOST:PORT] [--json]',
  says: [
    'Asks /readyz of a running gateway on this machine, and exits 0 if it is ready, 1 if not. It is the health check of',
    'the container: no shell and no curl are needed.',
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
    else terminal.out(`${health.ready ? 'ready' : 'not ready'}: ${formatAddress(admin)}: ${health.detail}\n`)
    return health.ready ? exitCode.fine : exitCode.problems
  },
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
        resolve({ ready: status === 200, status, detail: text.trim() || `status ${status}` })
      })
      answer.on('error', (error) => resolve({ ready: false, status: null, detail: error.message }))
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    asked.on('error', (error) => resolve({ ready: false, status: null, detail: `${error.message}. ${whereToAsk}` }))
    asked.end()
  })
}

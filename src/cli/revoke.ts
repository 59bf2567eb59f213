import { parseDuration } from '../values/duration.js'
import { adminFlag, adminUrl } from './admin-address.js'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

const patienceMs = 5_000

export const command: Command = {
  usage: 'revoke --token JTI | --subject SUB | --client ID  [--issuer NAME] [--for DURATION]',
  says: [
    'Refuses a token, everything of a subject or everything of a client from now on, whatever its issuer says. It holds at',
    'once in the gateway that is asked, and within a second in those that share its store.',
    '',
    'Asks the admin listener of a running gateway, which must have a token; POSTERN_ADMIN_TOKEN holds it.',
  ],
  flags: {
    token: { type: 'string', value: 'JTI', says: 'one token, by its claim jti' },
    subject: { type: 'string', value: 'SUB', says: 'all tokens of a subject, by the claim sub' },
    client: {
      type: 'string',
      value: 'ID',
      says: 'all tokens of a client (client_id, azp), or the API keys of a client',
    },
    issuer: { type: 'string', value: 'NAME', says: 'only tokens of this issuer of the policy; any when absent' },
    for: { type: 'string', value: 'DURATION', says: 'how long, such as 8h or 30d; default 24h' },
    'sign-in-again': { type: 'boolean', says: 'tokens that are issued from now on are taken again' },
    list: { type: 'boolean', says: 'list what is revoked' },
    undo: { type: 'string', value: 'ID', says: 'take a revocation back, by its id in the list' },
    admin: adminFlag,
    json: { type: 'boolean', says: 'print JSON' },
  },
  arguments: { least: 0, most: 0 },
  examples: [
    { line: 'postern revoke --subject u1 --issuer main --sign-in-again', does: 'ends the sessions of u1' },
    { line: 'postern revoke --client acme --for 30d', does: 'shuts a client out' },
    { line: 'postern revoke --list', does: 'what is revoked now' },
  ],
  run: async (given, terminal) => {
    if (given.has('list')) return await list(given, terminal)
    const undo = given.text('undo')
    if (undo !== undefined) {
      const answer = await ask(given, terminal, 'DELETE', `/revocations/${encodeURIComponent(undo)}`)
      if (answer.status !== 204) throw new Refusal(errorOf(answer))
      terminal.out(given.has('json') ? `${JSON.stringify({ undone: undo })}\n` : `${undo} is taken back.\n`)
      return exitCode.fine
    }
    return await add(given, terminal)
  },
}

async function add(given: Given, terminal: Terminal): Promise<number> {
  const kinds = (['token', 'subject', 'client'] as const).filter((kind) => given.text(kind) !== undefined)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) throw new UsageFault('Name one of --token, --subject and --client.')
  const forMs = parseDuration(given.text('for') ?? '24h')
  if (forMs === null || forMs === 0) throw new UsageFault(`"${given.text('for')}" is no time; write 8h or 30d.`)
  const issuer = given.text('issuer')
  const answer = await ask(given, terminal, 'POST', '/revocations', {
    [kind]: given.text(kind),
    forMs,
    ...(issuer !== undefined && { issuer }),
    ...(given.has('sign-in-again') && { issuedBefore: Date.now() }),
  })
  if (answer.status !== 201) throw new Refusal(errorOf(answer))
  const { id, until, stored } = answer.body
  if (given.has('json')) terminal.out(`${JSON.stringify(answer.body)}\n`)
  else {
    terminal.out(`Revoked until ${String(until)}. To take it back: postern revoke --undo ${String(id)}\n`)
    if (stored !== true) {
      terminal.err(
        'It holds in this process alone, until it ends: no store has taken it (gateway.yaml: store.redis or revocation.file).\n',
      )
    }
  }
  return exitCode.fine
}

async function list(given: Given, terminal: Terminal): Promise<number> {
  const answer = await ask(given, terminal, 'GET', '/revocations')
  if (answer.status !== 200) throw new Refusal(errorOf(answer))
  const { revocations } = answer.body
  const rows: readonly unknown[] = Array.isArray(revocations) ? revocations : []
  if (given.has('json')) terminal.out(`${JSON.stringify(rows)}\n`)
  else if (rows.length === 0) terminal.out('Nothing is revoked.\n')
  else {
    for (const row of rows) {
      const { id, kind, value, issuer, until } = Object(row) as Readonly<Record<string, unknown>> // read with care
      const whose = issuer === null ? '' : ` of ${JSON.stringify(issuer)}`
      terminal.out(`${String(id)}  ${String(kind)} ${JSON.stringify(value)}${whose}, until ${String(until)}\n`)
    }
  }
  return exitCode.fine
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

async function ask(given: Given, terminal: Terminal, method: string, path: string, body?: unknown): Promise<Answer> {
  const admin = adminUrl(given, terminal)
  const token = terminal.env['POSTERN_ADMIN_TOKEN']
  let answer: Response
  try {
    answer = await fetch(new URL(path, admin), {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    })
  } catch {
    throw new Refusal(`No gateway answers at ${admin.origin}. Name its admin listener with --admin.`)
  }
  const said: unknown = answer.status === 204 ? {} : await answer.json().catch(() => ({}))
  return { status: answer.status, body: Object(said) as Answer['body'] } // whatever it is, its members are read with care
}

function errorOf({ status, body }: Answer): string {
  if (status === 401) return 'The admin listener asks for its token: set POSTERN_ADMIN_TOKEN (listeners.admin.token).'
  return typeof body['error'] === 'string' ? body['error'] : `The gateway answered ${status}; is it an admin listener?`
}

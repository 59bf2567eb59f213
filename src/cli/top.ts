import type { Hottest } from '../record/hottest.js'
import { adminFlag, adminUrl } from './admin-address.js'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

const patienceMs = 5_000

export const command: Command = {
  usage: 'top [--admin HOST:PORT] [--seconds N] [--once] [--json]',
  says: [
    'Shows who asks most and which limits refuse most, of a running gateway: its last 2,000 requests within the time.',
    'On a terminal it goes on until Ctrl+C. A listener with a token gets it from POSTERN_ADMIN_TOKEN.',
  ],
  flags: {
    admin: adminFlag,
    seconds: { type: 'string', value: 'N', says: 'how far back; default 60' },
    every: { type: 'string', value: 'SECONDS', says: 'how often it looks; default 2' },
    once: { type: 'boolean', says: 'look once' },
    json: { type: 'boolean', says: 'print JSON, once' },
  },
  arguments: { least: 0, most: 0 },
  examples: [
    { line: 'postern top', does: 'of the gateway on this machine' },
    { line: 'postern top --seconds 10 --once', does: 'the last ten seconds' },
  ],
  run: async (given, terminal) => {
    const url = urlOf(given, terminal)
    const everyMs = readSeconds('every', given.text('every') ?? '2') * 1000
    if (given.has('json')) {
      terminal.out(`${JSON.stringify(await ask(url, terminal), null, 2)}\n`)
      return exitCode.fine
    }
    if (given.has('once') || !terminal.outIsTerminal) {
      terminal.out(await screen(await ask(url, terminal), terminal))
      return exitCode.fine
    }
    let isStopped = false
    let wake: () => void = () => {}
    process.once('SIGINT', () => {
      isStopped = true
      wake()
    })
    while (!isStopped) {
      const text = await screen(await ask(url, terminal), terminal)
      // From the top, and nothing of the last look below.
      terminal.out(`\u001b[H\u001b[J${text}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return exitCode.fine
  },
}

function urlOf(given: Given, terminal: Terminal): URL {
  const seconds = readSeconds('seconds', given.text('seconds') ?? '60')
  return new URL(`/top?seconds=${seconds}`, adminUrl(given, terminal))
}

function readSeconds(flag: string, text: string): number {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 1 && seconds <= 3_600) return seconds
  throw new UsageFault(`--${flag} takes seconds from 1 to 3600; it is "${text}".`)
}

async function ask(url: URL, terminal: Terminal): Promise<Hottest> {
  const token = terminal.env['POSTERN_ADMIN_TOKEN']
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) }).catch(() => null)
  if (answer === null) throw new Refusal(`No admin listener answers at ${url.host}. Name it with --admin HOST:PORT.`)
  if (answer.status === 401) throw new Refusal(`${url.host} asks for a token: set POSTERN_ADMIN_TOKEN.`)
  if (!answer.ok) throw new Refusal(`${url.host} answered ${answer.status}: it is no admin listener of this version.`)
  return (await answer.json()) as Hottest // our own admin listener's answer
}

async function screen({ requests, spanMs, clients, limits }: Hottest, terminal: Terminal): Promise<string> {
  // Names are the callers' own: nothing of them may move the cursor.
  const { printable } = await import('../record/human.js')
  const { outPaint: paint } = terminal
  const cut = (text: string, width: number): string =>
    (text.length > width ? `${text.slice(0, width - 1)}…` : text).padEnd(width)
  const span = Math.max(1, spanMs / 1000)
  const lines = [
    `${paint('bold', `${requests} requests`)} in ${span.toFixed(0)} s, ${(requests / span).toFixed(1)}/s`,
    '',
    paint('dim', `${cut('client', 28)}${'asked'.padStart(7)}${'refused'.padStart(9)}  ${cut('mostly', 26)}route`),
    ...clients.map(
      ({ name, requests: asked, refused, code = '', route }) =>
        `${cut(printable(name), 28)}${String(asked).padStart(7)}${paint(refused === 0 ? 'dim' : 'red', String(refused).padStart(9))}  ${cut(code, 26)}${printable(route ?? '-')}`,
    ),
    '',
    paint('dim', `${cut('limit', 28)}${'refused'.padStart(7)}${'callers'.padStart(9)}  where`),
    ...limits.map(
      ({ name, refused, clients: who, place, route }) =>
        `${cut(printable(name), 28)}${String(refused).padStart(7)}${String(who).padStart(9)}  ${place}  ${printable(route ?? '-')}`,
    ),
    ...(limits.length === 0 ? ['no limit has refused anyone'] : []),
  ]
  return `${lines.join('\n')}\n`
}

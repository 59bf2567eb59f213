import { resolve } from 'node:path'
import { formatEvent, lineFormat } from '../record/line.js'
import { createLog } from '../record/log.js'
import { standardSink } from '../record/sink.js'
import { addressesFrom, listenFlags } from './address.js'
import { cloudFrom } from './cloud.js'
import { type Command, exitCode } from './command.js'
import { counted } from './counted.js'
import { eventLine, eventText, refusedStart } from './events.js'
import { listenToSignals } from './signals.js'

const logIsBack = 'The log can be written again.\n'

function logFails(fault: string): string {
  const why = fault === 'ENOSPC' ? 'no space is left where stdout goes' : fault
  return `The log cannot be written: ${why}. Requests go on; lines are held up to 4 MiB, then dropped and counted.\n`
}

/** How long the last log lines may take to leave. */
const flushMs = 1_000

export const command: Command = {
  usage: 'run <folder> [--listen HOST:PORT] [--admin-listen HOST:PORT] [--require-tests]',
  says: [
    'Serves a policy folder. One JSON line per decision goes to stdout, words for people to stderr. A policy with a',
    'problem is refused before anything listens.',
    '',
    'Saving a file reloads; so does SIGHUP. A reload with a problem is refused, and the last good set serves on.',
    'SIGTERM finishes what is under way and exits 0; a second one stops at once.',
  ],
  flags: {
    ...listenFlags,
    'require-tests': { type: 'boolean', says: 'refuse a set, also at a reload, unless all its policy tests pass' },
  },
  arguments: { least: 1, most: 1 },
  examples: [
    { line: 'postern run /etc/postern/policies', does: 'addresses from gateway.yaml' },
    { line: 'postern run policies --listen 0.0.0.0:8080', does: 'for the world' },
    { line: 'POSTERN_LISTEN=:8080 postern run policies', does: 'the same, in a container' },
  ],
  run: async (given, terminal) => {
    const [named = ''] = given.arguments
    const listeners = addressesFrom(given, terminal.env)
    const log = createLog({
      sink: standardSink(process.stdout),
      dropped: (lines) => formatEvent(Date.now(), 'log-lines-dropped', { lines }),
      onFault: (fault) => terminal.err(fault === null ? logIsBack : logFails(fault)),
    })
    const format = lineFormat()
    const { serve } = await import('./serve.js')
    // Before anything else: a SIGHUP during the start must not end the process, and a SIGTERM must end it in order.
    let reload: () => void = () => {}
    const signals = listenToSignals({
      reload: () => reload(),
      force: (signal) => {
        terminal.err(`${signal} while stopping: stopped at once.\n`)
        process.exit(exitCode.problems)
      },
    })
    const folder = resolve(terminal.cwd, named)
    const serving = await serve({
      folder,
      listeners,
      cloud: cloudFrom(terminal.env),
      ...(given.has('require-tests') && {
        admit: async () => (await import('./policy-tests/failed-tests.js')).failedTests(folder),
      }),
      log: () => log.stats,
      onRecord: (record) => log.write(format(record)),
      onEvent: (event) => {
        log.write(eventLine(Date.now(), event))
        const text = eventText(event, named, terminal.errPaint)
        if (text !== null) terminal.err(text)
      },
    })
    if ('problems' in serving) {
      signals.release()
      terminal.err(refusedStart(serving.problems, named, terminal.errPaint))
      return exitCode.problems
    }
    reload = () => void serving.reload('SIGHUP')
    const signal = await signals.stopped
    await serving.stop(signal)
    const lost = await log.flush(flushMs)
    if (lost > 0) terminal.err(`${counted(lost, 'log line')} could not be written.\n`)
    // Pools of keep-alive sockets would hold the process for seconds; everything that matters has left.
    process.exit(exitCode.fine)
  },
}

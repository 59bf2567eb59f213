import { resolve } from 'node:path'
import { formatHuman } from '../record/human.js'
import { addressesFrom, formatAddress, isLoopback, listenFlags } from './address.js'
import { cloudFrom } from './cloud.js'
import { type Command, exitCode, UsageFault } from './command.js'
import { devScreen } from './dev-screen.js'
import { eventText, refusedStart } from './events.js'
import { listenToSignals } from './signals.js'

/** Where `dev` listens unless told otherwise; a free port where these are busy. */
const usual = { public: { host: '127.0.0.1', port: 8080 }, admin: { host: '127.0.0.1', port: 9090 } }

export const command: Command = {
  usage: 'dev [--demo] [folder]',
  says: [
    'Serves a policy folder (default: policies) for a person at this machine: loopback only, free ports where the usual',
    'ones are busy, one line per decision, reload on save. For production there is postern run.',
    '',
    '--demo starts a small shop as the function and a development issuer beside it, points the example policies at them,',
    'and prints requests to try, each with the status to expect. Their keys are made at each start and live in memory.',
  ],
  flags: { demo: { type: 'boolean', says: 'with a demo function and a development issuer' }, ...listenFlags },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern dev --demo', does: 'the example shop' },
    { line: 'postern dev my-policies', does: 'your own policies and functions' },
  ],
  run: async (given, terminal) => {
    const named = given.arguments[0] ?? 'policies'
    const asked = addressesFrom(given, terminal.env)
    for (const address of Object.values(asked)) {
      if (!isLoopback(address.host)) {
        throw new UsageFault(
          `dev listens on loopback addresses only, not on ${formatAddress(address)}. To serve others: postern run`,
        )
      }
    }
    const demo = given.has('demo') ? await (await import('./demo/start.js')).startDemo() : null
    const paint = terminal.outPaint
    const color = paint('bold', '') !== ''
    const time = (): string => new Date().toTimeString().slice(0, 8)
    try {
      const { serve } = await import('./serve.js')
      const serving = await serve({
        folder: resolve(terminal.cwd, named),
        listeners: { ...usual, ...asked },
        cloud: cloudFrom(terminal.env),
        ...(demo !== null && { overrides: demo.overrides, adjust: demo.adjust }),
        mayMove: { public: asked.public === undefined, admin: asked.admin === undefined },
        onRecord: (record) => terminal.out(formatHuman(record, { color })),
        onEvent: (event) => {
          const text = eventText(event, named, paint)
          if (text !== null) terminal.out(event.event === 'started' ? text : `${time()} ${text}`)
        },
      })
      if ('problems' in serving) {
        terminal.err(refusedStart(serving.problems, named, terminal.errPaint))
        return exitCode.problems
      }
      terminal.out(devScreen({ serving, demo, folder: named, usual, calledAs: terminal.calledAs, paint }))
      const signals = listenToSignals({
        reload: () => void serving.reload('SIGHUP'),
        force: () => process.exit(exitCode.problems),
      })
      await serving.stop(await signals.stopped)
      signals.release()
      return exitCode.fine
    } finally {
      await demo?.close()
    }
  },
}

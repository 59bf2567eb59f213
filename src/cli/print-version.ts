import { type Command, exitCode } from './command.js'
import { version } from './version.js'

export const command: Command = {
  usage: 'version [--json]',
  says: ['Prints the version of Postern; with --json also that of Node and the platform, for bug reports.'],
  flags: { json: { type: 'boolean', says: 'print JSON' } },
  arguments: { least: 0, most: 0 },
  examples: [{ line: 'postern version', does: 'the version alone' }],
  run: async (given, terminal) => {
    const facts = { version, node: process.version, platform: `${process.platform}-${process.arch}` }
    terminal.out(given.has('json') ? `${JSON.stringify(facts)}\n` : `${version}\n`)
    return exitCode.fine
  },
}

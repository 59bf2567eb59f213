#!/usr/bin/env node
import { basename, relative } from 'node:path'
import { nearest } from '../values/nearest.js'
import { type Command, exitCode, Refusal, UsageFault } from './command.js'
import { processTerminal, type Terminal } from './terminal.js'

/** Every command: one line for the overview, and its module, loaded only when it is called (start-up time matters). */
const commands: Readonly<Record<string, { says: string; load: () => Promise<{ command: Command }> }>> = {
  run: { says: 'serve a policy folder (production)', load: () => import('./run.js') },
  dev: {
    says: 'serve it on this machine, for a person: curl lines, one line per decision',
    load: () => import('./dev.js'),
  },
  check: { says: 'find every problem of a policy folder; what it accepts, starts', load: () => import('./check.js') },
  diff: { says: 'say what changes between two policy folders, or git revisions', load: () => import('./diff.js') },
  init: { says: 'begin a policy folder', load: () => import('./init.js') },
  explain: {
    says: 'say what holds for a route, what would become of a request, or what a code means',
    load: () => import('./explain.js'),
  },
  test: { says: 'run the policy tests of a folder, offline', load: () => import('./test.js') },
  loadtest: { says: 'prove the rate limits of a policy by load', load: () => import('./loadtest.js') },
  inspect: {
    says: 'try a value, or a file of labelled requests, on the detectors',
    load: () => import('./inspect.js'),
  },
  top: { says: 'show who asks most and which limits refuse most', load: () => import('./top.js') },
  why: { says: 'say why a request was decided as it was', load: () => import('./why.js') },
  canary: {
    says: 'try every function without its sign-in: none may answer',
    load: () => import('./canary.js'),
  },
  iam: {
    says: 'print the least that the gateway must be allowed, and lint deployment templates',
    load: () => import('./iam.js'),
  },
  keys: { says: 'make API keys, digests and development tokens', load: () => import('./keys.js') },
  revoke: {
    says: 'refuse a token, a subject or a client from now on',
    load: () => import('./revoke.js'),
  },
  schema: { says: 'print the JSON Schema of policy files, for editors', load: () => import('./schema.js') },
  health: { says: 'ask a running gateway whether it is ready', load: () => import('./health.js') },
  version: { says: 'print the version', load: () => import('./print-version.js') },
}

/** Flags that people type where a command is expected. */
const aliases: Readonly<Record<string, string>> = { '--version': 'version', '-v': 'version', '-V': 'version' }

async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...rest] = argv
  if (word === undefined || word === '--help' || word === '-h' || word === 'help') return await help(rest[0], terminal)
  const name = aliases[word] ?? word
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry === undefined) throw new UsageFault(unknownCommand(word))
  const { command } = await entry.load()
  const { readArguments } = await import('./arguments.js')
  const given = readArguments(rest, command)
  if (given.has('help')) return await help(name, terminal)
  return await command.run(given, terminal)
}

async function help(name: string | undefined, terminal: Terminal): Promise<number> {
  const { commandHelp, overview } = await import('./help.js')
  const entry = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry !== undefined) {
    terminal.out(commandHelp((await entry.load()).command, terminal.outPaint))
    return exitCode.fine
  }
  const summaries = Object.fromEntries(Object.entries(commands).map(([key, { says }]) => [key, says]))
  const text = overview(summaries, terminal.outPaint)
  // `postern` alone is a question as well, but a script that forgot the command must notice.
  if (process.argv.length > 2) terminal.out(text)
  else terminal.err(text)
  return process.argv.length > 2 ? exitCode.fine : exitCode.usage
}

function unknownCommand(word: string): string {
  const kind = word.startsWith('-') ? 'flag' : 'command'
  const meant = nearest(word, Object.keys(commands))
  const suggestion = meant === undefined ? `Commands: ${Object.keys(commands).join(', ')}.` : `Did you mean ${meant}?`
  return `Unknown ${kind} ${word}. ${suggestion}`
}

/** `postern` when installed; otherwise what was typed: `node dist/cli/main.js`. */
function calledAs(script: string | undefined): string {
  if (script === undefined || basename(script) === 'postern') return 'postern'
  const near = relative(process.cwd(), script)
  return `node ${near.startsWith('..') ? script : near}`
}

const terminal = processTerminal(calledAs(process.argv[1]))
for (const stream of [process.stdout, process.stderr]) {
  // A reader that has seen enough (`| head`) closes the pipe: no error of ours. A full disk is one, but no reason for a
  // gateway to fall over: what could not be said is lost, and the exit code tells.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = exitCode.problems
  })
}
try {
  process.exitCode = await main(process.argv.slice(2), terminal)
} catch (error) {
  if (error instanceof UsageFault) {
    const command = process.argv[2]
    const known = command !== undefined && Object.hasOwn(commands, command)
    terminal.err(`${error.message}\nSee ${terminal.calledAs}${known ? ` ${command}` : ''} --help\n`)
    process.exitCode = exitCode.usage
  } else if (error instanceof Refusal) {
    terminal.err(`${error.message}\n`)
    process.exitCode = exitCode.problems
  } else if (error instanceof Error && 'code' in error && error.code === 'EMFILE') {
    terminal.err('Too many open files: this process may open too few. Raise the limit (ulimit -n), to 1024 or more.\n')
    process.exitCode = exitCode.problems
  } else {
    throw error
  }
}

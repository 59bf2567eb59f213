import { commonFlags } from './arguments.js'
import type { Command, Flag } from './command.js'
import type { Paint } from './terminal.js'

/** `postern --help`. */
export function overview(summaries: Readonly<Record<string, string>>, paint: Paint): string {
  const width = Math.max(...Object.keys(summaries).map((name) => name.length))
  return [
    'Postern guards serverless function URLs by the policy files of one folder.',
    '',
    `${paint('bold', 'usage')}  postern <command> [flags]`,
    '',
    ...Object.entries(summaries).map(([name, summary]) => `  ${paint('bold', name.padEnd(width))}  ${summary}`),
    '',
    'Each command explains itself: postern check --help',
    'Exit codes: 0 fine, 1 problems found, 2 wrong usage.',
    '',
  ].join('\n')
}

/** `postern <command> --help`. */
export function commandHelp(command: Command, paint: Paint): string {
  const flags = Object.entries({ ...command.flags, ...commonFlags }).map(
    ([name, flag]) => [flagText(name, flag), flag.says] as const,
  )
  const flagWidth = Math.max(...flags.map(([text]) => text.length))
  const exampleWidth = Math.max(...command.examples.map(({ line }) => line.length))
  return [
    `${paint('bold', 'usage')}  postern ${command.usage}`,
    '',
    ...command.says,
    '',
    paint('bold', 'flags'),
    ...flags.map(([text, says]) => `  ${text.padEnd(flagWidth)}  ${says}`),
    '',
    paint('bold', 'examples'),
    ...command.examples.map(({ line, does }) => `  ${line.padEnd(exampleWidth)}  ${paint('dim', `# ${does}`)}`),
    '',
  ].join('\n')
}

function flagText(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `
  return `${short}--${name}${flag.type === 'string' ? ` ${flag.value ?? 'VALUE'}` : ''}`
}

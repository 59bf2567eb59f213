import { parseArgs } from 'node:util'
import { nearest } from '../values/nearest.js'
import { type Command, type Flag, type Given, UsageFault } from './command.js'

/** Flags that every command takes. */
export const commonFlags: Readonly<Record<string, Flag>> = {
  help: { type: 'boolean', short: 'h', says: 'print this' },
}

/** Reads the arguments of one command. Throws UsageFault, with a suggestion, for what it does not know. */
export function readArguments(argv: readonly string[], command: Command): Given {
  const flags = { ...command.flags, ...commonFlags }
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  )
  // Not strict, because our own sentences say more than the parser's: every token is judged below.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true })
  const values = new Map<string, string[]>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined
    if (flag === undefined) throw new UsageFault(unknownFlag(token.rawName, flags))
    if (flag.type === 'boolean' && token.value !== undefined) throw new UsageFault(`${token.rawName} takes no value.`)
    if (flag.type === 'string') refuseMissingValue(token.rawName, flag, token.value, token.inlineValue === true)
    const earlier = values.get(token.name) ?? []
    if (flag.type === 'string' && earlier.length > 0 && flag.multiple !== true) {
      throw new UsageFault(`${token.rawName} stands twice.`)
    }
    values.set(token.name, [...earlier, token.value ?? ''])
  }
  if (!values.has('help')) checkCount(words, command)
  return {
    arguments: words,
    text: (name) => values.get(name)?.[0],
    texts: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  }
}

function unknownFlag(rawName: string, flags: Readonly<Record<string, Flag>>): string {
  const meant = nearest(rawName.replace(/^-+/, ''), Object.keys(flags))
  return `Unknown flag ${rawName}.${meant === undefined ? '' : ` Did you mean --${meant}?`}`
}

function refuseMissingValue(rawName: string, flag: Flag, value: string | undefined, inline: boolean): void {
  const shape = flag.value ?? 'VALUE'
  if (value === undefined) throw new UsageFault(`${rawName} needs a value: ${rawName} ${shape}`)
  // `--listen --json` is a forgotten value far more often than a value that begins with a dash.
  if (!inline && value.length > 1 && value.startsWith('-')) {
    throw new UsageFault(`${rawName} needs a value. For one that begins with a dash, write ${rawName}=${value}`)
  }
}

function checkCount(words: readonly string[], command: Command): void {
  const { least, most } = command.arguments
  if (words.length < least) throw new UsageFault(`Something is missing: postern ${command.usage}`)
  const extra = words[most]
  if (extra !== undefined) throw new UsageFault(`"${extra}" is one argument too many: postern ${command.usage}`)
}

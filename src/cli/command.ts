import type { Terminal } from './terminal.js'

/** One command: what `--help` says of it, and what it does. */
export interface Command {
  /** What follows `postern`: `check <folder>`. */
  readonly usage: string
  /** Lines of `--help`; an empty one parts paragraphs. */
  readonly says: readonly string[]
  readonly flags: Readonly<Record<string, Flag>>
  readonly arguments: { readonly least: number; readonly most: number }
  readonly examples: readonly { readonly line: string; readonly does: string }[]
  /** Resolves to the exit code. */
  run(given: Given, terminal: Terminal): Promise<number>
}

export interface Flag {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  /** What stands for the value in `--help`: HOST:PORT. */
  readonly value?: string
  readonly says: string
  /** Whether it may stand more than once. */
  readonly multiple?: true
}

/** The flags and arguments of one call, already checked against the command's own. */
export interface Given {
  readonly arguments: readonly string[]
  text(flag: string): string | undefined
  texts(flag: string): readonly string[]
  has(flag: string): boolean
}

export const exitCode = { fine: 0, problems: 1, usage: 2 } as const

/** The caller called wrongly: exit 2, with one sentence and where to read on. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

/** It cannot be done, for a reason that the operator can mend: exit 1, one message, no stack. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

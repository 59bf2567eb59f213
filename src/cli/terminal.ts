/** What a command may do with its surroundings: write, and know whether a person is reading. */
export interface Terminal {
  /** Data: what a pipe is to receive. */
  out(text: string): void
  /** Words for a person, wherever stdout leads. */
  err(text: string): void
  readonly outPaint: Paint
  readonly errPaint: Paint
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** How the person called us, ready to be pasted: `node dist/cli/main.js`. */
  readonly calledAs: string
}

/** Colors a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

export type Style = keyof typeof codes

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

const plain: Paint = (_style, text) => text
const colored: Paint = (style, text) => `\u001b[${codes[style][0]}m${text}\u001b[${codes[style][1]}m`

/** Colors only for a terminal that wants them: https://no-color.org, and FORCE_COLOR as Node reads it. */
export function paintFor(isTerminal: boolean, env: Terminal['env']): Paint {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return plain
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced === '0' || forced === 'false' ? plain : colored
  return isTerminal && env['TERM'] !== 'dumb' ? colored : plain
}

/** The terminal of this process. */
export function processTerminal(calledAs: string): Terminal {
  const { stdout, stderr, env } = process
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outPaint: paintFor(stdout.isTTY === true, env),
    errPaint: paintFor(stderr.isTTY === true, env),
    outIsTerminal: stdout.isTTY === true,
    errIsTerminal: stderr.isTTY === true,
    env,
    cwd: process.cwd(),
    calledAs,
  }
}

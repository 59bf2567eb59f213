import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The compiled command line of this very build. */
export const script = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Options {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs one command to its end. */
export async function postern(args: readonly string[], options: Options = {}): Promise<Outcome> {
  const child = start(args, options)
  let out = ''
  let err = ''
  child.stdout?.on('data', (piece) => {
    out += String(piece)
  })
  child.stderr?.on('data', (piece) => {
    err += String(piece)
  })
  child.stdin?.end(options.input ?? '')
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, err }
}

/** Starts a command that goes on running. */
export function start(args: readonly string[], options: Options = {}): ChildProcess {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env }
  return spawnClean(script, args, env, { cwd: options.cwd ?? process.cwd() })
}

/**
 * Starts a script with this environment and nothing else. Through `env -i`, because tap adds hooks of its own to the
 * environment of every child: they would write into the project, as whichever user the child is.
 */
export function spawnClean(
  main: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  as: { readonly cwd?: string; readonly uid?: number; readonly gid?: number } = {},
): ChildProcessWithoutNullStreams {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return spawn('env', ['-i', ...variables, process.execPath, main, ...args], { ...as, stdio: 'pipe' })
}

/** A command that goes on running, as a test watches it. */
export interface Running {
  readonly child: ChildProcess
  /** Everything it has written so far. */
  readonly out: () => string
  readonly err: () => string
  /** Resolves with the match once stdout (from `after` on) matches; rejects when the process ends before. */
  until(pattern: RegExp, after?: number): Promise<RegExpExecArray>
  /** Resolves with the exit code, null for a signal. */
  readonly ended: Promise<number | null>
}

/** Starts a command and watches what it writes; it ends with the test at the latest. */
export function watched(
  t: { teardown(done: () => void): void },
  args: readonly string[],
  options: Options = {},
): Running {
  const child = start(args, options)
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const check of waiting) check()
  }
  child.stdout?.on('data', (piece) => {
    out += String(piece)
    look()
  })
  child.stderr?.on('data', (piece) => {
    err += String(piece)
    look()
  })
  let hasEnded = false
  const ended = new Promise<number | null>((resolve) =>
    child.on('close', (code) => {
      hasEnded = true
      resolve(code)
      look()
    }),
  )
  t.teardown(() => void child.kill('SIGKILL'))
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    until: (pattern, after = 0) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = pattern.exec(out.slice(after))
          if (found === null && !hasEnded) return
          waiting.delete(check)
          if (found !== null) resolve(found)
          else reject(new Error(`ended without ${pattern}:\n${out}\n${err}`))
        }
        waiting.add(check)
        check()
      }),
  }
}

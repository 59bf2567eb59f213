import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '../command.js'

/** What a running `postern dev --demo` tells this user's other terminals. */
export interface DemoState {
  readonly pid: number
  readonly startedAt: number
  readonly issuer: string
  readonly audience: string
  readonly mintSecret: string
}

/**
 * The folder of state files: in the temporary directory, readable by this user alone. Neither signing keys nor tokens
 * are in it, only the secret with which `postern keys jwt` may ask the running process for a token.
 */
function folder(): string {
  return join(tmpdir(), `postern-dev-${process.getuid?.() ?? 'user'}`)
}

/** Writes the state of this process. The returned function removes it. */
export function writeDemoState(state: DemoState): () => void {
  const directory = folder()
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  refuseForeign(directory)
  const file = join(directory, `${state.pid}.json`)
  rmSync(file, { force: true })
  // `wx`: never through a link that someone else has put there.
  writeFileSync(file, JSON.stringify(state), { mode: 0o600, flag: 'wx' })
  return () => rmSync(file, { force: true })
}

/** The running demos of this user, newest first; what dead processes left behind is removed. */
export function readDemoStates(): readonly DemoState[] {
  const directory = folder()
  let names: string[]
  try {
    names = readdirSync(directory).filter((name) => /^\d+\.json$/.test(name))
  } catch {
    return []
  }
  refuseForeign(directory)
  const states: DemoState[] = []
  for (const name of names) {
    const file = join(directory, name)
    if (!isAlive(Number.parseInt(name, 10))) {
      rmSync(file, { force: true })
      continue
    }
    const state = parseState(readFileSync(file, 'utf8'))
    if (state !== null) states.push(state)
  }
  return states.sort((a, b) => b.startedAt - a.startedAt)
}

/** The temporary directory belongs to everybody: someone else may have made the folder first, to read or to mislead. */
function refuseForeign(directory: string): void {
  const uid = process.getuid?.()
  if (uid === undefined) return // Windows: the directory is in the user's own profile
  const found = lstatSync(directory)
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new Refusal(`${directory} is not a private folder of this user. Remove it, then start again.`)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function parseState(text: string): DemoState | null {
  try {
    const { pid, startedAt, issuer, audience, mintSecret } = JSON.parse(text) as Record<string, unknown> // judged below
    if (typeof pid !== 'number' || typeof startedAt !== 'number') return null
    if (typeof issuer !== 'string' || typeof audience !== 'string' || typeof mintSecret !== 'string') return null
    return { pid, startedAt, issuer, audience, mintSecret }
  } catch {
    return null // half-written by a process that is starting just now
  }
}

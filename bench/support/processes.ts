import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Announcement } from './announce.js'

/** A process under measurement, or one that helps to measure. */
export interface Running {
  readonly child: ChildProcess
  readonly port: number
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>
}

const canPin = cpus().length > 1 && spawnSync('taskset', ['-V']).status === 0

/** Whether processes are bound to a core: the measured one alone on core 0, the callers and the function on core 1. */
export const pinned = canPin

/** Starts a process of `bench/processes`, bound to a core where the system can, and waits for its port. */
export async function startProcess(name: string, core: number, args: readonly string[] = []): Promise<Running> {
  const file = fileURLToPath(new URL(`../processes/${name}.js`, import.meta.url))
  const child = spawnOn(core, [file, ...args], ['ignore', 'ignore', 'inherit', 'ipc'])
  const failed = once(child, 'exit').then(() => {
    throw new Error(`${name} ended before it could be used`)
  })
  const [told] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => {})
  // `announce` is the only one to send this first message.
  return { child, port: (told as Announcement).port, stop: () => stopProcess(child) }
}

/**
 * Starts Postern on a policy folder as its users do, and waits until it takes connections. With `ipc`, what the flags load
 * into it can be spoken to. Its log goes to `stdout`: nowhere unless said, or a file's number, or a pipe that nobody reads.
 */
export async function startPostern(
  folder: string,
  core: number | null,
  nodeFlags: readonly string[] = [],
  { ipc = false, stdout = 'ignore' }: { readonly ipc?: boolean; readonly stdout?: 'ignore' | 'pipe' | number } = {},
): Promise<Running & { readonly adminPort: number }> {
  const [port, adminPort] = await Promise.all([freePort(), freePort()])
  const child = spawnOn(
    core,
    [
      ...nodeFlags,
      posternCommand(),
      'run',
      folder,
      '--listen',
      `127.0.0.1:${port}`,
      '--admin-listen',
      `127.0.0.1:${adminPort}`,
    ],
    // Its decision records are written and thrown away, as the naive composition's log is.
    ['ignore', stdout, 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  )
  const said = lastWords(child)
  await untilReady(child, adminPort, said)
  return { child, port, adminPort, stop: () => stopProcess(child) }
}

/** The compiled command line of the checkout that is being measured. */
export function posternCommand(): string {
  return fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
}

/** Spawns node with these arguments, on one core or (null) wherever the system likes. */
export function spawnOn(
  core: number | null,
  args: readonly string[],
  stdio: ('ignore' | 'inherit' | 'pipe' | 'ipc' | number)[],
): ChildProcess {
  const [command, first] =
    canPin && core !== null ? ['taskset', ['-c', String(core), process.execPath]] : [process.execPath, []]
  return spawn(command, [...first, ...args], {
    stdio,
    serialization: 'advanced',
    env: { ...process.env, NODE_ENV: 'production' },
  })
}

/** What a process last said on stderr: shown only when it fails, since a refused reload says much and is no failure. */
export function lastWords(child: ChildProcess): () => string {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000)
  })
  return () => said
}

/** Polls until `/readyz` says yes; throws when the process ends first or takes longer than a minute. */
async function untilReady(child: ChildProcess, adminPort: number, said: () => string): Promise<void> {
  const deadline = performance.now() + 60_000
  while (child.exitCode === null && performance.now() < deadline) {
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => null)
    await ready?.arrayBuffer()
    if (ready?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const code = child.exitCode
  await stopProcess(child)
  const what = code === null ? 'was not ready after a minute' : `ended with ${code} before it was ready`
  throw new Error(`Postern ${what}:\n${said()}`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Asks a process to end, insists after five seconds, and waits until it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(hard)
}

/**
 * CPU microseconds that a process has used so far, all threads. Linux knows nanoseconds per thread; elsewhere `ps` knows
 * hundredths of a second, too coarse for short turns.
 */
export function cpuMicros(child: ChildProcess): number {
  const tasks = `/proc/${child.pid}/task`
  try {
    let nanos = 0
    for (const task of readdirSync(tasks))
      nanos += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0])
    return nanos / 1000
  } catch {
    const text = spawnSync('ps', ['-o', 'time=', '-p', String(child.pid)], { encoding: 'utf8' }).stdout.trim()
    return text.split(/[:-]/).reduce((seconds, part) => seconds * 60 + Number(part), 0) * 1e6
  }
}

/** Resident megabytes of a process; NaN where the system does not say. */
export function residentMegabytes(child: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+([0-9]+) kB/.exec(status)?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}

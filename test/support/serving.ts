import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from '../cli/command-line.js'

/** `postern run` as a process of its own, as it runs in production. */
export interface Serving {
  readonly folder: string
  readonly port: number
  readonly adminPort: number
  /** What it says of itself, one JSON object a line; decisions are left out. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  signal(name: 'SIGTERM' | 'SIGHUP'): void
  /** Exit code (null: ended by a signal) and when, on this process's monotonic clock. */
  readonly ended: Promise<{ readonly code: number | null; readonly at: number }>
}

/** Starts it on a folder of its own with these files; it ends with the test at the latest. */
export async function startServing(
  t: { teardown(done: () => unknown): void },
  files: Readonly<Record<string, string>>,
): Promise<Serving> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-serving-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const child = start(['run', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'])
  const events: Record<string, unknown>[] = []
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000)
  })
  const ended = new Promise<{ code: number | null; at: number }>((resolve) =>
    child.on('close', (code) => resolve({ code, at: performance.now() })),
  )
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const started = new Promise<Record<string, unknown>>((resolve) => {
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.includes('"event":')) continue
        const event = JSON.parse(line) as Record<string, unknown> // a log line is an object
        events.push(event)
        if (event['event'] === 'started') resolve(event)
      }
    })
  })
  const first = await Promise.race([started, ended])
  if ('code' in first) throw new Error(`postern run ended with ${String(first['code'])}:\n${said}`)
  return {
    folder,
    port: Number(new URL(String(first['gateway'])).port),
    adminPort: Number(new URL(String(first['admin'])).port),
    events,
    signal: (name) => void child.kill(name),
    ended,
  }
}

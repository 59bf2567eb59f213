import { appendFile, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { parseRevocation, type Revocation } from '../values/revocation.js'
import type { RevocationStore } from './revocations.js'

/** A file that grew beyond this is written anew with what still holds. */
const compactBytes = 1024 * 1024
const mostBytes = 64 * 1024 * 1024

/**
 * Revocations in a file of JSON lines: one that holds, or `{"removed":"<id>"}`. Lines are only appended, each in one write,
 * so several processes of one machine may share it; each sees the others' by the file's size and time.
 */
export function createRevocationFile(path: string): RevocationStore {
  let compacted = 0

  async function load(): Promise<readonly Revocation[]> {
    const { size } = await stat(path)
    if (size > mostBytes) throw new Error(`${path} is larger than 64 MiB`)
    const held = new Map<string, Revocation>()
    const lines = (await readFile(path, 'utf8')).split('\n')
    for (const [i, line] of lines.entries()) {
      if (line === '') continue
      const removed = /^\{"removed":"([A-Za-z0-9_-]{22})"\}$/.exec(line)?.[1]
      const revocation = removed === undefined ? parseRevocation(line) : null
      if (removed !== undefined) held.delete(removed)
      else if (revocation !== null) held.set(revocation.id, revocation)
      // What is lost may have been a revocation: better to hold on to what is known, and to say so.
      else throw new Error(`line ${i + 1} of ${path} is no revocation`)
    }
    return [...held.values()]
  }

  async function append(lines: readonly unknown[]): Promise<void> {
    await appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 })
  }

  return {
    async version() {
      try {
        const { size, mtimeMs, ino } = await stat(path)
        return `${ino} ${size} ${mtimeMs}`
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
        throw error
      }
    },
    async load() {
      const held = await load()
      const { size } = await stat(path)
      const now = Date.now()
      if (size > compactBytes && size > 2 * compacted) {
        const lasting = held.filter(({ until }) => until > now)
        const text = lasting.map((each) => `${JSON.stringify(each)}\n`).join('')
        compacted = text.length
        await writeFile(`${path}.new`, text, { mode: 0o600 })
        await rename(`${path}.new`, path)
      }
      return held
    },
    put: append,
    remove: (id) => append([{ removed: id }]),
  }
}

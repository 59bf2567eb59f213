import { type FSWatcher, readdirSync, statSync, unwatchFile, watch, watchFile } from 'node:fs'
import { join } from 'node:path'

/** Quiet time after the last event: editors and `kubectl` write in several steps. */
const quietMs = 120
/** Under a stream of events (a large copy) still look this often. */
const patienceMs = 600
/** How often a folder that cannot be watched, or has vanished, is looked at again. */
const retryMs = 1_000
/** Somebody started us on a home directory by mistake. */
const mostDirectories = 1_000

/**
 * Calls `changed` soon after anything changed in the folder or below. It watches directories, never files: a file that
 * is replaced (editors, the `..data` link of a ConfigMap) takes its watcher with it. What changed, and whether at all,
 * is for the callee to find out from the contents: event types differ by platform and lie.
 */
export function watchFolder(folder: string, changed: () => void): { close(): void } {
  const watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>()
  let quiet: NodeJS.Timeout | undefined
  let firstEventAt = 0
  let closed = false

  const onEvent = (): void => {
    if (closed) return
    const now = Date.now()
    if (quiet === undefined) firstEventAt = now
    clearTimeout(quiet)
    const waitMs = Math.max(0, Math.min(quietMs, firstEventAt + patienceMs - now))
    quiet = setTimeout(() => {
      quiet = undefined
      lookForDirectories()
      changed()
    }, waitMs)
  }

  /** Watches what is new and lets go of what is gone; whether anything was either. */
  const lookForDirectories = (): boolean => {
    const found = directoriesBelow(folder)
    let moved = false
    for (const [directory, { watcher, inode }] of watchers) {
      if (found.get(directory) === inode) continue
      watcher.close()
      watchers.delete(directory)
      moved = true
    }
    for (const [directory, inode] of found) {
      if (!watchers.has(directory) && open(directory, inode)) moved = true
    }
    return moved
  }

  const open = (directory: string, inode: number): boolean => {
    try {
      const watcher = watch(directory, { persistent: false }, onEvent)
      watcher.on('error', () => {
        watcher.close()
        watchers.delete(directory)
        onEvent()
      })
      watchers.set(directory, { watcher, inode })
      return true
    } catch {
      return false // gone again, or this machine has no watches left: tried again at the next look
    }
  }

  // A folder that was moved away and put back is a new directory, of which the old watcher hears nothing: look now and
  // then whether each path still is the directory being watched.
  const slow = setInterval(() => {
    if (lookForDirectories()) onEvent()
  }, retryMs)
  slow.unref()

  lookForDirectories()
  return {
    close: () => {
      closed = true
      clearTimeout(quiet)
      clearInterval(slow)
      for (const { watcher } of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
}

/** The folder and what is below it, by inode. Dot folders are left out: `.git`, and the versions of a ConfigMap. */
function directoriesBelow(folder: string): Map<string, number> {
  const found = new Map<string, number>()
  const waiting = [folder]
  for (
    let directory = waiting.pop();
    directory !== undefined && found.size < mostDirectories;
    directory = waiting.pop()
  ) {
    try {
      found.set(directory, statSync(directory).ino)
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory() && !entry.name.startsWith('.')) waiting.push(join(directory, entry.name))
      }
    } catch {
      found.delete(directory) // vanished between two looks
    }
  }
  return found
}

/**
 * Calls `changed` soon after one of the named files did, by looking at each once a second: they are few, they stand
 * outside the policy folder, and what renews them (links of a mounted secret, a file put in the place of another)
 * takes every other kind of watcher with it.
 */
export function watchFiles(changed: () => void): { watch(paths: readonly string[]): void; close(): void } {
  let watched: readonly string[] = []
  const watchOnly = (paths: readonly string[]): void => {
    for (const path of watched) if (!paths.includes(path)) unwatchFile(path, changed)
    for (const path of paths) {
      if (!watched.includes(path)) watchFile(path, { persistent: false, interval: retryMs }, changed)
    }
    watched = [...new Set(paths)]
  }
  return { watch: watchOnly, close: () => watchOnly([]) }
}

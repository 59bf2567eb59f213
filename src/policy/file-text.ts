import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

/** Bounds of what is read at all; a policy set of 10,000 routes has about 3 MiB. */
const maxFileBytes = 8 * 1024 ** 2
const maxSetBytes = 64 * 1024 ** 2
const maxFiles = 20_000

/** What one run has read so far. */
export interface Budget {
  files: number
  bytes: number
}

/** Why a file is not taken. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly hint: string
  /** The line at fault, where one can be named. */
  readonly line?: number
}

/** The bytes of one file, within what a run may read. `name` is how messages call it. */
export function readBytes(path: string, name: string, budget: Budget): Buffer | Refusal {
  let handle: number | undefined
  try {
    // Not blocking: a named pipe would wait for its writer for ever.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(handle)
    if (!stat.isFile()) return unreadable(`"${name}" is no regular file.`, 'Only plain files are read.')
    budget.files++
    budget.bytes += stat.size
    return overBudget(name, stat.size, budget) ?? readFileSync(handle)
  } catch (error) {
    return unreadable(`"${name}" cannot be read: ${reasonOf(error)}.`, 'Let the user that runs Postern read it.')
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function unreadable(message: string, hint: string): Refusal {
  return { code: 'policy.file-unreadable', message, hint }
}

function overBudget(name: string, size: number, { files, bytes }: Budget): Refusal | undefined {
  if (size > maxFileBytes) {
    const found = `${(size / 1024 ** 2).toFixed(1)} MiB`
    return {
      code: 'policy.file-too-large',
      message: `"${name}" has ${found}; a policy file may have 8 MiB.`,
      hint: 'Split it into several files.',
    }
  }
  const hint = 'Move what is no policy out of the folder.'
  if (bytes > maxSetBytes)
    return { code: 'policy.file-too-large', message: 'The policy set is larger than 64 MiB.', hint }
  if (files > maxFiles) {
    return { code: 'policy.too-many-files', message: `The policy set has more than ${maxFiles} files.`, hint }
  }
  return undefined
}

/** The text of a file: UTF-8 without a byte order mark. Two readers of anything else might read two policies. */
export function decodeText(bytes: Buffer, name: string): string | Refusal {
  const refuse = (message: string, line: number): Refusal => ({
    code: 'policy.file-encoding',
    message,
    hint: 'Save it as UTF-8 without a byte order mark.',
    line,
  })
  const [first, second, third, fourth] = bytes
  const hasWideMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  if (hasWideMark || (second === 0 && fourth === 0)) return refuse(`"${name}" is UTF-16.`, 1)
  if (first === 0xef && second === 0xbb && third === 0xbf) return refuse(`"${name}" begins with a byte order mark.`, 1)
  if (!isUtf8(bytes)) return refuse(`"${name}" holds bytes that are no UTF-8.`, firstBadLine(bytes))
  return bytes.toString('utf8')
}

function firstBadLine(bytes: Buffer): number {
  let line = 1
  let from = 0
  while (from < bytes.length) {
    const next = bytes.indexOf(0x0a, from)
    const end = next === -1 ? bytes.length : next
    if (!isUtf8(bytes.subarray(from, end))) return line
    from = end + 1
    line++
  }
  return line
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'a part of its path is a file',
  ELOOP: 'its symbolic links go in a circle',
  EISDIR: 'it is a folder',
  EMFILE: 'this process has too many files open (ulimit -n)',
  ENFILE: 'this machine has too many files open',
  ENXIO: 'it is no regular file',
}

/** A system error in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return reasons[code] ?? (code === '' ? 'it failed' : code)
}

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Place } from '../values/place.js'
import type { Report } from './problems.js'
import { Source } from './source.js'

/** Bounds of what is read at all; a policy set of 10,000 routes has about 3 MiB. */
const maxFileBytes = 8 * 1024 ** 2
const maxSetBytes = 64 * 1024 ** 2
const maxFiles = 20_000
const maxFolderDepth = 16

/** What a file of the set is for. */
export type FileKind = 'gateway' | 'defaults' | 'routes'

export interface PolicyText {
  readonly kind: FileKind
  readonly source: Source
  readonly sha256: string
}

/** Reads the files of one policy folder, and nothing outside it. One per run. */
export class PolicyFolder {
  readonly #root: string
  readonly #report: Report
  readonly #texts = new Map<string, { readonly source: Source; readonly sha256: string } | null>()
  #bytes = 0
  #count = 0

  private constructor(root: string, report: Report) {
    this.#root = root
    this.#report = report
  }

  /** The folder, or undefined (with the problem reported) where there is none. */
  static open(folder: string, report: Report): PolicyFolder | undefined {
    try {
      const root = realpathSync(folder)
      if (statSync(root).isDirectory()) return new PolicyFolder(root, report)
      report({
        code: 'policy.folder-missing',
        message: `"${folder}" is a file, not a policy folder.`,
        hint: 'Name the folder that holds your policy files.',
        at: start(folder),
      })
    } catch (error) {
      report({
        code: 'policy.folder-missing',
        message: `The policy folder "${folder}" cannot be read: ${reasonOf(error)}.`,
        hint: 'Name the folder that holds your policy files.',
        at: start(folder),
      })
    }
    return undefined
  }

  /** Every file read so far, with the digest of its bytes: what a watcher compares. */
  files(): { readonly path: string; readonly sha256: string }[] {
    return [...this.#texts]
      .flatMap(([path, text]) => (text === null ? [] : [{ path, sha256: text.sha256 }]))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  sourceOf(file: string): Source | undefined {
    return this.#texts.get(file)?.source
  }

  /** The YAML files of the set, in the order of their paths; policy tests and hidden files are none. */
  policyTexts(): PolicyText[] {
    const found: PolicyText[] = []
    this.#walk('', 0, new Set(), found)
    return found
  }

  #walk(folder: string, depth: number, seen: Set<string>, found: PolicyText[]): void {
    const real = this.#inside(folder, start(folder === '' ? '.' : folder))
    if (real === undefined) return
    if (seen.has(real) || depth > maxFolderDepth) {
      this.#report({
        code: 'policy.folder-loop',
        message:
          depth > maxFolderDepth
            ? 'Folders are nested too deep.'
            : 'This folder is reached twice, through a symbolic link.',
        hint: 'Keep each policy folder once.',
        at: start(folder),
      })
      return
    }
    seen.add(real)
    let names: string[]
    try {
      names = readdirSync(real).sort()
    } catch (error) {
      this.#report({
        code: 'policy.file-unreadable',
        message: `The folder cannot be read: ${reasonOf(error)}.`,
        hint: 'Let the user that runs Postern read it.',
        at: start(folder === '' ? '.' : folder),
      })
      return
    }
    for (const name of names) {
      // Hidden names are editors', version control's, and Kubernetes' own (..data).
      if (name.startsWith('.') || name === 'node_modules') continue
      const file = folder === '' ? name : `${folder}/${name}`
      if (name.endsWith('.yaml')) this.#policyFile(name, file, folder, found)
      else if (name.endsWith('.yml')) {
        this.#report({
          code: 'policy.file-name',
          message: 'Policy files end in .yaml; this one would be passed over.',
          hint: `Rename it to ${name.slice(0, -4)}.yaml.`,
          at: start(file),
        })
      } else if (this.#isFolder(file)) this.#walk(file, depth + 1, seen, found)
    }
  }

  #policyFile(name: string, file: string, folder: string, found: PolicyText[]): void {
    if (name.endsWith('.test.yaml')) return
    if (name === 'gateway.yaml' && folder !== '') {
      this.#report({
        code: 'policy.file-name',
        message: 'gateway.yaml describes the process, so it stands at the top of the policy folder only.',
        hint: 'Move it up, or give it another name if it holds routes.',
        at: start(file),
      })
      return
    }
    const kind = name === 'gateway.yaml' ? 'gateway' : name === '_defaults.yaml' ? 'defaults' : 'routes'
    if (name.startsWith('_') && kind !== 'defaults') {
      this.#report({
        code: 'policy.file-name',
        message: 'Names that begin with _ are kept for _defaults.yaml.',
        hint: 'Rename the file.',
        at: start(file),
      })
      return
    }
    const text = this.#read(file, start(file))
    if (text !== undefined) found.push({ kind, ...text })
  }

  #isFolder(file: string): boolean {
    try {
      return statSync(join(this.#root, file)).isDirectory()
    } catch {
      return false
    }
  }

  /**
   * A file that another one names, relative to that file's folder. Undefined, with the problem reported at the place of
   * the reference, for what is missing, unreadable, or outside the policy folder.
   */
  readReferred(
    reference: string,
    from: string,
    at: Place,
  ): { readonly source: Source; readonly sha256: string } | undefined {
    if (isAbsolute(reference) || reference.includes('\\') || reference.includes('\0')) {
      this.#report({
        code: 'policy.file-outside',
        message: `"${reference}" is no path relative to this file.`,
        hint: 'Put the file into the policy folder and write ./name.',
        at,
      })
      return undefined
    }
    const path = relative(this.#root, resolve(this.#root, dirname(from), reference))
      .split(sep)
      .join('/')
    return this.#read(path, at)
  }

  #read(path: string, at: Place): { readonly source: Source; readonly sha256: string } | undefined {
    const known = this.#texts.get(path)
    if (known !== undefined && known !== null) return known
    const real = this.#inside(path, at)
    if (real === undefined) return undefined
    const bytes = this.#bytesOf(real, path, at)
    if (bytes === undefined) return undefined
    const text = this.#decode(bytes, path, at)
    if (text === undefined) return undefined
    const read = { source: new Source(path, text), sha256: createHash('sha256').update(bytes).digest('hex') }
    this.#texts.set(path, read)
    return read
  }

  /** The real path, if it is inside the folder. A symbolic link may not lead out: what it names is not under review. */
  #inside(path: string, at: Place): string | undefined {
    let real: string
    try {
      real = realpathSync(join(this.#root, path))
    } catch (error) {
      this.#report({
        code: 'policy.file-missing',
        message: `The file "${path}" cannot be read: ${reasonOf(error)}.`,
        hint: 'Paths are relative to the file they stand in.',
        at,
      })
      return undefined
    }
    if (real === this.#root || real.startsWith(this.#root + sep)) return real
    this.#report({
      code: 'policy.file-outside',
      message: `"${path}" leads out of the policy folder.`,
      hint: 'Copy the file into the policy folder; links may point inside it only.',
      at,
    })
    return undefined
  }

  #bytesOf(real: string, path: string, at: Place): Buffer | undefined {
    const refuse = (code: string, message: string, hint: string) => {
      this.#report({ code, message, hint, at })
      return undefined
    }
    let handle: number | undefined
    try {
      // Not blocking: a named pipe would wait for its writer for ever.
      handle = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK)
      const stat = fstatSync(handle)
      if (!stat.isFile())
        return refuse('policy.file-unreadable', `"${path}" is no regular file.`, 'Only plain files are read.')
      this.#count++
      this.#bytes += stat.size
      if (stat.size > maxFileBytes) {
        return refuse(
          'policy.file-too-large',
          `"${path}" has ${mebibytes(stat.size)}; a policy file may have 8 MiB.`,
          'Split it into several files.',
        )
      }
      if (this.#bytes > maxSetBytes)
        return refuse(
          'policy.file-too-large',
          'The policy set is larger than 64 MiB.',
          'Move what is no policy out of the folder.',
        )
      if (this.#count > maxFiles)
        return refuse(
          'policy.too-many-files',
          `The policy set has more than ${maxFiles} files.`,
          'Move what is no policy out of the folder.',
        )
      return readFileSync(handle)
    } catch (error) {
      return refuse(
        'policy.file-unreadable',
        `"${path}" cannot be read: ${reasonOf(error)}.`,
        'Let the user that runs Postern read it.',
      )
    } finally {
      if (handle !== undefined) closeSync(handle)
    }
  }

  #decode(bytes: Buffer, path: string, at: Place): string | undefined {
    const refuse = (message: string, line: number) => {
      this.#report({
        code: 'policy.file-encoding',
        message,
        hint: 'Save it as UTF-8 without a byte order mark.',
        at: at.file === path ? { ...at, line } : at,
      })
      return undefined
    }
    if (
      (bytes[0] === 0xff && bytes[1] === 0xfe) ||
      (bytes[0] === 0xfe && bytes[1] === 0xff) ||
      (bytes[1] === 0 && bytes.length > 3 && bytes[3] === 0)
    ) {
      return refuse(`"${path}" is UTF-16.`, 1)
    }
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
      return refuse(`"${path}" begins with a byte order mark.`, 1)
    if (!isUtf8(bytes)) return refuse(`"${path}" holds bytes that are no UTF-8.`, firstBadLine(bytes))
    return bytes.toString('utf8')
  }
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

function start(file: string): Place {
  return { file, line: 1, column: 1 }
}

function mebibytes(size: number): string {
  return `${(size / 1024 ** 2).toFixed(1)} MiB`
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'a part of its path is a file',
  ELOOP: 'its symbolic links go in a circle',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENXIO: 'it is no regular file',
}

/** A system error in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return reasons[code] ?? (code === '' ? 'it failed' : code)
}

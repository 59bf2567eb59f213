import { createHash } from 'node:crypto'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Place } from '../values/place.js'
import { type Budget, decodeText, type Refusal, readBytes, reasonOf } from './file-text.js'
import type { Report } from './problems.js'
import { Source } from './source.js'

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
  /** Its real path. */
  readonly root: string
  readonly #report: Report
  readonly #texts = new Map<string, { readonly source: Source; readonly sha256: string }>()
  /** Real paths of what was reached through symbolic links. */
  readonly #links = new Map<string, string>()
  /** Policy tests that the walk came by. */
  readonly #tests: string[] = []
  readonly #budget: Budget = { files: 0, bytes: 0 }

  private constructor(root: string, report: Report) {
    this.root = root
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
    return [...this.#texts].map(([path, { sha256 }]) => ({ path, sha256 })).sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Whether any link has come to lead elsewhere since it was followed. */
  hasMoved(): boolean {
    return [...this.#links].some(([path, real]) => {
      try {
        return realpathSync(join(this.root, path)) !== real
      } catch {
        return true
      }
    })
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

  /** The policy tests that `policyTexts` passed over, in the order of their paths. */
  testTexts(): { readonly source: Source; readonly sha256: string }[] {
    return this.#tests.flatMap((file) => this.#read(file, start(file)) ?? [])
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
    if (name.endsWith('.test.yaml')) {
      this.#tests.push(file)
      return
    }
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
      return statSync(join(this.root, file)).isDirectory()
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
    const path = relative(this.root, resolve(this.root, dirname(from), reference))
      .split(sep)
      .join('/')
    return this.#read(path, at)
  }

  #read(path: string, at: Place): { readonly source: Source; readonly sha256: string } | undefined {
    const known = this.#texts.get(path)
    if (known !== undefined) return known
    const real = this.#inside(path, at)
    if (real === undefined) return undefined
    const bytes = readBytes(real, path, this.#budget)
    if (!Buffer.isBuffer(bytes)) return this.#refuse(bytes, path, at)
    const text = decodeText(bytes, path)
    if (typeof text !== 'string') return this.#refuse(text, path, at)
    const read = { source: new Source(path, text), sha256: createHash('sha256').update(bytes).digest('hex') }
    this.#texts.set(path, read)
    return read
  }

  /** A file of the set is pointed at itself, a file that another one names at its name. */
  #refuse({ code, message, hint, line }: Refusal, path: string, at: Place): undefined {
    this.#report({ code, message, hint, at: at.file === path && line !== undefined ? { ...at, line } : at })
  }

  /** The real path, if it is inside the folder. A symbolic link may not lead out: what it names is not under review. */
  #inside(path: string, at: Place): string | undefined {
    let real: string
    try {
      real = realpathSync(join(this.root, path))
    } catch (error) {
      this.#report({
        code: 'policy.file-missing',
        message: `The file "${path}" cannot be read: ${reasonOf(error)}.`,
        hint: 'Paths are relative to the file they stand in.',
        at,
      })
      return undefined
    }
    if (real === this.root || real.startsWith(this.root + sep)) {
      if (real !== join(this.root, path)) this.#links.set(path, real)
      return real
    }
    this.#report({
      code: 'policy.file-outside',
      message: `"${path}" leads out of the policy folder.`,
      hint: 'Copy the file into the policy folder; links may point inside it only.',
      at,
    })
    return undefined
  }
}

function start(file: string): Place {
  return { file, line: 1, column: 1 }
}

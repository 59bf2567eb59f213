import { type ExecFileOptions, execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { Refusal } from './command.js'
import type { Terminal } from './terminal.js'

const run = promisify(execFile)

/** Larger than any policy folder: the loader stops long before. */
const maxBytes = 256 * 1_024 * 1_024

/** A folder on disk, and how to be rid of it. */
export interface TemporaryFolder {
  readonly path: string
  remove(): void
}

/**
 * Writes a folder as a git revision has it into a temporary folder: `REV:path` as git reads it (from the top of the
 * repository, or from here with `./`), or `REV` alone for the folder `same`. Reads objects only: neither the index, nor
 * the working tree, nor any hook is touched. Throws Refusal for what git does not know.
 */
export async function folderOfRevision(
  spec: string,
  same: string,
  { cwd, env }: Pick<Terminal, 'cwd' | 'env'>,
): Promise<TemporaryFolder> {
  const colon = spec.indexOf(':')
  const revision = colon === -1 ? spec : spec.slice(0, colon)
  // Whatever is not here already is not asked for: comparing policies is no business of the network's.
  const options = {
    cwd,
    env: { ...env, GIT_NO_LAZY_FETCH: '1', GIT_TERMINAL_PROMPT: '0' },
    encoding: 'buffer',
    maxBuffer: maxBytes,
  } as const
  const git = async (...args: string[]): Promise<Buffer> => (await run('git', args, options)).stdout
  const top = await git('rev-parse', '--show-toplevel').catch((error: unknown) => {
    throw new Refusal(`"${spec}" is no folder here, and ${gitFault(error)}.`)
  })
  const root = top.toString().trimEnd()
  const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`).catch(() => {
    throw new Refusal(`"${revision}" is neither a folder here nor a revision that git knows.`)
  })
  const path = colon === -1 ? insideOf(root, same) : fromTop(spec.slice(colon + 1), root, cwd)
  const listed = await git(
    'ls-tree',
    '-r',
    '-z',
    '--full-tree',
    commit.toString().trim(),
    '--',
    path === '' ? '.' : path,
  )
  const entries = entriesOf(listed.toString(), path)
  if (entries.length === 0) throw new Refusal(`${revision} holds no folder "${path}".`)
  const folder = mkdtempSync(join(tmpdir(), 'postern-diff-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const contents = await blobs(
      entries.map(({ object }) => object),
      options,
    )
    for (const { name, mode, object } of entries) {
      const target = join(folder, name)
      const content = contents.get(object) ?? Buffer.alloc(0)
      mkdirSync(dirname(target), { recursive: true })
      // Where links lead is judged by the loader, which takes none that leave the folder.
      if (mode === '120000') symlinkSync(content.toString(), target)
      else writeFileSync(target, content)
    }
  } catch (error) {
    remove()
    throw error
  }
  return { path: folder, remove }
}

/** The contents of blobs, by one process for all of them. Its answer: a line of object, type and size, then the bytes. */
async function blobs(
  objects: readonly string[],
  options: ExecFileOptions & { readonly encoding: 'buffer' },
): Promise<ReadonlyMap<string, Buffer>> {
  const reading = run('git', ['cat-file', '--batch'], options)
  reading.child.stdin?.end(`${objects.join('\n')}\n`)
  const { stdout } = await reading
  const found = new Map<string, Buffer>()
  let at = 0
  while (at < stdout.length) {
    const end = stdout.indexOf(0x0a, at)
    const [object = '', , size = '0'] = stdout.subarray(at, end).toString().split(' ')
    const from = end + 1
    at = from + Number(size) + 1
    found.set(object, stdout.subarray(from, at - 1))
  }
  return found
}

function insideOf(root: string, folder: string): string {
  const path = relative(realpathSync(root), realpathSync(folder))
  if (path.startsWith('..') || isAbsolute(path)) throw new Refusal(`${folder} is outside the repository ${root}.`)
  return path.split(sep).join('/')
}

function fromTop(path: string, root: string, cwd: string): string {
  const isFromHere = path === '.' || path.startsWith('./')
  const whole = isFromHere ? relative(realpathSync(root), join(realpathSync(cwd), path)) : path
  if (whole.startsWith('..') || isAbsolute(whole)) throw new Refusal(`${path} is outside the repository.`)
  return whole.split(sep).join('/').replace(/\/+$/, '')
}

/** The blobs below a path. Names are taken on trust from nobody: what could leave the folder is left out. */
function entriesOf(listed: string, path: string): { name: string; mode: string; object: string }[] {
  const prefix = path === '' ? '' : `${path}/`
  return listed.split('\0').flatMap((line) => {
    const found = /^(\d{6}) blob ([0-9a-f]{40,64})\t(.+)$/s.exec(line)
    const [, mode = '', object = '', file = ''] = found ?? []
    if (found === null || !file.startsWith(prefix)) return []
    const name = file.slice(prefix.length)
    return name.split('/').some((part) => part === '' || part === '.' || part === '..') ? [] : [{ name, mode, object }]
  })
}

function gitFault(error: unknown): string {
  const code = (error as { readonly code?: unknown }).code // of a child process
  return code === 'ENOENT' ? 'git is not installed' : 'this folder is in no git repository'
}

import { createHash } from 'node:crypto'
import type { SchemaPlan } from '../plan/plan.js'
import type { Scope, Section } from '../stages/contract.js'
import type { SecretText } from '../values/secret.js'
import { type PolicyFile, parseText } from './files.js'
import type { Memory } from './memory.js'
import { type Node, placeOf, stringsIn } from './node.js'
import type { Problems, Report } from './problems.js'
import type { PolicyFolder } from './read.js'
import { mentionsSecret, parseSecretText } from './secrets.js'
import { entrySection, NodeSection, rootSection } from './section.js'
import type { Shared } from './shared.js'

/** What the routes of one file asked for while they were resolved. */
export interface Asked {
  readonly schemas: Map<string, SchemaPlan>
  /** By the folder and the text of the reference; the digest of the text that was found. */
  readonly reads: Map<
    string,
    {
      readonly reference: string
      readonly from: Section
      readonly path: string
      readonly sha256: string
      readonly as: 'values' | 'text'
    }
  >
  readonly secretTexts: Set<Node>
  readonly keeps: Set<string>
  /** Something was asked for in vain. */
  failed: boolean
}

/** Answers what stages and resolvers ask during one run: files, secrets, schemas, and work remembered by content. */
export class Answers {
  /** Every schema that a step names, by content hash. */
  readonly schemas: Record<string, SchemaPlan> = Object.create(null)
  readonly #folder: PolicyFolder
  readonly #memory: Memory
  readonly #problems: Problems
  readonly #declaredSecrets: ReadonlySet<string>
  readonly #aboutSecrets: Report
  /** Texts that a reader split into secrets: what names one and is not here would be used as it stands. */
  readonly #secretTexts = new Set<Node>()
  readonly #hashes = new Map<unknown, string>()
  /** Files that routes name, by the folder and the text of the reference. */
  readonly #read = new Map<string, ReadFile | undefined>()
  /** What is being asked, while somebody wants to know. */
  #asked: Asked | undefined

  /** Where `isWhole` is false, a secret that nobody declared may stand in a file that could not be read. */
  constructor(
    folder: PolicyFolder,
    memory: Memory,
    problems: Problems,
    declaredSecrets: ReadonlySet<string>,
    isWhole: boolean,
  ) {
    this.#folder = folder
    this.#memory = memory
    this.#problems = problems
    this.#declaredSecrets = declaredSecrets
    this.#aboutSecrets = isWhole ? problems.report : () => {}
  }

  /** What stages see of the set, all but their route. */
  scope(things: Pick<Scope, 'gateway' | 'issuers' | 'clients' | 'upstreams'>, limits: Shared): Omit<Scope, 'route'> {
    const rateLimits: Record<string, Section> = Object.create(null)
    for (const [name, entry] of limits.entries) rateLimits[name] = entrySection(entry)
    return {
      ...things,
      rateLimits,
      report: this.#problems.reportOnce,
      readFile: (reference, from) => this.#readFile(reference, from)?.section,
      readText: (reference, from) => this.#readFile(reference, from, 'text')?.text,
      secretText: (text) => this.secretText(text),
      addSchema: (schema) => this.#addSchema(schema),
      keep: (key, make) => {
        const kept = `stage ${key}`
        this.#asked?.keeps.add(kept)
        return this.#memory.keep(kept, make)
      },
    }
  }

  /** Does the work and tells what it asked for. */
  noting(work: () => void): Asked {
    const asked: Asked = {
      schemas: new Map(),
      reads: new Map(),
      secretTexts: new Set(),
      keeps: new Set(),
      failed: false,
    }
    this.#asked = asked
    try {
      work()
    } finally {
      this.#asked = undefined
    }
    return asked
  }

  /** Asks again what an earlier run asked; whether every answer is what it was. */
  repeat({ schemas, reads, secretTexts, keeps }: Asked): boolean {
    for (const { reference, from, sha256, as } of reads.values()) {
      if (this.#readFile(reference, from, as)?.sha256 !== sha256) return false
    }
    for (const [hash, plan] of schemas) this.schemas[hash] ??= plan
    for (const node of secretTexts) this.#secretTexts.add(node)
    this.#memory.touch(keeps)
    return true
  }

  /** The parts of a text that may name secrets. */
  secretText(text: Section): SecretText | undefined {
    if (text instanceof NodeSection && text.node !== undefined) {
      this.#secretTexts.add(text.node)
      this.#asked?.secretTexts.add(text.node)
    }
    return parseSecretText(text, this.#declaredSecrets, this.#aboutSecrets)
  }

  /** The text of a file that a value names. */
  readText(reference: Section): string | undefined {
    const { value } = reference
    if (typeof value !== 'string') return undefined
    return this.#folder.readReferred(value, reference.place.file, reference.place)?.source.text
  }

  /** A secret named where nobody resolves it would be taken for plain text. */
  refuseStraySecrets(files: readonly PolicyFile[]): void {
    for (const { root, source } of files) {
      if (!source.text.includes('${')) continue
      for (const node of stringsIn(root)) {
        if (this.#secretTexts.has(node) || !mentionsSecret(String(node.value))) continue
        this.#problems.report({
          code: 'policy.secret-misplaced',
          message: 'No secret is put in here: this text would be used as it stands.',
          hint: 'Secrets work in tls, in the auth of upstreams, in the secret of issuers, in forward.headers.set and in the admin token.',
          at: placeOf(node),
        })
      }
    }
  }

  #readFile(reference: string, from: Section, as: 'values' | 'text' = 'values'): ReadFile | undefined {
    const key = `${as} ${readKey(reference, from)}`
    if (!this.#read.has(key)) this.#read.set(key, this.#readAnew(reference, from, as))
    const read = this.#read.get(key)
    if (this.#asked !== undefined) {
      if (read === undefined) this.#asked.failed = true
      else this.#asked.reads.set(key, { reference, from, path: read.path, sha256: read.sha256, as })
    }
    return read
  }

  #readAnew(reference: string, from: Section, as: 'values' | 'text'): ReadFile | undefined {
    const text = this.#folder.readReferred(reference, fileOf(from), from.place)
    if (text === undefined) return undefined
    const read = { text: text.source.text, path: text.source.file, sha256: text.sha256 }
    if (as === 'text') return read
    const node = parseText(text, this.#memory, this.#problems.report)
    return node === undefined ? undefined : { ...read, section: rootSection(node) }
  }

  #addSchema(plan: SchemaPlan): string {
    // Routes that name one file hand in one object; its text is hashed once. Others hand in equal texts.
    const key = typeof plan.schema === 'object' && Object.keys(plan.refers).length === 0 ? plan.schema : undefined
    const known = key === undefined ? undefined : this.#hashes.get(key)
    if (known !== undefined) {
      this.#asked?.schemas.set(known, plan)
      return known
    }
    const text = JSON.stringify([plan.dialect, plan.schema, plan.refers])
    const hash = this.#hashes.get(text) ?? createHash('sha256').update(text).digest('hex')
    this.#hashes.set(text, hash)
    if (key !== undefined) this.#hashes.set(key, hash)
    this.schemas[hash] ??= plan
    this.#asked?.schemas.set(hash, plan)
    return hash
  }
}

/** A file that routes name. */
interface ReadFile {
  /** Of a file that is read for its values. */
  readonly section?: Section
  readonly text: string
  readonly path: string
  readonly sha256: string
}

function fileOf(from: Section): string {
  return from instanceof NodeSection && from.node !== undefined ? from.node.source.file : from.place.file
}

function readKey(reference: string, from: Section): string {
  const file = fileOf(from)
  return `${file.slice(0, file.lastIndexOf('/') + 1)}\0${reference}`
}

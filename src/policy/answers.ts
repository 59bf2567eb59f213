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
  readonly #read = new Map<string, Section | undefined>()

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
  scope(things: Pick<Scope, 'issuers' | 'clients' | 'upstreams'>, limits: Shared): Omit<Scope, 'route'> {
    const rateLimits: Record<string, Section> = Object.create(null)
    for (const [name, entry] of limits.entries) rateLimits[name] = entrySection(entry)
    return {
      ...things,
      rateLimits,
      report: this.#problems.reportOnce,
      readFile: (reference, from) => this.#readFile(reference, from),
      secretText: (text) => this.secretText(text),
      addSchema: (schema) => this.#addSchema(schema),
      keep: (key, make) => this.#memory.keep(`stage ${key}`, make),
    }
  }

  /** The parts of a text that may name secrets. */
  secretText(text: Section): SecretText | undefined {
    if (text instanceof NodeSection && text.node !== undefined) this.#secretTexts.add(text.node)
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

  #readFile(reference: string, from: Section): Section | undefined {
    const file = from instanceof NodeSection && from.node !== undefined ? from.node.source.file : from.place.file
    const key = `${file.slice(0, file.lastIndexOf('/') + 1)}\0${reference}`
    if (this.#read.has(key)) return this.#read.get(key)
    const text = this.#folder.readReferred(reference, file, from.place)
    const node = text === undefined ? undefined : parseText(text, this.#memory, this.#problems.report)
    const section = node === undefined ? undefined : rootSection(node)
    this.#read.set(key, section)
    return section
  }

  #addSchema(plan: SchemaPlan): string {
    // Routes that name one file hand in one object; its text is hashed once. Others hand in equal texts.
    const key = typeof plan.schema === 'object' && Object.keys(plan.refers).length === 0 ? plan.schema : undefined
    const known = key === undefined ? undefined : this.#hashes.get(key)
    if (known !== undefined) return known
    const text = JSON.stringify([plan.dialect, plan.schema, plan.refers])
    const hash = this.#hashes.get(text) ?? createHash('sha256').update(text).digest('hex')
    this.#hashes.set(text, hash)
    if (key !== undefined) this.#hashes.set(key, hash)
    this.schemas[hash] ??= plan
    return hash
  }
}

import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Section } from '../stages/contract.js'
import { nearest } from '../values/nearest.js'
import { Secret, type SecretText } from '../values/secret.js'
import { reasonOf } from './file-text.js'
import type { Report } from './problems.js'
import type { NodeSection } from './section.js'

const maxSecretBytes = 64 * 1024

/** The schema of `secrets:` in gateway.yaml. */
export const secretsSchema = {
  type: 'object',
  description: 'Where secrets come from, by name. Policies use them as "${secret:name}" and never hold one.',
  propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    description: 'One source: an environment variable or a file.',
    minProperties: 1,
    maxProperties: 1,
    properties: {
      env: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        description: 'An environment variable that holds the secret.',
        examples: ['FN_KEY'],
      },
      file: {
        type: 'string',
        minLength: 1,
        description: 'A file that holds the secret and nothing else; a relative path starts at the policy folder.',
        examples: ['/run/secrets/fn_key'],
      },
    },
  },
}

/** Environment variables by name; the process's own unless a test brings others. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads every secret that gateway.yaml declares; what cannot be read is a problem that never shows a value. */
export function readSecrets(
  declared: NodeSection,
  folder: string,
  report: Report,
  environment: Environment = process.env,
): Map<string, Secret> {
  const vault = new Map<string, Secret>()
  const node = declared.node
  if (node?.kind !== 'map') return vault
  for (const name of node.entries.keys()) {
    const section = declared.get(name)
    const value = readOne(name, section, folder, report, environment)
    if (value !== undefined) vault.set(name, new Secret(value))
  }
  return vault
}

/** A random text in the place of every secret that gateway.yaml declares; long enough for every use of one. */
export function standInSecrets(declared: NodeSection): Map<string, Secret> {
  const names = declared.node?.kind === 'map' ? declared.node.entries.keys() : []
  return new Map(names.map((name) => [name, new Secret(randomBytes(48).toString('base64url'))]))
}

function readOne(
  name: string,
  section: Section,
  folder: string,
  report: Report,
  environment: Environment,
): string | undefined {
  const variable = section.get('env')
  const file = section.get('file')
  const missing = (message: string, hint: string, at: Section) => {
    report({ code: 'policy.secret-missing', message, hint, at: at.place })
    return undefined
  }
  if (typeof variable.value === 'string') {
    const value = environment[variable.value]
    if (value !== undefined && value !== '') return value
    const state = value === undefined ? 'is not set' : 'is empty'
    return missing(
      `The secret "${name}" is missing: the environment variable ${variable.value} ${state}.`,
      `Set ${variable.value} where Postern runs.`,
      variable,
    )
  }
  const path = secretFile(section, folder)
  if (path === undefined) return undefined
  try {
    const stat = statSync(path)
    if (!stat.isFile())
      return missing(`The secret "${name}" is missing: ${file.value} is no file.`, 'Name a plain file.', file)
    if (stat.size > maxSecretBytes)
      return missing(
        `The secret "${name}" is refused: ${file.value} is larger than 64 KiB.`,
        'A secret is a short text.',
        file,
      )
    // Editors and `echo` end a file with a line break that belongs to no secret.
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (value !== '') return value
    return missing(`The secret "${name}" is missing: ${file.value} is empty.`, 'Write the secret into the file.', file)
  } catch (error) {
    return missing(
      `The secret "${name}" is missing: ${file.value} cannot be read: ${reasonOf(error)}.`,
      'Check the path and who may read it.',
      file,
    )
  }
}

/** The absolute paths of all secrets that are read from files, whether they are there or not: what a watcher looks at. */
export function secretFiles(declared: NodeSection, folder: string): string[] {
  if (declared.node?.kind !== 'map') return []
  return declared.node.entries.keys().flatMap((name) => secretFile(declared.get(name), folder) ?? [])
}

/** The absolute path of a secret that is read from a file; undefined for any other. */
export function secretFile(section: Section, folder: string): string | undefined {
  const file = section.get('file')
  return typeof file.value === 'string' ? resolve(folder, dirname(file.place.file), file.value) : undefined
}

const reference = /\$\{([^}]*)\}/g

/** Whether a text looks as if it meant to name a secret. */
export function mentionsSecret(text: string): boolean {
  return /\$\{\s*(secret|env|file|vault)\b/i.test(text)
}

/**
 * Splits `Bearer ${secret:name}`. Undefined, with the problem reported, for a secret that nobody declared and for a
 * reference that is misspelt: it would otherwise be sent as it stands.
 */
export function parseSecretText(text: Section, declared: ReadonlySet<string>, report: Report): SecretText | undefined {
  const { value } = text
  if (typeof value !== 'string') return undefined
  if (!value.includes('${')) return [value]
  const malformed = () => {
    report({
      code: 'policy.secret-malformed',
      message: 'This names no secret in a way that is understood.',
      hint: 'Write "${secret:name}", with the name as it stands under secrets: in gateway.yaml.',
      at: text.place,
    })
    return undefined
  }
  const parts: (string | { readonly secret: string })[] = []
  let from = 0
  for (const found of value.matchAll(reference)) {
    const name = /^secret:([A-Za-z][A-Za-z0-9_-]{0,63})$/.exec(found[1] ?? '')?.[1]
    if (name === undefined) return malformed()
    if (!declared.has(name)) {
      const guess = nearest(name, declared)
      report({
        code: 'policy.secret-unknown',
        message: `The secret "${name}" is not declared.`,
        hint:
          guess !== undefined
            ? `Did you mean "${guess}"?`
            : `Declare it under secrets: in gateway.yaml, as ${name}: { env: NAME } or ${name}: { file: path }.`,
        at: text.place,
      })
      return undefined
    }
    if (found.index > from) parts.push(value.slice(from, found.index))
    parts.push({ secret: name })
    from = found.index + found[0].length
  }
  const tail = value.slice(from)
  if (tail.includes('${')) return malformed()
  if (tail !== '') parts.push(tail)
  return parts
}

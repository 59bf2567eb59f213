import type { SecretText, Vault } from '../values/secret.js'
import type { Report } from './problems.js'
import type { NodeSection } from './section.js'

/** What the resolvers of shared things and of routes have in common. */
export interface Resolving {
  readonly report: Report
  /** Splits a text that may name secrets; undefined, with the problem reported, for one that nobody declared. */
  secretText(text: NodeSection): SecretText | undefined
  /** The secrets themselves, for what must be judged by its value: the length of a key. */
  readonly vault: Vault
  /** A file of the policy folder as text, relative to the file of the reference; undefined when it cannot be read. */
  readText(reference: NodeSection): string | undefined
  readonly overrides: Overrides
  /** The policy folder's real path. */
  readonly folder: string
  /** Secrets are random stand-ins: nothing can be judged by its value, and no file of secrets is read. */
  readonly hasStandIns: boolean
  /** SHA-256 (hex) of the certificate that serves while this set is read. */
  readonly certificateInUse: string | undefined
  /** Keeps a text among the secrets of the set, under a name that no policy can declare (one with dots). */
  hold(name: string, text: string): SecretText
  /** The absolute path behind a secret that is read from a file. */
  secretFile(name: string): string | undefined
}

/** What `dev --demo` points elsewhere before anything is checked: upstreams and issuers by name. */
export interface Overrides {
  readonly upstreams?: Readonly<Record<string, string>>
  readonly issuers?: Readonly<Record<string, { readonly issuer: string; readonly jwksUri: string }>>
}

/** The section's value as a text, or undefined. */
export function textOf(section: { readonly value: unknown }): string | undefined {
  return typeof section.value === 'string' ? section.value : undefined
}

/** The section's value as a list of texts; one text is a list of one. */
export function textsOf(section: { readonly value: unknown }): string[] {
  const { value } = section
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

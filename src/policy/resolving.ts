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

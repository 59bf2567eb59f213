import { inspect } from 'node:util'

/**
 * A text of the policy that may name secrets: literal parts, and names of secrets that `gateway.yaml` declares.
 * Plans hold these and never a secret itself, so a plan can be printed, compared and kept as a fixture.
 */
export type SecretText = readonly (string | { readonly secret: string })[]

/** A secret's value. Whatever prints it prints `[secret]`; only `reveal` gives the text. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}

/** The secrets of one policy set, by name. */
export type Vault = ReadonlyMap<string, Secret>

/** The text with every secret in place. Throws for a name the vault lacks: `resolve` has refused those. */
export function revealText(text: SecretText, vault: Vault): string {
  return text
    .map((part) => {
      if (typeof part === 'string') return part
      const secret = vault.get(part.secret)
      if (secret === undefined) throw new Error(`secret ${part.secret} is not in the vault`)
      return secret.reveal()
    })
    .join('')
}

import { createHash } from 'node:crypto'

/** What is no longer taken, whatever its issuer says: one token, everything of one subject, everything of one client. */
export interface Revocation {
  /** Of what it names: the same once more replaces it. */
  readonly id: string
  /** `token`: by `jti`; `subject`: by `sub`; `client`: by `client_id` or `azp`, or an API key's client by its name. */
  readonly kind: RevocationKind
  readonly value: string
  /** Name of the issuer in the policy; null: of any, and API keys. */
  readonly issuer: string | null
  /** Epoch ms, excluded. */
  readonly until: number
  /** Epoch ms: tokens that say they were issued later are taken again; null: none is. */
  readonly issuedBefore: number | null
  /** Epoch ms of the revocation. */
  readonly at: number
}

export type RevocationKind = 'token' | 'subject' | 'client'

/** What the admin listener may do to the revocations that are in force. */
export interface RevocationBook {
  list(): readonly Revocation[]
  /** In force in this process at once. `stored`: whether it also reached where revocations are kept. */
  add(revocation: Revocation): Promise<{ readonly stored: boolean } | 'full'>
  /** False where there is none with this id. */
  remove(id: string): Promise<boolean>
}

/** Longer than any token should live; what must last longer belongs into the policy. */
const longestRevocationMs = 366 * 24 * 3_600_000

/**
 * Reads what an operator asks for: `{ "subject": "u1", "issuer": "main", "forMs": 86400000, "issuedBefore": 1800000000000 }`,
 * with `token` or `client` in the place of `subject`. A text says what is wrong with it.
 */
export function readRevocation(asked: unknown, now: number): Revocation | string {
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return 'A revocation is an object.'
  const given = asked as Readonly<Record<string, unknown>> // an object, checked above
  const unknown = Object.keys(given).find((key) => !known.has(key))
  if (unknown !== undefined) return `"${unknown.slice(0, 40)}" is none of ${[...known].join(', ')}.`
  const named = kinds.filter((kind) => given[kind] !== undefined)
  const [kind] = named
  if (kind === undefined || named.length > 1) return `Name one of ${kinds.join(', ')}.`
  const { [kind]: value, issuer = null, forMs, issuedBefore = null } = given
  if (!isText(value)) return `"${kind}" is a text of 1 to 1024 characters.`
  if (issuer !== null && !isText(issuer)) return '"issuer" is the name of an issuer of the policy.'
  if (typeof forMs !== 'number' || !(forMs > 0 && forMs <= longestRevocationMs)) {
    return '"forMs" is a time in ms, 366 days at most.'
  }
  if (issuedBefore !== null && (typeof issuedBefore !== 'number' || !Number.isFinite(issuedBefore))) {
    return '"issuedBefore" is a time in epoch ms.'
  }
  return { id: idOf(kind, value, issuer), kind, value, issuer, until: now + forMs, issuedBefore, at: now }
}

/** Reads one that was kept; null for what is none. */
export function parseRevocation(text: string): Revocation | null {
  try {
    const kept: unknown = JSON.parse(text)
    if (typeof kept !== 'object' || kept === null || Array.isArray(kept)) return null
    const { kind, value, issuer, until, issuedBefore, at } = kept as Readonly<Record<string, unknown>> // checked above
    const isWhole =
      kinds.some((each) => each === kind) &&
      isText(value) &&
      (issuer === null || isText(issuer)) &&
      typeof until === 'number' &&
      (issuedBefore === null || typeof issuedBefore === 'number') &&
      typeof at === 'number'
    if (!isWhole) return null
    const known = kind as RevocationKind // as just seen
    return { id: idOf(known, value, issuer), kind: known, value, issuer, until, issuedBefore, at }
  } catch {
    return null
  }
}

const kinds = ['token', 'subject', 'client'] as const
const known: ReadonlySet<string> = new Set([...kinds, 'issuer', 'forMs', 'issuedBefore'])

function idOf(kind: RevocationKind, value: string, issuer: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, value, issuer]))
    .digest('base64url')
    .slice(0, 22)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 1_024
}

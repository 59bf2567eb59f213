import type { Evidence, Section } from '../contract.js'

type Scalar = string | number | boolean

/** One condition on one claim, as plain data. */
export interface ClaimRule {
  /** As the policy names it. */
  readonly claim: string
  /** Outermost member first. */
  readonly path: readonly string[]
  readonly condition:
    | { readonly kind: 'equals' | 'contains'; readonly value: Scalar }
    | { readonly kind: 'oneOf'; readonly values: readonly Scalar[] }
    | { readonly kind: 'exists'; readonly wanted: boolean }
}

/** The rules under `claims:`; a value that fits the schema is assumed. */
export function readClaimRules(claims: Section): readonly ClaimRule[] {
  // Objects and scalars by schema; the casts below say which.
  const written = (claims.value ?? {}) as Record<string, Scalar | Record<string, unknown>>
  return Object.entries(written).flatMap(([claim, rule]): ClaimRule[] => {
    const path = claimPath(claim)
    if (typeof rule !== 'object') return [{ claim, path, condition: { kind: 'equals', value: rule } }]
    return Object.entries(rule).map(([kind, operand]): ClaimRule => {
      if (kind === 'exists') return { claim, path, condition: { kind, wanted: operand === true } }
      if (kind === 'oneOf') return { claim, path, condition: { kind, values: operand as Scalar[] } }
      return { claim, path, condition: { kind: kind === 'contains' ? kind : 'equals', value: operand as Scalar } }
    })
  })
}

/** Dots walk in, as in the selector `jwt.<claim>`; a leading slash makes it a JSON pointer (RFC 6901). */
export function claimPath(claim: string): readonly string[] {
  if (!claim.startsWith('/')) return claim.split('.')
  return claim
    .slice(1)
    .split('/')
    .map((piece) => piece.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Whether the claims satisfy the rule. */
export function satisfies(claims: Readonly<Record<string, unknown>>, rule: ClaimRule): boolean {
  const value = valueAt(claims, rule.path)
  const { condition } = rule
  switch (condition.kind) {
    case 'equals':
      return value === condition.value
    case 'contains':
      return Array.isArray(value) ? value.includes(condition.value) : value === condition.value
    case 'oneOf':
      return condition.values.some((accepted) => accepted === value)
    case 'exists':
      return (value !== undefined && value !== null) === condition.wanted
  }
}

/** What the operator sees of a rule that did not hold: the rule, and what the token had in its place. */
export function describeMismatch(claims: Readonly<Record<string, unknown>>, rule: ClaimRule): Evidence {
  const { condition } = rule
  const wanted =
    condition.kind === 'oneOf'
      ? condition.values.join(' | ')
      : String(condition.kind === 'exists' ? condition.wanted : condition.value)
  return { claim: rule.claim, rule: `${condition.kind} ${wanted}`, found: describe(valueAt(claims, rule.path)) }
}

const isMember = Object.prototype.propertyIsEnumerable

/** The value at a path, among the members that claims themselves hold; undefined where there is none. */
export function valueAt(claims: unknown, path: readonly string[]): unknown {
  let value = claims
  for (const name of path) {
    // What the token itself holds and nothing else: `constructor` is no claim, and neither is the length of a list.
    if (typeof value !== 'object' || value === null || !isMember.call(value, name)) return undefined
    value = (value as Record<string, unknown>)[name] // an object with this member, checked above
  }
  return value
}

/** Words of a vocabulary are shown; anything longer or freer may be a person's, and only its kind is told. */
export function describe(value: unknown): string | number | boolean | null {
  if (value === undefined) return 'absent'
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value
  if (typeof value === 'string') return isWord(value) ? value : `a text of ${value.length} characters`
  if (!Array.isArray(value)) return 'an object'
  const items: unknown[] = value
  return items.length <= 10 && items.every((item) => typeof item === 'string' && isWord(item))
    ? `[${items.join(', ')}]`
    : `a list of ${items.length}`
}

function isWord(text: string): boolean {
  return /^[A-Za-z0-9_:./-]{0,40}$/.test(text)
}

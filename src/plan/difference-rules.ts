/** Which way a change moves protection; `other` where nobody can say so from the values alone. */
export type Direction = 'weaker' | 'stronger' | 'other'

/** One setting as a value that can be compared: a scalar, a rate, or a set of texts. `null` means: no bound. */
export type Fact = string | number | boolean | null | readonly string[] | RateFact

interface RateFact {
  readonly quota: number
  readonly windowMs: number
}

type Rule =
  /** A larger number admits more; null is larger than any. */
  | { readonly kind: 'more' }
  /** As `more`, but nothing to compare with where one side has none: a tier that came may be above or below the others. */
  | { readonly kind: 'amount' }
  /** A larger number refuses more. */
  | { readonly kind: 'less' }
  /** What is listed is admitted; null lists everything. */
  | { readonly kind: 'admits' }
  /** What is listed is refused, asked for or hidden. */
  | { readonly kind: 'demands' }
  /** From the weakest to the strongest. */
  | { readonly kind: 'steps'; readonly steps: readonly Fact[] }
  /** Being there protects. */
  | { readonly kind: 'guard' }
  /** Being there opens. */
  | { readonly kind: 'opening' }

const more: Rule = { kind: 'more' }
const amount: Rule = { kind: 'amount' }
const less: Rule = { kind: 'less' }
const admits: Rule = { kind: 'admits' }
const demands: Rule = { kind: 'demands' }
const guard: Rule = { kind: 'guard' }
const opening: Rule = { kind: 'opening' }
const steps = (...all: readonly Fact[]): Rule => ({ kind: 'steps', steps: all })

/**
 * What each setting means for protection, by its path; `*` stands for one name. A setting that is not here counts as
 * changed, neither weaker nor stronger: a new stage shows up before anybody teaches this table about it.
 */
const rules: readonly (readonly [path: string, rule: Rule])[] = [
  ['*.present', guard],
  ['*.mode', steps('report', 'enforce')],
  ['auth.open', steps(true, false)],
  // Without it, no page of another origin may read an answer.
  ['cors.present', opening],
  ['cors.origins', admits],
  ['cors.methods', admits],
  ['cors.headers', admits],
  ['cors.exposeHeaders', admits],
  ['cors.credentials', steps(true, false)],
  ['auth.accepts', admits],
  ['auth.scopes', demands],
  ['auth.claims', demands],
  ['auth.clients', admits],
  ['auth.roles', admits],
  ['auth.stepUp.acr', admits],
  ['auth.stepUp.amr', demands],
  ['auth.stepUp.maxAgeMs', more],
  ['auth.*.roles', admits],
  ['auth.*.stepUp.acr', admits],
  ['auth.*.stepUp.amr', demands],
  ['auth.*.stepUp.maxAgeMs', more],
  ['auth.san', admits],
  ['auth.fingerprints', admits],
  ['auth.*.san', admits],
  ['auth.*.fingerprints', admits],
  ['auth.*.scopes', demands],
  ['auth.*.claims', demands],
  ['auth.*.clients', admits],
  ['ip.allow', admits],
  ['ip.deny', demands],
  ['rateLimit.*.present', guard],
  ['rateLimit.*.mode', steps('report', 'enforce')],
  ['rateLimit.*.rate', amount],
  ['rateLimit.*.burst', amount],
  ['rateLimit.*.cost', less],
  ['rateLimit.*.tiers.*', amount],
  ['rateLimit.*.count', steps('forwarded', 'admitted')],
  ['concurrency.quota', more],
  ['request.schemas.mode', steps('report', 'enforce')],
  ['request.maxBytes', more],
  ['request.types', admits],
  ['request.encodings', admits],
  ['request.encodedSlash', steps('allow', 'refuse')],
  ['request.acceptsBody', steps(true, false)],
  ['request.structure.depth', more],
  ['request.structure.keys', more],
  ['request.structure.stringLength', more],
  ['request.rejectsUnknownQuery', steps(false, true)],
  ['inspect.profile', steps('event', 'api', 'strict')],
  ['inspect.exceptions.*.present', opening],
  ['inspect.exceptions.*.until', more],
  ['inspect.fields', admits],
  ['inspect.detectors.*', admits],
  ['inspect.graphql.present', guard],
  ['inspect.graphql.depth', more],
  ['inspect.graphql.aliases', more],
  ['inspect.graphql.fields', more],
  ['inspect.graphql.directives', more],
  ['inspect.graphql.batch', more],
  ['inspect.graphql.introspection', steps(true, false)],
  ['forward.timeouts.*', more],
  ['forward.authorization', steps('keep', 'move', 'drop')],
  ['forward.allowHeaders', admits],
  ['response.errors', steps('pass', 'mask')],
  ['response.security', steps(null, 'basic', 'strict')],
  ['response.remove', demands],
  ['response.redact', demands],
  ['response.schema.mode', steps('report', 'enforce')],
  ['upstream.auth', steps('none', 'signed in')],
  ['upstream.pins', admits],
  ['upstream.scheme', steps('http', 'https')],
  ['upstream.concurrency', more],
  ['upstream.breaker.present', guard],
  ['issuer.audience', admits],
  ['issuer.algorithms', admits],
  ['issuer.tokenTypes', admits],
  ['issuer.clockSkewMs', more],
  ['issuer.maxTokenAgeMs', more],
  ['issuer.dpop', steps('off', 'optional', 'required')],
  ['issuer.dpop.algorithms', admits],
  ['issuer.dpop.maxAgeMs', more],
  ['issuer.dpop.publicUrls', admits],
  ['issuer.dpop.nonce', steps(false, true)],
  ['issuer.keySet.staleIfErrorMs', more],
  ['issuer.keySet.maxAgeMs', more],
  ['issuer.introspection.cacheMs', more],
  ['issuer.scheme', steps('http', 'https')],
  ['client.keys.*.present', opening],
  ['client.keys.*.expiresAt', more],
  ['client.ipAllow', admits],
  ['gateway.trustedProxies', admits],
  ['gateway.limits.*', more],
  ['gateway.limits.drainMs', { kind: 'steps', steps: [] }],
  ['gateway.limits.drainGraceMs', { kind: 'steps', steps: [] }],
  ['gateway.addressLimit.present', guard],
  ['gateway.addressLimit.rate', more],
  ['gateway.addressLimit.ipv6Prefix', more],
  ['gateway.addressLimit.failedAuth', more],
  ['gateway.admin.token', guard],
  ['gateway.tls.minVersion', steps('1.2', '1.3')],
  ['gateway.tls.clientCa', guard],
  ['gateway.store.onStoreError', steps('allow', 'local', 'deny')],
  ['gateway.store.redis.present', guard],
  ['gateway.redact', demands],
  ['schema.*.maximum', more],
  ['schema.*.exclusiveMaximum', more],
  ['schema.*.maxLength', more],
  ['schema.*.maxItems', more],
  ['schema.*.maxProperties', more],
  ['schema.*.minimum', less],
  ['schema.*.exclusiveMinimum', less],
  ['schema.*.minLength', less],
  ['schema.*.minItems', less],
  ['schema.*.minProperties', less],
  ['schema.*.required', demands],
  ['schema.*.enum', admits],
  ['schema.*.type', admits],
  ['schema.*.additionalProperties', steps(true, false)],
  ['schema.*.unevaluatedProperties', steps(true, false)],
  ['schema.*.uniqueItems', steps(false, true)],
]

/** Rules with names in them, the most literal first. */
const patterns = rules
  .filter(([path]) => path.includes('*'))
  .map(([path, rule]) => ({ pieces: path.split('*'), rule, literal: path.length }))
  .sort((a, b) => b.literal - a.literal)
const exact = new Map(rules)

/** Which way a setting moved. Undefined stands for a setting that one side does not have. */
export function directionOf(path: string, before: Fact | undefined, after: Fact | undefined): Direction {
  const rule = exact.get(path) ?? patterns.find(({ pieces }) => fits(path, pieces))?.rule
  if (rule === undefined) return 'other'
  const order = judge(rule, before, after)
  return order === 0 || Number.isNaN(order) ? 'other' : order > 0 ? 'weaker' : 'stronger'
}

/** Whether a path begins, goes on and ends with the pieces, with a name of at least one character between them. */
function fits(path: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces
  const last = rest.at(-1) ?? ''
  if (!path.startsWith(first) || !path.endsWith(last)) return false
  let at = first.length
  for (const piece of rest.slice(0, -1)) {
    const found = path.indexOf(piece, at + 1)
    if (found === -1) return false
    at = found + piece.length
  }
  return path.length - last.length > at
}

/** Above 0 where the later value protects less, below 0 where it protects more, NaN where nobody can say. */
function judge(rule: Rule, before: Fact | undefined, after: Fact | undefined): number {
  switch (rule.kind) {
    case 'more':
      return sign(size(after) - size(before))
    case 'amount':
      return before === undefined || after === undefined ? Number.NaN : sign(size(after) - size(before))
    case 'less':
      return sign(
        (isNumber(before) ? before : Number.NEGATIVE_INFINITY) - (isNumber(after) ? after : Number.NEGATIVE_INFINITY),
      )
    case 'admits':
      return growth(before, after)
    case 'demands':
      return growth(after ?? [], before ?? [])
    case 'steps':
      return rank(rule.steps, before) - rank(rule.steps, after)
    case 'guard':
      return Number(isThere(before)) - Number(isThere(after))
    case 'opening':
      return Number(isThere(after)) - Number(isThere(before))
  }
}

/** Infinity minus infinity is no change. */
function sign(difference: number): number {
  return Number.isNaN(difference) ? 0 : Math.sign(difference)
}

function size(fact: Fact | undefined): number {
  if (isNumber(fact)) return fact
  if (fact !== null && typeof fact === 'object' && 'quota' in fact) return fact.quota / fact.windowMs
  return Number.POSITIVE_INFINITY
}

function isNumber(fact: Fact | undefined): fact is number {
  return typeof fact === 'number'
}

function isThere(fact: Fact | undefined): boolean {
  return fact !== undefined && fact !== null && fact !== false
}

/** 1 where the set only grew, -1 where it only shrank, NaN where it did both. Null and undefined hold everything. */
function growth(before: Fact | undefined, after: Fact | undefined): number {
  if (!Array.isArray(before)) return Array.isArray(after) ? -1 : 0
  if (!Array.isArray(after)) return 1
  const isGrown = after.some((item) => !before.includes(item))
  const isShrunk = before.some((item) => !after.includes(item))
  return isGrown && isShrunk ? Number.NaN : Number(isGrown) - Number(isShrunk)
}

/** A value that the table does not list cannot be ranked. */
function rank(all: readonly Fact[], fact: Fact | undefined): number {
  const at = all.indexOf(fact === undefined && all.includes(null) ? null : (fact as Fact)) // an absent one ranks as null
  return at === -1 ? Number.NaN : at
}

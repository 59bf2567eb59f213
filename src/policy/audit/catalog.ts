import type { Risk } from './risks.js'

/** How bad a finding is; a note costs nothing and fails nothing. */
export type Severity = 'high' | 'medium' | 'low' | 'note'

/** What a finding is about; each area can cost no more of the score than its cap. */
export type Area = 'access' | 'input' | 'consumption' | 'exposure' | 'upkeep'

/** What a code is found on: its share of all of them is its share of the weight. */
export type Kind = 'route' | 'upstream' | 'issuer' | 'client' | 'set'

export interface CatalogEntry {
  readonly severity: Severity
  readonly area: Area
  readonly kind: Kind
  readonly risks: readonly Risk[]
  /** What a finding of this code means, whatever the policy: for documents and `explain`. */
  readonly about: string
}

/**
 * Every code of the audit. A code is a promise, as deny codes are: waivers and pipelines hang on it. Changing a severity
 * or an area changes scores, so it comes with a new `scoreVersion`.
 */
export const catalog = {
  'audit.open-write': {
    severity: 'high',
    area: 'access',
    kind: 'route',
    risks: ['API2:2023', 'API5:2023', 'SAS-2'],
    about: 'Everyone may call a route that changes something.',
  },
  'audit.write-without-scopes': {
    severity: 'medium',
    area: 'access',
    kind: 'route',
    risks: ['API5:2023', 'SAS-2'],
    about: 'Any token of the issuer may call a route that changes something, whatever it was issued for.',
  },
  'audit.read-without-scopes': {
    severity: 'low',
    area: 'access',
    kind: 'route',
    risks: ['API5:2023', 'SAS-2'],
    about: 'Any token of the issuer may call this route, whatever it was issued for.',
  },
  'audit.claim-unverified': {
    severity: 'medium',
    area: 'access',
    kind: 'route',
    risks: ['API2:2023', 'SAS-2'],
    about: 'The function is told an address or number that its owner may never have proved to be theirs.',
  },
  'audit.claim-self-chosen': {
    severity: 'low',
    area: 'access',
    kind: 'route',
    risks: ['API2:2023', 'SAS-2'],
    about: 'The function is told a claim that callers usually choose themselves; it must not decide by it.',
  },
  'audit.ip-allow-wide': {
    severity: 'medium',
    area: 'access',
    kind: 'set',
    risks: ['API8:2023', 'SAS-3'],
    about: 'A list of allowed addresses admits so many that it keeps nobody out.',
  },
  'audit.token-age-unbounded': {
    severity: 'low',
    area: 'access',
    kind: 'issuer',
    risks: ['API2:2023', 'SAS-2'],
    about: 'A token may be good for as long as its issuer wrote into it, even years.',
  },
  'audit.token-type-absent': {
    severity: 'low',
    area: 'access',
    kind: 'issuer',
    risks: ['API2:2023', 'SAS-2'],
    about: 'Tokens without a type are taken, so a token made for another use may pass for an access token.',
  },
  'audit.key-without-end': {
    severity: 'low',
    area: 'access',
    kind: 'client',
    risks: ['API2:2023', 'SAS-7'],
    about: 'An API key never expires; one that leaks is good until somebody notices.',
  },
  'audit.key-expires-soon': {
    severity: 'low',
    area: 'access',
    kind: 'client',
    risks: ['API2:2023', 'SAS-7'],
    about: 'An API key ends within thirty days, and the client has no other that lasts longer.',
  },
  'audit.body-schema-missing': {
    severity: 'medium',
    area: 'input',
    kind: 'route',
    risks: ['API3:2023', 'API8:2023', 'SAS-1'],
    about: 'A route takes bodies of any shape, so every field of them reaches the function.',
  },
  'audit.body-schema-open': {
    severity: 'low',
    area: 'input',
    kind: 'route',
    risks: ['API3:2023', 'SAS-1', 'SAS-9'],
    about: 'The body schema lets unknown fields pass; a function that copies whole objects would store them.',
  },
  'audit.body-schema-unbounded': {
    severity: 'low',
    area: 'input',
    kind: 'route',
    risks: ['API4:2023', 'SAS-8'],
    about: 'A pattern without maxLength, or uniqueItems without maxItems: only the size of a body bounds the work.',
  },
  'audit.schemas-off': {
    severity: 'medium',
    area: 'input',
    kind: 'route',
    risks: ['API3:2023', 'API8:2023', 'SAS-1'],
    about: 'The schemas of a route are written and switched off.',
  },
  'audit.parameter-unchecked': {
    severity: 'low',
    area: 'input',
    kind: 'route',
    risks: ['API8:2023', 'SAS-1'],
    about: 'A path parameter takes any text.',
  },
  'audit.inspect-off': {
    severity: 'medium',
    area: 'input',
    kind: 'route',
    risks: ['API8:2023', 'SAS-1'],
    about: 'Nothing looks for injections on this route.',
  },
  'audit.body-over-platform': {
    severity: 'medium',
    area: 'input',
    kind: 'route',
    risks: ['API4:2023', 'SAS-8'],
    about: 'A body is accepted that the platform of the function refuses: callers get its error instead of ours.',
  },
  'audit.target-over-platform': {
    severity: 'low',
    area: 'input',
    kind: 'set',
    risks: ['API4:2023', 'SAS-8'],
    about: 'Paths and queries are accepted that are longer than the platform of a function takes.',
  },
  'audit.limit-missing': {
    severity: 'medium',
    area: 'consumption',
    kind: 'route',
    risks: ['API4:2023', 'API6:2023', 'SAS-8'],
    about: 'No limit of any kind is enforced on a route; every call is billed.',
  },
  'audit.client-limit-missing': {
    severity: 'low',
    area: 'consumption',
    kind: 'route',
    risks: ['API4:2023', 'API6:2023', 'SAS-8'],
    about: 'Callers are known, but only their address is limited: one caller with many addresses is not.',
  },
  'audit.address-limit-missing': {
    severity: 'medium',
    area: 'consumption',
    kind: 'set',
    risks: ['API4:2023', 'API2:2023', 'SAS-8'],
    about: 'Nothing stops one address from trying unknown paths and credentials without end.',
  },
  'audit.timeout-over-platform': {
    severity: 'medium',
    area: 'consumption',
    kind: 'route',
    risks: ['API4:2023', 'SAS-8'],
    about: 'The gateway waits longer than the platform of the function ever answers.',
  },
  'audit.timeout-off': {
    severity: 'low',
    area: 'consumption',
    kind: 'route',
    risks: ['API4:2023', 'SAS-8'],
    about: 'An answer may take for ever, and nothing bounds how many a caller keeps open.',
  },
  'audit.capacity-one-client': {
    severity: 'medium',
    area: 'consumption',
    kind: 'upstream',
    risks: ['API4:2023', 'SAS-8'],
    about: 'One caller within its limit can use more of a function than the platform grants to all.',
  },
  'audit.capacity-sum': {
    severity: 'medium',
    area: 'consumption',
    kind: 'upstream',
    risks: ['API4:2023', 'SAS-8'],
    about: 'The limits of all routes to a function admit more than the platform grants it.',
  },
  'audit.capacity-unbounded': {
    severity: 'low',
    area: 'consumption',
    kind: 'upstream',
    risks: ['API4:2023', 'SAS-8'],
    about: 'The platform grants a function a known share, and no limit bounds all callers together.',
  },
  'audit.limits-per-process': {
    severity: 'note',
    area: 'consumption',
    kind: 'set',
    risks: ['API4:2023'],
    about: 'Limits are counted in memory: each replica of the gateway admits the whole quota.',
  },
  'audit.upstream-open': {
    severity: 'high',
    area: 'exposure',
    kind: 'upstream',
    risks: ['API2:2023', 'API8:2023', 'SAS-2', 'SAS-3'],
    about: 'The gateway does not prove itself to the function, so whoever learns the URL walks around it.',
  },
  'audit.upstream-plain-http': {
    severity: 'medium',
    area: 'exposure',
    kind: 'upstream',
    risks: ['API8:2023', 'API10:2023', 'SAS-3'],
    about: 'Requests travel to the function unencrypted, and nobody has said why that is acceptable.',
  },
  'audit.issuer-plain-http': {
    severity: 'high',
    area: 'exposure',
    kind: 'issuer',
    risks: ['API2:2023', 'API8:2023', 'SAS-2'],
    about: 'Keys are fetched unencrypted: whoever stands between can replace them and sign in as anyone.',
  },
  'audit.authorization-over-http': {
    severity: 'high',
    area: 'exposure',
    kind: 'route',
    risks: ['API2:2023', 'API8:2023', 'SAS-7'],
    about: 'Credentials of callers travel to the function unencrypted.',
  },
  'audit.admin-open': {
    severity: 'high',
    area: 'exposure',
    kind: 'set',
    risks: ['API8:2023', 'API5:2023', 'SAS-3'],
    about: 'The admin listener can be reached from other machines, and no token is set for it.',
  },
  'audit.proxies-unknown': {
    severity: 'low',
    area: 'exposure',
    kind: 'set',
    risks: ['API4:2023', 'API8:2023', 'SAS-5'],
    about: 'Behind a load balancer that nobody named, all callers seem to be one address.',
  },
  'audit.proxies-wide': {
    severity: 'medium',
    area: 'exposure',
    kind: 'set',
    risks: ['API8:2023', 'SAS-3', 'SAS-5'],
    about: 'So many public addresses are trusted as proxies that callers may be able to choose their own address.',
  },
  'audit.cors-any-origin': {
    severity: 'medium',
    area: 'exposure',
    kind: 'route',
    risks: ['API8:2023', 'SAS-3'],
    about: 'Pages of every origin may read the answers of this route in a browser.',
  },
  'audit.errors-pass': {
    severity: 'medium',
    area: 'exposure',
    kind: 'route',
    risks: ['API8:2023', 'SAS-10'],
    about: 'Bodies of server errors leave as the function wrote them, stack traces included.',
  },
  'audit.security-headers-off': {
    severity: 'low',
    area: 'exposure',
    kind: 'route',
    risks: ['API8:2023', 'SAS-3'],
    about: 'No security headers are added to the answers.',
  },
  'audit.report-mode': {
    severity: 'low',
    area: 'upkeep',
    kind: 'route',
    risks: ['API8:2023', 'SAS-3'],
    about: 'A protection only reports what it would refuse. Right while it is tried, wrong when it is forgotten.',
  },
  'audit.exception-ends-soon': {
    severity: 'low',
    area: 'upkeep',
    kind: 'route',
    risks: ['API8:2023', 'SAS-1'],
    about: 'An exception of inspect ends within fourteen days; afterwards its detector denies again.',
  },
  'audit.secret-in-policy': {
    severity: 'high',
    area: 'upkeep',
    kind: 'set',
    risks: ['API8:2023', 'SAS-7'],
    about: 'A text in a policy file looks like a credential; whoever reads the repository has it.',
  },
  'audit.unused': {
    severity: 'low',
    area: 'upkeep',
    kind: 'set',
    risks: ['API9:2023', 'SAS-11'],
    about: 'Something is declared that no route uses.',
  },
  'audit.waiver-expired': {
    severity: 'medium',
    area: 'upkeep',
    kind: 'set',
    risks: ['API8:2023', 'API9:2023'],
    about: 'A waiver is past its last day and no longer hides what it was written for.',
  },
  'audit.waiver-unused': {
    severity: 'low',
    area: 'upkeep',
    kind: 'set',
    risks: ['API9:2023'],
    about: 'A waiver matches no finding, so it would hide the next one.',
  },
} as const satisfies Readonly<Record<`audit.${string}`, CatalogEntry>>

export type AuditCode = keyof typeof catalog

/** Every code, in the order of the catalog. */
export const auditCodes = Object.keys(catalog) as readonly AuditCode[] // its own keys

/** The facts of a code. */
export function entryOf(code: AuditCode): CatalogEntry {
  return catalog[code]
}

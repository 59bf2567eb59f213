import type {
  GatewayPlan,
  JsonSchema,
  Plan,
  RoutePlan,
  SchemaPlan,
  Segment,
  Slot,
  StageName,
  UpstreamPlan,
} from '../plan/plan.js'
import type { Place } from '../values/place.js'
import type { SecretText } from '../values/secret.js'

export type { JsonSchema, Slot, StageName }

/** One protection: a folder of one shape. It answers one question and knows no other stage. */
export interface Stage<Settings> {
  readonly name: StageName
  /** The route keys it reads, each with the schema of what stands under it. */
  readonly keys: Readonly<Record<string, JsonSchema>>
  /** Every code it may deny with. */
  readonly reasons: Reasons
  /** Pure: units become numbers, names become things. Problems go to `scope.report`; what it returns is plain data. */
  resolve(policy: Section, scope: Scope): readonly Planned<Settings>[]
  /** Runs once per route and generation; may build tables. What can fail has failed in `resolve`. */
  compile(settings: Settings, tools: Tools): Check
}

/** A step as its stage plans it; `slot` gives it its place in the order. */
export interface Planned<Settings> {
  readonly slot: Slot
  readonly mode: 'enforce' | 'report'
  readonly settings: Settings
  readonly declaredAt: Place
  /** Whether the step reads the body's bytes; a route without such a step streams its body. */
  readonly needsBody?: boolean
}

// ── resolve ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A part of the effective policy: a plain value that fits its schema, and where each piece of it was written. */
export interface Section {
  readonly value: unknown
  /** The part under these keys; its value is undefined where nothing stands. */
  get(...path: readonly (string | number)[]): Section
  /** Where the value was written; for what is absent, where its nearest written ancestor was. */
  readonly place: Place
  /** Where its key was written; the value's place for list items and roots. */
  readonly keyPlace: Place
}

/** What a stage may ask while it resolves one route. */
export interface Scope {
  readonly route: { readonly id: string; readonly method: string; readonly segments: readonly Segment[] }
  readonly gateway: Pick<GatewayPlan, 'listeners' | 'trustedProxies'>
  readonly issuers: Plan['issuers']
  readonly clients: Plan['clients']
  readonly upstreams: Plan['upstreams']
  /** Shared limits as written under `rateLimits:`. */
  readonly rateLimits: Readonly<Record<string, Section>>
  /** The first problem of a place wins; the run goes on. The severity is `error` unless said. */
  report(problem: {
    readonly code: string
    readonly message: string
    readonly hint?: string
    readonly at: Place
    readonly severity?: 'error' | 'warning'
    readonly related?: readonly { readonly message: string; readonly place: Place }[]
  }): void
  /** Reads a JSON or YAML file relative to the file of `from`. Reports and returns undefined when it cannot. */
  readFile(reference: string, from: Section): Section | undefined
  /** The text of a file relative to the file of `from`. Reports and returns undefined when it cannot. */
  readText(reference: string, from: Section): string | undefined
  /** Splits `"Bearer ${secret:name}"`. Reports and returns undefined for a secret nobody declared. */
  secretText(text: Section): SecretText | undefined
  /** Puts a schema into the plan and returns its content hash. */
  addSchema(schema: SchemaPlan): string
  /** Remembers work by a content key across routes and reloads. */
  keep<T>(key: string, make: () => T): T
}

// ── compile ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What stages borrow: everything that reaches outside or outlives a reload. */
export interface Tools {
  readonly clock: Clock
  readonly issuers: Plan['issuers']
  readonly clients: Plan['clients']
  readonly upstreams: Plan['upstreams']
  readonly schemas: Plan['schemas']
  reveal(text: SecretText): string
  /** Compiled things by content key; they outlive reloads and are dropped when no generation asks for them. */
  keep<T>(key: string, make: () => T): T
  verifier(issuer: string): TokenVerifier
  /** For an issuer of the plan that has `dpop`; throws for any other. */
  proofVerifier(issuer: string): ProofVerifier
  /** Whether the peer of a connection is one of the proxies that may speak for a client. */
  trusts(peer: string): boolean
  /** As `verifier`, by asking the issuer itself about each token. RFC 7662 */
  introspector(issuer: string): TokenVerifier
  readonly revocations: Revoked
  /** Signs a token of our own by which a function can trust the hop; audience: its origin. */
  hopToken(facts: {
    readonly audience: string
    /** Of the exchange. */
    readonly id: string
    readonly identity: Identity | null
    readonly claims: Readonly<Record<string, unknown>> | null
  }): string
  /** Where refused clients find which issuers are believed (RFC 9728); null: nowhere. */
  readonly resourceMetadata: string | null
  readonly limiter: Limiter
  readonly slots: Slots
  readonly http: Http
  readonly credentials: Credentials
  /** The security headers that @fastify/helmet sets for a profile: flat, lower-case names. */
  securityHeaders(profile: 'strict' | 'basic'): readonly string[]
}

export interface Clock {
  /** Epoch ms, coarse: advances at least every few ms. */
  now(): number
  /** Monotonic ms with fractions, for durations. */
  monotonic(): number
}

/** Checks the tokens of one issuer. Synchronous where the answer is at hand (a cached token). */
export interface TokenVerifier {
  verify(token: string): TokenResult | Promise<TokenResult>
}

export type TokenResult =
  | { readonly valid: true; readonly identity: Identity }
  | {
      readonly valid: false
      /** Part of the deny code: `token-expired`; `issuer-unavailable` alone is no fault of the token (503). */
      readonly fault: string
      readonly retryAfterSeconds?: number
      readonly evidence?: Evidence
    }

/** Checks proofs of possession for the tokens of one issuer. RFC 9449 */
export interface ProofVerifier {
  /** Spends the proof. Asking again for the same exchange gives the same answer: several methods may have to judge it. */
  verify(proof: string, asked: ProvenRequest): Promise<ProofResult>
}

/** What a proof must be for. */
export interface ProvenRequest {
  readonly exchange: Pick<Exchange, 'method' | 'scheme' | 'host' | 'path'>
  /** The access token that goes with it. */
  readonly token: string
  /** The key that the token is bound to: `cnf.jkt`. */
  readonly thumbprint: string
}

export type ProofResult =
  /** `nonce`: to be told to the caller, whose own is about to end. */
  | { readonly valid: true; readonly nonce?: string }
  /** `fault`: the deny code without its prefix; `nonce`: what the caller shall try again with. */
  | { readonly valid: false; readonly fault: string; readonly nonce?: string; readonly evidence: Evidence }

/** What operators have revoked, whatever its issuer says. */
export interface Revoked {
  /** Why an identity is refused; null: it is not. `issuer` is a name of the plan, null for API keys. */
  covers(identity: Identity, issuer: string | null): Evidence | null
}

/** Who is asking, as `auth` established it. */
export interface Identity {
  readonly method: 'none' | 'jwt' | 'apiKey' | 'introspection' | 'mtls' | 'signature'
  /** `sub` of a token, the client's name for an API key. */
  readonly subject: string
  /** Name in `clients:`; `client_id` or `azp` of a token. */
  readonly clientId: string | null
  readonly plan: string | null
  readonly scopes: ReadonlySet<string>
  readonly claims: Readonly<Record<string, unknown>>
}

/** One limit as the counters see it. Its bucket is named for where it was declared: a route's own, or a shared one. */
export interface LimitSpec {
  /** Unique in the plan, stable across reloads: `POST /orders#per-client`, `#partner-plan` for a shared limit. */
  readonly bucket: string
  readonly algorithm: 'sliding-window' | 'token-bucket' | 'fixed-window' | 'calendar'
  /** The largest quota that `take` will name: tiers pass their own with each call. */
  readonly quota: number
  /** Length of the window; for `calendar`, the nominal length of `day` or `month`. */
  readonly windowMs: number
  readonly calendar: 'day' | 'month' | null
  /** Token bucket: how many at once. */
  readonly burst: number | null
  /** What one call takes; of a shared bucket each route may take another amount. */
  readonly cost: number
}

export interface Limiter {
  /** Opens the buckets of one group of limits; opening one again after a reload finds its counts. */
  open(specs: readonly LimitSpec[]): LimitGroup
}

export interface LimitGroup {
  /**
   * Takes a call's cost from every limit, or nothing when one of them has too little left.
   * @param keys one per spec; what they partition by.
   * @param quotas one per spec: the quota in force for this caller.
   */
  take(keys: readonly string[], quotas: readonly number[]): LimitDecision | Promise<LimitDecision>
}

export interface LimitDecision {
  readonly allowed: boolean
  /** Nobody can say: the shared store is away, and the policy would rather refuse than guess. */
  readonly isUnavailable?: boolean
  /** One per spec; none at all where nobody can say. */
  readonly states: readonly LimitState[]
  /**
   * Gives back what was taken: for `count: forwarded`, when the call never reached the function.
   * @param limits positions of the limits to give back to; all of them when absent.
   */
  refund(limits?: readonly number[]): void
}

export interface LimitState {
  readonly quota: number
  readonly remaining: number
  /** When allowed, ms until the allowance is whole again or the window moves; when spent, ms until one is free. */
  readonly resetMs: number
  readonly exceeded: boolean
}

/** Counted places for calls under way. */
export interface Slots {
  open(bucket: string, quota: number): SlotGroup
}

export interface SlotGroup {
  /** A release, or null when all are taken. */
  take(key: string): (() => void) | null
  /**
   * Stands in line for a place that `take` did not give; null when as many wait as may.
   * @param most who may wait for places of this key at once.
   */
  wait(key: string, most: number, ms: number): Waiting | null
}

/** A call in line. */
export interface Waiting {
  /** A release, or null when its time was over first. */
  readonly turn: Promise<(() => void) | null>
  /** Leaves the line; a turn that comes all the same is given back. */
  leave(): void
}

export interface Http {
  /** The pool of an upstream's origin, kept over reloads. */
  upstream(plan: UpstreamPlan): Upstream
}

export interface Upstream {
  /** Sends the request and settles when the answer's head is there. Never rejects. */
  send(request: OutgoingRequest, exchange: Exchange): Promise<Answer | SendFault>
  /** Takes one retry from the budget of the function; false where it is spent. */
  takeRetry(): boolean
}

export interface OutgoingRequest {
  readonly method: string
  /** Path and query, exactly as they go on the wire. */
  readonly target: string
  /** Flat, lower-case names; without `host`, `content-length` and hop-by-hop headers. */
  readonly headers: readonly string[]
  /** Null: none. 'stream': the caller's body as it arrives. */
  readonly body: Buffer | 'stream' | null
  readonly timeouts: Timeouts
}

export interface Timeouts {
  readonly connectMs: number
  /** To the first byte of the answer. */
  readonly headersMs: number
  /** Between two bytes of the answer. */
  readonly idleMs: number
  /** To its last byte; null: none (streams). */
  readonly totalMs: number | null
}

/** What the gateway shows to the platforms of functions. Each is fetched when first asked for, and kept over reloads. */
export interface Credentials {
  /** What the AWS credential chain finds. */
  aws(): Credential<AwsKeys>
  /** An ID token of Google for this audience. */
  googleIdToken(audience: string): Credential<string>
  /** An access token of the managed identity in Azure; `clientId` chooses a user-assigned one. */
  azureToken(resource: string, clientId: string | null): Credential<string>
}

export interface Credential<T> {
  /** The value, while it is good; it is renewed early, and a promise is given only where there is none in hand. */
  get(): T | CredentialFault | Promise<T | CredentialFault>
  /** The platform refused this value: it is fetched anew soon, should it still be the one in hand. */
  doubt(value: T): void
}

export interface CredentialFault {
  readonly fault: 'no-credentials'
  /** For the operator's record; never sent out. */
  readonly detail: string
  readonly retryAfterSeconds: number
}

/** One set of keys is one object: who sees the same object may keep what was derived from it. */
export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary keys. */
  readonly sessionToken: string | null
}

export interface SendFault {
  /**
   * `too-large`: a streamed body went over its route's cap. `no-credentials`: the gateway has nothing to sign in with.
   * `at-capacity`, `breaker-open`: the call was not let through to the function.
   */
  readonly fault:
    | 'unreachable'
    | 'bad-answer'
    | 'timeout'
    | 'aborted'
    | 'too-large'
    | 'no-credentials'
    | 'at-capacity'
    | 'breaker-open'
  /** For the operator's record; never sent out. */
  readonly detail: string
  /** Whether any byte of the request may have reached the function. */
  readonly sent: boolean
  /** Whether any byte of an answer came. */
  readonly began: boolean
  /** For a call that was not let through: when it may be. */
  readonly retryAfterSeconds?: number
}

// ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs for every request of its route. Promises only where it must wait. */
export type Check = (exchange: Exchange) => Verdict | Promise<Verdict>

export type Verdict = Allow | Deny

export interface Allow {
  readonly outcome: 'allow'
  readonly evidence?: Evidence
}

export interface Deny {
  readonly outcome: 'deny'
  readonly reason: Reason
  /** For the operator; redacted before any reader sees it, never sent out. */
  readonly evidence: Evidence
  /** For the caller: `WWW-Authenticate`, `Retry-After`; flat name, value. */
  readonly headers?: readonly string[]
  /** For the caller of a refused `request`: where and which rule, never a value. */
  readonly errors?: readonly { readonly at: string; readonly rule: string }[]
  /** The line of the rule that denied, where it is finer than the step's. */
  readonly declaredAt?: Place
}

/** Facts about a decision. Values that come from the caller are masked by whoever puts them in. */
export type Evidence = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

export interface Reason {
  /** Exact and stable: `auth.token-expired`. Records and policy tests see it. */
  readonly code: string
  readonly status: number
  /** The code a caller sees, where the exact one would help an attacker. */
  readonly shown?: string
  /** The problem's `type`; `about:blank` when absent. */
  readonly type?: string
  /** Of a 401 whose credential is genuine all the same: it does not count as a failed one. */
  readonly isCredentialGood?: true
  /** One constant sentence for documentation and `explain`. */
  readonly sentence: string
}

export type Reasons = Readonly<Record<string, Reason>>

export const allow: Allow = { outcome: 'allow' }

const noEvidence: Evidence = {}

/** A denial; build it at compile time where nothing of it depends on the request. */
export function deny(
  reason: Reason,
  evidence: Evidence = noEvidence,
  extra?: Pick<Deny, 'headers' | 'errors' | 'declaredAt'>,
): Deny {
  return { outcome: 'deny', reason, evidence, ...extra }
}

/** One request on its way through the stages. The gateway makes it; stages read it and leave their findings on it. */
export interface Exchange {
  /** Request id, always of our own making: a ULID. */
  readonly id: string
  /** Epoch ms of its arrival. */
  readonly at: number
  /** In capitals, one of a fixed list. */
  readonly method: string
  /** The one canonical path: raw, still percent-encoded, begins with `/`, holds nothing ambiguous. */
  readonly path: string
  /** Raw, without `?`; empty when there is none. */
  readonly query: string
  /** The request's scheme and the host it asked for, as trusted proxies tell them. */
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly httpVersion: '1.0' | '1.1'
  /** As received: name, value, name, value; names keep their case. */
  readonly rawHeaders: readonly string[]
  /** Lower-case names; repeated headers joined as Node joins them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The client's address, given the trusted proxies; canonical text. */
  readonly address: string
  /** The peer's address on the socket. */
  readonly peer: string
  /**
   * The certificate that the caller's end of the connection has proved to hold the key of; null without TLS on the
   * listener, without `clientCa` there, and where the caller showed none. Lazy: nothing is read of the connection until a
   * route asks, then once per connection. That it was shown says nothing yet: see `isAuthorized`.
   */
  peerCertificate(): PeerCertificate | null
  readonly route: RoutePlan
  /** Raw (percent-encoded) path parameters by name. */
  readonly params: Readonly<Record<string, string>>
  identity: Identity | null
  /** Whether the request announced a body. */
  readonly hasBody: boolean
  /** The exact bytes, once read; null before, and on routes that stream. */
  body: Buffer | null
  /** What `request` made of the bytes; null before it ran. */
  content: Content | null
  /** Decoded query, filled by the first who asks `queryPairs` (stages/query.ts). */
  parsedQuery: readonly QueryPair[] | null
  /** The function's answer, once its head is there. */
  answer: Answer | null
  /** Headers for whatever answer the caller gets: flat name, value. */
  readonly answerHeaders: string[]
  /** What an enforced step of limits has let it take so far: a later one that refuses gives it back. */
  granted: LimitDecision | null
  /** Registers work for the end of the exchange, however it ends; `reached` says whether the function saw it. */
  whenDone(release: (reached: boolean) => void): void
}

/** A client's certificate, as the handshake of its connection left it. */
export interface PeerCertificate {
  /** DER. */
  readonly raw: Buffer
  /** One attribute a line, as OpenSSL prints it: `CN=billing`. */
  readonly subject: string
  readonly issuer: string
  /** As Node prints it: `DNS:a.example, URI:spiffe://…`; names with special characters are quoted. Empty: none. */
  readonly subjectAltName: string
  /** SHA-256 of `raw`, lower-case hex. */
  readonly sha256: string
  /** Epoch ms. A connection may outlive its certificate: whoever relies on it compares these with the clock. */
  readonly validFrom: number
  readonly validTo: number
  /** Whether a chain led to an authority of the listener's `clientCa` when the connection began. */
  readonly isAuthorized: boolean
  /** Why not, in OpenSSL's word (`CERT_HAS_EXPIRED`); null where it is. */
  readonly fault: string | null
}

export interface QueryPair {
  readonly name: string
  readonly value: string
}

/** A body, parsed strictly by its declared type. */
export type Content =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'form'; readonly fields: readonly QueryPair[] }
  | { readonly kind: 'multipart'; readonly parts: readonly MultipartPart[] }
  | { readonly kind: 'xml'; readonly values: readonly { readonly at: string; readonly text: string }[] }
  | { readonly kind: 'text'; readonly text: string }
  /** A listed type that no stage can read; `explain` and `check` name it. */
  | { readonly kind: 'opaque' }

export interface MultipartPart {
  readonly name: string
  readonly fileName: string | null
  readonly contentType: string | null
  /** Null for parts that are not valid UTF-8 text. */
  readonly text: string | null
  readonly bytes: number
}

/** The function's answer: its head, and its body still to come. `response` may change the head and replace the body. */
export interface Answer {
  status: number
  /** Flat, lower-case names, hop-by-hop headers gone. */
  headers: string[]
  /** Whether a body can follow at all (not for HEAD, 204, 304). */
  readonly hasBody: boolean
  /** The whole body, or null when it is longer than `limit` (what was read is not lost: it still streams). */
  collect(limit: number): Promise<Buffer | null>
  /** The first bytes of the body: at least this many, unless it ends sooner. They are not lost: they still stream. */
  peek(bytes: number): Promise<Buffer>
  /** Whether it broke off before its end. */
  readonly isCut: boolean
  /** Sends these bytes instead; the function's own are discarded. */
  replace(body: Buffer): void
}

import type { Place } from '../values/place.js'
import type { SecretText } from '../values/secret.js'

/**
 * The frozen middle between policy text and a running generation: plain data, without functions, classes or secrets, so
 * that it can be sent to another thread, printed, compared and kept as a fixture.
 */
export interface Plan {
  /** SHA-256 (hex) of the canonical plan without secrets and places; on every record. */
  readonly fingerprint: string
  readonly gateway: GatewayPlan
  readonly issuers: Readonly<Record<string, IssuerPlan>>
  readonly clients: Readonly<Record<string, ClientPlan>>
  readonly upstreams: Readonly<Record<string, UpstreamPlan>>
  /** Every JSON Schema that a step names, by content hash: `request` and `response` settings hold the hash alone. */
  readonly schemas: Readonly<Record<string, SchemaPlan>>
  readonly routes: readonly RoutePlan[]
}

export interface SchemaPlan {
  readonly dialect: 'draft-07' | '2019-09' | '2020-12'
  readonly schema: JsonSchema
  /** Schemas of other files that it refers to, by the `$id` under which ajv shall know them. */
  readonly refers: Readonly<Record<string, JsonSchema>>
}

export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** `gateway.yaml`: the process. */
export interface GatewayPlan {
  readonly listeners: { readonly public: PublicPlan; readonly admin: AdminPlan }
  /** CIDR blocks whose peers may tell us the client's address. */
  readonly trustedProxies: readonly string[]
  readonly limits: LimitsPlan
  readonly addressLimit: AddressLimitPlan | null
  readonly store: StorePlan
  readonly revocation: RevocationPlan
  readonly hopToken: HopPlan
  /** What clients may learn of this API (RFC 9728); null: nothing is served. */
  readonly protectedResource: ResourcePlan | null
  /** Selectors (`header.authorization`, `query.token`) whose values no reader of a record may see. */
  readonly accessLog: { readonly redact: readonly string[] }
}

/** Where limits are counted. */
/** Tokens of our own, for functions. */
export interface HopPlan {
  readonly issuer: string
  readonly lifeMs: number
  /** How long a key of our own signs. */
  readonly rotateMs: number
  /** PEM; the first signs. Empty: each process makes its own. */
  readonly keys: readonly SecretText[]
}

export interface ResourcePlan {
  /** Its URL, as clients know it. */
  readonly resource: string
  /** Names in `plan.issuers`. */
  readonly issuers: readonly string[]
  readonly scopes: readonly string[]
  readonly name: string | null
  readonly documentation: string | null
}

/** Where revocations are kept. */
export interface RevocationPlan {
  /** An absolute path; null: in the shared store, or without one in memory. */
  readonly file: string | null
}

export interface StorePlan {
  /** Null: in the memory of the process. */
  readonly redis: RedisPlan | null
  /** What limits do while the shared store does not answer. */
  readonly onStoreError: 'local' | 'allow' | 'deny'
}

export interface RedisPlan {
  /** `redis://user:password@host:6379/0`; `rediss` is TLS. Several: nodes of one cluster. */
  readonly urls: readonly SecretText[]
  readonly isCluster: boolean
  /** PEM of the authorities that may have signed the store's certificate; null: the well-known ones. */
  readonly ca: string | null
  /** Begins every key. */
  readonly prefix: string
  readonly commandTimeoutMs: number
}

export interface ListenerPlan {
  readonly host: string
  readonly port: number
}

export interface PublicPlan extends ListenerPlan {
  /** Null: plain HTTP. */
  readonly tls: TlsPlan | null
}

/** HTTPS on a listener. Certificates, keys and authorities are PEM texts among the secrets of the set. */
export interface TlsPlan {
  /** The chain, the own certificate first. */
  readonly cert: SecretText
  readonly key: SecretText
  /** Authorities of client certificates; null: callers are asked for none. */
  readonly clientCa: SecretText | null
  readonly minVersion: '1.2' | '1.3'
  /** Absolute paths of the files behind them: when one changes, the set is read again. */
  readonly files: readonly string[]
}

export interface AdminPlan extends ListenerPlan {
  /** Required for everything but /livez, /readyz and /metrics once the address is not loopback. */
  readonly token: SecretText | null
}

/** Protections of the process itself; every one is on by default. */
export interface LimitsPlan {
  readonly headerBytes: number
  readonly headersTimeoutMs: number
  /** The time a caller has to send a whole request, and may leave an answer untouched. */
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly targetBytes: number
  readonly concurrentRequests: number
  readonly connections: number
  readonly connectionsPerAddress: number
  readonly requestsPerSocket: number
  readonly eventLoopDelayMs: number
  /** How long SIGTERM waits for what is in flight. */
  readonly drainMs: number
  /** How long of it new connections are still taken. */
  readonly drainGraceMs: number
}

/** The tier before everything else: per process. */
export interface AddressLimitPlan {
  readonly quota: number
  readonly windowMs: number
  /** Bits of the IPv6 network that counts as one address. */
  readonly ipv6Prefix: number
  readonly failedAuth: { readonly quota: number; readonly windowMs: number } | null
  readonly declaredAt: Place
}

export interface RoutePlan {
  /** As written: `POST /orders/{id}`. */
  readonly id: string
  readonly match: RouteMatch
  /** Whether any step needs the body's bytes. */
  readonly body: 'buffered' | 'streamed'
  /** In running order. */
  readonly steps: readonly Step[]
  /** Name in `plan.upstreams`. */
  readonly upstream: string
  readonly declaredAt: Place
}

export interface RouteMatch {
  /** An exact method, or `ANY`. */
  readonly method: string
  /** Compared with raw (still percent-encoded) segments. */
  readonly segments: readonly Segment[]
}

export type Segment = { readonly literal: string } | { readonly param: string } | { readonly rest: string }

/** The word for a protection: policy key, folder, deny code, metric label. */
export type StageName =
  | 'cors'
  | 'ip'
  | 'rateLimit'
  | 'auth'
  | 'concurrency'
  | 'request'
  | 'inspect'
  | 'replay'
  | 'forward'
  | 'response'

export type Phase = 'head' | 'body' | 'upstream' | 'response'

/** A place in the fixed order of controls; `stages/order.ts` lists them all. */
export type Slot =
  | 'cors'
  | 'ip'
  | 'rateLimit:address'
  | 'auth'
  | 'rateLimit:client'
  | 'concurrency'
  | 'auth:signature'
  | 'request'
  | 'inspect'
  | 'replay'
  | 'forward'
  | 'response'

export interface Step {
  readonly stage: StageName
  readonly slot: Slot
  readonly phase: Phase
  readonly mode: 'enforce' | 'report'
  /** Its type is known to its own stage only. */
  readonly settings: unknown
  readonly declaredAt: Place
}

export interface IssuerPlan {
  readonly name: string
  /** Compared with `iss` exactly. */
  readonly issuer: string
  /** The claim that must hold one of these values; `aud` unless the policy names another. */
  readonly audience: { readonly claim: string; readonly oneOf: readonly string[] }
  readonly algorithms: readonly string[]
  /** Lower-case `typ` values without the `application/` prefix; `absent` allows a token without `typ`. */
  readonly tokenTypes: readonly string[]
  readonly clockSkewMs: number
  readonly maxTokenAgeMs: number | null
  /** The claims that hold roles, as the policy writes them: `realm_access.roles`. */
  readonly roles: readonly string[]
  readonly keys: IssuerKeys
  /** Whether callers show that a token is theirs by a proof of its key (RFC 9449); absent: such tokens are refused. */
  readonly dpop?: DpopPlan
  /** How the issuer is asked about tokens (RFC 7662); null: it is not. */
  readonly introspection: IntrospectionPlan | null
  readonly keySet: {
    readonly cooldownMs: number
    readonly maxAgeMs: number
    readonly timeoutMs: number
    readonly staleIfErrorMs: number
    readonly maxBytes: number
  }
  readonly declaredAt: Place
}

export interface DpopPlan {
  /** Whether a token without a key of its caller is refused; otherwise it passes as Bearer. */
  readonly required: boolean
  readonly algorithms: readonly string[]
  /** How long after its `iat` a proof may be used. */
  readonly maxAgeMs: number
  /** Scheme, host and base path by which callers know this gateway; empty: as they ask for it. */
  readonly publicUrls: readonly string[]
  /** Null: proofs need no nonce of ours. */
  readonly nonce: { readonly lifeMs: number; readonly secret: SecretText | null } | null
}

export interface IntrospectionPlan {
  /** Null: discovery finds it. */
  readonly endpoint: string | null
  readonly clientId: string
  readonly clientSecret: SecretText
  readonly authMethod: 'basic' | 'post'
  /** How long an answer holds, within the token's own life. */
  readonly cacheMs: number
}

export type IssuerKeys =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'jwksUri'; readonly url: string }
  /** The JSON text of a JWK set, read at load. */
  | { readonly kind: 'jwks'; readonly json: string }
  | { readonly kind: 'publicKey'; readonly pem: string }
  | { readonly kind: 'secret'; readonly secret: SecretText }

export interface ClientPlan {
  readonly name: string
  readonly plan: string | null
  readonly keys: readonly ApiKeyPlan[]
  /** CIDR blocks; empty: any address. */
  readonly ipAllow: readonly string[]
  readonly declaredAt: Place
}

export interface ApiKeyPlan {
  readonly name: string
  /** Lower-case hex SHA-256 of the whole key. */
  readonly sha256: string
  /** Epoch ms from which on the key is refused (the day after `notAfter`, UTC); null: never. */
  readonly expiresAt: number | null
  readonly declaredAt: Place
}

export interface UpstreamPlan {
  readonly name: string
  /** Scheme, host and port. */
  readonly origin: string
  /** Put before every forwarded path; empty, or starts with `/` and does not end with one. */
  readonly basePath: string
  readonly auth: UpstreamAuth
  readonly reservedConcurrency: number | null
  /** Absent where the host and the sign-in say nothing of it. */
  readonly platform?: PlatformId
  /** Absent: no canary. */
  readonly canary?: CanaryPlan
  /** What the platform calls it: an ARN, a resource name. */
  readonly function?: string
  /** Null: the authorities that Node believes. */
  readonly tls: UpstreamTls | null
  /** Calls that one process of the gateway has under way there at once; more are refused. */
  readonly concurrency: number
  /** Null: none. */
  readonly breaker: BreakerPlan | null
  readonly declaredAt: Place
}

/** When the gateway stops calling a function that fails, and how it finds out that it works again. */
export interface BreakerPlan {
  /** Of the calls in the window, 1–100. */
  readonly failurePercent: number
  /** Fewer calls in the window say nothing. */
  readonly minimumCalls: number
  readonly windowMs: number
  /** How long no call goes before a few are tried. */
  readonly openMs: number
  /** Calls that go at once to try, and must all succeed. */
  readonly probes: number
}

/** Whom to believe that it is the function. */
export interface UpstreamTls {
  /** PEM of the only authorities that are believed; null: those that Node believes. */
  readonly ca: string | null
  /** Base64 SHA-256 of public keys (RFC 7469), of which the function must have one; empty: any. */
  readonly pins: readonly string[]
}

export type PlatformId =
  | 'aws-lambda'
  | 'google-cloud-run'
  | 'google-cloud-functions'
  | 'azure-functions'
  | 'vercel'
  | 'cloudflare-workers'
  | 'netlify'

export type UpstreamAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'header'; readonly headers: readonly UpstreamHeader[] }
  | { readonly kind: 'aws-sigv4'; readonly region: string; readonly service: string }
  | { readonly kind: 'google-id-token'; readonly audience: string }
  | { readonly kind: 'azure-entra'; readonly resource: string; readonly clientId: string | null }

export interface UpstreamHeader {
  readonly name: string
  readonly value: SecretText
  /** What the function took before, while the secret is being changed. */
  readonly former?: SecretText
}

/** Calls to the function without its sign-in, to see that it refuses them. */
export interface CanaryPlan {
  /** Null: once after each start. */
  readonly everyMs: number | null
  readonly method: 'HEAD' | 'OPTIONS' | 'GET'
  /** Put behind the base path. */
  readonly path: string
}

import type { Place } from '../values/place.js'

/** One `*.test.yaml`: what is asked of the policies beside it. Its clock and counters run on from test to test. */
export interface PolicyTestFile {
  readonly file: string
  /** Epoch ms at which its clock starts; null: noon of today, UTC. */
  readonly startsAt: number | null
  readonly tests: readonly PolicyTest[]
}

export interface PolicyTest {
  readonly name: string
  readonly place: Place
  readonly as: TestCaller
  readonly send: TestRequest
  /** What the function says; null: 201 to a POST and 200 to the rest. */
  readonly answer: TestAnswer | null
  readonly times: number
  /** How far the clock moves before. */
  readonly afterMs: number
  readonly expect: Expectation
}

/** Who asks, with credentials made for the test. */
export interface TestCaller {
  /** The address the request comes from. */
  readonly address: string
  readonly credential:
    | { readonly kind: 'none' }
    | {
        readonly kind: 'jwt'
        /** Null: the issuer that the route asks for. */
        readonly issuer: string | null
        readonly claims: Readonly<Record<string, unknown>>
        readonly isForged: boolean
      }
    | { readonly kind: 'apiKey'; readonly client: string; readonly key: string | null }
}

export type TestRequest =
  | {
      readonly method: string
      /** Path and query, as they go on the wire. */
      readonly target: string
      readonly headers: Readonly<Record<string, string>>
      /** JSON unless it is a text; undefined: none. */
      readonly body: unknown
    }
  /** The whole request, byte for byte but for line ends. */
  | { readonly raw: string }

export type TestAnswer =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown }
  | { readonly fault: 'unreachable' | 'bad-answer' | 'timeout' }

/** What a header must be: a text, a range of numbers, a pattern, there at all, or not there. */
export type HeaderExpectation =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'range'; readonly least: number; readonly most: number }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'present' }
  | { readonly kind: 'absent' }

/** All but the statuses is asked of the last answer. What is absent is not asked. */
export interface Expectation {
  /** One per request. */
  readonly statuses?: readonly number[]
  /** The exact code of the record; null: none, the request passed. */
  readonly code?: string | null
  /** `orders.yaml:4`, or with the column. */
  readonly origin?: string
  readonly headers?: Readonly<Record<string, HeaderExpectation>>
  /** Must be found in the body, however much else is there. */
  readonly body?: unknown
  /** Codes that report mode passed over. */
  readonly reported?: readonly string[]
  /** What reached the function; null: nothing did. */
  readonly upstream?: UpstreamExpectation | null
}

export interface UpstreamExpectation {
  readonly name?: string
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, HeaderExpectation>>
  readonly body?: unknown
}

/** Somebody who calls in a load test. Calls of one caller differ in nothing. */
export interface Caller {
  /** `noisy`, `quiet-1`. */
  readonly name: string
  /** The loopback address it calls from. */
  readonly address: string
  /** Client id: of its API key, or the claim of its token. */
  readonly client: string
  readonly claims: Readonly<Record<string, unknown>>
  /** By lower-case name, the credential among them. */
  readonly headers: Readonly<Record<string, string>>
}

/** What the plan holds of the pages that may call a route. */
export interface CorsSettings {
  /** As browsers send them; null: any. */
  readonly origins: readonly string[] | null
  readonly methods: readonly string[]
  /** Lower-case names, without those that need no permission. */
  readonly headers: readonly string[]
  /** Lower-case names. */
  readonly exposeHeaders: readonly string[]
  readonly credentials: boolean
  readonly maxAgeSeconds: number
}

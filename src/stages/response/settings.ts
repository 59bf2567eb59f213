/** What the plan holds of a route's answers. */
export interface ResponseSettings {
  /**
   * What the step does: `all`; or, where the schema only reports, the schema in a step of its own (`schema`) and what
   * always holds (`guards`).
   */
  readonly part: 'all' | 'schema' | 'guards'
  readonly errors: 'mask' | 'pass'
  readonly security: 'strict' | 'basic' | null
  /** Lower-case names. */
  readonly remove: readonly string[]
  /** Whether `cors` speaks to pages of other origins here, and the function does not. */
  readonly hasCors: boolean
  /** Content hash of the answer's schema in `plan.schemas`. */
  readonly schema: string | null
  /** Fields that do not leave: the unescaped steps of each pointer; `*` for any key or item. */
  readonly redact: readonly (readonly string[])[]
  /** The longest answer that is read for its schema or its fields. */
  readonly maxBytes: number
  /** Name in `plan.upstreams`, whose host and base path stay behind the gateway. */
  readonly upstream: string
}

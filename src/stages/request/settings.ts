import type { StructureCaps } from './strict-json.js'

/** What a `request` step knows of its route: plain data of the plan. */
export interface RequestSettings {
  /**
   * What the step does: `all`; or, in report mode, the reading that always holds (`reading`) and, in a step of its own,
   * the schemas that only report (`schemas`).
   */
  readonly part: 'all' | 'reading' | 'schemas'
  /** The size cap in bytes: whoever reads the body stops there with 413. */
  readonly maxBytes: number
  /** Whether any method of the route may carry a body; when false, a body is refused unread. */
  readonly acceptsBody: boolean
  /** Whether the route takes a body on methods that usually have none: it names `body` or `contentType`. */
  readonly declaresBody: boolean
  /** Whether a request without a body is refused: a body schema stands. */
  readonly requiresBody: boolean
  /** Whether a listed media type can be read; else bodies stream by, unread. */
  readonly readsBody: boolean
  /** Whether a parameter of the path may hold `%2F`; the front door and the route table see to it. */
  readonly encodedSlash: 'refuse' | 'allow'
  /** Media types a body may have: exact, or with one `*`. */
  readonly types: readonly string[]
  /** Content codings a body may have: it is then inflated to be judged. */
  readonly encodings: readonly Coding[]
  readonly structure: StructureCaps
  /** Content hash of the body's schema in `plan.schemas`. */
  readonly bodySchema: string | null
  readonly parameters: ParameterSettings | null
}

/** Content codings that can be inflated here. RFC 9110 section 8.4.1 */
export type Coding = 'gzip' | 'br' | 'deflate'

/** What is asked of path, query and headers. */
export interface ParameterSettings {
  /** Content hash of one schema over `{path: {…}, query: {…}, header: {…}}`. */
  readonly schema: string
  readonly path: readonly ParameterPlan[]
  readonly query: readonly ParameterPlan[]
  /** By lower-case name. */
  readonly header: readonly ParameterPlan[]
  readonly rejectsUnknownQuery: boolean
}

export interface ParameterPlan {
  readonly name: string
  /** Types its text is read as, in the order tried; `string` is the last resort. */
  readonly reads: readonly TextType[]
  /** Whether it may be repeated: each value is then read by itself. */
  readonly isList: boolean
}

export type TextType = 'integer' | 'number' | 'boolean' | 'null' | 'string'

/** What must be known of a route before its body phase, from the settings of its first `request` step. */
export function bodyLimits(
  settings: RequestSettings,
): Pick<RequestSettings, 'maxBytes' | 'acceptsBody' | 'encodedSlash'> {
  return settings
}

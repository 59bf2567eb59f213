import type { Exchange, JsonSchema, Scope, Section, SendFault } from '../contract.js'

/** When a call that failed is sent again. */
export interface RetrySettings {
  /** How often it is sent in all; 1: never again. */
  readonly attempts: number
  /**
   * `safe`: what a policy gets without asking, a call without a body whose warm connection the function closed.
   * `idempotent`: what it asks for with `forward.retry`.
   */
  readonly methods: 'safe' | 'idempotent'
  /** Whether a call with an `Idempotency-Key` counts as idempotent whatever its method. */
  readonly trustsKey: boolean
}

const builtIn: RetrySettings = { attempts: 2, methods: 'safe', trustsKey: false }
const builtInAttempts = 3

/** RFC 9110 section 9.2.1 */
const safe = new Set(['GET', 'HEAD', 'OPTIONS'])
/** RFC 9110 section 9.2.2 */
const idempotent = new Set([...safe, 'PUT', 'DELETE'])
const keyHeader = 'idempotency-key'

/** The schema of `forward.retry`. */
export const retrySchema: JsonSchema = {
  description:
    'Sends a call again that got no byte of an answer: GET, HEAD, OPTIONS, PUT and DELETE, never a body that streams.',
  examples: [{ attempts: 3, idempotencyKey: 'trust' }, 'off'],
  anyOf: [
    { enum: ['off', false], description: 'No call is ever sent twice.' },
    {
      type: 'object',
      additionalProperties: false,
      description: 'How often, and what besides.',
      properties: {
        attempts: {
          type: 'integer',
          minimum: 1,
          maximum: 5,
          description: 'How often a call is sent in all, within the route’s total time.',
          examples: [3],
        },
        idempotencyKey: {
          enum: ['ignore', 'trust'],
          description:
            '`trust`: a call of any method with an Idempotency-Key may be sent again, because the function keeps them.',
          examples: ['trust'],
        },
      },
    },
  ],
}

/** `forward.retry` of a route. */
export function resolveRetry(section: Section, allowHeaders: readonly string[] | null, scope: Scope): RetrySettings {
  const { value } = section
  if (value === undefined) return builtIn
  if (value === 'off' || value === false) return { ...builtIn, attempts: 1 }
  const attempts = section.get('attempts').value
  const trusts = section.get('idempotencyKey')
  const trustsKey = trusts.value === 'trust'
  if (trustsKey && allowHeaders !== null && !allowHeaders.includes(keyHeader)) {
    scope.report({
      code: 'forward.retry-key-dropped',
      message: 'The function never gets the Idempotency-Key: it is not among the headers that pass.',
      hint: 'Add idempotency-key to forward.headers.allow.',
      at: trusts.place,
    })
  }
  return { attempts: typeof attempts === 'number' ? attempts : builtInAttempts, methods: 'idempotent', trustsKey }
}

/** Whether the call may be sent twice at all: by its method, and because its body is still here to be sent. */
export function isRepeatable({ methods, trustsKey }: RetrySettings, exchange: Exchange): boolean {
  const { method, hasBody } = exchange
  if (methods === 'safe') return safe.has(method) && !hasBody
  if (hasBody && exchange.body === null) return false
  return idempotent.has(method) || (trustsKey && hasKey(exchange))
}

/** Whether another try may end better, and cannot make a second effect of what the function may have seen. */
export function isWorthAnother({ methods }: RetrySettings, { fault, sent, began }: SendFault): boolean {
  if (began) return false
  // A warm connection may be closed by the function in the moment we use it: that is no fault of the caller's.
  if (fault === 'unreachable') return methods === 'idempotent' || sent
  return fault === 'timeout' && methods === 'idempotent' && !sent
}

/** One that is repeated is none. draft-ietf-httpapi-idempotency-key-header-07 section 2.1 */
function hasKey({ headers }: Exchange): boolean {
  const key = headers[keyHeader]
  return typeof key === 'string' && key !== '' && !key.includes(',')
}

/** Ms to wait before a try, the first being 1: the second goes at once, later ones further and further apart. */
export function pauseBefore(attempt: number, random: () => number): number {
  return attempt <= 2 ? 0 : 50 * 2 ** (attempt - 3) * (0.5 + random() / 2)
}

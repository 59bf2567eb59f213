import type { UpstreamHeader } from '../../../plan/plan.js'
import type { SecretText } from '../../../values/secret.js'
import type { Clock, OutgoingRequest, Upstream } from '../../contract.js'

/** After a call that either value was refused for: callers who are refused for their own fault must not double every call. */
const leastGapMs = 5_000

/**
 * Sends headers of which some have two values: the one that worked last, at first the new one. When the function refuses
 * the sign-in, the request goes out once more with the other one, and what is not refused then is what stays. RFC 9110
 * sections 15.5.2 and 15.5.4 allow that: a refused request has not been carried out, and other credentials may be shown.
 */
export function rotating(
  upstream: Upstream,
  headers: readonly UpstreamHeader[],
  reveal: (text: SecretText) => string,
  clock: Clock,
): Upstream {
  const former = new Map(
    headers.flatMap(({ name, former: text }) => (text === undefined ? [] : [[name, reveal(text)] as const])),
  )
  let usesFormer = false
  let tryAgainAt = 0

  const shown = (request: OutgoingRequest, withFormer: boolean): OutgoingRequest => {
    if (!withFormer) return request
    const replaced = request.headers.map((part, i) =>
      i % 2 === 1 ? (former.get(request.headers[i - 1] ?? '') ?? part) : part,
    )
    return { ...request, headers: replaced }
  }

  return {
    takeRetry: () => upstream.takeRetry(),
    async send(request, exchange) {
      const mine = usesFormer
      const outcome = await upstream.send(shown(request, mine), exchange)
      if ('fault' in outcome || (outcome.status !== 401 && outcome.status !== 403)) return outcome
      // A body that has streamed away cannot be sent again.
      if (request.body === 'stream' || clock.monotonic() < tryAgainAt) return outcome
      const other = await upstream.send(shown(request, !mine), exchange)
      if ('fault' in other) return outcome
      if (other.status === 401 || other.status === 403) tryAgainAt = clock.monotonic() + leastGapMs
      else usesFormer = !mine
      outcome.replace(Buffer.alloc(0))
      return other
    },
  }
}

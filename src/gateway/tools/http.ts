import type { Dispatcher, Pool } from 'undici'
import type { UpstreamPlan } from '../../plan/plan.js'
import type { OutgoingRequest, SendFault, Upstream } from '../../stages/contract.js'
import type { Pools } from '../../state/pools.js'
import { full, type UpstreamGate, type UpstreamGates } from '../../state/upstream-gates.js'
import { CallerGone, CappedBody } from '../capped-body.js'
import type { LiveExchange } from '../exchange.js'
import { Transfer } from './transfer.js'

/** The upstream of a plan, over connections and through a gate that outlive reloads. */
export function openUpstream(plan: UpstreamPlan, pools: Pools, gates: UpstreamGates): Upstream {
  const { pool, patience } = pools.acquire(plan)
  const gate = gates.acquire(plan)
  return {
    send(request, exchange) {
      if (request.timeouts.connectMs > patience.ms) patience.ms = request.timeouts.connectMs
      // The gateway makes every exchange, and makes them live; stages alone see the narrower type.
      return send(pool, gate, request, exchange as LiveExchange)
    },
    takeRetry: () => gate.takeRetry(),
  }
}

function send(
  pool: Pool,
  gate: UpstreamGate,
  request: OutgoingRequest,
  exchange: LiveExchange,
): Promise<Transfer | SendFault> {
  const ticket = gate.enter()
  if (ticket < 0) return Promise.resolve(notLetThrough(ticket))
  return new Promise((settle) => {
    const transfer = new Transfer(request.method, request.timeouts, exchange, settle, gate, ticket)
    if (exchange.isClosed) return transfer.onError(new CallerGone('the caller has gone'))
    const body = request.body === 'stream' ? passingBody(exchange, transfer) : request.body
    try {
      pool.dispatch(
        {
          method: request.method as Dispatcher.HttpMethod, // one of the front door's list
          path: request.target,
          headers: request.headers as string[], // undici reads it only
          body,
        },
        // The handler form with raw headers: no object per answer. undici 7 still offers it; its types do not.
        transfer as unknown as Dispatcher.DispatchHandler,
      )
    } catch (error) {
      transfer.onError(error instanceof Error ? error : new Error(String(error)))
    }
    transfer.awaitConnection()
  })
}

function notLetThrough(ticket: number): SendFault {
  const isFull = ticket === full
  return {
    fault: isFull ? 'at-capacity' : 'breaker-open',
    detail: isFull ? 'every place is taken' : 'the breaker is open',
    sent: false,
    began: false,
    // Nobody knows when a call under way will end; a second is the least that can be said.
    retryAfterSeconds: isFull ? 1 : Math.max(1, Math.ceil(-ticket / 1_000)),
  }
}

/**
 * The caller's body as it arrives; a function that stops reading stops the caller. Piped by hand: `pipeline` would end
 * the caller's connection with the first fault, and the refusal has to leave on it.
 */
function passingBody({ request, response, compiled, expectsContinue }: LiveExchange, transfer: Transfer): CappedBody {
  const body = new CappedBody(compiled?.maxBodyBytes ?? 0)
  if (expectsContinue) response.writeContinue()
  request.pipe(body)
  body.on('error', (error) => {
    request.unpipe(body)
    transfer.onError(error)
  })
  request.on('close', () => {
    if (!request.complete) body.destroy(new CallerGone('the caller left before the end of its body'))
  })
  return body
}

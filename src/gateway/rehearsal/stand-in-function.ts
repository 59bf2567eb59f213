import type { OutgoingRequest, SendFault, Tools } from '../../stages/contract.js'
import type { LiveExchange } from '../exchange.js'
import { Transfer } from '../tools/transfer.js'

/** What would have gone to a function. */
export interface Sent extends Omit<OutgoingRequest, 'body'> {
  /** Name in `plan.upstreams`. */
  readonly upstream: string
  readonly body: Buffer | null
}

/** What the stand-in says in the function's place. */
export type StandInAnswer =
  | {
      readonly status: number
      /** Flat name, value. */
      readonly headers: readonly string[]
      readonly body: Buffer
    }
  | { readonly fault: SendFault['fault'] }

/**
 * Functions that are none: they remember what reached them and answer what they are told, through the same `Transfer`
 * as a real answer, so that `response` judges it as it would judge that.
 */
export function standInFunctions(answer: (sent: Sent) => StandInAnswer, remember: (sent: Sent) => void): Tools['http'] {
  return {
    upstream: ({ name }) => ({
      async send(request, exchange) {
        // The gateway makes every exchange, and makes them live; stages alone see the narrower type.
        const live = exchange as LiveExchange
        const body = request.body === 'stream' ? await readAll(live) : request.body
        const sent: Sent = { ...request, upstream: name, body }
        remember(sent)
        const given = answer(sent)
        if ('fault' in given)
          return { fault: given.fault, detail: 'told to by the rehearsal', sent: true, began: false }
        return await new Promise((settle) => {
          const transfer = new Transfer(request.method, request.timeouts, live, settle)
          transfer.onConnect(() => {})
          const headers = framed(given.headers).map((text) => Buffer.from(text, 'latin1'))
          transfer.onHeaders(given.status, headers, () => {})
          if (given.body.length > 0 && transfer.hasBody) transfer.onData(given.body)
          transfer.onComplete()
        })
      },
      // What it says once it would say again.
      takeRetry: () => false,
    }),
  }
}

/** An answer whose end is told, as functions' answers are; one without would end its connection. */
function framed(headers: readonly string[]): readonly string[] {
  const isFramed = headers.some((text, i) => i % 2 === 0 && /^(content-length|transfer-encoding)$/i.test(text))
  return isFramed ? headers : [...headers, 'transfer-encoding', 'chunked']
}

async function readAll({ request }: LiveExchange): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RoutePlan } from '../plan/plan.js'
import type { OpenRecord, Recorder } from '../record/open-record.js'
import type {
  Answer,
  Content,
  Exchange,
  Identity,
  LimitDecision,
  PeerCertificate,
  QueryPair,
  SendFault,
} from '../stages/contract.js'
import { breakOff } from './break-off.js'
import type { CompiledRoute } from './compiled-route.js'
import { peerCertificate } from './peer-certificate.js'

/** What the front door knows of a request when it lets it in. */
export interface Arrival {
  readonly id: string
  readonly at: number
  readonly startedAt: number
  readonly method: string
  readonly path: string
  readonly query: string
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly address: string
  readonly peer: string
  readonly hasBody: boolean
  readonly expectsContinue: boolean
}

const noParams: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

/** An exchange with its sockets: what stages see as `Exchange`, and what the gateway needs to answer and to end it. */
export class LiveExchange implements Exchange {
  readonly id: string
  readonly at: number
  readonly method: string
  readonly path: string
  readonly query: string
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly httpVersion: '1.0' | '1.1'
  readonly address: string
  readonly peer: string
  readonly hasBody: boolean
  readonly expectsContinue: boolean
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The connection; Node takes it from a request that is destroyed. */
  readonly socket: Socket
  readonly record: OpenRecord
  readonly answerHeaders: string[] = []
  params: Readonly<Record<string, string>> = noParams
  identity: Identity | null = null
  body: Buffer | null = null
  content: Content | null = null
  parsedQuery: readonly QueryPair[] | null = null
  answer: Answer | null = null
  granted: LimitDecision | null = null
  /** The route that judges it, once one has matched. */
  compiled: CompiledRoute | null = null
  /** Lets Fastify go on to the route's handler; set while the head steps run. */
  goOn: (() => void) | null = null
  /** A refusal of ours has been written whole; what the caller still sends is read by nobody. */
  isRefused = false
  /** The socket is gone, or the answer has left: nothing can be sent any more. */
  isClosed = false

  readonly #startedAt: number
  readonly #head: { route: RoutePlan | null; identity: Identity | null }
  #releases: ((reached: boolean) => void)[] | null = null
  #callerGone: (() => void) | null = null
  #reached = false
  #sentBytes = 0

  constructor(arrival: Arrival, request: IncomingMessage, response: ServerResponse, recorder: Recorder) {
    this.id = arrival.id
    this.at = arrival.at
    this.method = arrival.method
    this.path = arrival.path
    this.query = arrival.query
    this.scheme = arrival.scheme
    this.host = arrival.host
    this.httpVersion = request.httpVersion === '1.0' ? '1.0' : '1.1'
    this.address = arrival.address
    this.peer = arrival.peer
    this.hasBody = arrival.hasBody
    this.expectsContinue = arrival.expectsContinue
    this.request = request
    this.response = response
    this.socket = request.socket
    this.#startedAt = arrival.startedAt
    const head = {
      id: arrival.id,
      at: arrival.at,
      method: arrival.method,
      path: arrival.path,
      address: arrival.address,
      route: null,
      identity: null,
    }
    this.#head = head
    this.record = recorder.open(head)
  }

  get rawHeaders(): readonly string[] {
    return this.request.rawHeaders
  }

  get headers(): Exchange['headers'] {
    return this.request.headers
  }

  get route(): RoutePlan {
    if (this.compiled === null) throw new Error('no route has been matched yet')
    return this.compiled.plan
  }

  peerCertificate(): PeerCertificate | null {
    return peerCertificate(this.socket)
  }

  /** Gives the exchange its route; from here on its record names it. */
  matched(route: CompiledRoute, params: Readonly<Record<string, string>>): void {
    this.compiled = route
    this.#head.route = route.plan
    this.params = params
  }

  whenDone(release: (reached: boolean) => void): void {
    if (this.isClosed) return release(this.#reached)
    this.#releases ??= []
    this.#releases.push(release)
  }

  /** Called once if the caller leaves before the answer has; the latest caller of this wins. */
  onCallerGone(react: () => void): void {
    this.#callerGone = react
  }

  /** The request is on its way on a connection with the function, which may act on it from now on. */
  upstreamAsked(): void {
    this.#reached = true
  }

  /** The function has seen the request. */
  upstreamAnswered(status: number): void {
    this.#reached = true
    this.record.upstreamAnswered(status)
  }

  /** The answer broke off after its head: the record says so, whatever has left by now. */
  upstreamFailed(fault: SendFault['fault'], detail: string): void {
    if (fault !== 'aborted') this.record.fail('forward.answer-cut', { fault, detail })
  }

  /** Body bytes handed to the socket. */
  sent(bytes: number): void {
    this.#sentBytes += bytes
  }

  /** Ends the connection so that nobody can take what has left for a whole answer. */
  breakConnection(): void {
    breakOff(this.socket)
  }

  /** Closes the record and gives everything back; called once, when the response is over for whatever reason. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    const { response } = this
    const aborted = !response.writableFinished
    if (aborted) this.#callerGone?.()
    if (this.#releases !== null) {
      for (const release of this.#releases) release(this.#reached)
    }
    this.#head.identity = this.identity
    this.record.close({
      status: response.headersSent ? response.statusCode : 0,
      bytes: this.#sentBytes,
      micros: (performance.now() - this.#startedAt) * 1000,
      aborted,
    })
  }
}

import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { LimitsPlan, ListenerPlan } from '../plan/plan.js'
import type { Reason } from '../stages/contract.js'
import { addressKey, canonicalAddress } from '../values/address.js'
import { type Head, methods, readHead, readTarget, type Target } from './canonical.js'
import type { ClientAddress } from './client-address.js'
import { type DoorTls, secureContext, serverTls } from './door-tls.js'
import { LiveExchange } from './exchange.js'
import type { Generation } from './generation.js'
import { LoopDelay } from './loop-delay.js'
import { reasons } from './reasons.js'
import { rawProblem } from './reply.js'
import { requestIds } from './request-id.js'
import { UnreadAnswers } from './unread-answers.js'

/** How the one server is opened; a reload changes none of it but the generation. */
export interface FrontDoorOptions {
  /** Null: on no port; connections come through `accept` alone. */
  readonly listener: ListenerPlan | null
  /** Null: plain HTTP. */
  readonly tls: DoorTls | null
  readonly limits: LimitsPlan
  readonly generation: Generation
  /** Who the caller is, given the trusted proxies of the generation's plan. */
  readonly clientAddress: ClientAddress
}

export interface FrontDoor {
  /** Where it listens. */
  readonly address: { readonly host: string; readonly port: number }
  readonly inFlight: number
  readonly connections: number
  readonly isDraining: boolean
  /** Ms by which the event loop last was late. */
  readonly loopDelayMs: number
  /** Connections that were ended before a request: `all`, `address` for the limits they met, `handshake` for TLS. */
  readonly refusedConnections: Readonly<Record<'all' | 'address' | 'handshake', number>>
  /** New connections get this certificate; those that stand keep theirs. Throws what TLS has against it. */
  renewTls(next: DoorTls): void
  /**
   * One assignment: a request belongs to the generation it entered. The old generation closes when its last request
   * has gone.
   */
  swap(next: Generation, clientAddress: ClientAddress): void
  /** Takes a connection that came in some other way than through the port: a rehearsal's, in memory. */
  accept(connection: Duplex): void
  /**
   * Goes on accepting for the grace that the limits grant, then stops; lets what is in flight finish and ends every
   * connection with its next answer.
   * Settles, at the latest after `deadlineMs`, with the number of requests that had to be cut.
   */
  drain(deadlineMs: number): Promise<number>
}

declare module 'node:net' {
  interface Socket {
    /** The exchange whose answer this connection carries; the parser's errors are its errors. */
    posternExchange?: LiveExchange | null
    /** The answer that ends this connection has been written: nothing behind its request is one. */
    posternEnds?: boolean
    /** Pipelined requests that wait for their turn. */
    posternQueue?: { readonly request: IncomingMessage; readonly response: ServerResponse }[]
    /** What the parser found behind the last of them. */
    posternFault?: Error & { code?: string }
    /** What had been read when the TLS handshake was over: a connection that says no more asked nothing. */
    posternHandshakeBytes?: number
    /** The authorities by which its client's certificate was judged. */
    posternClientCa?: string | null
  }
}

/** A connection that has said nothing for so long after the last one was accepted holds nobody's request. */
const idleAfterDrainMs = 300
const drainTickMs = 50
/** Pipelined requests that are read before the one in hand is answered. */
const queuedRequests = 16
/** What a connection that Node has let go of may still take to hear its refusal. */
const lastWordMs = 500

/**
 * Opens the one server that holds the port, its timeouts and its limits, and hands each unambiguous request to the
 * current generation. Rejects when the address cannot be had.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { limits, listener } = options
  let { generation, clientAddress } = options
  const nextId = requestIds()
  const loop = new LoopDelay(limits.eventLoopDelayMs)
  // As long as a request may take to arrive, its answer may wait to be taken.
  const unread = new UnreadAnswers(limits.requestTimeoutMs)
  const perAddress = new Map<string, number>()
  let inFlight = 0
  let isDraining = false
  let clientCa = options.tls?.clientCa ?? null
  const refused = { all: 0, address: 0, handshake: 0 }

  const settings: ServerOptions = {
    // All of these are on by default here, and none of them is in Node.
    maxHeaderSize: limits.headerBytes,
    // Node takes no time for the head that is longer than that for the whole.
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Whatever ran out since the last look is ended in one go: looked at often, ten thousand are many small goes.
    connectionsCheckingInterval: 50,
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    highWaterMark: 64 * 1024,
  }
  const secure =
    options.tls === null
      ? null
      : createTlsServer({ ...settings, ...serverTls(options.tls, Math.min(limits.headersTimeoutMs, 10_000)) })
  const server: Server = secure ?? createServer(settings)
  // Node drops lines beyond its own count without a word; ours are counted and refused.
  server.maxHeadersCount = 0
  server.maxRequestsPerSocket = limits.requestsPerSocket
  server.maxConnections = limits.connections

  server.on('connection', admitConnection)
  server.on('drop', () => refused.all++)
  secure?.on('secureConnection', (socket) => greet(socket))
  server.on('request', arrive)
  // Answered by us, when the body is wanted: see read-body.ts.
  server.on('checkContinue', arrive)
  server.on('checkExpectation', arrive)
  server.on('clientError', refuseSocket)
  server.on('connect', (request: IncomingMessage, socket: Socket) => refuseDetached(request, socket, reasons.method))
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => refuseDetached(request, socket, reasons.upgrade))

  if (listener !== null) await listen(server, listener)
  const bound = server.address() as AddressInfo | null // null alone without a port

  function admitConnection(socket: Socket): void {
    const peer = socket.remoteAddress ?? ''
    // As limits count: whoever has one IPv6 address has its /64.
    const key = addressKey(canonicalAddress(peer) ?? '')
    const open = (perAddress.get(key) ?? 0) + 1
    if (open > limits.connectionsPerAddress && !clientAddress.isTrusted(peer)) {
      refused.address++
      socket.destroy()
      return
    }
    perAddress.set(key, open)
    if (secure === null) unread.watch(socket)
    socket.once('close', () => {
      const left = (perAddress.get(key) ?? 1) - 1
      if (left <= 0) perAddress.delete(key)
      else perAddress.set(key, left)
    })
  }

  /** The handshake is over; HTTP begins. */
  function greet(socket: TLSSocket): void {
    socket.posternHandshakeBytes = socket.bytesRead
    socket.posternClientCa = clientCa
    unread.watch(socket)
  }

  /**
   * One request of a connection at a time: a few connections of pipelined requests would fill the gateway, nothing behind
   * a refusal that ends its connection may run, and Node tells no answer but the first that its connection is gone.
   */
  function arrive(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    if ((socket.posternExchange ?? null) === null) return admit(request, response)
    socket.posternQueue ??= []
    socket.posternQueue.push({ request, response })
    if (socket.posternQueue.length >= queuedRequests) socket.pause()
  }

  function takeNext(socket: Socket): void {
    const { posternQueue: queue = [], posternFault: fault } = socket
    const next = queue.shift()
    if (queue.length < queuedRequests && socket.isPaused()) socket.resume()
    if (next !== undefined && (next.request.complete || fault === undefined)) admit(next.request, next.response)
    else if (fault !== undefined) refuseSocket(fault, socket)
  }

  // Runs for every request; measured in bench/hot-path.
  function admit(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now()
    const at = Date.now()
    const { socket } = request
    const peer = socket.remoteAddress ?? ''
    // The last answer ended this connection: a request behind an unread body may be that body. Node gives no turn to the
    // answer of a request behind the one that asked for the end.
    if (socket.posternEnds === true || response.socket === null) return
    // Its certificate was judged by authorities that are not believed any more: its next connection is judged anew.
    if (secure !== null && socket.posternClientCa !== clientCa) response.shouldKeepAlive = false
    const current = generation
    const who = clientAddress.read(peer, request.rawHeaders)
    const target = readTarget(request.url ?? '', limits.targetBytes, current.takesEncodedSlash)
    const head = readHead(request.rawHeaders, request.httpVersion)
    const refusal = refusalOf(request, target, head)
    const readable = refusal === null
    const exchange = new LiveExchange(
      {
        id: nextId(at),
        at,
        startedAt,
        method: request.method ?? '',
        path: 'path' in target ? target.path : '',
        query: readable && 'query' in target ? target.query : '',
        scheme: who.scheme ?? (secure === null ? 'http' : 'https'),
        host: who.host ?? ('host' in head ? head.host : ''),
        address: who.address,
        peer,
        hasBody: 'host' in head ? head.hasBody : mayHaveBody(request),
        expectsContinue: 'host' in head && head.expectsContinue,
      },
      request,
      response,
      current.recorder,
    )
    if ('host' in head && head.hasUnderscore) exchange.record.note('header-underscore-dropped')
    inFlight++
    socket.posternExchange = exchange
    response.on('close', () => settle(exchange))
    if (refusal !== null) {
      current.refuse(exchange, refusal, refusal === reasons.method ? ['allow', methods.join(', ')] : [])
    } else if (inFlight > limits.concurrentRequests || loop.isOverloaded) {
      current.refuse(exchange, reasons.overloaded, ['retry-after', '1'])
    } else current.handle(exchange)
  }

  /** Its answer has left, or never will. */
  function settle(exchange: LiveExchange): void {
    if (exchange.isClosed) return
    const { socket } = exchange
    if (socket.posternExchange === exchange) socket.posternExchange = null
    exchange.close()
    inFlight--
    const isWaiting = socket.posternQueue !== undefined || socket.posternFault !== undefined
    // An answer that was the last has ended the connection: nothing comes after it.
    if (isWaiting && socket.writable) takeNext(socket)
  }

  function refusalOf(request: IncomingMessage, target: Target | Reason, head: Head | Reason): Reason | null {
    const { httpVersion } = request
    if (httpVersion !== '1.1' && httpVersion !== '1.0') return reasons.version
    if ('code' in head) return head
    if (!methods.includes(request.method ?? '')) return reasons.method
    if ('code' in target) return target
    return null
  }

  /** The parser gave up on a connection: answer if anybody can still hear it, then end it. */
  function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
    if (secure !== null && socket.posternHandshakeBytes === undefined) {
      // No HTTP was ever spoken on it: TLS could not be agreed, or was not in time. Who only looks whether the port is open
      // has asked for nothing.
      if (error.code !== 'ECONNRESET') refused.handshake++
      return void socket.destroy()
    }
    const exchange = socket.posternExchange ?? null
    const reason = parserReason(error.code ?? '')
    const deaf = !socket.writable || error.code === 'ECONNRESET' || error.code === 'EPIPE'
    if (exchange !== null) {
      if (deaf) return void socket.destroy()
      if (exchange.request.complete) {
        // The fault is in what came behind it, which is not to be taken for its end: its own answer goes first.
        socket.posternFault ??= error
        return
      }
      exchange.record.refuse(reason.code, { parser: error.code ?? 'unknown' })
      if (exchange.isRefused) exchange.response.end()
      else if (!exchange.response.headersSent) sayLast(socket, rawProblem(reason, exchange.id))
      else exchange.breakConnection()
      return
    }
    // A connection that never said a word asked nothing, and there is nothing to record.
    if (deaf || socket.bytesRead === (socket.posternHandshakeBytes ?? 0)) return void socket.destroy()
    sayLast(socket, rawProblem(reason, recordRefusal('', socket, reason, error.code)))
  }

  /** Node has taken its own listeners off a connection that asked for something else than HTTP. */
  function refuseDetached(request: IncomingMessage, socket: Socket, reason: Reason): void {
    // An error that nobody hears would end the process.
    socket.on('error', () => socket.destroy())
    const id = recordRefusal(request.method ?? '', socket, reason)
    // Behind an answer still to come it would be read as that answer.
    if ((socket.posternExchange ?? null) !== null) socket.destroy()
    else sayLast(socket, rawProblem(reason, id))
  }

  function recordRefusal(method: string, socket: Socket, reason: Reason, parser?: string): string {
    const at = Date.now()
    const id = nextId(at)
    const address = clientAddress.read(socket.remoteAddress ?? '', []).address
    const record = generation.recorder.open({ id, at, method, path: '', address, route: null })
    record.refuse(reason.code, parser === undefined ? undefined : { parser })
    record.close({ status: reason.status, bytes: 0, micros: 0, aborted: false })
    generation.noteMalformed(address)
    return id
  }

  return {
    address: { host: bound?.address ?? '', port: bound?.port ?? 0 },
    get inFlight() {
      return inFlight
    },
    get connections() {
      return [...perAddress.values()].reduce((sum, count) => sum + count, 0)
    },
    get isDraining() {
      return isDraining
    },
    get loopDelayMs() {
      return loop.lastMs
    },
    refusedConnections: refused,
    renewTls(next) {
      secure?.setSecureContext(secureContext(next))
      clientCa = next.clientCa
    },
    swap(next, nextClientAddress) {
      const old = generation
      generation = next
      clientAddress = nextClientAddress
      retire(old, limits.drainMs)
    },
    accept(connection) {
      server.emit('connection', connection)
    },
    drain(deadlineMs) {
      isDraining = true
      const graceMs = Math.min(limits.drainGraceMs, deadlineMs)
      return new Promise((resolve) => {
        // Whoever sends callers here has to hear first that this process is not ready any more: until then, more come.
        // http.Server.close would cut idle connections at once, with a request perhaps on its way in.
        const grace = setTimeout(() => NetServer.prototype.close.call(server), graceMs)
        let ticks = 0
        let quietTicks = 0
        const finish = (): void => {
          clearTimeout(grace)
          clearTimeout(deadline)
          clearInterval(timer)
          const cut = inFlight
          NetServer.prototype.close.call(server)
          server.closeAllConnections()
          loop.stop()
          unread.stop()
          resolve(cut)
        }
        const deadline = setTimeout(finish, deadlineMs)
        const timer = setInterval(() => {
          if (++ticks * drainTickMs < graceMs + idleAfterDrainMs) return
          server.closeIdleConnections()
          quietTicks = inFlight === 0 ? quietTicks + 1 : 0
          if (quietTicks > 1) finish()
        }, drainTickMs)
      })
    },
  }
}

/** Closes a generation once nothing is inside it any more, or when what still is has had its time. */
function retire(old: Generation, drainMs: number): void {
  const retiredAt = performance.now()
  const timer = setInterval(() => {
    if (old.inFlight > 0 && performance.now() - retiredAt < drainMs) return
    clearInterval(timer)
    old.close().catch(() => {})
  }, 50)
  timer.unref()
}

/** Ends a connection that has no parser any more, and so no timeout of Node's: nobody may hold it half open. */
function sayLast(socket: Socket, bytes: string): void {
  const timer = setTimeout(() => socket.destroy(), lastWordMs)
  socket.once('close', () => clearTimeout(timer))
  socket.end(bytes)
  socket.resume()
}

/** Whether a request whose head is refused may be followed by a body that nobody has read. */
function mayHaveBody(request: IncomingMessage): boolean {
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function parserReason(code: string): Reason {
  if (code === 'HPE_HEADER_OVERFLOW') return reasons.headersTooLarge
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return reasons.timeout
  if (code === 'HPE_INVALID_EOF_STATE') return reasons.bodyCut
  return reasons.malformed
}

function listen(server: Server, { host, port }: ListenerPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

import type { ServerResponse } from 'node:http'
import type { Answer, SendFault, Timeouts } from '../../stages/contract.js'
import type { UpstreamGate } from '../../state/upstream-gates.js'
import { BodyTooLarge, CallerGone } from '../capped-body.js'
import type { LiveExchange } from '../exchange.js'
import { writeWhole } from '../write-whole.js'

/** Bytes held back while nobody reads: beyond them the function's connection waits. */
const holdBytes = 64 * 1024
/** Informational answers a function may send before it counts as flooding. */
const informationalLimit = 16

/** Connection-specific fields: they end at each hop. RFC 9110 section 7.6.1 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * One request's way to a function and back: undici's handler on one side, the caller's response on the other. It holds
 * the head back until the first bytes of the body, so that both leave in one write, and it never lets a cut answer look
 * whole. Runs for every forwarded request; measured in bench/hot-path.
 */
export class Transfer implements Answer {
  status = 0
  headers: string[] = []
  hasBody = true
  /** Why the answer ended early; empty while it has not. */
  failure = ''

  readonly #method: string
  readonly #timeouts: Timeouts
  readonly #exchange: LiveExchange
  readonly #startedAt: number
  readonly #gate: UpstreamGate | null
  readonly #ticket: number
  #settle: ((outcome: Transfer | SendFault) => void) | null
  #abort: ((reason?: Error) => void) | null = null
  #resume: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  /** Ends the whole answer, whatever flows; set once its head is here and its body is not. */
  #deadline: NodeJS.Timeout | null = null
  #waitingFor: 'connection' | 'head' | 'bytes' | null = null
  #connected = false
  #began = false
  #informational = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  #complete = false
  #dead = false
  #paused = false
  #discarding = false
  #replaced: Buffer | null = null
  #response: ServerResponse | null = null
  /** Its end is the connection's: nobody can tell whether that came too early. */
  #isOpenEnded = false
  #collecting: { readonly limit: number; readonly done: (body: Buffer | null) => void } | null = null

  constructor(
    method: string,
    timeouts: Timeouts,
    exchange: LiveExchange,
    settle: (outcome: Transfer | SendFault) => void,
    gate: UpstreamGate | null = null,
    ticket = 0,
  ) {
    this.#gate = gate
    this.#ticket = ticket
    this.#method = method
    this.#timeouts = timeouts
    this.#exchange = exchange
    this.#settle = settle
    this.#startedAt = performance.now()
    exchange.onCallerGone(() => this.#end('the caller has gone', 'aborted'))
  }

  // ── undici's side ──────────────────────────────────────────────────────────────────────────────────────────────────

  onConnect(abort: (reason?: Error) => void): void {
    if (this.#dead) return abort()
    this.#connected = true
    this.#abort = abort
    this.#exchange.upstreamAsked()
    if (this.#waitingFor === 'connection') this.#wait('head', this.#timeouts.headersMs)
  }

  /** Called once after dispatch: on a warm connection the request is on its way already. */
  awaitConnection(): void {
    if (this.#dead || this.#settle === null) return
    if (this.#connected) this.#wait('head', this.#timeouts.headersMs)
    else this.#wait('connection', this.#timeouts.connectMs)
  }

  /** The first byte of an answer, be it informational or broken. */
  onResponseStarted(): void {
    this.#began = true
  }

  onHeaders(status: number, rawHeaders: readonly Buffer[], resume: () => void): boolean {
    if (status < 200) {
      if (++this.#informational > informationalLimit) this.#end('too many informational answers', 'bad-answer')
      return true
    }
    if (this.#dead) return true
    // Beyond 599 there is no class that a caller, a cache or a mask of errors could treat it by. RFC 9110 section 15
    if (status > 599) {
      this.#end(`status ${status} is none`, 'bad-answer')
      return true
    }
    this.#stopWaiting()
    this.status = status
    this.#resume = resume
    const framing = readHeaders(rawHeaders, status, this.headers)
    this.hasBody = this.#method !== 'HEAD' && status !== 204 && status !== 304
    if (framing === 'unknown') {
      this.#end('a transfer coding that is not chunked', 'bad-answer')
      return true
    }
    this.#isOpenEnded = this.hasBody && framing === 'open'
    this.#exchange.upstreamAnswered(status)
    this.#gate?.answered(this.#ticket, status)
    this.#settle?.(this)
    this.#settle = null
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#dead || this.#discarding) return true
    if (this.#response !== null) {
      const flowing = this.#response.write(chunk)
      this.#exchange.sent(chunk.length)
      if (!flowing) this.#pause()
      else this.#timer?.refresh()
      return flowing
    }
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    const collecting = this.#collecting
    if (collecting !== null) {
      this.#timer?.refresh()
      if (this.#pendingBytes <= collecting.limit) return true
      this.#collecting = null
      collecting.done(null)
    }
    if (this.#pendingBytes < holdBytes) return true
    this.#pause()
    return false
  }

  onComplete(): void {
    if (this.#dead) return
    this.#complete = true
    this.#gate?.leave()
    this.#stopWaiting()
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    if (this.#collecting !== null) {
      this.#collecting.done(Buffer.concat(this.#pending))
      this.#collecting = null
    }
    if (this.#response !== null && !this.#discarding) this.#response.end()
  }

  onError(error: Error & { code?: string }): void {
    if (this.#dead) return
    const fault = faultOf(error)
    this.#end(`${error.code ?? error.name}: ${error.message}`.slice(0, 200), fault)
  }

  onBodySent(): void {
    // Part of undici's handler; how much of the request has left is of no interest here.
  }

  // ── the stages' side ───────────────────────────────────────────────────────────────────────────────────────────────

  collect(limit: number): Promise<Buffer | null> {
    if (this.failure !== '' || this.#pendingBytes > limit) return Promise.resolve(null)
    if (this.#complete) return Promise.resolve(Buffer.concat(this.#pending))
    return new Promise((done) => {
      this.#collecting = { limit, done }
      this.#waitForBytes()
      this.#flow()
    })
  }

  async peek(bytes: number): Promise<Buffer> {
    return (await this.collect(bytes)) ?? Buffer.concat(this.#pending)
  }

  get isCut(): boolean {
    return this.failure !== ''
  }

  replace(body: Buffer): void {
    this.#replaced = body
    this.#pending = []
    this.#discarding = true
    // What the function still sends interests nobody: its connection is worth less than waiting for it.
    if (!this.#complete) this.#release()
  }

  // ── the caller's side ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes the head and lets the body flow. False when the answer was cut before any byte of it could leave. */
  writeTo(response: ServerResponse, headers: string[]): boolean {
    if (this.#replaced !== null) {
      headers.push('content-length', String(this.#replaced.length))
      response.writeHead(this.status, headers)
      response.end(this.hasBody ? this.#replaced : undefined)
      this.#exchange.sent(this.#replaced.length)
      return true
    }
    if (this.failure !== '') return false
    if (this.#isOpenEnded) this.#leaveOpen(response, headers)
    response.writeHead(this.status, headers)
    if (!this.hasBody) {
      response.end()
      return true
    }
    if (this.#complete) {
      this.#exchange.sent(this.#pendingBytes)
      const only = this.#pending[0]
      if (only === undefined) response.end()
      else if (this.#pending.length === 1 && only.length <= 16_384) writeWhole(response, only.toString('latin1'))
      else response.end(Buffer.concat(this.#pending))
      return true
    }
    this.#response = response
    let flowing = true
    for (const chunk of this.#pending) flowing = response.write(chunk)
    this.#exchange.sent(this.#pendingBytes)
    if (this.#pending.length === 0) response.flushHeaders()
    this.#pending = []
    response.on('drain', () => {
      if (this.#dead || this.#complete) return
      this.#waitForBytes()
      this.#flow()
    })
    if (flowing) {
      this.#waitForBytes()
      this.#flow()
    }
    return true
  }

  /** An end mark of ours would say that nothing is missing, which nobody knows. RFC 9112 section 8 */
  #leaveOpen(response: ServerResponse, headers: string[]): void {
    response.useChunkedEncodingByDefault = false
    this.#exchange.socket.posternEnds = true
    if (!headers.includes('connection')) headers.push('connection', 'close')
  }

  // ── time, and the end ──────────────────────────────────────────────────────────────────────────────────────────────

  #pause(): void {
    this.#paused = true
    // A reader who stalls is not the function's fault; the whole answer still has its time.
    this.#stopWaiting()
  }

  #flow(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#resume?.()
  }

  #waitForBytes(): void {
    this.#wait('bytes', this.#timeouts.idleMs)
    const { totalMs } = this.#timeouts
    if (totalMs !== null) this.#deadline ??= setTimeout(expire, this.#left(totalMs), this)
  }

  #wait(what: 'connection' | 'head' | 'bytes', ms: number): void {
    const { totalMs } = this.#timeouts
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waitingFor = what
    this.#timer = setTimeout(expire, totalMs === null ? ms : Math.min(ms, this.#left(totalMs)), this)
  }

  #left(totalMs: number): number {
    return Math.max(0, totalMs - (performance.now() - this.#startedAt))
  }

  #stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#waitingFor = null
  }

  /** Called by its timers. */
  expired(): void {
    const timer = this.#timer
    if (this.#gate === null) this.#expire(timer)
    else this.#gate.expiries.add(() => this.#expire(timer))
  }

  /** @param timer what was waited for then: its turn may come a little later, and what was awaited first. */
  #expire(timer: NodeJS.Timeout | null): void {
    if (this.#dead || this.#complete) return
    const { totalMs } = this.#timeouts
    if (timer !== this.#timer && (totalMs === null || this.#left(totalMs) > 0)) return
    const waited = Math.round(performance.now() - this.#startedAt)
    this.#end(`${this.#waitingFor ?? 'reader'} still awaited after ${waited} ms`, 'timeout')
  }

  #release(): void {
    if (!this.#dead && !this.#complete) this.#gate?.leave()
    this.#dead = true
    this.#stopWaiting()
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    this.#abort?.()
    this.#abort = null
  }

  #end(detail: string, fault: SendFault['fault']): void {
    if (this.#dead || (this.#complete && this.#settle === null)) return
    this.failure = detail
    const settle = this.#settle
    this.#settle = null
    this.#release()
    if (settle !== null) {
      // Who waits for a caller's body cannot answer yet.
      const isCallers = fault === 'aborted' || fault === 'too-large' || !this.#exchange.request.complete
      this.#gate?.failed(this.#ticket, !isCallers)
      return settle({ fault, detail, sent: this.#connected, began: this.#began })
    }
    // A caller who reads too slowly, or leaves, is no fault of the function's.
    if (fault !== 'aborted' && !this.#paused) this.#gate?.brokeOff(this.#ticket)
    this.#exchange.upstreamFailed(fault, detail)
    if (this.#collecting !== null) {
      this.#collecting.done(null)
      this.#collecting = null
    }
    // The head has left: only a broken connection can tell the caller that the rest is missing.
    if (this.#response !== null) this.#exchange.breakConnection()
  }
}

function expire(transfer: Transfer): void {
  transfer.expired()
}

function faultOf(error: Error & { code?: string }): SendFault['fault'] {
  const code = error.code ?? ''
  if (error instanceof BodyTooLarge) return 'too-large'
  if (error instanceof CallerGone) return 'aborted'
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout'
  const garbage = code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || code.startsWith('UND_ERR_RES_')
  if (garbage || error.name === 'HTTPParserError' || /bad (response|upgrade)/.test(error.message)) return 'bad-answer'
  return 'unreachable'
}

/** Lower-case names of an answer's raw headers; functions choose them, so the table is bounded. */
const answerNames = new Map<string, string>()

/**
 * Fills `headers` with those that pass, and tells how the body ends: by its length or chunks, with the connection
 * (`open`), or by a coding that was taken for its end and is none (RFC 9112 section 6.3).
 */
function readHeaders(raw: readonly Buffer[], status: number, headers: string[]): 'framed' | 'open' | 'unknown' {
  let coding: string | null = null
  let hasLength = false
  let named: Set<string> | null = null
  // 204 has no body, and a reader who believes a length would wait for one: RFC 9110 section 8.6
  let isLengthFalse = status === 204
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const rawName = (raw[i] ?? Buffer.alloc(0)).toString('latin1')
    let name: string | undefined = answerNames.get(rawName)
    if (name === undefined) {
      name = rawName.toLowerCase()
      if (answerNames.size < 1024 && rawName.length <= 64) answerNames.set(rawName, name)
    }
    const value = (raw[i + 1] ?? Buffer.alloc(0)).toString('latin1')
    if (hopByHop.has(name)) {
      if (name === 'connection' && value !== 'keep-alive' && value !== 'close') named = namedBy(value, named)
      else if (name === 'transfer-encoding') {
        isLengthFalse = true
        coding = coding === null ? value.trim().toLowerCase() : `${coding}, ${value}`
      }
      continue
    }
    if (name === 'content-length') hasLength = true
    headers.push(name, value)
  }
  if (named !== null || isLengthFalse) {
    // A length beside chunked framing is one of two stories; the framing is the one that was read.
    const kept = headers.filter((_, i) => {
      const name = headers[i - (i % 2)] ?? ''
      return !(named?.has(name) ?? false) && !(isLengthFalse && name === 'content-length')
    })
    headers.splice(0, headers.length, ...kept)
  }
  if (coding !== null && coding !== 'chunked') return 'unknown'
  return coding !== null || hasLength ? 'framed' : 'open'
}

function namedBy(connection: string, before: Set<string> | null): Set<string> | null {
  const names = connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive')
  return names.length === 0 ? before : new Set([...(before ?? []), ...names])
}

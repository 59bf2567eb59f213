import { connect, type Socket } from 'node:net'

/** One request of a load: its exact bytes, and what its answer must be. */
export interface LoadRequest {
  readonly bytes: Buffer
  /** Says what is wrong with the answer, or null. Absent: any whole answer will do. */
  readonly judge?: (answer: LoadAnswer) => string | null
}

export interface LoadAnswer {
  readonly status: number
  /** Status line and headers, latin1, without the empty line. */
  readonly head: string
  readonly body: Buffer
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** Requests a second over all connections; absent: each connection asks again as soon as it is answered. */
  readonly rate?: number
  /** The next request to send. */
  next(): LoadRequest
}

/** What became of a load, every request counted in exactly one of the first four. */
export interface LoadReport {
  answered: number
  /** Sent on a connection that had answered before, and never answered whole: an accepted request was lost. */
  lost: number
  /** Sent on a fresh connection that closed without a byte: nobody had accepted it. */
  unaccepted: number
  /** The port took no connection. */
  refused: number
  readonly statuses: Map<number, number>
  /** What the judges found, at most 20. */
  readonly wrong: string[]
  wrongCount: number
  /** Milliseconds to the whole answer, with a rate from when it should have been sent; in order of arrival. */
  readonly latencies: number[]
}

export interface Load {
  readonly report: LoadReport
  /** Sends no more, waits for what is under way, closes. */
  stop(): Promise<LoadReport>
}

/**
 * Keep-alive HTTP/1.1 load from raw sockets and prepared bytes: cheap enough not to dominate a measurement, and strict
 * about what it counts. With a rate it is an open loop: a slow server does not make it ask less.
 */
export function startLoad(options: LoadOptions): Load {
  const report: LoadReport = {
    answered: 0,
    lost: 0,
    unaccepted: 0,
    refused: 0,
    statuses: new Map(),
    wrong: [],
    wrongCount: 0,
    latencies: [],
  }
  let stopping = false
  let open = 0
  let finished: () => void = () => {}
  const idle: LoadConnection[] = []
  const due: number[] = []
  let dueAt = 0

  const send = (connection: LoadConnection, at: number) => connection.send(options.next(), at)
  const rested = (connection: LoadConnection) => {
    if (stopping) return connection.close()
    if (options.rate === undefined) return send(connection, performance.now())
    const at = due[dueAt]
    if (at === undefined) {
      idle.push(connection)
      return
    }
    dueAt += 1
    if (dueAt === due.length) {
      due.length = 0
      dueAt = 0
    }
    send(connection, at)
  }
  const closed = (connection: LoadConnection, couldConnect: boolean) => {
    const position = idle.indexOf(connection)
    if (position !== -1) idle.splice(position, 1)
    open -= 1
    if (stopping || !couldConnect) {
      // A port that refuses would be asked in a tight loop; the load on it is over, the other connections go on.
      if (open === 0) finished()
      return
    }
    dial()
  }
  const dial = () => {
    open += 1
    const connection = new LoadConnection(options.port, report, rested, closed)
    connection.dial()
  }
  for (let i = 0; i < options.connections; i++) dial()

  let pacer: NodeJS.Timeout | undefined
  if (options.rate !== undefined) {
    const perMs = options.rate / 1000
    const started = performance.now()
    let sent = 0
    pacer = setInterval(() => {
      const now = performance.now()
      const target = Math.floor((now - started) * perMs)
      for (; sent < target; sent++) {
        const connection = idle.pop()
        // Our own pacing is not the server's delay; waiting for a free connection is.
        if (connection === undefined) due.push(now)
        else send(connection, now)
      }
    }, 1)
  }

  return {
    report,
    stop() {
      stopping = true
      clearInterval(pacer)
      const all = new Promise<void>((resolve) => {
        finished = resolve
      })
      if (open === 0) finished()
      for (const connection of idle.splice(0)) connection.close()
      return all.then(() => report)
    },
  }
}

const headEnd = Buffer.from('\r\n\r\n')
const nothing = Buffer.alloc(0)

/** One keep-alive connection with at most one request under way. */
class LoadConnection {
  readonly #port: number
  readonly #report: LoadReport
  readonly #rested: (connection: LoadConnection) => void
  readonly #closed: (connection: LoadConnection, couldConnect: boolean) => void
  #socket: Socket | undefined
  #request: LoadRequest | null = null
  #sentAt = 0
  #answers = 0
  #connected = false
  #pending: Buffer = nothing
  /** Bytes of the answer under way, head and all, as far as its length is known. */
  #wanted = 0

  constructor(
    port: number,
    report: LoadReport,
    rested: (connection: LoadConnection) => void,
    closed: (connection: LoadConnection, couldConnect: boolean) => void,
  ) {
    this.#port = port
    this.#report = report
    this.#rested = rested
    this.#closed = closed
  }

  dial(): void {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    socket.on('connect', () => {
      this.#connected = true
      this.#rested(this)
    })
    socket.on('data', (chunk) => this.#read(chunk))
    // Whatever the error, 'close' follows and does the counting.
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#connected) this.#report.refused += 1
      else if (this.#request !== null) {
        if (this.#answers === 0 && this.#pending.length === 0) this.#report.unaccepted += 1
        else this.#report.lost += 1
      }
      this.#closed(this, this.#connected)
    })
  }

  send(request: LoadRequest, at: number): void {
    this.#request = request
    this.#sentAt = at
    this.#socket?.write(request.bytes)
  }

  close(): void {
    this.#socket?.destroy()
  }

  #read(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    if (this.#pending.length < this.#wanted) return
    const end = this.#pending.indexOf(headEnd)
    if (end === -1) return
    const head = this.#pending.toString('latin1', 0, end)
    const status = Number(head.slice(9, 12))
    const bodyStart = end + 4
    const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)
    let body: Buffer
    let total: number
    if (length !== null) {
      total = bodyStart + Number(length[1])
      if (this.#pending.length < total) {
        this.#wanted = total
        return
      }
      body = this.#pending.subarray(bodyStart, total)
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      const read = readChunked(this.#pending, bodyStart)
      if (read === null) return
      body = read.body
      total = read.end
    } else {
      // 204 and 304 end with their head. Anything else would end with the connection: no server here may do that.
      body = nothing
      total = bodyStart
    }
    this.#wanted = 0
    this.#pending = this.#pending.length === total ? nothing : this.#pending.subarray(total)
    this.#settle({ status, head, body })
  }

  #settle(answer: LoadAnswer): void {
    const request = this.#request
    const report = this.#report
    if (request === null) {
      this.#complain(`an answer nobody asked for: ${answer.head.slice(0, 80)}`)
      return
    }
    this.#request = null
    this.#answers += 1
    report.answered += 1
    report.statuses.set(answer.status, (report.statuses.get(answer.status) ?? 0) + 1)
    report.latencies.push(performance.now() - this.#sentAt)
    const wrong = request.judge?.(answer) ?? null
    if (wrong !== null) this.#complain(wrong)
    if (/\r\nconnection: *close/i.test(answer.head)) this.close()
    else this.#rested(this)
  }

  #complain(what: string): void {
    this.#report.wrongCount += 1
    if (this.#report.wrong.length < 20) this.#report.wrong.push(what)
  }
}

function readChunked(bytes: Buffer, start: number): { body: Buffer; end: number } | null {
  const pieces: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const dataEnd = lineEnd + 2 + size
    if (bytes.length < dataEnd + 2) return null
    if (size === 0) return { body: Buffer.concat(pieces), end: dataEnd + 2 }
    pieces.push(bytes.subarray(lineEnd + 2, dataEnd))
    at = dataEnd + 2
  }
}

/** The value below which this share of the numbers lies; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
